"""A shared record is there on every path for whoever it is shared with, and for nobody else."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from engine.automation.outbox import drain
from engine.people import groups
from engine.storage.share_tables import shares
from engine.storage.system_tables import audit
from tests.conftest import to_folder
from tests.web.conftest import DESK, Desk, OpenDesk, Program


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk with a group."""
    files = dict(to_folder(DESK).files)
    files["app.yaml"] += "\ngroups:\n  board: {label: 评审组}\n"
    return open_desk(definition=files)


@pytest.fixture
def ticket(desk: Desk) -> dict[str, Any]:
    """A ticket of rep1, in the department north."""
    return desk.program("rep1").made("ticket", title="CANARY-title", price="77.00")


def share(desk: Desk, ticket: dict[str, Any], to: str, access: str = "read", by: str = "rep1", **more: str) -> int:
    given = {"to": to, "access": access, **more}
    return desk.program(by).post(f"/ticket/{ticket['id']}/shares", given).status_code


def paths(ticket: dict[str, Any]) -> Iterator[str]:
    """Everywhere a ticket can be met over the API."""
    yield from (
        "/ticket",
        f"/ticket/{ticket['id']}",
        f"/ticket/{ticket['id']}/history",
        f"/ticket/{ticket['id']}/moves",
    )
    yield from (f"/ticket/{ticket['id']}/shares", "/search?q=CANARY", "/ticket?count=true", "/ticket?q=CANARY")


def met(program: Program, ticket: dict[str, Any]) -> set[bool]:
    """Whether each path knows the ticket."""
    found = set()
    for path in paths(ticket):
        answer = program.get(path)
        said = answer.get_json()
        there = answer.status_code == 200 and bool(said.get("items", True)) and bool(said.get("groups", True))
        if path.startswith("/search"):
            there = "CANARY" in answer.get_data(as_text=True)
        if path.endswith("/shares") or path.endswith("/moves"):
            there = answer.status_code == 200
        found.add(there)
    return found


def recipients(desk: Desk) -> dict[str, str]:
    with desk.store.write() as session:
        groups.set_groups(session, desk.ids["rep2"], ["board"], actor=None)
        teams = dict(session.connection.execute(text("SELECT key, id FROM fw_departments")).all())  # type: ignore[arg-type]
    return {"user": f"user:{desk.ids['rep2']}", "department": f"department:{teams['south']}", "group": "group:board"}


@pytest.mark.parametrize("kind", ["user", "department", "group"])
def test_a_share_opens_every_path_and_its_end_closes_them(desk: Desk, ticket: dict[str, Any], kind: str) -> None:
    other, to = desk.program("rep2"), recipients(desk)[kind]
    assert met(other, ticket) == {False}
    assert share(desk, ticket, to) == 201
    assert met(other, ticket) == {True}
    page = desk.browser("rep2")
    for path in ("/e/ticket", f"/e/ticket/{ticket['id']}", "/search?q=CANARY", "/pick/ticket?q=CANARY",
                 "/e/ticket/board",                 f"/e/ticket/{ticket['id']}/history"):  # fmt: skip
        assert "CANARY" in page.get(path).get_data(as_text=True) or path.endswith("history"), path
    [one] = desk.program("rep1").get(f"/ticket/{ticket['id']}/shares").get_json()["items"]
    assert desk.program("rep1").call("DELETE", f"/ticket/{ticket['id']}/shares/{one['id']}").status_code == 200
    assert met(other, ticket) == {False}
    assert "CANARY" not in page.get("/e/ticket").get_data(as_text=True)


def test_nobody_else_sees_what_is_shared_with_one(desk: Desk, ticket: dict[str, Any]) -> None:
    share(desk, ticket, f"user:{desk.ids['rep2']}", "write")
    desk.program("root").post("/admin/people", {"login": "rep3", "name": "R", "roles": ["rep"], "department": "south"})
    third = desk.program("root").get("/admin/people?q=rep3").get_json()["items"][0]["id"]
    desk.ids["rep3"] = third
    assert met(desk.program("rep3"), ticket) == {False}
    assert desk.program("guest").get("/ticket").status_code == 403


def test_a_share_ends_by_itself_at_its_moment(desk: Desk, ticket: dict[str, Any]) -> None:
    until = (desk.clock.now() + timedelta(hours=2)).isoformat()
    share(desk, ticket, "rep2", "write", until=until)
    other = desk.program("rep2")
    desk.clock.advance(timedelta(hours=2, seconds=-1))
    assert other.get(f"/ticket/{ticket['id']}").status_code == 200
    desk.clock.advance(timedelta(seconds=1))
    assert met(other, ticket) == {False}
    assert other.patch(f"/ticket/{ticket['id']}", {"title": "x"}, ticket["version"]).status_code == 404
    assert desk.program("rep1").get(f"/ticket/{ticket['id']}/shares").get_json()["items"] == []


