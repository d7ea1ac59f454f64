"""A list taken out of the house: what one may see and no more, typed, harmless, marked, allowed and logged."""

import csv
import html
import io
import os
import signal
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import event, select

from engine.automation.outbox import drain
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.exporting import requests, working
from engine.people import accounts
from engine.records.filters import Filter
from engine.records.record import Record
from engine.storage.system_tables import audit, notices
from tests.exporting.conftest import ABOVE, Office
from tests.importing.bringing import choose, run
from tests.records.desk import line

NAMED = Filter("name", "contains", "")


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def cells_of(content: bytes, sheet: int = 0) -> list[list[Any]]:
    """The values of a sheet as a spreadsheet reads them."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(sheet).to_python()


def parts_of(content: bytes) -> dict[str, str]:
    """The texts a workbook is made of."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: html.unescape(archive.read(name).decode()) for name in archive.namelist()}


def clients(desk: Office, count: int, login: str = "chief", **raw: Any) -> str:
    """Make so many clients and return the beginning of their names."""
    start = desk.name("批")
    for at in range(count):
        desk.client(login, name=f"{start}-{at:03}", **raw)
    return start


def only(start: str) -> tuple[Filter, ...]:
    return (Filter("name", "contains", start),)


def test_a_file_holds_what_its_asker_sees_and_nothing_else(desk: Office) -> None:
    start = desk.name("乙")
    desk.client(name=f"{start}远", phone="13811112222", limit="777.77")
    desk.client("rep", name=f"{start}近", phone="13833334444")
    columns = ("name", "phone", "limit", "owner")

    mine = rows_of(desk.export("rep", filters=only(start), columns=("name", "phone", "owner")))
    part = rows_of(desk.export("lead", filters=only(start), columns=columns, sort="name"))

    assert mine[1:] == [["名称", "电话", "负责人"], [f"{start}近", "13833334444", "rep 的名字"]]
    assert [row[:2] for row in part[2:]] == [[f"{start}近", "138****4444"], [f"{start}远", "138****2222"]]
    with pytest.raises(InvalidValues) as refused:
        desk.ask("rep", columns=("name", "limit"))
    assert refused.value.errors[0].code == "record.bad_filter"


def test_the_order_the_filter_and_the_columns_are_those_of_the_view(desk: Office) -> None:
    start = clients(desk, 3)

    found = rows_of(desk.export("chief", filters=only(start), sort="-name", columns=("region", "name")))

    assert found[1:] == [["区域", "名称"], *(["东", f"{start}-{at:03}"] for at in (2, 1, 0))]


def test_cells_are_typed(desk: Office) -> None:
    product = desk.product(price="1234.5678")
    made = desk.create(
        "chief", "deal", title=desk.name("型"), share="12.5%", weight="0.125", pieces="3", due="2026-03-09",
        met="2026-03-05T10:30", agreed=True, why="是", kinds=["rush", "bulk"], lines=[line(product)],
    )  # fmt: skip
    keys = ("number", "title", "share", "weight", "pieces", "due", "met", "agreed", "kinds", "total", "stage")

    content = desk.export("chief", "deal", format="xlsx", filters=(Filter("title", "eq", made.values["title"]),),
                          columns=keys)  # fmt: skip
    cells = dict(zip(keys, cells_of(content)[1], strict=True))
    formats = parts_of(content)["xl/styles.xml"]

    assert (cells["share"], cells["weight"], cells["pieces"], cells["agreed"]) == (0.125, 0.125, 3, True)
    assert Decimal(str(cells["total"])) == made.values["total"]
    assert 'formatCode="0.00%"' in formats and '¥"#,##0.00' in formats
    assert (cells["due"], cells["met"]) == (date(2026, 3, 9), datetime(2026, 3, 5, 10, 30))
    assert (cells["kinds"], cells["stage"]) == ("加急, 大批", "进行")


