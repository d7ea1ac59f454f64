"""One deal on one screen, and all that happened around a record on one line of time, under the reader's rights."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.clock import SetClock
from engine.errors import InvalidValues, NotFound
from engine.records import comments
from engine.records.chain import find_chain
from engine.records.journey import KINDS, Happening, list_journey
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from engine.workflow import transitions
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name: {type: text, label: 名称, required: true}
access:
  chief: {read: all, write: all, create: true}
  rep:   {read: all}
"""
CHANCE = """\
entity: chance
label: 商机
display: "{name}"
fields:
  name:   {type: text, label: 名称}
  firm:   {type: link, to: firm, label: 公司}
  margin: {type: money, label: 毛利}
access:
  chief: {read: all, write: all, create: true}
  rep:   {read: own, write: own, create: true, hide: [margin]}
"""
BID = """\
entity: bid
label: 报价
display: "{name}"
fields:
  name:   {type: text, label: 名称}
  chance: {type: link, to: chance, label: 商机}
access:
  chief: {read: all, write: all, create: true}
  rep:   {read: own, write: own, create: true}
"""
ORDER = """\
entity: order
label: 订单
display: "{name}"
fields:
  name: {type: text, label: 名称}
  firm: {type: link, to: firm, label: 公司}
  bid:  {type: link, to: bid, label: 报价}
access:
  chief: {read: all, write: all, create: true}
  rep:   {read: own, hide: [bid]}
"""
FLOW = """\
workflow: {key}
entity: {key}
label: 进程
stages:
  open: {{label: 进行}}
  done: {{label: 完成}}
moves:
  finish: {{label: 完成, from: [open], to: [done]}}
"""
FILES = {
    "app.yaml": APP.replace("menu: [client, product, stock, slip, deal]", "chain: [firm, chance, bid, order]"),
    "firm/entity.yaml": FIRM,
    "chance/entity.yaml": CHANCE,
    "bid/entity.yaml": BID,
    "order/entity.yaml": ORDER,
    **{f"{key}/workflow.yaml": FLOW.format(key=key) for key in ("chance", "bid", "order")},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("journey")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(FILES), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def chain(desk: Desk, login: str, record: Record) -> dict[str, list[int]]:
    with desk.store.read() as session:
        rings = find_chain(session, desk.get(login, record), actor=desk.actor(login))
    return {ring.entity: [one.id for one in ring.records] for ring in rings}


def journey(desk: Desk, login: str, record: Record, *kinds: str, limit: int = 30) -> list[Happening]:
    """All pages, one after the other."""
    found: list[Happening] = []
    after = None
    with desk.store.read() as session:
        while True:
            page, after = list_journey(
                session, record.entity, record.id, actor=desk.actor(login),
                kinds=[one for one in KINDS if one in kinds] or KINDS, after=after, limit=limit,
            )  # fmt: skip
            found += page
            if after is None:
                return found


def test_every_record_of_a_deal_shows_the_whole_of_it_and_no_other_deal(house: Desk) -> None:
    firm = house.create("chief", "firm", name="甲")
    chance = house.create("chief", "chance", name="一期", firm=firm.id)
    bids = [house.create("chief", "bid", name=f"v{at}", chance=chance.id) for at in range(2)]
    order = house.create("chief", "order", name="单", firm=firm.id, bid=bids[1].id)
    other = house.create("chief", "chance", name="二期", firm=firm.id)

    deal = {
        "firm": [firm.id], "chance": [chance.id], "bid": [bids[1].id, bids[0].id], "order": [order.id],
    }  # fmt: skip
    for one in (chance, *bids, order):
        assert chain(house, "chief", one) == deal, one.entity
    assert chain(house, "chief", other) == {"firm": [firm.id], "chance": [other.id], "bid": [], "order": []}
    assert chain(house, "chief", firm) == deal | {"chance": [other.id, chance.id]}


def test_a_chain_does_not_lead_past_what_the_reader_may_not_see(house: Desk) -> None:
    firm = house.create("chief", "firm", name="乙")
    house.create("chief", "chance", name="别人的", firm=firm.id)
    mine = house.create("rep", "chance", name="自己的", firm=firm.id)
    bid = house.create("rep", "bid", name="自己的价", chance=mine.id)
    house.create("chief", "bid", name="别人的价", chance=mine.id)
    house.create("chief", "order", name="别人的单", bid=bid.id)

    assert chain(house, "rep", mine) == {"firm": [firm.id], "chance": [mine.id], "bid": [bid.id], "order": []}
    assert chain(house, "rep", firm)["chance"] == [mine.id]


def test_one_line_of_time_tells_everything_once_in_pages_of_any_size(house: Desk) -> None:
    firm = house.create("chief", "firm", name="丙")
    for at in range(3):
        house.clock.at += timedelta(minutes=at % 2)  # some happen at the same moment
        chance = house.create("chief", "chance", name=f"机{at}", firm=firm.id)
        with house.store.write() as session:
            comments.add_comment(session, "firm", firm.id, f"说{at}", actor=house.actor("chief"))
        firm = house.update("chief", firm, name=f"丙{at}")
    with house.store.write() as session:
        transitions.move_record(
            session, "chance", chance.id, "finish", version=chance.version, actor=house.actor("chief")
        )

    whole = journey(house, "chief", firm)
    kinds = [one.kind for one in whole]
    assert (kinds.count("linked"), kinds.count("remarks"), kinds.count("changes")) == (4, 3, 4)
    assert [one.at for one in whole] == sorted((one.at for one in whole), reverse=True)
    assert {one.name for one in whole if one.kind == "linked"} == {"机0", "机1", "机2"}
    for size in (1, 2, 3, 5):
        assert journey(house, "chief", firm, limit=size) == whole
    assert [one.text for one in journey(house, "chief", firm, "remarks", limit=2)] == ["说2", "说1", "说0"]
    assert [one.kind for one in journey(house, "chief", chance, "moves")] == ["moves"]


def test_a_journey_tells_nobody_of_what_they_may_not_see(house: Desk) -> None:
    firm = house.create("chief", "firm", name="丁")
    house.create("chief", "chance", name="别人的机会", firm=firm.id)
    mine = house.create("rep", "chance", name="我的机会", firm=firm.id)
    house.update("chief", mine, margin="77")

    assert [one.name for one in journey(house, "rep", firm, "linked")] == ["我的机会"]
    told = [one.entry for one in journey(house, "rep", mine) if one.entry is not None]
    assert all("margin" not in entry.changes for entry in told)
    hidden = house.create("chief", "chance", name="看不到", firm=firm.id)
    with house.store.read() as session, pytest.raises(NotFound):
        list_journey(session, "chance", hidden.id, actor=house.actor("rep"))


@pytest.mark.parametrize(
    "cursor", ["x", "~~", "2026-03-02T01:00:00~history~1", "2026-03-02T01:00:00+00:00~h~-1", "a~b~c~d"]
)
def test_a_place_in_time_that_is_none_is_refused_in_words(house: Desk, cursor: str) -> None:
    firm = house.create("chief", "firm", name="戊")
    with house.store.read() as session, pytest.raises(InvalidValues):
        list_journey(session, "firm", firm.id, actor=house.actor("chief"), after=cursor)
