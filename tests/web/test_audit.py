"""The audit: everything done to the system itself can be looked up by administrators, and nobody can change it."""

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import engine
from engine.errors import NotAllowed
from engine.people import accounts, delegations
from engine.people.audit import ACTIONS, AuditQuery, list_audit
from engine.storage.journal import write_audit
from tests.web.conftest import Desk
from web.page_kit import page_text

ENGINE = Path(engine.__file__).parent
CALL = re.compile(r'(?:write_audit|_write_audit|_changed)\(\s*session,\s*(f?)"([a-z_.{}]+)"')


def test_every_kind_that_is_written_can_be_chosen_and_has_its_words() -> None:
    written = {found for path in ENGINE.rglob("*.py") for found in CALL.findall(path.read_text("utf-8"))}
    plain = {name for made, name in written if not made}
    made = {name.split("{")[0] for is_made, name in written if is_made}
    assert len(plain) > 20
    assert plain <= set(ACTIONS)
    assert all(any(action.startswith(start) for action in ACTIONS) for start in made)
    for action in ACTIONS:
        assert page_text(f"audit.{action}", "zh") and page_text(f"audit.{action}", "en")


def test_administrators_find_what_was_done_by_whom_when_and_where(desk: Desk) -> None:
    desk.browser("rep1")
    desk.clock.at += timedelta(days=2)
    desk.browser("rep2").sign_in("rep2", "wrong")
    root = desk.browser("root")
    page = root.get("/admin/audit").get_data(as_text=True)
    assert "Rep1" in page and "Rep2" in page and "127.0.0.1" in page
    mine = root.get(f"/admin/audit?person={desk.ids['rep1']}&action=session.open").get_data(as_text=True)
    assert "<strong>Rep1</strong> 登录" in mine and "<strong>Rep2</strong> 登录" not in mine
    day = f"{desk.clock.at:%Y-%m-%d}"
    today = root.get(f"/admin/audit?from={day}&to={day}&action=session.open").get_data(as_text=True)
    assert "<strong>Rep2</strong> 登录" in today and "<strong>Rep1</strong> 登录" not in today


def test_refused_sign_ins_are_noted_for_administrators_without_filling_the_log(desk: Desk) -> None:
    stranger = desk.browser()
    for login, times in (("rep1", 10), ("NoBody@example.com", 2), ("x\x00", 1), ("", 1)):
        said = {stranger.sign_in(login, "wrong").get_data(as_text=True).count("账号或密码不正确") for _ in range(times)}
        assert len(said) == 1
    assert [stranger.sign_in("rep1").status_code for _ in range(3)] == [429] * 3
    with desk.store.read() as session:
        root = accounts.get_actor(session.connection, desk.ids["root"])
        found = list_audit(session, AuditQuery(action="session.refused"), actor=root)
    assert [one.details["cause"] for one in found] == ["throttled", *["password"] * 5]
    told = [(one.subject, one.details["times"], one.details.get("login"), one.actor_id, one.ip) for one in found[1:]]
    rep = f"user:{desk.ids['rep1']}"
    assert sorted(told, key=str) == sorted([
        (rep, 1, None, None, "127.0.0.1"), (rep, 10, None, None, "127.0.0.1"),
        (None, 1, "nob…", None, "127.0.0.1"), (None, 1, None, None, "127.0.0.1"), (None, 1, "…", None, "127.0.0.1"),
    ], key=str)  # fmt: skip
    page = desk.browser("root").get("/admin/audit?action=session.refused").get_data(as_text=True)
    assert "登录被拒" in page and "账号或密码不对" in page and "nob…" in page and "nobody" not in page


def test_it_is_read_page_by_page(desk: Desk) -> None:
    with desk.store.write() as session:
        for day in range(101):
            write_audit(session, "change_day", f"day {day}", actor=None)
    first = desk.browser("root").get("/admin/audit").get_data(as_text=True)
    assert "day 100" in first and "day 2" in first and "day 0<" not in first
    older = re.search(r'href="(/admin/audit\?before=\d+)"', first)[1]  # type: ignore[index]
    assert "day 0<" in desk.browser("root").get(older).get_data(as_text=True)


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-02-30", "person=x", "before=x", "before=-1", "action=<x>"]
)
def test_bad_input_is_said_in_a_sentence(desk: Desk, query: str) -> None:
    said = desk.browser("root").get(f"/admin/audit?{query}")
    assert said.status_code in (200, 404)
    assert "Traceback" not in said.get_data(as_text=True)