def test_lines_leave_on_a_sheet_of_their_own_or_as_rows_without_what_is_hidden(desk: Office) -> None:
    product, title = desk.product(price="1234.5678"), desk.name("明细")
    full = desk.create("chief", "deal", title=f"{title}-1", lines=[line(product, qty="2"), line(product, qty="3.5")])
    bare = desk.create("chief", "deal", title=f"{title}-2", lines=[])
    asked: Any = {"filters": (Filter("title", "contains", title),), "sort": "title", "columns": ("title",),
                  "lines": ("lines",)}  # fmt: skip

    book = desk.export("chief", "deal", format="xlsx", **asked)
    head, *rows = cells_of(book, 1)
    assert cells_of(book)[1:] == [[f"{title}-1"], [f"{title}-2"]]
    assert head[:2] == ["编号", "行"]
    assert [row[:2] for row in rows] == [[full.values["number"], 1], [full.values["number"], 2]]
    assert [row[head.index("数量")] for row in rows] == [2, 3.5]
    assert product.values["name"] in str(rows[0][head.index("产品")])

    flat = rows_of(desk.export("chief", "deal", **asked))[1:]
    assert [row[0] for row in flat[1:]] == [f"{title}-1", f"{title}-1", f"{title}-2"]
    assert flat[3][1:] == [""] * (len(flat[0]) - 1)
    hidden = rows_of(desk.export("guest", "deal", **asked))
    assert "成本" in flat[0] and "成本" not in hidden[1] and len(hidden) == 5

    with desk.store.write() as session:
        found = dict(
            session.connection.execute(select(audit.c.details).order_by(audit.c.id.desc()).limit(1)).scalar_one()
        )
    assert found["lines"] == ["lines"] and bare.id
    with pytest.raises(InvalidValues) as refused:
        desk.ask("chief", "deal", lines=("nothing",))
    assert refused.value.errors[0].path == "lines"


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "'=1+1", "\t=1", "''=x"])
def test_no_text_becomes_a_formula_and_every_text_comes_back(desk: Office, evil: str) -> None:
    name = f"{evil.strip()}{desk.name('x')}"
    desk.client(name=name)
    filters = (Filter("name", "eq", name),)

    text = desk.export("chief", filters=filters, columns=("name", "region"))
    book = desk.export("chief", format="xlsx", filters=filters, columns=("name", "region"))

    assert not rows_of(text)[2][0].startswith(("=", "+", "-", "@", "\t"))
    assert cells_of(book)[1][0] == name
    assert "<f>" not in parts_of(book)["xl/worksheets/sheet1.xml"]
    from engine.importing.sheets import read_rows

    assert [cells for _, cells in read_rows(text, "a.csv")][-1][0] == name


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_what_went_out_comes_in_again_as_it_was(desk: Office, format: str) -> None:
    start = desk.name("回")
    desk.client(name=f"{start}甲", phone="13800001111", limit="1234.50", region="west")
    content = desk.export("chief", format=format, filters=only(start), columns=("name", "phone", "limit", "region"))
    from engine.importing.sheets import read_rows
    from engine.importing.staging import stage
    from tests.importing.bringing import counts, see

    name = f"客户.{format}"
    id_ = stage(desk.store, "client", read_rows(content, name), name=name, content=content, actor=desk.actor("chief"))
    done = run(desk, choose(desk, see(desk, id_), mode="update", by="name"))

    assert counts(desk, done) == {"same": 1}


def test_a_file_says_who_took_it_along(desk: Office) -> None:
    start = clients(desk, 1)
    text = rows_of(desk.export("chief", filters=only(start)))[0][0]
    content = desk.export("chief", format="xlsx", filters=only(start))
    parts = parts_of(content)

    told = (text, cells_of(content, 1)[0][0], parts["xl/worksheets/sheet1.xml"], parts["docProps/core.xml"])
    for said in told:
        assert "chief 的名字" in said and "2026-03-02 09:00" in said, said


