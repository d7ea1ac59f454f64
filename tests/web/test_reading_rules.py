"""Locked records are seen by name alone, whoever reads is noted where that is said, and pages carry their name."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from engine.people import accounts
from engine.people.audit import AuditQuery, list_audit
from tests.web.conftest import Desk, OpenDesk, add_people

APP = """\
app: library
label: 书库
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles: {rep: {label: 销售}, expert: {label: 技术}, guest: {label: 访客}, admin: {label: 管理员}}
menu: [manual, proof]
"""
MANUAL = """\
entity: manual
label: 手册
number: {pattern: "SC{seq:3}"}
display: "{title}"
fields:
  title: {type: text, label: 标题, required: true, search: true}
  core:  {type: boolean, label: 核心, default: false}
  hint:  {type: text, label: 提示, search: true}
  body:  {type: long_text, label: 正文, search: true}
  files: {type: file, label: 附件, many: true, accept: [pdf]}
list: {columns: [number, title, hint, core]}
reading:
  locked: {text: "再有 {left} 份证明即可查看", left: "2 - count(user.proof)"}
  noted: true
  marked: true
scopes:
  unlocked: {where: "not core or count(user.proof) >= 2"}
access:
  rep:    {read: unlocked, export: true}
  expert: {read: all, write: all, create: true, delete: all}
  admin:  {read: all}
"""
PROOF = """\
entity: proof
label: 证明
fields: {name: {type: text, label: 名称, required: true}}
access:
  rep: {read: own, write: own, create: true, delete: own}
"""
PRINT = """\
print: manual
entity: manual
label: 手册
title: 手册
head: [title, hint]
"""
DEFINITION: Mapping[str, str] = {
    "app.yaml": APP,
    "manual/entity.yaml": MANUAL,
    "manual/print.yaml": PRINT,
    "proof/entity.yaml": PROOF,
}
SECRETS = ("CANARY-HINT", "CANARY-BODY", "canary-file", "Lead")


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A library with an open manual and a locked one, written by the expert ``lead``."""
    people = {
        "rep1": ("north", "rep"),
        "lead": ("north", "expert"),
        "wolf": ("north", "expert"),
        "guest": ("north", "guest"),
        "root": ("north", "admin"),
    }
    desk = open_desk(definition=DEFINITION, people=lambda store: add_people(store, people))
    lead = desk.program("lead")
    sent = (
        desk.browser("lead")
        .post("/files?for=manual.files", data={"file": (io.BytesIO(b"%PDF-1.4 x"), "canary-file.pdf")})
        .get_json()
    )
    desk.program("wolf").made("manual", title="怎样问清工况", body="先问介质")
    lead.made(
        "manual", title="气缸垫参数手册", core=True, hint="CANARY-HINT", body="CANARY-BODY", files=[{"id": sent["id"]}]
    )
    return desk


def text(desk: Desk, login: str, path: str) -> str:
    return desk.browser(login).get(path).get_data(as_text=True)


def readings(desk: Desk) -> list[tuple[str | None, str | None, Any]]:
    with desk.store.read() as session:
        root = accounts.get_actor(session.connection, desk.ids["root"])
        found = list_audit(session, AuditQuery(action="noted.read"), actor=root)
        return [(one.actor, one.subject, one.details["how"]) for one in reversed(found)]


def test_whoever_may_not_read_it_yet_sees_its_name_and_what_opens_it(desk: Desk) -> None:
    rep = desk.program("rep1")
    page = text(desk, "rep1", "/e/manual/2")
    assert "气缸垫参数手册" in page and "再有 2 份证明即可查看" in page
    assert not [secret for secret in SECRETS if secret in page]

    rep.made("proof", name="一")
    assert "再有 1 份证明即可查看" in text(desk, "rep1", "/e/manual")
    proof = rep.made("proof", name="二")
    assert "CANARY-BODY" in text(desk, "rep1", "/e/manual/2") and "再有" not in text(desk, "rep1", "/e/manual")

    rep.call("DELETE", f"/proof/{proof['id']}", If_Match=f'"{proof["version"]}"')
    assert "再有 1 份" in text(desk, "rep1", "/e/manual/2"), "what is taken back locks it again"


