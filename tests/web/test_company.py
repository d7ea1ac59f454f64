"""Signing in with a company account, against a provider that runs: who is let in, and what is not believed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from engine.people import accounts
from engine.storage.system_tables import audit, users
from tests.web import provider as oidc
from tests.web.conftest import Desk, OpenDesk
from tests.web.provider import CLIENT, SECRET, Provider, sign_in
from web.settings import CompanySignIn

PUBLIC = "http://localhost"
WHO = {"sub": "s-1", "email": "Rep1@Example.com", "email_verified": True, "name": "王芳"}


@pytest.fixture
def provider(clock: object) -> Iterator[Provider]:
    with oidc.serve(clock, f"{PUBLIC}/login/company/back") as running:  # type: ignore[arg-type]
        running.person = dict(WHO)
        yield running


@pytest.fixture
def desk(open_desk: OpenDesk, provider: Provider) -> Desk:
    return open_with(open_desk, provider)


def open_with(open_desk: OpenDesk, provider: Provider, **more: object) -> Desk:
    given = CompanySignIn(provider.address, CLIENT, SECRET, **more)  # type: ignore[arg-type]
    desk = open_desk(company=given, public_url=PUBLIC)
    with desk.store.write() as session:
        accounts.update_user(session, desk.ids["rep1"], email="rep1@example.com", actor=None)
    return desk


def said(desk: Desk) -> str:
    """The sentence somebody gets who tries, in one line; nobody is let in."""
    browser = desk.browser()
    answer = sign_in(browser)
    assert answer.status_code in (400, 403, 503), answer.headers
    assert not browser.signed_in
    page = answer.get_data(as_text=True)
    return page.partition('role="alert">')[2].partition("</p>")[0]


def test_a_verified_address_links_the_account_once_and_then_the_account_counts(desk: Desk, provider: Provider) -> None:
    browser = desk.browser()
    assert "用企业账号登录" in browser.get("/login").get_data(as_text=True)
    answer = sign_in(browser, "/e/ticket")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e/ticket")
    assert "Rep1" in browser.get("/").get_data(as_text=True)
    provider.person["email"] = "married@example.com"
    assert sign_in(desk.browser()).status_code == 303, "the account is the same, whatever its address is now"
    provider.person = {**WHO, "sub": "s-2"}
    assert "没有可用的人员" in said(desk), "an address that passed to somebody else does not bring the account along"
    with desk.store.read() as session:
        rows = session.connection.execute(select(audit).order_by(audit.c.id)).all()
    assert [row.action for row in rows].count("user.company_linked") == 1
    linked = next(row for row in rows if row.action == "user.company_linked")
    assert (linked.actor_id, linked.details["issuer"]) == (desk.ids["rep1"], provider.address)
    assert [row.details for row in rows if row.action == "session.open"][-1] == {"by": "company"}


def test_nobody_unknown_unverified_or_disabled_is_let_in(desk: Desk, provider: Provider) -> None:
    found = []
    for claims in ({"email": "nobody@example.com"}, {"email_verified": False}, {"email_verified": "true"},
                   {"email": ""}):  # fmt: skip
        provider.person = WHO | claims
        found.append(said(desk))
    provider.person = dict(WHO)
    assert sign_in(desk.browser()).status_code == 303
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids["rep1"], actor=None)
    found.append(said(desk))
    with desk.store.write() as session:
        accounts.enable_user(session, desk.ids["rep1"], actor=None)
        session.connection.execute(update(users).where(users.c.login == "rep2").values(email="REP1@example.com"))
    provider.person["sub"] = "s-3"
    found.append(said(desk))
    assert set(found) == {"这个企业账号在这里没有可用的人员，请联系管理员。"}, "nobody learns who is known here"


def test_a_newcomer_is_added_only_with_the_roles_that_are_written(open_desk: OpenDesk, provider: Provider) -> None:
    desk = open_with(open_desk, provider, new_roles=("rep",))
    provider.person = {"sub": "s-9", "email": "new@example.com", "email_verified": True, "name": "新同事"}
    browser = desk.browser()
    assert sign_in(browser).status_code == 303
    assert browser.get("/e/ticket").status_code == 200 and "新同事" in browser.get("/").get_data(as_text=True)
    with desk.store.read() as session:
        made = accounts.find_user(session.connection, "new@example.com")
        assert made is not None
        assert accounts.get_actor(session.connection, made).roles == {"rep"}
    page = browser.get("/settings/account").get_data(as_text=True)
    assert "当前密码" not in page, "whoever has no password is asked for none"
    people = desk.browser("root").get("/admin/people?q=新同事").get_data(as_text=True)
    assert "企业账号登录" in people and "未设密码" not in people
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids["rep1"], actor=None)
    provider.person = {**WHO, "sub": "s-10"}
    assert "没有可用的人员" in said(desk), "nobody who was shut out comes back as a newcomer"
    with desk.store.read() as session:
        refused = session.connection.execute(select(audit).where(audit.c.action == "session.refused")).all()
    assert [one.details for one in refused] == [{"cause": "company", "times": 1}]


def test_signing_out_leads_to_the_provider_and_an_administrator_unlinks(desk: Desk, provider: Provider) -> None:
    browser, admin = desk.browser(), desk.browser("root")
    sign_in(browser)
    left = browser.post("/logout").headers["Location"]
    assert "同时退出企业账号" in browser.get(left).get_data(as_text=True)
    there = browser.get("/login/company/out").headers["Location"]
    assert there.startswith(f"{provider.address}/out?") and oidc.answer_of(there)["client_id"] == CLIENT
    assert admin.post("/logout").headers["Location"] == "/login"
    admin, page = desk.browser("root"), f"/admin/people/{desk.ids['rep1']}"
    sign_in(browser)
    assert "企业账号：" in admin.get(page).get_data(as_text=True)
    assert admin.post(f"{page}/unlink").status_code == 303
    assert not browser.signed_in
    assert "企业账号：" not in admin.get(page).get_data(as_text=True)
