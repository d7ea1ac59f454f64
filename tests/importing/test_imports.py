"""Imports: each row by the rules of the form, each refused row named with what is wrong in it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.errors import InvalidValues, NotAllowed
from engine.importing.at_once import ImportResult, import_records
from engine.importing.sheets import Sheet, read_sheet
from engine.importing.working import CHUNK
from engine.people import accounts
from engine.records import history
from engine.records.record import Record
from engine.storage.system_tables import history as history_table
from engine.storage.system_tables import outbox
from tests.importing.test_sheets import table, text
from tests.records.desk import Desk


def bring(desk: Desk, rows: list[list[Any]], login: str = "chief", entity: str = "client") -> ImportResult:
    """Import rows, the first of which is the header."""
    cells = [(at, row) for at, row in enumerate(rows[1:], start=2)]
    return import_records(desk.store, entity, Sheet([str(one) for one in rows[0]], cells), actor=desk.actor(login))


def named(desk: Desk, name: str) -> Record:
    clients = desk.store.tables.entity["client"]
    with desk.store.read() as session:
        id_ = session.connection.scalar(select(clients.c.id).where(clients.c.name == name))
    assert id_ is not None, f"there is no client {name}"
    return desk.get("chief", Record("client", id_, 1, {}))


def told(result: ImportResult, language: str = "zh") -> dict[int, str]:
    return {row.row: row.text(language) for row in result.refused}


def test_a_real_workbook_and_a_real_csv_bring_the_same_records(desk: Desk) -> None:
    names = [desk.name("导入") for _ in range(4)]
    header = ["名称*", "区域", "电话", "limit"]
    book = table([header, [names[0], "东", 13800138000, 1234.5], [names[1], "west", "0574-8765432", ""]])
    plain = text([header, [names[2], "东", "13800138000", "1,234.50"], [names[3], "west", "0574-8765432", ""]])

    for sheet in (read_sheet(book, "a.xlsx"), read_sheet(plain.encode("gbk"), "a.csv")):
        result = import_records(desk.store, "client", sheet, actor=desk.actor("chief"))
        assert (result.total, result.created, result.refused) == (2, 2, [])

    values = [named(desk, name).values for name in names]
    kept = [(one["region"], one["phone"], one["limit"], one["owner"]) for one in values]
    chief = desk.people["chief"]
    assert (
        kept[:2]
        == kept[2:]
        == [
            ("east", "13800138000", Decimal("1234.50"), chief),
            ("west", "05748765432", None, chief),
        ]
    )


def test_every_refused_row_is_named_and_the_others_are_brought_in(desk: Desk) -> None:
    taken, good = desk.client().values["name"], desk.name("好")
    rows = [
        ["名称", "区域", "信用代码", "电话", "伙伴", "负责人"],
        [good, "", "", "", "", ""],
        ["", "东", "", "", "", ""],
        [taken, "南", "123", "x", "查无此人", "谁"],
        [good, "", "", "", "", ""],
        [desk.name("好"), "", "91350100M000100Y43", "", taken, "rep"],
        [desk.name("好"), "", "91350100m000100y43", "", "", "rep 的名字"],
    ]

    result = bring(desk, rows)

    assert (result.total, result.created) == (6, 2)
    assert told(result) == {
        3: "名称：请填写“名称”。",
        4: "；".join(
            [
                "伙伴：找不到“查无此人”，请填写已有记录的编号或名称",
                "负责人：找不到人员“谁”，请填写登录名或姓名",
                "区域：没有这个选项，可选：东、西",
                "信用代码：统一社会信用代码应为 18 位，请核对营业执照",
                "电话：电话号码应为 5 到 20 位数字，可带国家码，例如 13800138000。",
            ]
        ),
        5: "名称：“名称”与第 2 行重复，请只保留一行。",
        7: "信用代码：“信用代码”与第 6 行重复，请只保留一行。",
    }
    partner = named(desk, str(rows[5][0]))
    assert (partner.values["owner"], partner.labels["client", partner.values["partner"]]) == (desk.people["rep"], taken)


def test_a_name_that_two_carry_is_refused_and_a_number_or_login_settles_it(desk: Desk) -> None:
    with desk.store.write() as session:
        for login in ("wang1", "wang2"):
            accounts.create_user(session, login=login, name="王强", password=None, roles=["rep"], actor=None)
    good = desk.name("王强的客户")

    result = bring(desk, [["名称", "owner"], [desk.name("x"), "王强"], [good, "wang2"]])

    assert told(result) == {2: "owner：有不止一条叫“王强”的，请改填编号或账号。"}
    with desk.store.read() as session:
        assert named(desk, good).values["owner"] == accounts.find_user(session.connection, "wang2")


def test_columns_that_are_no_fields_stop_the_import_before_anything_is_written(desk: Desk) -> None:
    before = desk.count("chief", "client")

    with pytest.raises(InvalidValues) as refused:
        bring(desk, [["名称", "颜色", "名称", "id", ""], [desk.name("x"), "红", "y", "1", "z"]])

    assert [error.text() for error in refused.value.errors] == [
        "列“颜色”不是可以导入的字段，请改成字段名称，或删去这一列。",
        "列“名称”出现了两次，请只保留一列。",
        "列“id”不是可以导入的字段，请改成字段名称，或删去这一列。",
        "E 列有内容但没有列名；请在列名那一行写上字段名称，或删去这一列。",
    ]
    assert desk.count("chief", "client") == before


def test_a_hidden_or_readonly_field_is_a_column_like_none(desk: Desk) -> None:
    with pytest.raises(InvalidValues) as hidden:
        bring(desk, [["名称", "额度"], ["x", "1"]], login="rep")

    assert hidden.value.errors[0].text() == "列“额度”不是可以导入的字段，请改成字段名称，或删去这一列。"


def test_importing_needs_a_right_of_its_own(desk: Desk) -> None:
    for login in ("lead", "guest", "nobody"):
        with pytest.raises(NotAllowed) as refused:
            bring(desk, [["名称"], ["x"]], login=login)
        assert refused.value.text() == "你没有权限导入“客户”。"


def test_a_link_to_a_foreign_record_is_one_to_nothing(desk: Desk) -> None:
    foreign = desk.client("stranger").values["name"]

    result = bring(desk, [["名称", "伙伴"], [desk.name("x"), foreign]], login="rep")

    assert told(result) == {2: f"伙伴：找不到“{foreign}”，请填写已有记录的编号或名称。"}


def test_repeats_are_found_across_the_small_transactions(desk: Desk) -> None:
    names = [desk.name("多") for _ in range(CHUNK + 5)]

    result = bring(desk, [["名称"], *([name] for name in names), [names[0]], [names[-1]]])

    assert (result.created, sorted(told(result))) == (len(names), [CHUNK + 7, CHUNK + 8])


def test_two_that_meet_only_in_the_database_hold_no_other_back(desk: Desk) -> None:
    house = desk.name("库")
    rows = [[f"n{at}", house, "3" if at in (1, 4) else str(at + 10)] for at in range(6)]

    result = bring(desk, [["名称", "库", "位"], *rows], entity="stock")

    assert (result.created, told(result)) == (5, {6: "库：“库”与第 3 行重复，请只保留一行。"})


def test_progress_is_told_and_history_and_events_are_as_for_any_other_record(desk: Desk) -> None:
    seen: list[tuple[int, int]] = []
    names = [desk.name("进") for _ in range(CHUNK + 1)]
    sheet = Sheet(["名称"], [(at, [name]) for at, name in enumerate(names, start=2)])

    import_records(desk.store, "client", sheet, actor=desk.actor("chief"), progress=lambda *done: seen.append(done))

    assert seen == [(CHUNK, CHUNK + 1), (CHUNK + 1, CHUNK + 1)]
    record = named(desk, names[-1])
    typed = desk.client()
    with desk.store.read() as session:
        entries = history.list_history(session, "client", record.id, actor=desk.actor("chief"))
        own = select(outbox.c.type, outbox.c.payload).where(outbox.c.entity == "client")
        events = [session.connection.execute(own.where(outbox.c.record_id == one.id)).all() for one in (record, typed)]
    assert [(entry.action, entry.via, entry.version) for entry in entries] == [("import", "import", 1)]
    assert entries[0].changes["name"] == [None, names[-1]]
    assert events[0] == events[1]
    assert record.version == 1
    assert set(record.values) == set(desk.get("chief", typed).values)


def test_cells_of_every_kind_are_judged_and_never_break_the_import(desk: Desk) -> None:
    cells: list[Any] = [
        None, "", " ", 5.0, 1.5, True, datetime(2026, 3, 4), "a\x00b", "\ud800", "a" * 70, "'; DROP TABLE e_client; --",
        "😀", "%", float("nan"), float("inf"), 10**30,
    ]  # fmt: skip
    header = ["名称", "区域", "信用代码", "电话", "额度", "伙伴", "owner"]

    result = bring(desk, [header, *([cell] * len(header) for cell in cells), [desk.name("短")]])

    assert result.created == 1
    assert result.total == len(cells) + 1 == result.created + len(result.refused)


def test_what_was_imported_is_found_and_counted_like_the_rest(desk: Desk) -> None:
    name = desk.name("找得到")
    bring(desk, [["名称"], [name]])

    assert desk.ids("chief", "client", text=name) == [named(desk, name).id]
    with desk.store.read() as session:
        own = (history_table.c.entity == "client", history_table.c.record_id == named(desk, name).id)
        assert len(session.connection.execute(select(history_table.c.id).where(*own)).all()) == 1
