"""The price that holds: found for customer, quantity and day, never two at one time, the same for every way in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of

THREADS = 6

THING = """\
entity: thing
label: 物品
display: "{name}"
fields:
  name:  {type: text, label: 名称}
  price: {type: money, label: 标价}
access:
  rep:   {read: all}
  chief: {read: all, write: all, create: true}
"""
PRICE = """\
entity: price
label: 价格
fields:
  thing:  {type: link, to: thing, label: 物品}
  buyer:  {type: text, label: 买方}
  least:  {type: decimal, label: 起订量, default: 1}
  price:  {type: money, label: 价格}
  from_on: {type: date, label: 起}
  to_on:   {type: date, label: 止}
unique:
  one: {fields: [thing, buyer, least], period: [from_on, to_on], message: 这段时间已有价格。}
access:
  chief: {read: all, write: all, create: true, delete: all, import: true}
"""
OFFER = """\
entity: offer
label: 报价
fields:
  buyer: {type: text, label: 买方}
  rows:
    type: lines
    label: 明细
    fields:
      thing: {type: link, to: thing, label: 物品}
      qty:   {type: decimal, label: 数量}
      entry:
        type: link
        to: price
        label: 价格
        best:
          where: >-
            thing = line.thing and least <= line.qty and (buyer is missing or buyer = record.buyer)
            and (from_on is missing or from_on <= today()) and (to_on is missing or to_on >= today())
          order: [-buyer, -least]
      price: {type: money, label: 单价, fetch: entry.price or thing.price, readonly: true}
access:
  rep:   {read: own, write: own, create: true}
  chief: {read: all, write: all, create: true}
"""
SHOP = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[thing, price, offer]"),
    "thing/entity.yaml": THING,
    "price/entity.yaml": PRICE,
    "offer/entity.yaml": OFFER,
}
TODAY = date(2026, 3, 2)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("prices")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        made = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(made.store, to_folder(SHOP), actor_id=None)
        with made.store.write() as session:
            add_people(session, made)
        yield made


def thing(desk: Desk) -> Record:
    return desk.create("chief", "thing", name=desk.name("垫片"), price="100")


def priced(
    desk: Desk, of: Record, price: str, since: int | None = None, until: int | None = None, **more: Any
) -> Record:
    days = {"from_on": since, "to_on": until}
    said = {key: str(TODAY + timedelta(days=value)) for key, value in days.items() if value is not None}
    return desk.create("chief", "price", thing=of.id, price=price, **said, **more)


def prices_of(offer: Record) -> list[Decimal | None]:
    return [row["price"] for row in offer.values["rows"]]


def test_a_line_takes_the_price_that_holds_and_keeps_it(desk: Desk) -> None:
    one = thing(desk)
    first = priced(desk, one, "90", until=5)
    priced(desk, one, "80", until=5, least="100")
    priced(desk, one, "70", since=6)
    priced(desk, one, "60", buyer="甲")

    offer = desk.create("rep", "offer", rows=[{"thing": one.id, "qty": "10"}, {"thing": one.id, "qty": "100"}])
    assert prices_of(offer) == [90, 80]
    assert prices_of(desk.create("rep", "offer", buyer="甲", rows=[{"thing": one.id, "qty": "100"}])) == [60]
    assert prices_of(desk.create("rep", "offer", rows=[{"thing": one.id, "qty": "0.5"}])) == [100]  # nothing reached

    desk.update("chief", first, price="95")
    rows = [{"id": row["id"], "qty": qty} for row, qty in zip(offer.values["rows"], ("10", "120"), strict=True)]
    offer = desk.update("rep", offer, rows=rows)
    assert prices_of(offer) == [90, 80]  # the list moved, what was agreed did not
    offer = desk.update("rep", offer, buyer="甲")
    assert prices_of(offer) == [60, 60]  # another buyer: looked for anew


def test_nobody_types_what_is_found(desk: Desk) -> None:
    one = thing(desk)
    entry = priced(desk, one, "90")

    said = errors_of(lambda: desk.create("rep", "offer", rows=[{"thing": one.id, "qty": "0.5", "entry": entry.id}]))

    assert list(said) == ["rows.0.entry"]


@pytest.mark.parametrize(
    ("since", "until", "free"),
    [(None, 9, True), (None, 10, False), (20, 25, False), (30, None, False), (31, None, True), (None, None, False)],
)
def test_two_do_not_hold_on_one_day(desk: Desk, since: int | None, until: int | None, free: bool) -> None:
    one = thing(desk)
    priced(desk, one, "90", since=10, until=30)

    if free:
        assert priced(desk, one, "80", since=since, until=until).id
        return
    with pytest.raises(InvalidValues, match="这段时间已有价格"):
        priced(desk, one, "80", since=since, until=until)


def test_a_change_and_the_recycle_bin_are_held_to_it_too(desk: Desk) -> None:
    one = thing(desk)
    first = priced(desk, one, "90", until=5)
    later = priced(desk, one, "80", since=6)

    with pytest.raises(InvalidValues):
        desk.update("chief", first, to_on=str(TODAY + timedelta(days=6)))
    assert desk.update("chief", first, price="91").values["price"] == 91  # it is not in its own way
    assert later.values["price"] == 80


def test_a_sheet_is_held_to_it(desk: Desk) -> None:
    one = thing(desk)
    name = desk.get("chief", one).values["name"]
    rows = [(2, [name, "90", "2026-03-01", "2026-03-31"]), (3, [name, "80", "2026-03-31", ""])]

    result = imports.import_records(
        desk.store, "price", Sheet(("物品", "价格", "起", "止"), rows), actor=desk.actor("chief")
    )

    assert (result.created, [refused.row for refused in result.refused]) == (1, [3])


def test_of_many_at_once_one_price_is_written(desk: Desk) -> None:
    one = thing(desk)

    answers = at_once(THREADS, lambda number: priced(desk, one, str(90 + number), since=number, until=20 + number))

    assert sum(isinstance(answer, Record) for answer in answers) == 1
    assert sum(isinstance(answer, InvalidValues) for answer in answers) == THREADS - 1
