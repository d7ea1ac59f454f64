"""Filters and searches: what each field can be compared with, and no value or text that breaks them."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidValues
from engine.records import queries
from engine.records.condition_text import conditions_of, read_conditions, write_conditions
from engine.records.filters import OPERATORS, Filter, FilterGroup
from engine.records.listing import MOST_CONDITIONS
from engine.records.periods import OFFERED, find_period
from engine.records.queries import ListQuery
from tests.records.desk import Desk, errors_of

KEYS = ("title", "pieces", "weight", "total", "share", "due", "met", "agreed", "client", "seller", "region", "number",
        "created_at", "owner", "stage")  # fmt: skip
FOUND: list[tuple[str, str, Any, list[str]]] = [
    ("title", "eq", "B%_", ["b"]),
    ("title", "ne", "a", ["b", "c", "none"]),
    ("title", "in", ["a", "B%_", ""], ["a", "b"]),
    ("title", "in", "a,B%_", ["a", "b"]),
    ("title", "contains", "%", ["b"]),
    ("title", "contains", "_", ["b"]),
    ("title", "contains", "\\", ["c"]),
    ("title", "contains", "b%", ["b"]),
    ("title", "missing", None, ["none"]),
    ("title", "present", None, ["a", "b", "c"]),
    ("kinds", "eq", "rush", ["a", "b"]),
    ("kinds", "contains", "加急", ["a", "b"]),
    ("kinds", "in", ["test", "bulk"], ["b", "c"]),
    ("kinds", "ne", "rush", ["c", "none"]),
    ("kinds", "missing", None, ["none"]),
    ("pieces", "eq", "2", ["b"]),
    ("pieces", "ne", "2", ["a", "c", "none"]),
    ("pieces", "in", "1,3", ["a", "c"]),
    ("pieces", "gte", "2", ["b", "c"]),
    ("pieces", "gt", 2, ["c"]),
    ("pieces", "lte", "2", ["a", "b"]),
    ("pieces", "lt", "2", ["a"]),
    ("share", "eq", "20%", ["b"]),
    ("share", "lte", "-5", []),
    ("weight", "gt", "1.5", ["c"]),
    ("weight", "eq", "1.500", ["b"]),
    ("due", "gte", "2026年4月2日", ["b", "c"]),
    ("due", "eq", "2026-04-01", ["a"]),
    ("met", "lte", "2026-04-02", ["a", "b"]),
    ("met", "gt", "2026-04-02", ["c"]),
    ("met", "gte", "2026-04-02 10:00", ["b", "c"]),
    ("met", "eq", "2026-04-02T02:00:00+00:00", ["b"]),
    ("agreed", "eq", "是", ["a"]),
    ("agreed", "ne", "true", ["b", "c", "none"]),
    ("seller", "eq", "REP", ["a"]),
    ("seller", "in", "REP,CHIEF", ["a", "b"]),
    ("owner", "eq", "CHIEF", ["a", "b", "c", "none"]),
    ("stage", "eq", "open", ["a", "b", "c", "none"]),
    ("created_at", "lte", "2026-03-02", ["a", "b", "c", "none"]),
    ("created_at", "gt", "2026-03-02", []),
    ("number", "contains", "jy202603", ["a", "b", "c", "none"]),
    ("due", "within", "next_month", ["a", "b", "c"]),
    ("due", "within", "past", []),
    ("due", "within", "next_32_days", ["a", "b"]),
    ("met", "within", "next_month", ["a", "b", "c"]),
    ("met", "within", "next_32_days", ["a", "b"]),
    ("created_at", "within", "today", ["a", "b", "c", "none"]),
    ("created_at", "within", "past", []),
    ("owner", "eq", "me", ["a", "b", "c", "none"]),
    ("seller", "eq", "me", ["b"]),
    ("seller", "in", ["me", "REP2"], ["b", "c"]),
    ("seller", "ne", "me", ["a", "c", "none"]),
]


@pytest.fixture(scope="module")
def found_desk(shared_desk: Desk) -> Desk:
    """The desk with four deals called a, b, c and nothing."""
    desk, rows = shared_desk, ROWS
    for name, raw in rows.items():
        made = desk.create(
            "chief", "deal", note="found", **raw | ({"seller": desk.people[raw["seller"]]} if "seller" in raw else {})
        )
        NAMES[made.id] = name
    return desk


NAMES: dict[int, str] = {}
ROWS: dict[str, dict[str, Any]] = {
    "a": {"title": "a", "kinds": "rush", "pieces": 1, "share": "10", "weight": "0.5", "due": "2026-04-01",
          "met": "2026-04-01 09:00", "agreed": True, "seller": "rep"},
    "b": {"title": "B%_", "kinds": "rush,test", "pieces": 2, "share": "20", "weight": "1.5", "due": "2026-04-02",
          "met": "2026-04-02 10:00", "agreed": False, "seller": "chief"},
    "c": {"title": "c\\'\"", "kinds": "bulk", "pieces": 3, "share": "30", "weight": "2.5", "due": "2026-04-03",
          "met": "2026-04-03 00:00", "seller": "rep2"},
    "none": {"share": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "sign", "value", "names"), FOUND, ids=[f"{row[0]}-{row[1]}-{at}" for at, row in enumerate(FOUND)]
)
def test_a_filter_finds_what_it_says_and_counts_it(
    found_desk: Desk, key: str, sign: str, value: Any, names: list[str]
) -> None:
    given: Any = value
    if isinstance(value, str) and value.isupper() and key in ("seller", "owner"):
        given = ",".join(str(found_desk.people[one.lower()]) for one in value.split(","))
    if isinstance(value, list) and key == "seller":
        given = [str(found_desk.people[one.lower()]) if one.isupper() else one for one in value]

    filters = (Filter("note", "eq", "found"), Filter(key, sign, given))
    listed = found_desk.ids("chief", "deal", *filters, sort="id")

    assert [NAMES[id_] for id_ in listed] == names
    assert found_desk.count("chief", "deal", *filters) == len(names)


GROUPS: list[tuple[Any, list[str]]] = [
    ({"any": [["pieces", "eq", 1], ["pieces", "eq", 3]]}, ["a", "c"]),
    ({"all": [["pieces", "gte", 2], ["kinds", "in", ["bulk"]]]}, ["c"]),
    ({"any": [["pieces", "eq", 1], {"all": [["pieces", "gte", 2], ["agreed", "eq", "false"]]}]}, ["a", "b"]),
    ({"all": [{"any": [["title", "missing"], ["pieces", "eq", 2]]}, {"any": [["kinds", "missing"]]}]}, ["none"]),
    ({"any": [["due", "within", "next_32_days"], ["share", "missing"]]}, ["a", "b", "none"]),
]


@pytest.mark.parametrize(("group", "names"), GROUPS, ids=range(len(GROUPS)))
def test_a_group_finds_what_all_or_any_of_its_conditions_find(
    found_desk: Desk, group: dict[str, Any], names: list[str]
) -> None:
    read = conditions_of(group)
    assert read is not None
    filters = (Filter("note", "eq", "found"), read)

    assert [NAMES[id_] for id_ in found_desk.ids("chief", "deal", *filters, sort="id")] == names
    assert found_desk.count("chief", "deal", *filters) == len(names)
    assert read_conditions(write_conditions(read)) == read


def test_a_field_somebody_may_not_see_is_unknown_inside_a_group_too(desk: Desk) -> None:
    hidden = conditions_of({"any": [["name", "eq", "x"], {"all": [["limit", "gte", 1]]}]})
    missing = conditions_of({"any": [["name", "eq", "x"], {"all": [["nix", "gte", 1]]}]})

    assert errors_of(lambda: desk.page("rep", "client", hidden)) == {
        "limit": "没有“limit”这个字段，无法按它筛选或排序。"
    }
    assert errors_of(lambda: desk.page("rep", "client", missing)) == {"nix": "没有“nix”这个字段，无法按它筛选或排序。"}


def test_a_list_takes_so_many_conditions_and_no_more(desk: Desk) -> None:
    one = Filter("title", "eq", "x")
    desk.page("chief", "deal", *(one,) * (MOST_CONDITIONS - 2), FilterGroup("any", (one, one)))
    too_many = (*(one,) * (MOST_CONDITIONS - 1), FilterGroup("any", (one, one)))
    assert errors_of(lambda: desk.page("chief", "deal", *too_many)) == {"filter": "筛选条件最多 30 个。"}


WRONG_GROUPS = [
    "x", "[]", "1", '"all"', '{"none":[["a","eq"]]}', '{"all":[],"any":[]}', '{"all":[]}', '{"all":[[1,"eq"]]}',
    '{"all":[["a"]]}', '{"all":[["a","eq","b","c"]]}', '{"all":[["a","eq",{"b":1}]]}', '{"all":[["a","eq",[[1]]]]}',
    '{"all":[{"any":[{"all":[["a","eq","b"]]}]}]}', "{" * 5_000, '{"all":' * 800, " " * 7_000 + "x",
    '{"all":[' + ",".join(['["a","eq"]'] * 31) + "]}",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_GROUPS, ids=range(len(WRONG_GROUPS)))
def test_a_group_that_is_none_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidValues) as refused:
        read_conditions(text)
    assert [(error.path, error.code) for error in refused.value.errors] == [("where", "record.bad_where")]


DAYS = {
    "today": ("2026-12-31", "2026-12-31"), "yesterday": ("2026-12-30", "2026-12-30"),
    "tomorrow": ("2027-01-01", "2027-01-01"), "this_week": ("2026-12-28", "2027-01-03"),
    "last_week": ("2026-12-21", "2026-12-27"), "next_week": ("2027-01-04", "2027-01-10"),
    "this_month": ("2026-12-01", "2026-12-31"), "last_month": ("2026-11-01", "2026-11-30"),
    "next_month": ("2027-01-01", "2027-01-31"), "this_quarter": ("2026-10-01", "2026-12-31"),
    "this_year": ("2026-01-01", "2026-12-31"), "last_7_days": ("2026-12-25", "2026-12-31"),
    "last_30_days": ("2026-12-02", "2026-12-31"), "last_90_days": ("2026-10-03", "2026-12-31"),
    "next_7_days": ("2026-12-31", "2027-01-06"), "next_30_days": ("2026-12-31", "2027-01-29"),
    "past": ("0001-01-02", "2026-12-30"), "future": ("2027-01-01", "9999-12-29"),
}  # fmt: skip


def test_every_period_has_its_first_and_last_day(desk: Desk) -> None:
    found = {name: find_period(name, date(2026, 12, 31)) for name in OFFERED}
    assert {
        name: (str(first), str(date.fromordinal(after.toordinal() - 1))) for name, (first, after) in found.items()
    } == DAYS


@pytest.mark.parametrize("name", ["", "someday", "last_0_days", "last_4000_days", "last_٣_days", "next_-1_days", 7])
def test_a_period_there_is_none_of_is_refused(desk: Desk, name: Any) -> None:
    said = errors_of(lambda: desk.page("chief", "deal", Filter("due", "within", name)))
    assert list(said) == ["due"]


@pytest.mark.parametrize(
    ("key", "sign"),
    [("pieces", "within"), ("title", "within"), ("pieces", "contains"), ("due", "contains"), ("share", "in"),
     ("due", "in"), ("met", "in"), ("agreed", "in"), ("agreed", "gte"),
     ("kinds", "gte"), ("note", "in"), ("seller", "contains"), ("title", "like"), ("title", ""),
     ("title", "eq; --")],
)  # fmt: skip
def test_a_comparison_a_field_does_not_know_is_refused(desk: Desk, key: str, sign: str) -> None:
    assert errors_of(lambda: desk.page("chief", "deal", Filter(key, sign, "1"))) == {key: f"没有“{sign}”这种比较方式。"}


HOSTILE = [
    "%", "_", "\\", "%%%", "'", '"', "\x00", "a\x00b", "\ud800", "😀", "'; DROP TABLE e_deal; --", "a" * 10_000, " ",
    "", "\u202e", "{}", "%s", ":word0", "?", "\n",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=[f"text{at}" for at in range(len(HOSTILE))])
def test_any_search_text_is_answered(desk: Desk, text: str) -> None:
    made = desk.deal(title="%_\\'\"😀{}")

    listed = desk.ids("guest", "deal", text=text, limit=200)
    with desk.store.read() as session:
        queries.search(session, text, actor=desk.actor("rep"))
        queries.pick(session, "client", text, actor=desk.actor("rep"), link=("deal", text))

    if text in ("%", "_", "\\", "'", '"', "😀", "{}"):  # marks alone are no words
        assert listed == []
    if text in ("%%%", "a" * 10_000, "'; DROP TABLE e_deal; --", "%s", ":word0", "?"):
        assert made.id not in listed


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from([*KEYS, "kinds", "note", "id", "updated_at", "nix"]),
    sign=st.sampled_from([*OPERATORS, "nix"]),
    value=st.one_of(
        st.sampled_from(HOSTILE), st.text(max_size=20), st.integers(), st.floats(), st.none(), st.booleans(),
        st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none(), st.lists(st.none())), max_size=4),
        st.just({"id": 1}), st.just("9" * 5000), st.just("0001-01-01"), st.just("9999-12-31"),
    ),
)  # fmt: skip
def test_any_filter_is_answered_or_refused_in_words(desk: Desk, key: str, sign: str, value: Any) -> None:
    query = ListQuery((Filter(key, sign, value),), limit=3)
    with desk.store.read() as session:
        try:
            queries.list_records(session, "deal", query, actor=desk.actor("chief"))
            queries.count_records(session, "deal", query, actor=desk.actor("chief"))
        except InvalidValues as invalid:
            assert [error.text("zh") for error in invalid.errors]
