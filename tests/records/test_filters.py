"""Filters and searches: what each field can be compared with, and no value or text that breaks them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidValues
from engine.records import queries
from engine.records.filters import OPERATORS, Filter
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

    filters = (Filter("note", "eq", "found"), Filter(key, sign, given))
    listed = found_desk.ids("chief", "deal", *filters, sort="id")

    assert [NAMES[id_] for id_ in listed] == names
    assert found_desk.count("chief", "deal", *filters) == len(names)


@pytest.mark.parametrize(
    ("key", "sign"),
    [("pieces", "contains"), ("due", "contains"), ("share", "in"), ("due", "in"), ("met", "in"), ("agreed", "in"),
     ("agreed", "gte"), ("kinds", "gte"), ("note", "in"), ("seller", "contains"), ("title", "like"), ("title", ""),
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

    if text in ("%", "_", "\\", "'", '"', "😀", "{}"):
        assert made.id in listed
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
