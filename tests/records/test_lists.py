"""Lists: the same order on both databases, pages without gaps, and no cursor that breaks them."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import InvalidValues
from engine.records import queries
from engine.records.filters import Filter
from tests.records.desk import Desk, errors_of


@pytest.fixture
def shelf(desk: Desk) -> "Shelf":
    """Deals of one title, with values missing here and there."""
    return Shelf(desk, desk.name("架"))


class Shelf:
    def __init__(self, desk: Desk, note: str) -> None:
        self.desk, self.note = desk, note
        self.own = Filter("note", "eq", note)

    def put(self, **raw: Any) -> int:
        return self.desk.deal(note=self.note, **raw).id

    def ids(self, *filters: Filter, login: str = "chief", **more: Any) -> list[int]:
        return self.desk.ids(login, "deal", self.own, *filters, **more)

    def pages(self, limit: int, **more: Any) -> list[int]:
        """All ids, page after page."""
        found: list[int] = []
        after = None
        for _ in range(30):
            page = self.desk.page("chief", "deal", self.own, after=after, limit=limit, **more)
            assert len(page.records) <= limit
            found += [record.id for record in page.records]
            after = page.next
            if after is None:
                return found
        raise AssertionError("the pages have no end")


VALUES: dict[str, Sequence[Any]] = {
    "title": ["b", None, "a", "甲", "a"],
    "pieces": [3, None, 1, None, 1, -2],
    "weight": ["1.5", None, "0.25", "1.5"],
    "total": [None, None],
    "share": ["", "10%", "5%", ""],
    "due": ["2026-05-01", None, "2026-04-01", "2026-05-01"],
    "met": ["2026-04-01 10:00", None, "2026-04-01 09:59:59.5", "2026-04-01 10:00"],
    "agreed": [True, None, False, True],
    "client": [None, "client", None],
    "seller": [None, "rep", "chief", "rep"],
    "region": [None, "client"],
    "number": [None, None, None],
    "created_at": [None, None],
    "owner": [None, None],
    "stage": [None, None],
}


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("key", VALUES)
def test_pages_follow_each_other_without_gaps_missing_values_smallest(
    desk: Desk, shelf: Shelf, key: str, descending: bool
) -> None:
    client = desk.client(region="west")
    put = []
    for at, raw in enumerate(VALUES[key]):
        value = desk.people.get(raw, raw) if key == "seller" else client.id if raw == "client" else raw
        into = "client" if key == "region" else key
        typed = {} if key in ("total", "number", "created_at", "owner", "stage") else {into: value}
        desk.clock.at += timedelta(seconds=at)
        put.append(shelf.put(**({"due": "2026-09-01"} if key == "met" else {}) | typed))

    whole = shelf.ids(sort=key, descending=descending)

    assert sorted(whole) == sorted(put)
    for limit in (1, 2, 3):
        assert shelf.pages(limit, sort=key, descending=descending) == whole
    values = [
        desk.get("chief", record).values[key]
        for record in desk.page("chief", "deal", shelf.own, sort=key, descending=descending).records
    ]
    present, missing = [value for value in values if value is not None], [value for value in values if value is None]
    assert values == (present + missing if descending else missing + present)
    if key not in ("title",):  # texts are ordered by the language of the database
        assert present == sorted(present, reverse=descending)
    assert shelf.ids(sort=key, descending=not descending) == whole[::-1]


@pytest.mark.parametrize("key", ["kinds", "lines", "papers", "nix", "version", "search_text", "id; DROP TABLE x", ""])
def test_what_has_no_order_cannot_be_sorted_by(desk: Desk, key: str) -> None:
    said = errors_of(lambda: desk.page("chief", "deal", sort=key))

    assert said == {key: f"没有“{key}”这个字段，无法按它筛选或排序。"}


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


FORGED = [
    "", "x", "!!!!", "AAAA", "é", "a" * 20_000, cursor(), cursor(1), cursor(1, 2, 3), cursor("x", "y"),
    cursor("x", True), cursor("\x00", 1), cursor("\ud800", 1), cursor(2**70, 1), cursor("1e30", 1),
    cursor("999999999999999999", 1), cursor("NaN", 1), cursor(1, 2**70), cursor([], 1), cursor({}, 1), cursor(None, 1),
    cursor(1.5, 1), cursor(False, 0),
    cursor("2026-01-01T00:00:00", 1), cursor("9999-12-31T23:59:59+00:00", 1), cursor("2026-01-01", 1),
]  # fmt: skip


@pytest.mark.parametrize("key", [*VALUES, "id"])
def test_a_forged_cursor_is_refused_or_shows_what_one_may_see(desk: Desk, key: str) -> None:
    refused = 0
    for after in FORGED:
        try:
            page = desk.page("rep", "deal", sort=key, after=after)
        except InvalidValues as invalid:
            refused += 1
            assert [error.text() for error in invalid.errors] == ["页面位置已失效，请从第一页重新开始。"]
        else:
            assert {record.values["owner"] for record in page.records} <= {desk.people["rep"]}
    assert refused > 10


@pytest.mark.parametrize("limit", [-5, 0, 1, 10**9])
def test_a_page_has_one_record_at_least_and_a_bound_at_most(desk: Desk, limit: int) -> None:
    desk.deal()
    desk.deal()

    page = desk.page("chief", "deal", limit=limit)

    assert 1 <= len(page.records) <= queries.MOST
    assert (len(page.records) == 1) == (limit <= 1)


def test_a_count_ends_where_it_is_bounded(desk: Desk) -> None:
    for _ in range(3):
        desk.client()
    with desk.store.read() as session:
        assert queries.count_records(session, "client", queries.ListQuery(), actor=desk.actor("chief"), most=1) == 2


def test_a_list_brings_what_linked_things_are_called(desk: Desk, shelf: Shelf) -> None:
    client = desk.client()
    shelf.put(client=client.id, seller=desk.people["rep"])

    labels = desk.page("chief", "deal", shelf.own).labels

    assert labels["client", client.id] == client.values["name"]
    assert labels["user", desk.people["rep"]] == "rep 的名字"


def test_a_picker_offers_only_what_may_be_chosen(desk: Desk) -> None:
    sold, ended = desk.product(name="选甲"), desk.product(name="选乙", state="ended")
    with desk.store.read() as session:
        actor = desk.actor("rep")
        offered = queries.pick(session, "product", "选", actor=actor, link=("deal", "lines.product"))
        anything = queries.pick(session, "product", "选", actor=actor, link=("deal", "nix.nix"))

    assert [one.id for one in offered] == [sold.id]
    assert [one.text for one in anything] == [
        f"{record.values['sku']} {record.values['name']}" for record in (ended, sold)
    ]


def test_pages_hold_while_records_come_and_go(desk: Desk, shelf: Shelf) -> None:
    first = [shelf.put(pieces=at) for at in range(6)]
    page = desk.page("chief", "deal", shelf.own, sort="pieces", limit=3)
    shelf.put(pieces=-1)
    desk.delete("chief", desk.get("chief", page.records[-1]))

    rest = desk.page("chief", "deal", shelf.own, sort="pieces", limit=9, after=page.next)

    assert [record.id for record in rest.records] == first[3:]


def test_the_longest_text_can_be_the_place_where_a_page_ends(desk: Desk) -> None:
    names = [desk.client(name=desk.name("长") + "长" * 40).id for _ in range(3)]
    like = Filter("name", "contains", "长长长")
    page = desk.page("chief", "client", like, sort="name", limit=1)
    assert page.next is not None
    rest = desk.page("chief", "client", like, sort="name", after=page.next)

    assert sorted([page.records[0].id, *(record.id for record in rest.records)]) == sorted(names)


def test_moments_are_kept_to_the_microsecond(desk: Desk, shelf: Shelf) -> None:
    exact = datetime(2026, 4, 1, 1, 2, 3, 4567, tzinfo=UTC)
    shelf.put(met=exact.isoformat(), due="2026-05-01", weight="0.001")

    record = desk.page("chief", "deal", shelf.own).records[0]

    assert (record.values["met"], record.values["weight"]) == (exact, Decimal("0.001"))
