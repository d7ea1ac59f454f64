"""A staged import: its columns are proposed, every row is rehearsed, then written once, and can be taken back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.importing import batches, working
from engine.people import accounts
from engine.records.history import list_history
from engine.storage.stage_tables import timers
from engine.storage.system_tables import audit
from tests.conftest import MakeStore
from tests.importing.bringing import choose, counts, put, rows_of, run, see, told, undo
from tests.records.conftest import MONDAY
from tests.records.desk import DESK, FLOW, Desk, add_people

TIMERS = """\
timers:
  nudge: {after: 3d, do: [{remind: [owner]}]}
  aged:  {after: 30d, do: [{flag: old}]}
flags:
  old: {label: 放久了}
"""


def keys_of(found: Any) -> list[tuple[str | None, str]]:
    return [(column.key, column.how) for column in found.columns]


def audited(desk: Desk, action: str) -> list[Any]:
    with desk.store.read() as session:
        own = select(audit.c.details, audit.c.actor_id).where(audit.c.action == action).order_by(audit.c.id)
        return list(session.connection.execute(own))


# ---- columns


def test_the_row_of_names_is_found_under_titles_and_columns_by_name_key_and_unit(desk: Desk) -> None:
    head = ["名称 *", "REGION", "额度（万元）", "颜色"]
    found = put(desk, [["2026 年客户名单"], [], head, ["甲", "东", "1.5", "红"]])
    assert found.header_row == 3
    assert keys_of(found) == [("name", "name"), ("region", "name"), ("limit", "name"), (None, "")]
    assert found.columns[2].reading.unit == 10_000
    assert (found.total, found.columns[0].samples) == (1, ("甲",))


def test_a_column_under_another_name_is_known_by_what_is_in_it_and_remembered_next_time(desk: Desk) -> None:
    head = ["名称", "联系方式", "哪边"]
    rows = [[desk.name("认"), f"1380013800{at}", "东"] for at in range(4)]
    found = put(desk, [head, *rows])
    assert keys_of(found) == [("name", "name"), ("phone", "content"), (None, "")]

    run(desk, choose(desk, found, keys={"哪边": "region"}))
    again = put(desk, [head, [desk.name("认"), "13800138000", "西"]])

    assert keys_of(again) == [("name", "name"), ("phone", "remembered"), ("region", "remembered")]


def test_a_hidden_field_is_no_column_and_one_field_has_one_column(desk: Desk) -> None:
    found = put(desk, [["名称", "额度"], ["甲", "1"]], login="rep")
    assert keys_of(found) == [("name", "name"), (None, "")]
    for keys, message in (({"额度": "limit"}, "不是可以导入的字段"), ({"额度": "name"}, "出现了两次")):
        with pytest.raises(InvalidValues) as refused:
            choose(desk, found, login="rep", keys=keys)
        assert message in refused.value.errors[0].text()


def test_an_import_is_nobody_elses_and_needs_its_right(desk: Desk) -> None:
    found = put(desk, [["名称"], ["甲"]])
    for login in ("rep", "lead"):
        with pytest.raises(NotFound):
            see(desk, found.id, login)
    with pytest.raises(NotAllowed):
        put(desk, [["名称"], ["甲"]], login="lead")


# ---- looking before writing


def test_every_row_is_rehearsed_and_nothing_is_written(desk: Desk) -> None:
    taken, twice = desk.client().values["name"], desk.name("同")
    before = desk.count("chief", "client")
    far = [[desk.name("远")] for _ in range(working.CHUNK)]
    found = choose(desk, put(desk, [["名称", "电话"], [twice], [taken], ["", "1"], *far, [twice]]))

    assert found.state == "checked"
    last = working.CHUNK + 5
    assert told(desk, found) == {
        3: [(0, f"“名称”与已有记录重复，请核对。已有：{taken}（负责人 chief 的名字）。")],
        4: [(1, "电话号码应为 5 到 20 位数字，可带国家码，例如 13800138000。"), (0, "请填写“名称”。")],
        last: [(0, "“名称”与第 2 行重复，请只保留一行。")],
    }
    assert counts(desk, found) == {"ready": working.CHUNK + 1, "wrong": 3}
    assert desk.count("chief", "client") == before


def test_days_that_may_be_two_are_blocked_until_their_order_is_chosen(desk: Desk) -> None:
    rows = [["标题", "交期"], [desk.name("期"), "03/04/2026"], [desk.name("期"), "2026年5月6日"]]
    found = put(desk, rows, "deal")
    assert found.columns[1].reading.dates is None

    found = choose(desk, found)
    assert told(desk, found) == {2: [(1, "“03/04/2026”可以是两个日期，请先在“列”一步选定日期顺序。")]}

    found = run(desk, choose(desk, found, dates="dmy"))
    made = [desk.get("chief", record) for record in desk.page("chief", "deal", text="期", sort="id").records[-2:]]
    assert [f"{one.values['due']}" for one in made] == ["2026-04-03", "2026-05-06"]


def test_one_day_that_fits_only_one_order_proposes_it(desk: Desk) -> None:
    found = put(desk, [["标题", "交期"], ["a", "03/04/2026"], ["b", "25/04/2026"]], "deal")
    assert found.columns[1].reading.dates == "dmy"


# ---- writing


def test_good_rows_come_in_once_bad_ones_never_and_it_is_audited(desk: Desk) -> None:
    names = [desk.name("入") for _ in range(3)]
    found = choose(desk, put(desk, [["名称", "区域"], *([name, "东"] for name in names), ["", "东"]]))
    found = run(desk, found)

    assert (found.state, counts(desk, found)) == ("done", {"created": 3, "wrong": 1})
    for row, name in zip(rows_of(desk, found, "created"), names, strict=True):
        record = desk.get("chief", desk.page("chief", "client", text=name).records[0])
        assert (record.id, record.version) == (row.record_id, row.version) and record.values["region"] == "east"
    details, who = audited(desk, "importing.done")[-1]
    assert (details["import"], details["sha256"]) == (found.id, found.sha256)
    assert (details["created"], details["wrong"], details["total"]) == (3, 1, 4)
    assert who == desk.people["chief"]
    with pytest.raises(NotPossibleNow):
        run(desk, found)


def test_an_update_finds_its_record_and_leaves_what_is_blank(desk: Desk) -> None:
    one, other = desk.client(phone="13800138000", region="west"), desk.client()
    new = desk.name("新")
    rows = [["名称", "区域", "电话"], [one.values["name"], "东", ""], [other.values["name"], "东", ""], [new, "", ""]]

    found = choose(desk, put(desk, rows), mode="update", by="name")
    assert told(desk, found) == {4: [(0, f"没有找到“{new}”，或者你看不到它，无法更新。")]}
    found = run(desk, choose(desk, found, mode="both", by="name"))

    assert counts(desk, found) == {"updated": 1, "same": 1, "created": 1}
    changed = desk.get("chief", one)
    assert (changed.values["region"], changed.values["phone"], changed.version) == ("east", "13800138000", 2)
    with desk.store.read() as session:
        entry = list_history(session, "client", one.id, actor=desk.actor("chief"))[0]
    assert (entry.action, entry.via, entry.changes) == ("update", "import", {"region": ["west", "east"]})


def test_an_update_by_number_sees_only_what_its_actor_may_change(desk: Desk) -> None:
    own, foreign = desk.deal("lead"), desk.deal("stranger")
    rows = [["编号", "标题"], [own.values["number"], desk.name("改")], [foreign.values["number"], "抢"]]

    found = run(desk, choose(desk, put(desk, rows, "deal", "lead"), mode="update", by="number", login="lead"), "lead")

    assert counts(desk, found) == {"updated": 1, "wrong": 1}
    assert desk.get("chief", foreign).version == 1


def test_what_somebody_changed_after_the_preview_is_not_overwritten(desk: Desk) -> None:
    one = desk.client(region="west")
    found = choose(desk, put(desk, [["名称", "区域"], [one.values["name"], "东"]]), mode="update", by="name")
    desk.update("chief", one, phone="13900139000")

    found = run(desk, found)

    assert counts(desk, found) == {"wrong": 1}
    assert desk.get("chief", one).values["region"] == "west"


def test_two_rows_about_one_record_are_told(desk: Desk) -> None:
    name = desk.client().values["name"]
    found = choose(desk, put(desk, [["名称", "区域"], [name, "西"], [name, "东"]]), mode="update", by="name")
    assert told(desk, found) == {3: [(0, "“名称”与第 2 行重复，请只保留一行。")]}


def test_whoever_loses_the_right_midway_brings_in_no_more(desk: Desk) -> None:
    with desk.store.write() as session:
        desk.people["brief"] = accounts.create_user(
            session, login=desk.name("b"), name="短", password=None, roles=["chief"], actor=None
        )
    found = choose(desk, put(desk, [["名称"], [desk.name("失")]], login="brief"), login="brief")
    with desk.store.write() as session:
        batches.start(session, found.id, actor=desk.actor("brief"))
    with desk.store.write() as session:
        accounts.disable_user(session, desk.people["brief"], actor=None)

    working.go_on(desk.store, found.id)

    assert counts(desk, found) == {"ready": 1}
    with desk.store.read() as session:
        stopped = batches.find_import(session, found.id)
    assert stopped is not None and stopped.state == "done" and stopped.error


def test_a_stopped_import_keeps_what_came_in(desk: Desk) -> None:
    rows = [[desk.name("停")] for _ in range(working.CHUNK + 10)]
    found = choose(desk, put(desk, [["名称"], *rows]))
    with desk.store.write() as session:
        batches.start(session, found.id, actor=desk.actor("chief"))
    working.go_on(desk.store, found.id, seconds=0)
    with desk.store.write() as session:
        found = batches.stop(session, found.id, actor=desk.actor("chief"))
    working.go_on(desk.store, found.id)

    assert (found.state, counts(desk, found)) == ("done", {"created": working.CHUNK, "ready": 10})


@pytest.mark.parametrize("reminds", [False, True])
def test_what_comes_in_reminds_nobody_unless_that_was_asked_for(make_store: MakeStore, reminds: bool) -> None:
    desk = Desk(make_store({**DESK, "deal/workflow.yaml": FLOW + TIMERS}), SetClock(MONDAY))
    with desk.store.write() as session:
        add_people(session, desk)
    found = run(desk, choose(desk, put(desk, [["标题"], ["静"]], "deal"), reminds=reminds))
    [row] = rows_of(desk, found, "created")
    with desk.store.read() as session:
        own = select(timers.c.key).where(timers.c.entity == "deal", timers.c.record_id == row.record_id)
        armed = set(session.connection.scalars(own))
    assert armed == ({"nudge", "aged"} if reminds else {"aged"})


# ---- taking back


def test_a_whole_import_is_taken_back_but_for_what_was_changed_since(desk: Desk) -> None:
    old = desk.client(region="west", phone="13800138000")
    names = [desk.name("退") for _ in range(3)]
    rows = [["名称", "区域"], [old.values["name"], "东"], *([name, "东"] for name in names)]
    found = run(desk, choose(desk, put(desk, rows), mode="both", by="name"))
    touched = desk.page("chief", "client", text=names[1]).records[0]
    desk.update("chief", touched, phone="13700137000")

    found = undo(desk, found)

    assert (found.state, counts(desk, found)) == ("undone", {"undone": 3, "kept": 1})
    [kept] = rows_of(desk, found, "kept")
    assert kept.record_id == touched.id and "chief 的名字" in kept.problems[0]["zh"]
    assert [desk.count("chief", "client", text=name) for name in names] == [0, 1, 0]
    back = desk.get("chief", old)
    assert (back.values["region"], back.values["phone"], back.version) == ("west", "13800138000", 3)
    details = audited(desk, "importing.undone")[-1][0]
    assert (details["undone"], details["kept"]) == (3, 1)


def test_whoever_may_not_delete_takes_their_own_import_back_and_nothing_else(desk: Desk) -> None:
    found = run(desk, choose(desk, put(desk, [["名称"], [desk.name("自")]], login="rep"), login="rep"), "rep")
    undo(desk, found, "rep")
    assert counts(desk, found) == {"undone": 1}


def test_after_seven_days_it_is_too_late(desk: Desk) -> None:
    found = run(desk, choose(desk, put(desk, [["名称"], [desk.name("晚")]])))
    desk.clock.at += timedelta(days=7, seconds=1)
    with pytest.raises(NotPossibleNow) as refused:
        undo(desk, found)
    assert refused.value.text() == "导入超过 7 天，不能再整批撤销。"
    put(desk, [["名称"], ["x"]])  # the next file: what nobody can use any more is forgotten
    assert rows_of(desk, found) == []