def test_what_was_found_leaves_as_a_file_and_that_is_noted(desk: Desk) -> None:
    with desk.store.write() as session:
        for day in range(1_203):
            write_audit(session, "change_day", "=1+1" if day == 7 else f"day {day}", actor=None)
    root = desk.browser("root")
    root.get("/admin/audit")
    said = root.get("/admin/audit/file?action=change_day&format=csv")
    rows = list(csv.reader(io.StringIO(said.get_data(as_text=True).lstrip("\ufeff"))))
    assert "Root" in rows[0][0] and rows[1][0] == "ID"
    assert [row[8] for row in rows[2:]] == ["'=1+1" if day == 7 else f"day {day}" for day in reversed(range(1_203))]
    book = io.BytesIO(root.get("/admin/audit/file?action=change_day&format=xlsx").get_data())
    cells = CalamineWorkbook.from_filelike(book).get_sheet_by_index(0).to_python()
    assert len(cells) == 1_204 and isinstance(cells[1][1], datetime)
    assert [row[8] for row in cells[1:]] == ["=1+1" if day == 7 else f"day {day}" for day in reversed(range(1_203))]
    with desk.store.read() as session:
        actor = accounts.get_actor(session.connection, desk.ids["root"])
        taken = list_audit(session, AuditQuery(action="audit.taken"), actor=actor)
    assert [one.details for one in taken] == [
        {"format": format, "rows": 1_203, "action": "change_day"} for format in ("xlsx", "csv")
    ]
    assert root.get("/admin/audit/file?format=exe").status_code == 404
    assert root.get("/admin/audit/file?format=csv&from=nonsense").status_code == 422


def test_a_file_does_not_hold_more_than_it_can(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.people.audit.MOST_TAKEN", 0)
    said = desk.browser("root").get("/admin/audit/file?format=csv")
    assert said.status_code == 409 and "缩小" in said.get_data(as_text=True)


def test_nobody_else_reads_it(desk: Desk) -> None:
    for login in ("rep1", "lead", "guest"):
        assert desk.browser(login).get("/admin/audit").status_code == 403
        assert desk.browser(login).get("/admin/audit/file?format=csv").status_code == 403
    with desk.store.read() as session, pytest.raises(NotAllowed):
        actor = accounts.get_actor(session.connection, desk.ids["lead"])
        list_audit(session, AuditQuery(), actor=actor)


@pytest.mark.parametrize("statement", ["UPDATE fw_audit SET action = 'x'", "DELETE FROM fw_audit"])
def test_the_database_refuses_to_change_it(desk: Desk, statement: str) -> None:
    desk.browser("rep1")
    with pytest.raises(DBAPIError, match="only added to"), desk.store.write() as session:
        session.connection.execute(text(statement))


def test_the_page_says_labels_names_and_the_time_of_the_site(desk: Desk) -> None:
    with desk.store.write() as session:
        starts = session.now()
        until, who = starts + timedelta(days=1), {"principal": desk.ids["rep1"], "deputy": desk.ids["rep2"]}
        delegations.create_delegation(session, **who, starts_at=starts, ends_at=until, actor=None)
        write_audit(session, "release.rollback", "release:3", {"to": 1, "from": 2, "note": None}, actor=None)
        shared = {"to": "Rep2", "kind": "user", "access": "write", "until": None}
        write_audit(session, "sharing.share", "ticket/5", shared, actor=None)
        write_audit(session, "change_day", "2026-10-01", {"calendar": "cn", "works": False}, actor=None)
    page = desk.browser("root").get("/admin/audit").get_data(as_text=True)
    said = re.sub(r"<[^>]+>", " ", page.partition('<ol class="audit">')[2].partition("</ol>")[0])
    said = re.sub(r"\s+", " ", said)
    site = starts.astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{site:%Y-%m-%d %H:%M}" in said
    assert "Rep2" in said and "版本 3" in said and "接手人 1 " in said
    assert "工单 #5" in said and "权限 可编辑" in said and "种类 人员" in said and "上班 否" in said
    assert not re.search(r"\d{4}-\d{2}-\d{2}T|[+]00:00|\b(kind|access|works|digest|until)\b", said)