def test_nothing_but_its_name_leaks_anywhere(desk: Desk) -> None:
    rep, program = desk.browser("rep1"), desk.program("rep1")
    pages = [
        "/e/manual", "/e/manual?q=CANARY", "/e/manual?sort=hint", "/e/manual/2", "/e/manual/2/history",
        "/e/manual/2/journey", "/e/manual/2/print/manual", "/e/manual/2/print/manual.pdf", "/e/manual/2/versions/1",
        "/search?q=CANARY", "/search?q=气缸垫", "/files/1", "/e/manual/export", "/e/manual?q=气缸垫",
    ]  # fmt: skip
    for path in pages:
        found = rep.get(path).get_data(as_text=True).replace('CANARY"', "").replace("q=CANARY", "")
        assert not [secret for secret in SECRETS if secret in found], path
    for path in ("/manual", "/manual/2", "/manual/2/history", "/search?q=CANARY", "/files/1", "/manual?q=CANARY"):
        answer = program.get(path)
        assert "气缸垫" not in answer.get_data(as_text=True), path
        assert not [secret for secret in SECRETS if secret in answer.get_data(as_text=True)], path
    assert program.get("/manual/2").status_code == 404 and program.get("/files/1").status_code == 404
    assert rep.get("/e/manual/2/print/manual").status_code == 404
    assert rep.get("/files/1").status_code == 404


def test_whoever_reads_nothing_of_it_is_told_nothing(desk: Desk) -> None:
    for path in ("/e/manual/2", "/e/manual"):
        answer = desk.browser("guest").get(path)
        assert answer.status_code in (403, 404) and "气缸垫" not in answer.get_data(as_text=True)
    assert desk.browser("rep1").get("/e/manual/99").status_code == 404


def test_what_is_deleted_is_not_named(desk: Desk) -> None:
    lead = desk.program("lead")
    lead.call("DELETE", "/manual/2", If_Match='"1"')
    assert desk.browser("rep1").get("/e/manual/2").status_code == 404
    assert "气缸垫" not in text(desk, "rep1", "/e/manual")


def test_who_reads_is_noted_in_every_way_and_a_locked_page_is_no_reading(desk: Desk) -> None:
    before = len(readings(desk))
    text(desk, "rep1", "/e/manual/2")
    text(desk, "rep1", "/e/manual")
    assert len(readings(desk)) == before

    text(desk, "rep1", "/e/manual/1")
    text(desk, "lead", "/e/manual/2/print/manual")
    desk.browser("lead").get("/files/1")
    desk.program("lead").get("/manual/2")
    desk.program("lead").get("/manual")
    assert readings(desk)[before:] == [
        ("Rep1", "manual/1", "page"),
        ("Lead", "manual/2", "print"),
        ("Lead", "manual/2", "file"),
        ("Lead", "manual/2", "program"),
        ("Lead", "manual", "program"),
    ]
    said = text(desk, "root", "/admin/audit?action=noted.read")
    assert "看了" in said and "手册 #2" in said and "打印页" in said


def test_pages_and_prints_carry_the_name_of_their_reader_and_the_time(desk: Desk) -> None:
    for path in ("/e/manual/1", "/e/manual/1/print/manual"):
        page = text(desk, "rep1" if "print" not in path else "lead", path)
        name = "Rep1" if "print" not in path else "Lead"
        assert page.count(f"<span>{name} 20") == 24, path
    assert desk.browser("lead").get("/e/manual/1/print/manual.pdf").status_code == 200
    assert "reader-mark" not in text(desk, "rep1", f"/e/proof/{desk.program('rep1').made('proof', name='x')['id']}")


def test_an_administrator_who_sees_as_somebody_is_named_and_not_that_person(desk: Desk) -> None:
    root = desk.browser("root")
    root.post(f"/admin/people/{desk.ids['rep1']}/see-as", data={"reason": "试"})
    page = root.get("/e/manual/1").get_data(as_text=True)
    assert "<span>Root 20" in page and "<span>Rep1 20" not in page
    assert readings(desk)[-1] == ("Root", "manual/1", "page")