def test_who_may_not_export_cannot(desk: Office) -> None:
    for login in ("guest", "remover"):
        with pytest.raises(NotAllowed):
            desk.ask(login)
    with pytest.raises(NotAllowed):
        desk.ask("nobody")
    with pytest.raises(NotFound):
        desk.ask("chief", "nothing")


def test_the_audit_log_tells_what_left(desk: Office) -> None:
    start = clients(desk, 2)
    found = desk.ask("chief", filters=only(start), columns=("name",))
    working.go_on(desk.store, found.id)
    desk.file("chief", found)

    with desk.store.read() as session:
        rows = session.connection.execute(
            select(audit.c.action, audit.c.actor_id, audit.c.details).order_by(audit.c.id)
        )
        told = [row for row in rows if row[0].startswith("exporting.") and row[2]["export"] == found.id]
    assert [row[0] for row in told] == ["exporting.asked", "exporting.done", "exporting.fetched"]
    assert {row[1] for row in told} == {desk.people["chief"]}
    assert (told[1][2]["rows"], told[1][2]["columns"], told[1][2]["format"]) == (2, ["name"], "csv")
    assert start in str(told[0][2]["filter"])


# ---- asking


@pytest.fixture
def many(desk: Office) -> str:
    return clients(desk, ABOVE + 1)


def test_many_rows_wait_for_somebody_else_to_allow_them(desk: Office, many: str) -> None:
    with pytest.raises(InvalidValues) as refused:
        desk.ask("chief", filters=only(many))
    assert [one.path for one in refused.value.errors] == ["reason"]
    found = desk.ask("chief", filters=only(many), reason="对账")
    working.go_on(desk.store, found.id)

    assert desk.see("chief", found).state == "asked"
    with pytest.raises(NotPossibleNow):
        desk.file("chief", found)
    with pytest.raises(NotFound):
        desk.approve("chief", found)  # not one's own
    with pytest.raises(NotFound):
        desk.approve("rep", found)
    desk.approve("guest", found)
    working.work(desk.store)
    assert len(rows_of(desk.file("chief", found))) == ABOVE + 3
    with pytest.raises(NotPossibleNow):
        desk.refuse("guest", found)
    with pytest.raises(NotFound):
        desk.file("guest", found)  # who allows it does not get it


def test_a_refusal_has_a_reason_and_everybody_hears_of_it(desk: Office, many: str) -> None:
    found = desk.ask("chief", filters=only(many), reason="对账")
    with pytest.raises(InvalidValues):
        desk.refuse("guest", found, " ")
    desk.refuse("guest", found, "不需要整表")
    working.work(desk.store)
    drain(desk.store)

    assert (desk.see("chief", found).state, desk.see("chief", found).answer) == ("refused", "不需要整表")
    with desk.store.read() as session:
        rows = session.connection.execute(select(notices.c.user_id, notices.c.kind, notices.c.params))
        told = {(row[0], row[1]) for row in rows if row[2].get("export") == found.id}
    assert told == {(desk.people["guest"], "export_asked"), (desk.people["chief"], "export_refused")}


def test_rows_nobody_else_may_allow_are_refused_with_what_to_do(desk: Office) -> None:
    start = desk.name("单")
    for at in range(ABOVE + 1):
        desk.deal(title=f"{start}{at}")
    with pytest.raises(NotPossibleNow) as refused:
        desk.ask("chief", "deal", filters=(Filter("title", "contains", start),), reason="对账")
    assert "approve_export" in refused.value.text("zh")


def test_one_may_take_it_back(desk: Office, many: str) -> None:
    found = desk.ask("chief", filters=only(many), reason="对账")
    with desk.store.write() as session:
        requests.stop(session, found.id, actor=desk.actor("chief"))

    with pytest.raises(NotPossibleNow):
        desk.approve("guest", found)


# ---- rights, time and death