def test_a_share_to_read_does_not_let_anybody_write(desk: Desk, ticket: dict[str, Any]) -> None:
    share(desk, ticket, "rep2", "read")
    other = desk.program("rep2")
    path = f"/ticket/{ticket['id']}"
    assert other.patch(path, {"title": "x"}, ticket["version"]).status_code == 403
    assert other.post(f"{path}/moves/finish", {"values": {"answer": "x"}}, If_Match='"1"').status_code == 403
    changed = other.post("/ticket/changes", {"records": [{"id": ticket["id"], "version": 1}], "values": {"title": "x"}})
    assert changed.get_json()["items"][0]["status"] == "refused"
    assert "edit" not in re.findall(
        rf'href="/e{path}/(\w+)"', desk.browser("rep2").get(f"/e{path}").get_data(as_text=True)
    )


def test_a_share_to_write_lets_write_but_not_delete_give_away_or_share_on(desk: Desk, ticket: dict[str, Any]) -> None:
    desk.program("root").call("PATCH", f"/admin/people/{desk.ids['rep2']}", {"roles": ["manager"]})
    share(desk, ticket, "rep2", "write")
    other, path = desk.program("rep2"), f"/ticket/{ticket['id']}"
    saved = other.patch(path, {"title": "by rep2"}, ticket["version"])
    assert saved.status_code == 200
    version = saved.get_json()["version"]
    assert other.patch(path, {"owner": desk.ids["rep2"]}, version).status_code == 422
    assert other.call("DELETE", path, If_Match=f'"{version}"').status_code == 403
    assert other.post(f"{path}/shares", {"to": "guest"}).status_code == 403
    page = desk.browser("rep2").get(f"/e{path}").get_data(as_text=True)
    assert "/delete" not in page and f'action="/e{path}/shares"' not in page and f"/e{path}/edit" in page
    assert other.get(path).get_json()["owner"] == desk.ids["rep1"]


def test_hidden_fields_stay_hidden(desk: Desk) -> None:
    lead = desk.program("lead")
    made = lead.made(
        "ticket", title="secret floor", floor="4711.11", parts=[{"what": "x", "price": "1", "cost": "8.15"}]
    )
    assert share(desk, made, "rep1", by="lead") == 201
    said = desk.program("rep1").get(f"/ticket/{made['id']}").get_data(as_text=True)
    assert "secret floor" in said and "4711" not in said and "8.15" not in said
    said = desk.program("rep1").get(f"/ticket/{made['id']}/history").get_data(as_text=True)
    assert "4711" not in said and "8.15" not in said


def test_attachments_open_and_close_with_the_share(desk: Desk, ticket: dict[str, Any]) -> None:
    owner, other = desk.program("rep1"), desk.browser("rep2")
    pdf = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
    sent = owner.client.post(
        "/api/v1/files", data={"file": (BytesIO(pdf), "a.pdf")}, headers={"Authorization": f"Bearer {owner.token}"}
    )
    file_id = sent.get_json()["id"]
    desk.program("rep1").patch(f"/ticket/{ticket['id']}", {"scan": [file_id]}, ticket["version"])
    assert other.get(f"/files/{file_id}").status_code == 404
    share(desk, ticket, "rep2")
    opened = other.get(f"/files/{file_id}")
    assert (opened.status_code, opened.get_data()) == (200, pdf)
    opened.close()
    [one] = desk.program("rep1").get(f"/ticket/{ticket['id']}/shares").get_json()["items"]
    desk.program("rep1").call("DELETE", f"/ticket/{ticket['id']}/shares/{one['id']}")
    assert other.get(f"/files/{file_id}").status_code == 404


