"""What lists come to: groups, counts and sums over exactly the records somebody may see."""

from decimal import Decimal
from typing import Any

import pytest

from engine.errors import NotPossibleNow
from engine.records import figures, queries
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from tests.records.desk import Desk, errors_of


def ask(desk: Desk, login: str, note: str, group: str | None, *sums: str, entity: str = "deal") -> figures.Figures:
    filters = (Filter("note", "eq", note),) if note else ()
    with desk.store.read() as session:
        return figures.figure_records(
            session, entity, ListQuery(filters), group=group, sums=sums, actor=desk.actor(login)
        )


@pytest.fixture
def note(desk: Desk) -> str:
    """Four deals of the chief and one of the rep under one note."""
    said = desk.name("合计")
    client = desk.client(region="west")
    for login, raw in (
        ("chief", {"pieces": 1, "agreed": True, "due": "2026-04-01", "weight": "1.5"}),
        ("chief", {"pieces": 2, "agreed": True, "due": "2026-04-30", "client": client.id}),
        ("chief", {"pieces": 4, "agreed": False, "due": "2026-05-01", "client": client.id, "weight": "0.25"}),
        ("chief", {}),
        ("rep", {"weight": "8", "agreed": False}),
    ):
        desk.create(login, "deal", note=said, **raw)
    return said


def shown(found: figures.Figures, *sums: str) -> dict[Any, tuple[Any, ...]]:
    return {one.value: (one.count, *(one.sums[key] for key in sums)) for one in found.groups}


def test_groups_are_counted_and_added_up(desk: Desk, note: str) -> None:
    assert shown(ask(desk, "chief", note, None, "pieces", "weight"), "pieces", "weight") == {
        None: (5, 7, Decimal("9.75"))
    }
    assert shown(ask(desk, "chief", note, "agreed", "pieces"), "pieces") == {
        True: (2, 3), False: (2, 4), None: (1, None)
    }  # fmt: skip
    assert shown(ask(desk, "chief", note, "due", "pieces"), "pieces") == {
        "2026-04": (2, 3), "2026-05": (1, 4), None: (2, None)
    }  # fmt: skip
    by_owner = ask(desk, "chief", note, "owner")
    assert [one.count for one in by_owner.groups] == [4, 1]
    assert shown(ask(desk, "chief", note, "stage")) == {"open": (5,)}


def test_days_and_moments_are_grouped_by_the_clocks_of_the_site(desk: Desk) -> None:
    said = desk.name("时刻")
    for met in ("2026-03-31 23:30", "2026-04-01 00:30", "2026-04-05 23:59", "2026-04-06 00:00", ""):
        desk.create("chief", "deal", note=said, **({"met": met, "due": met[:10], "pieces": 1} if met else {}))
    for key in ("met", "due"):
        assert shown(ask(desk, "chief", said, key, "pieces"), "pieces") == {
            "2026-04": (3, 3), "2026-03": (1, 1), None: (1, None)
        }  # fmt: skip
        weeks = ask(desk, "chief", said, f"{key}.week")
        assert [(one.value, one.count) for one in weeks.groups] == [("2026-04-06", 1), ("2026-03-30", 3), (None, 1)]
        assert [one.value for one in ask(desk, "chief", said, f"{key}.day").groups] == [
            "2026-04-06", "2026-04-05", "2026-04-01", "2026-03-31", None
        ]  # fmt: skip
    assert sum(one.count for one in ask(desk, "chief", said, "created_at.day").groups) == 5
    for wrong in ("met.year", "note.week", "met.week.day", "."):
        assert errors_of(lambda: ask(desk, "chief", said, wrong))  # noqa: B023


def test_a_board_adds_up_each_stage_as_a_list_does(desk: Desk, note: str) -> None:
    query = ListQuery((Filter("note", "eq", note),))
    with desk.store.read() as session:
        totals = queries.total_records(session, "deal", query, "weight", actor=desk.actor("chief"))
    assert totals == {"open": (5, Decimal("9.75"))}


def test_nobody_adds_up_what_they_do_not_see(desk: Desk, note: str) -> None:
    assert shown(ask(desk, "rep", note, None, "weight"), "weight") == {None: (1, Decimal(8))}
    for login, group, sums in (
        ("rep", None, ("limit",)),
        ("chief", None, ("nix",)),
        ("rep", "limit", ()),
        ("rep", "nix", ()),
    ):
        key = (sums or (group,))[0]
        said = errors_of(lambda: ask(desk, login, "", group, *sums, entity="client"))  # noqa: B023
        assert said == {key: f"没有“{key}”这个字段，无法按它筛选或排序。"}


def test_what_does_not_add_up_is_said_to_be_seen_but_not_added(desk: Desk) -> None:
    for key in ("price", "name"):
        said = errors_of(lambda: ask(desk, "chief", "", None, "cost", key, entity="product"))  # noqa: B023
        assert said == {key: f"“{key}”不合计：它不是数，或者加起来没有意义。"}


def test_too_many_records_are_said_not_added(desk: Desk, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_ADDED", 4)
    with pytest.raises(NotPossibleNow) as refused:
        ask(desk, "chief", note, "agreed")
    assert "4" in refused.value.text("zh")


def test_only_the_largest_groups_are_told(desk: Desk, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_GROUPS", 1)
    found = ask(desk, "chief", note, "owner")
    assert found.more and [one.count for one in found.groups] == [4]
