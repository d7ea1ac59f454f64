"""What must not repeat does not, whichever way two arrive at once; who may see the other record is told which it is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from engine.workflow.transitions import move_record
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of
from tests.records.ledger import stored

THREADS = 6

ROOM = """\
entity: room
label: 房间
display: "{name}"
fields:
  name:   {type: text, label: 名称, required: true, unique: true}
  house:  {type: text, label: 楼}
  floor:  {type: integer, label: 层}
  plate:  {type: text, label: 门牌}
  nights: {type: integer, label: 晚数, computed: "sum(stay.nights)"}
unique:
  place: {fields: [house, floor], message: 这一层已经有了。}
  open_plate: {fields: [plate], where: "stage = 'open'"}
  full: {fields: [house], where: "nights >= 10", message: 这栋楼已有满房。}
access:
  rep:   {read: own, write: own, create: true, import: true}
  chief: {read: all, write: all, create: true, delete: all, import: true}
"""
FLOW = """\
workflow: room
entity: room
label: 进程
stages:
  draft: {label: 草稿}
  open:  {label: 开放}
moves:
  open: {label: 开放, from: [draft], to: [open]}
"""
STAY = """\
entity: stay
label: 入住
fields:
  room:   {type: link, to: room, label: 房间}
  nights: {type: integer, label: 晚数}
access:
  rep:   {read: own, write: own, create: true}
  chief: {read: all, write: all, create: true, delete: all}
"""
HOUSE = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[room, stay]"),
    "room/entity.yaml": ROOM,
    "room/workflow.yaml": FLOW,
    "stay/entity.yaml": STAY,
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("house")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(HOUSE), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def room(desk: Desk, login: str = "chief", **raw: Any) -> Record:
    return desk.create(login, "room", **{"name": desk.name("房")} | raw)


def move(desk: Desk, record: Record) -> Record:
    with desk.store.write() as session:
        actor = desk.actor("chief")
        return move_record(session, "room", record.id, "open", raw={}, reason=None, version=record.version, actor=actor)


def records_in(invalid: InvalidValues) -> list[tuple[str, int]]:
    return [(one.entity, one.id) for error in invalid.errors for one in getattr(error.params["others"], "others", ())]


def check_one_won(answers: Any) -> Record:
    """Exactly one was saved, and every other was told its name at the field."""
    won = [one for one in answers if isinstance(one, Record)]
    refused = [one for one in answers if isinstance(one, InvalidValues)]
    assert (len(won), len(refused)) == (1, len(answers) - 1), answers
    assert {error.code for one in refused for error in one.errors} == {"value.not_unique"}
    return won[0]


# ---- what is said


def test_a_repeated_value_names_the_record_that_has_it(house: Desk) -> None:
    other = room(house, name="一号")

    assert errors_of(lambda: room(house, name="一号")) == {
        "name": "“名称”与已有记录重复，请核对。已有：一号（负责人 chief 的名字）。"
    }
    with pytest.raises(InvalidValues) as refused:
        house.update("chief", room(house), name="一号")
    assert records_in(refused.value) == [("room", other.id)]


def test_of_a_record_somebody_may_not_see_it_is_only_said_that_there_is_one(house: Desk) -> None:
    room(house, name="密室")

    assert errors_of(lambda: room(house, "rep", name="密室")) == {"name": "“名称”与已有记录重复，请核对。"}


def test_several_fields_together_name_it_after_the_words_of_the_author(house: Desk) -> None:
    room(house, name="西三", house="西楼", floor=3)

    said = errors_of(lambda: room(house, house="西楼", floor=3))

    assert said == {"house": "这一层已经有了。已有：西三（负责人 chief 的名字）。"}
    assert room(house, house="西楼", floor=4).id


def test_a_condition_is_the_same_for_the_message_a_deleted_record_is_none(house: Desk) -> None:
    first = move(house, room(house, name="南甲", plate="101"))
    draft = room(house, plate="101")

    assert errors_of(lambda: move(house, draft)) == {
        "plate": "“门牌”与已有记录重复，请核对。已有：南甲（负责人 chief 的名字）。"
    }
    house.delete("chief", first)
    assert move(house, draft).values["stage"] == "open"


def test_a_roll_up_that_repeats_is_said_at_the_link_with_the_record_in_the_way(house: Desk) -> None:
    full = room(house, name="北甲", house="北楼", floor=1)
    house.create("chief", "stay", room=full.id, nights=12)
    other = room(house, name="北乙", house="北楼", floor=2)

    said = errors_of(lambda: house.create("chief", "stay", room=other.id, nights=10))

    assert said == {"room": "这栋楼已有满房。已有：北甲（负责人 chief 的名字）。"}
    assert house.create("chief", "stay", room=other.id, nights=9).id


def test_after_a_refusal_the_transaction_can_be_gone_on_with(house: Desk) -> None:
    from engine.records import commands, queries

    room(house, name="占用")
    with house.store.write() as session:
        actor = house.actor("chief")
        with pytest.raises(InvalidValues):
            commands.create_record(session, "room", {"name": "占用"}, actor=actor)
        made = commands.create_record(session, "room", {"name": house.name("房")}, actor=actor)
        assert queries.get_record(session, "room", made.id, actor=actor).id == made.id


# ---- many at once


def test_of_many_creates_one_wins_and_the_others_are_told_which(house: Desk) -> None:
    name = house.name("抢")
    answers = at_once(THREADS, lambda number: room(house, name=name))

    won = check_one_won(answers)
    assert {one for answer in answers if isinstance(answer, InvalidValues) for one in records_in(answer)} == {
        ("room", won.id)
    }


def test_of_many_changes_to_one_place_one_wins(house: Desk) -> None:
    rooms = [room(house) for _ in range(THREADS)]

    check_one_won(at_once(THREADS, lambda number: house.update("chief", rooms[number], house="高楼", floor=9)))

    assert sum(one["house"] == "高楼" for one in stored(house, "room")) == 1


def test_of_many_moves_one_wins(house: Desk) -> None:
    rooms = [room(house, plate="抢门牌") for _ in range(THREADS)]

    check_one_won(at_once(THREADS, lambda number: move(house, rooms[number])))

    assert sum(one["plate"] == "抢门牌" and one["stage"] == "open" for one in stored(house, "room")) == 1


def test_of_many_roll_ups_one_wins(house: Desk) -> None:
    rooms = [room(house, house="挤楼", floor=at) for at in range(THREADS)]

    check_one_won(at_once(THREADS, lambda at: house.create("chief", "stay", room=rooms[at].id, nights=10)))

    assert sum(one["house"] == "挤楼" and (one["nights"] or 0) >= 10 for one in stored(house, "room")) == 1


def test_of_many_imports_of_one_sheet_every_row_is_made_once(house: Desk) -> None:
    names = [house.name("表") for _ in range(5)]
    sheet = Sheet(("名称",), [(at + 2, [name]) for at, name in enumerate(names)])

    results = at_once(4, lambda number: imports.import_records(house.store, "room", sheet, actor=house.actor("chief")))

    assert sum(one.created for one in results) == len(names)
    assert sum(len(one.refused) for one in results) == 3 * len(names)
    assert all("重复" in row.text("zh") for one in results for row in one.refused)
    assert sorted(one["name"] for one in stored(house, "room") if one["name"] in names) == sorted(names)