@pytest.mark.parametrize(
    "to, more, field",
    [("guest", {}, "to"), ("nobody", {}, "to"), ("rep1", {}, "to"), ("", {}, "to"), ("user:999999", {}, "to"),
     ("group:none", {}, "to"), ("department:99", {}, "to"), ("user:x", {}, "to"),
     ("user:9999999999999999999", {}, "to"),
     ("rep2", {"until": "2026-03-01T00:00:00+08:00"}, "until"), ("rep2", {"until": "soon"}, "until"),
     ("rep2", {"access": "delete"}, "access"), ("root", {"access": "write"}, "access")],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused_at_its_field(
    desk: Desk, ticket: dict[str, Any], to: str, more: dict[str, str], field: str
) -> None:
    said = desk.program("rep1").post(f"/ticket/{ticket['id']}/shares", {"to": to, "access": "read"} | more)
    assert said.status_code == 422, said.get_data(as_text=True)
    assert [one["path"] for one in said.get_json()["errors"]] == [field]


def test_a_record_nobody_may_see_cannot_be_shared(desk: Desk, ticket: dict[str, Any]) -> None:
    for login in ("rep2", "guest"):
        assert share(desk, ticket, "rep2", by=login) in (403, 404)
        assert desk.program(login).get(f"/ticket/{ticket['id']}/shares").status_code in (403, 404)
    answers = {desk.program("rep2").get(f"/ticket/{id_}/shares").get_json()["detail"] for id_ in (ticket["id"], 99999)}
    assert len(answers) == 1


def test_sharing_again_changes_the_share(desk: Desk, ticket: dict[str, Any]) -> None:
    share(desk, ticket, "rep2", "read")
    share(desk, ticket, "rep2", "write")
    [one] = desk.program("rep1").get(f"/ticket/{ticket['id']}/shares").get_json()["items"]
    assert one["access"] == "write"


def test_who_shared_what_stands_in_history_audit_and_notices(desk: Desk, ticket: dict[str, Any]) -> None:
    share(desk, ticket, "rep2", "write")
    [one] = desk.program("rep1").get(f"/ticket/{ticket['id']}/shares").get_json()["items"]
    desk.program("rep1").call("DELETE", f"/ticket/{ticket['id']}/shares/{one['id']}")
    page = desk.browser("rep1").get(f"/e/ticket/{ticket['id']}").get_data(as_text=True)
    assert "共享给 Rep2（修改）" in page and "结束对 Rep2 的共享" in page
    with desk.store.read() as session:
        kept = session.connection.execute(select(audit.c.action, audit.c.details).order_by(audit.c.id)).all()
    told = [(row.action, row.details["to"]) for row in kept if row.action.startswith("sharing.")]
    assert told == [("sharing.share", "Rep2"), ("sharing.unshare", "Rep2")]
    drain(desk.store)
    assert "共享给你" in desk.browser("rep2").get("/").get_data(as_text=True)


def test_shares_stay_when_the_owner_changes(desk: Desk) -> None:
    lead = desk.program("lead")
    made = lead.made("ticket", title="moving on")
    share(desk, made, "rep2", by="lead")
    assert lead.patch(f"/ticket/{made['id']}", {"owner": desk.ids["rep1"]}, made["version"]).status_code == 200
    assert desk.program("rep2").get(f"/ticket/{made['id']}").status_code == 200
    [one] = desk.program("rep1").get(f"/ticket/{made['id']}/shares").get_json()["items"]
    assert (one["name"], one["by"]) == ("Rep2", "Lead")


def test_the_page_shares_and_keeps_what_was_typed(desk: Desk, ticket: dict[str, Any]) -> None:
    rep, path = desk.browser("rep1"), f"/e/ticket/{ticket['id']}"
    wrong = rep.post(f"{path}/shares", data={"to._text": "rep2", "access": "write", "until": "2020-01-01"})
    assert wrong.status_code == 422 and "已经过去" in wrong.get_data(as_text=True)
    right = rep.post(f"{path}/shares", data={"to._text": "rep2", "access": "write", "until": "2026-03-02"})
    assert right.status_code == 303
    page = rep.get(path).get_data(as_text=True)
    assert "Rep2" in page and "2026-03-02" in page
    end = re.search(rf'action="({path}/shares/\d+/end)"', page)[1]  # type: ignore[index]
    assert rep.post(end).status_code == 303
    assert rep.post(end).status_code == 404


def test_the_database_refuses_a_share_with_nobody_or_with_two(desk: Desk) -> None:
    row = {"entity": "ticket", "record_id": 1, "access": "read", "created_by": desk.ids["rep1"],
           "created_at": desk.clock.now()}  # fmt: skip
    for wrong in ({}, {"user_id": desk.ids["rep1"], "group_key": "board"}, {"user_id": 99_999},
                  {"user_id": desk.ids["rep1"], "access": "own"}):  # fmt: skip
        with pytest.raises(IntegrityError), desk.store.write() as session:
            session.connection.execute(shares.insert().values({**row, **wrong}))
    with pytest.raises(IntegrityError), desk.store.write() as session:
        for _ in range(2):
            session.connection.execute(shares.insert().values({**row, "user_id": desk.ids["rep2"]}))
