"""Seeing as somebody else: who may, what is written about it, and how it ends."""

from sqlalchemy import select

from engine.people import accounts
from engine.storage.system_tables import audit
from tests.web.conftest import Browser, Desk


def see_as(desk: Desk, admin: Browser, login: str, reason: str = "核对权限") -> int:
    return admin.post(f"/admin/people/{desk.ids[login]}/see-as", data={"reason": reason}).status_code


def traces(desk: Desk) -> list[tuple[str, int | None, str, object]]:
    with desk.store.read() as session:
        c = audit.c
        rows = session.connection.execute(
            select(c.action, c.actor_id, c.subject, c.details).where(c.action.like("seeing_as.%")).order_by(c.id)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_begin_and_end_are_written_with_the_reason_and_one_press_ends_it(desk: Desk) -> None:
    admin, root, rep = desk.browser("root"), desk.ids["root"], f"user:{desk.ids['rep1']}"
    page = admin.post(f"/admin/people/{desk.ids['rep1']}/see-as", data={"reason": " "})
    assert page.status_code == 422 and "请写明原因" in page.get_data(as_text=True)
    assert see_as(desk, admin, "rep1") == 303
    assert admin.get("/admin/people").status_code == 403, "administrators' pages are not those of the person"
    said = admin.post("/e/ticket/new", data={"title": "nobody wrote this"})
    assert said.status_code == 403 and "正在以Rep1的身份查看" in said.get_data(as_text=True)
    assert admin.get("/settings/account").status_code == 403
    said = admin.post("/see-as/end")
    assert (said.status_code, said.headers["Location"]) == (303, f"/admin/people/{desk.ids['rep1']}")
    assert admin.get("/admin/people").status_code == 200
    assert admin.post("/see-as/end").headers["Location"] == "/", "a second press finds nothing to end"
    assert traces(desk) == [
        ("seeing_as.start", root, rep, {"reason": "核对权限"}),
        ("seeing_as.end", root, rep, None),
    ]


def test_only_administrators_see_as_others_and_never_as_one_another(desk: Desk) -> None:
    with desk.store.write() as session:
        accounts.set_roles(session, desk.ids["lead"], ["manager", "admin"], actor=None)
        accounts.disable_user(session, desk.ids["guest"], actor=None)
    admin = desk.browser("root")
    assert see_as(desk, desk.browser("rep2"), "rep1") == 403
    assert [see_as(desk, admin, login) for login in ("lead", "root", "guest")] == [403, 422, 422]
    assert admin.get("/admin/people").status_code == 200
    assert traces(desk) == []


def test_it_ends_with_the_sign_out_and_with_the_account_on_either_side(desk: Desk) -> None:
    admin, other = desk.browser("root"), desk.browser("root")
    see_as(desk, admin, "rep1")
    assert other.get("/admin/people").status_code == 200, "other devices of the administrator see as before"
    admin.post("/logout")
    assert [row[0] for row in traces(desk)] == ["seeing_as.start", "seeing_as.end"]
    see_as(desk, other, "rep1")
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids["rep1"], actor=None)
    assert other.get("/admin/people").status_code == 200, "who sees nothing is not seen as"
    see_as(desk, other, "rep2")
    with desk.store.write() as session:
        accounts.set_roles(session, desk.ids["lead"], ["admin"], actor=None)
        accounts.set_roles(session, desk.ids["root"], ["rep"], actor=None)
    assert other.get("/e/ticket").status_code == 200
    assert "正在以" not in other.get("/e/ticket").get_data(as_text=True), "nobody sees as others who may no longer"


def test_the_page_of_who_sees_a_record_leads_to_seeing_it_as_them(desk: Desk) -> None:
    ticket = desk.program("rep1").made("ticket", title="seen", price="5")["id"]
    with desk.store.write() as session:
        accounts.set_roles(session, desk.ids["root"], ["admin", "manager"], actor=None)
    admin = desk.browser("root")
    link = f"/admin/people/{desk.ids['rep1']}/see-as?next=/e/ticket/{ticket}"
    assert link in admin.get(f"/e/ticket/{ticket}/access").get_data(as_text=True)
    assert f'value="/e/ticket/{ticket}"' in admin.get(link).get_data(as_text=True)
    assert "see-as" not in desk.browser("rep1").get(f"/e/ticket/{ticket}/access").get_data(as_text=True)
