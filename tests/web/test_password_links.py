"""Links to set a password: made by administrators, used once, and dead for a reason that is not told."""

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.storage.system_tables import audit, password_links
from tests.web.conftest import PASSWORD, Desk, OpenDesk

NEW = "amber-lantern-73"


def invite(desk: Desk, login: str = "newone") -> str:
    """Create somebody and return the path of their invitation."""
    root = desk.program("root")
    made = root.post("/admin/people", {"login": login, "name": "新同事", "roles": ["rep"]}).get_json()
    desk.ids[login] = made["id"]
    return link(desk, login)


def link(desk: Desk, login: str) -> str:
    answer = desk.program("root").post(f"/admin/people/{desk.ids[login]}/link")
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return str(answer.get_json()["url"])


def set_password(desk: Desk, path: str, password: str = NEW, again: str | None = None) -> TestResponse:
    return desk.browser().post(path, data={"password": password, "again": again or password})


def test_somebody_invited_sets_a_password_once_and_signs_in(desk: Desk) -> None:
    path = invite(desk)
    for _ in range(3):  # looking does not use it up: chat programs look too
        page = desk.browser().get(path).get_data(as_text=True)
    assert "新同事" in page and 'value="newone"' in page
    assert set_password(desk, path).status_code == 303
    assert desk.browser().sign_in("newone", NEW).status_code == 303
    assert set_password(desk, path, "other-lantern-74").status_code == 410
    with desk.store.read() as session:
        assert session.connection.execute(select(password_links)).all() == []
        rows = session.connection.execute(select(audit.c.action, audit.c.actor_id, audit.c.ip).order_by(audit.c.id))
        assert ("user.invite_used", desk.ids["newone"], "127.0.0.1") in [tuple(row) for row in rows]


def test_only_the_hash_of_a_link_is_kept(desk: Desk) -> None:
    secret = invite(desk).rpartition("/")[2]
    with desk.store.read() as session:
        kept = repr(session.connection.execute(select(password_links)).all())
        kept += repr(session.connection.execute(select(audit)).all())
    assert len(secret) >= 43 and secret not in kept


@pytest.mark.parametrize("login, hours", [("newone", 72), ("rep1", 1)])
def test_an_invitation_holds_for_three_days_and_a_reset_for_an_hour(desk: Desk, login: str, hours: int) -> None:
    path = invite(desk) if login == "newone" else link(desk, login)
    desk.clock.advance(timedelta(hours=hours, seconds=-1))
    assert desk.browser().get(path).status_code == 200
    desk.clock.advance(timedelta(seconds=1))
    assert desk.browser().get(path).status_code == 410
    assert set_password(desk, path).status_code == 410


def test_every_dead_link_says_the_same(desk: Desk) -> None:
    used, replaced, disabled = invite(desk, "one1"), invite(desk, "two2"), invite(desk, "three3")
    set_password(desk, used)
    link(desk, "two2")
    desk.program("root").post(f"/admin/people/{desk.ids['three3']}/disable")
    pages = {
        re.sub(r"csrf[^>]*|/join/[\w-]+", "", desk.browser().get(path).get_data(as_text=True))
        for path in (used, replaced, disabled, "/join/never-was", "/join/" + "x" * 43)
    }
    assert len(pages) == 1
    assert "管理员" in pages.pop()


def test_a_reset_ends_every_session_and_token(desk: Desk) -> None:
    rep, program = desk.browser("rep1"), desk.program("rep1")
    path = link(desk, "rep1")
    assert rep.signed_in and program.get("/client").status_code == 200, "making a link ends nothing"
    assert set_password(desk, path).status_code == 303
    assert not rep.signed_in and program.get("/client").status_code == 401
    assert desk.browser().sign_in("rep1", PASSWORD).status_code == 422
    assert desk.browser().sign_in("rep1", NEW).status_code == 303


def test_a_changed_password_ends_a_link(desk: Desk) -> None:
    path = link(desk, "rep1")
    changed = desk.browser("rep1").post("/settings/password", data={"current": PASSWORD, "password": NEW})
    assert changed.status_code == 303
    assert desk.browser().get(path).status_code == 410


def test_a_weak_or_mistyped_password_leaves_the_link_open(desk: Desk) -> None:
    path = invite(desk)
    assert "太容易猜到" in set_password(desk, path, "newone2026").get_data(as_text=True)
    assert "不一样" in set_password(desk, path, NEW, "another-thing-1").get_data(as_text=True)
    assert set_password(desk, path).status_code == 303