def test_rights_are_asked_again_before_writing_and_before_fetching(desk: Office) -> None:
    start = clients(desk, 1)
    login = desk.name("mover")
    with desk.store.write() as session:
        desk.people[login] = accounts.create_user(
            session, login=login, name=login, password=None, roles=["chief"], department=None, actor=None
        )
    first, second = (
        desk.ask(login, filters=only(start)),
        desk.ask(login, filters=only(start), columns=("name", "limit")),
    )
    working.go_on(desk.store, first.id)
    assert start in desk.file(login, first).decode()
    with desk.store.write() as session:
        accounts.set_roles(session, desk.people[login], ["rep"], actor=None)
    working.go_on(desk.store, second.id)

    with pytest.raises(NotPossibleNow):
        desk.file(login, first)
    assert desk.see(login, second).state == "failed"
    assert "权限" in (desk.see(login, second).error or {})["zh"]
    with desk.store.write() as session:
        accounts.set_roles(session, desk.people[login], ["guest"], actor=None)
    with pytest.raises(NotAllowed):
        desk.file(login, first)


def test_a_file_is_gone_after_a_day(desk: Office) -> None:
    found = desk.ask("chief", filters=only(clients(desk, 1)))
    working.go_on(desk.store, found.id)
    sha256 = desk.see("chief", found).sha256 or ""
    assert desk.store.files.path(sha256).exists()
    desk.clock.at += timedelta(hours=24)

    with pytest.raises(NotPossibleNow):
        desk.file("chief", found)
    desk.clock.at += timedelta(hours=1)
    working.work(desk.store)
    assert desk.see("chief", found).state == "expired"
    with pytest.raises(NotPossibleNow) as refused:
        desk.file("chief", found)
    assert "24" in refused.value.text("zh")


def killed(desk: Office, found: requests.Export, number: int) -> bool:
    """Write it in a process that kills itself at a statement; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(*_: Any) -> None:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            event.listen(desk.store.database.engine, "before_cursor_execute", count)
            working.go_on(desk.store, found.id)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_worker_that_is_killed_is_followed_by_another(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_SIGN_OF_LIFE", 3)
    start = clients(desk, 12)
    deaths = 0
    for number in range(1, 24, 3):
        found = desk.ask("chief", filters=only(start))
        deaths += killed(desk, found, number)
        working.work(desk.store)
        desk.clock.at += requests.LEASE
        working.work(desk.store)

        assert desk.see("chief", found).state == "done", number
        assert len(rows_of(desk.file("chief", found))) == 14, number
    assert deaths > 3


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_always_breaks_off_is_given_up_and_told(desk: Office) -> None:
    found = desk.ask("chief", filters=only(clients(desk, 2)))
    for _ in range(requests.MOST_ATTEMPTS):
        assert killed(desk, found, 6)
        desk.clock.at += requests.LEASE
    working.work(desk.store)

    assert desk.see("chief", found).state == "failed"
    assert "3" in (desk.see("chief", found).error or {})["zh"]


def test_two_workers_write_one_file_once(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    found = desk.ask("chief", filters=only(clients(desk, 2)))
    taken = working._claim(desk.store, found.id)

    assert taken is not None
    assert working._claim(desk.store, found.id) is None


def test_a_long_list_is_never_in_memory(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two pages of records are alive at any moment, however long the list is."""
    import gc

    monkeypatch.setattr(working, "MOST", 5)
    start = clients(desk, 19)
    seen: list[int] = []
    written = working.Columns.cells

    def watch(self: Any, record: Record) -> Any:
        gc.collect()
        seen.append(sum(isinstance(one, Record) for one in gc.get_objects()))
        return written(self, record)

    monkeypatch.setattr(working.Columns, "cells", watch)
    gc.collect()
    gc.freeze()  # what was there before is not looked through each time
    desk.export("chief", filters=only(start))

    assert len(seen) == 19
    assert max(seen) <= 11
