"""The second factor: what it asks for, what it takes once, what it never shows, and the way back without the phone."""

import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, text, update

from engine.people import second_factor
from engine.storage.system_tables import audit, second_factors
from tests.web.conftest import PASSWORD, Browser, Desk, OpenDesk
from web.settings import WrongSetting

PAGE = "/settings/second-factor"


def code_of(desk: Desk, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(desk.clock.now() + timedelta(seconds=30 * steps))


def turn_on(desk: Desk, browser: Browser) -> tuple[str, list[str]]:
    """Turn it on as somebody at a browser does; return the secret and the recovery codes."""
    assert browser.post(f"{PAGE}/begin").status_code == 303
    shown = browser.get(PAGE).get_data(as_text=True)
    secret = re.search(r'id="secret" value="([A-Z2-7 ]+)"', shown)[1].replace(" ", "")  # type: ignore[index]
    said = browser.post(f"{PAGE}/on", data={"code": code_of(desk, secret), "current": PASSWORD})
    assert said.status_code == 200, said.get_data(as_text=True)
    codes = re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</li>", said.get_data(as_text=True))
    desk.clock.advance(timedelta(minutes=2))
    return secret, codes


def test_signing_in_asks_for_the_code_on_a_second_page(desk: Desk) -> None:
    here, elsewhere, program = desk.browser("rep1"), desk.browser("rep1"), desk.program("rep1")
    secret, codes = turn_on(desk, here)
    assert len(set(codes)) == 10
    assert here.signed_in and not elsewhere.signed_in, "what was opened without it has ended"
    assert program.get("/ticket").status_code == 200, "a token is a secret of its own"
    browser = desk.browser()
    said = browser.sign_in("rep1", next="/e/ticket")
    assert (said.status_code, said.headers["Location"]) == (303, "/login/code?next=/e/ticket")
    assert not browser.signed_in, "a password alone opens nothing"
    assert 'name="code"' in browser.get("/login/code").get_data(as_text=True)
    assert browser.post("/login/code", data={"code": "000 000"}).status_code == 422
    said = browser.post("/login/code", data={"code": f" {code_of(desk, secret)} ", "next": "/e/ticket"})
    assert (said.status_code, said.headers["Location"]) == (303, "/e/ticket")
    assert browser.signed_in
    with desk.store.read() as session:
        found = session.connection.execute(select(audit.c.action, audit.c.details).order_by(audit.c.id)).all()
    assert [row.details for row in found if row.action == "session.open"][-1] == {"by": "code"}
    assert "user.factor_on" in [row.action for row in found]


def test_a_phone_that_is_half_a_minute_off_is_understood(desk: Desk) -> None:
    secret, _ = turn_on(desk, desk.browser("rep1"))
    taken = {}
    for drift in (-2, -1, 0, 1, 2):
        with desk.store.write() as session, session.attempt() as attempt:
            code, key = code_of(desk, secret, drift), str(desk.app.config["SECRET_KEY"])
            taken[drift] = second_factor.take_code(session, desk.ids["rep1"], code, key=key)
            attempt.undo()
    assert taken == {-2: None, -1: "code", 0: "code", 1: "code", 2: None}


def test_no_code_is_taken_twice_nor_one_older_than_the_last(desk: Desk) -> None:
    secret, codes = turn_on(desk, desk.browser("rep1"))

    def enters(code: str) -> bool:
        browser = desk.browser()
        browser.sign_in("rep1")
        return browser.post("/login/code", data={"code": code}).status_code == 303

    earlier, now = code_of(desk, secret, -1), code_of(desk, secret)
    assert [enters(now), enters(now), enters(earlier), enters(code_of(desk, secret, 1))] == [True, False, False, True]
    assert [enters(codes[0].upper().replace("-", " ")), enters(codes[0]), enters(codes[1])] == [True, False, True]


def test_attempts_are_counted_together_with_those_of_the_password(open_desk: OpenDesk) -> None:
    desk = open_desk(login_limit="5 per 5 minutes")
    secret, _ = turn_on(desk, desk.browser("rep1"))
    browser = desk.browser()
    for _ in range(2):
        assert browser.sign_in("rep1").status_code == 303, "a right password alone forgets no failure"
        assert browser.post("/login/code", data={"code": "000000"}).status_code == 422
    assert browser.sign_in("rep1").status_code == 303
    said = browser.post("/login/code", data={"code": code_of(desk, secret)})
    assert said.status_code == 429 and int(said.headers["Retry-After"]) > 0


def test_what_was_proven_is_forgotten_and_holds_no_longer_than_the_account(desk: Desk) -> None:
    stranger, late, shut_out = desk.browser(), desk.browser(), desk.browser()
    assert stranger.post("/login/code", csrf=False, data={"code": "1"}).status_code == 400
    secret, _ = turn_on(desk, desk.browser("rep1"))
    assert stranger.get("/login/code").headers["Location"] == "/login"
    assert stranger.post("/login/code", data={"code": code_of(desk, secret)}).headers["Location"] == "/login"
    late.sign_in("rep1")
    desk.clock.advance(timedelta(minutes=11))
    assert late.post("/login/code", data={"code": code_of(desk, secret)}).headers["Location"] == "/login"
    shut_out.sign_in("rep1")
    admin = desk.browser("root")
    assert admin.post(f"/admin/people/{desk.ids['rep1']}/end-access").status_code == 303
    assert shut_out.post("/login/code", data={"code": code_of(desk, secret)}).headers["Location"] == "/login"
    assert not (late.signed_in or shut_out.signed_in or stranger.signed_in)


def test_turning_it_on_asks_for_the_password_and_a_first_code(desk: Desk) -> None:
    browser = desk.browser("rep1")
    browser.post(f"{PAGE}/begin")
    secret = re.search(r'id="secret" value="([^"]+)"', browser.get(PAGE).get_data(as_text=True))[1]  # type: ignore[index]
    code = code_of(desk, secret.replace(" ", ""))
    said = browser.post(f"{PAGE}/on", data={"code": code, "current": "wrong-one-here"})
    assert said.status_code == 422 and "当前密码不对" in said.get_data(as_text=True)
    said = browser.post(f"{PAGE}/on", data={"code": "000000", "current": PASSWORD})
    assert said.status_code == 422 and "验证码不对" in said.get_data(as_text=True)
    assert secret in said.get_data(as_text=True), "what was put into the app stays good"
    assert desk.browser().sign_in("rep1").headers["Location"] == "/", "nothing is asked for before it is on"


def test_it_is_renewed_and_turned_off_with_a_code_only(desk: Desk) -> None:
    browser = desk.browser("rep1")
    secret, codes = turn_on(desk, browser)
    for path in ("codes", "off"):
        assert browser.post(f"{PAGE}/{path}", data={"code": "000000"}).status_code == 422
    said = browser.post(f"{PAGE}/codes", data={"code": codes[0]}).get_data(as_text=True)
    assert said.count("<li>") >= 10 and codes[1] not in said
    assert browser.post(f"{PAGE}/off", data={"code": codes[1]}).status_code == 422, "the old ones count no more"
    assert browser.post(f"{PAGE}/off", data={"code": code_of(desk, secret)}).status_code == 303
    assert desk.browser("rep1").signed_in


def test_a_role_that_needs_it_comes_no_further_without_it(open_desk: OpenDesk) -> None:
    desk = open_desk(second_factor_roles=frozenset({"manager"}))
    browser = desk.browser("lead")
    said = browser.get("/e/ticket?q=x")
    assert (said.status_code, said.headers["Location"]) == (303, f"{PAGE}?next=/e/ticket?q%3Dx")
    assert browser.get("/api/v1/ticket").status_code == 403
    assert browser.get("/e/ticket", headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith(PAGE)
    assert browser.post("/e/ticket/new", data={"title": "x"}).status_code == 303
    assert desk.program("lead").get("/ticket").status_code == 200
    assert desk.browser("rep1").get("/e/ticket").status_code == 200
    secret, _ = turn_on(desk, browser)
    assert browser.get("/e/ticket").status_code == 200
    said = browser.post(f"{PAGE}/off", data={"code": code_of(desk, secret)})
    assert said.status_code == 409 and "不能关闭" in said.get_data(as_text=True)


def test_a_setting_that_names_no_role_is_refused_at_the_start(open_desk: OpenDesk) -> None:
    with pytest.raises(WrongSetting, match="boss") as refused:
        open_desk(second_factor_roles=frozenset({"admin", "boss"}))
    assert "manager" in refused.value.text("zh")


def test_an_administrator_resets_it_for_whoever_lost_the_phone(desk: Desk) -> None:
    browser, admin = desk.browser("rep1"), desk.browser("root")
    turn_on(desk, browser)
    page = f"/admin/people/{desk.ids['rep1']}"
    assert "两步验证：已开启" in admin.get(page).get_data(as_text=True)
    assert browser.post(f"{page}/reset-second-factor").status_code == 403
    assert admin.post(f"{page}/reset-second-factor").status_code == 303
    assert not browser.signed_in
    assert desk.browser("rep1").signed_in
    with desk.store.read() as session:
        row = session.connection.execute(select(audit).where(audit.c.action == "user.factor_reset")).one()
    assert (row.actor_id, row.subject) == (desk.ids["root"], f"user:{desk.ids['rep1']}")
    assert admin.post(f"{page}/reset-second-factor").status_code == 303, "a second press says so, and does nothing"
    assert desk.program("root").post(f"{page}/reset-second-factor").status_code == 409


def test_the_secret_is_nowhere_to_be_read_and_useless_under_another_key(desk: Desk) -> None:
    secret, codes = turn_on(desk, desk.browser("rep1"))
    with desk.store.read() as session:
        names = [name for name in session.connection.dialect.get_table_names(session.connection) if name[:3] == "fw_"]
        kept = " ".join(repr(session.connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names)
    assert not [one for one in (secret, *codes, *(code.replace("-", "") for code in codes)) if one in kept]
    with desk.store.write() as session:
        other = second_factor.seal("JBSWY3DPEHPK3PXP", "another-key-that-is-long-enough-0123456789")
        session.connection.execute(update(second_factors).values(secret=other))
    browser = desk.browser()
    browser.sign_in("rep1")
    said = browser.post("/login/code", data={"code": code_of(desk, secret)})
    assert said.status_code == 409 and "站点密钥换过" in said.get_data(as_text=True)
    assert browser.post("/login/code", data={"code": codes[0]}).status_code == 303, "a recovery code holds"