def test_of_two_at_the_same_moment_one_sets_the_password(desk: Desk) -> None:
    path, answers = invite(desk), []
    browsers = [(desk.browser(), f"amber-lantern-{number}x") for number in range(4)]
    threads = [
        threading.Thread(
            target=lambda one=one, word=word: answers.append(
                one.post(path, data={"password": word, "again": word}).status_code
            )
        )
        for one, word in browsers
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 410, 410, 410]


def test_nobody_but_an_administrator_makes_links_and_none_for_the_disabled(desk: Desk) -> None:
    for login in ("rep1", "lead", "guest"):
        assert desk.program(login).post(f"/admin/people/{desk.ids['root']}/link").status_code == 403
        assert desk.browser(login).post(f"/admin/people/{desk.ids['root']}/link").status_code == 403
    root = desk.program("root")
    root.post(f"/admin/people/{desk.ids['rep2']}/disable")
    assert root.post(f"/admin/people/{desk.ids['rep2']}/link").status_code == 409


def test_the_address_of_a_link_never_comes_from_the_host_header(open_desk: OpenDesk) -> None:
    desk = open_desk()
    path = f"/admin/people/{desk.ids['rep1']}/link"
    said = desk.program("root").post(path, Host="evil.example", X_Forwarded_Host="evil.example")
    assert re.fullmatch(r"/join/[\w-]{43}", said.get_json()["url"])
    page = desk.browser("root").post(path)
    assert re.search(r'value="/join/[\w-]{43}"', page.get_data(as_text=True))
    assert page.headers["Cache-Control"] == "no-store"


def test_the_address_of_a_link_is_below_the_public_one(open_desk: OpenDesk) -> None:
    desk = open_desk(public_url="http://crm.example.com")
    assert link(desk, "rep1").startswith("http://crm.example.com/join/")


def test_trying_secrets_is_slowed_down(open_desk: OpenDesk) -> None:
    desk = open_desk(login_limit="3 per 5 minutes")
    browser = desk.browser()
    codes = [browser.get(f"/join/guess{number}").status_code for number in range(4)]
    assert codes == [410, 410, 410, 429]
    path = link(desk, "rep1")
    codes = [set_password(desk, path, "short").status_code for _ in range(4)]
    assert codes == [422, 422, 422, 429]
    assert desk.browser().get("/join/" + "y" * 50).headers["Retry-After"]


class TestDevices:
    def test_an_administrator_sees_and_ends_what_somebody_is_signed_in_with(self, desk: Desk) -> None:
        rep, program, root = desk.browser("rep1"), desk.program("rep1"), desk.browser("root")
        path = f"/admin/people/{desk.ids['rep1']}"
        page = root.get(path).get_data(as_text=True)
        ended = re.search(rf'action="({path}/sessions/\d+/end)"', page)[1]  # type: ignore[index]
        revoked = re.search(rf'action="({path}/tokens/\d+/revoke)"', page)[1]  # type: ignore[index]
        assert root.post(ended).status_code == 303 and not rep.signed_in
        assert root.post(revoked).status_code == 303 and program.get("/client").status_code == 401
        assert root.post(ended).status_code == 404
        rep, program = desk.browser("rep1"), desk.program("rep1")
        assert root.post(f"{path}/end-access").status_code == 303
        assert not rep.signed_in and program.get("/client").status_code == 401

    def test_nobody_else_ends_or_sees_them(self, desk: Desk) -> None:
        rep = desk.browser("rep1")
        path = f"/admin/people/{desk.ids['rep1']}"
        for login in ("lead", "rep2"):
            browser = desk.browser(login)
            for tail in ("/sessions/1/end", "/tokens/1/revoke", "/end-access"):
                assert browser.post(path + tail).status_code == 403
            assert browser.post("/settings/sessions/1/end").status_code == 404
        assert rep.signed_in

    def test_ones_own_tokens_are_listed_and_revoked(self, desk: Desk) -> None:
        rep, program = desk.browser("rep1"), desk.program("rep1")
        page = rep.get("/settings/account").get_data(as_text=True)
        path = re.search(r'action="(/settings/tokens/\d+/revoke)"', page)[1]  # type: ignore[index]
        assert desk.browser("rep2").post(path).status_code == 404
        assert rep.post(path).status_code == 303
        assert program.get("/client").status_code == 401

    def test_the_last_time_somebody_was_seen_outlives_their_session(self, desk: Desk) -> None:
        rep, root = desk.browser("rep1"), desk.program("root")
        desk.clock.advance(timedelta(minutes=10))
        rep.get("/settings/account")
        seen = root.get(f"/admin/people/{desk.ids['rep1']}").get_json()["last_seen_at"]
        assert seen.startswith("2026-03-02T01:10")
        rep.post("/logout")
        assert root.get(f"/admin/people/{desk.ids['rep1']}").get_json()["last_seen_at"] == seen
