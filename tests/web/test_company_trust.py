"""What is believed of a provider, and what is not: each way of misbehaving, against one that runs."""

import logging
from pathlib import Path

import pytest
import requests

from engine.storage.database import Database
from tests.web import provider as oidc
from tests.web.conftest import Desk
from tests.web.provider import CLIENT, SECRET, Provider, sign_in
from tests.web.test_company import PUBLIC, desk, provider, said
from tests.web.test_second_factor import code_of, turn_on
from web.settings import WrongSetting, read_settings

__all__ = ["desk", "provider"]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """SQLite alone: what is asked here is decided before the database."""
    return sqlite_database


MISBEHAVING = [
    ({"claims": {"nonce": "another"}}, "无法核实"),
    ({"claims": {"nonce": None}}, "无法核实"),
    ({"claims": {"aud": "another-client"}}, "无法核实"),
    ({"claims": {"aud": ["another-client"], "azp": CLIENT}}, "无法核实"),
    ({"claims": {"aud": [CLIENT, "other"], "azp": "other"}}, "无法核实"),
    ({"claims": {"iss": "https://elsewhere.example"}}, "无法核实"),
    ({"claims": {"sub": None}}, "无法核实"),
    ({"claims": {"exp": None}}, "无法核实"),
    ({"claims": {"at_hash": "AAAA"}}, "无法核实"),
    ({"signs": "none"}, "无法核实"),
    ({"signs": "HS256"}, "无法核实"),
    ({"signs": "another key"}, "无法核实"),
    ({"claims": {"exp": 1_000_000_000}}, "已过期"),
    ({"claims": {"iat": 4_000_000_000, "exp": 4_000_000_300}}, "时钟"),
    ({"deny": "access_denied"}, "取消了登录"),
    ({"deny": "server_error"}, "拒绝了这次登录"),
    ({"metadata": {"issuer": "https://elsewhere.example"}}, "无法核实"),
    ({"metadata": {"token_endpoint": None}}, "无法核实"),
    ({"broken": True}, "没有响应"),
]


def test_each_way_of_misbehaving_has_one_sentence_and_lets_nobody_in(
    desk: Desk, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "formwork")
    wrong = []
    for bent, expected in MISBEHAVING:
        for name, value in bent.items():
            setattr(provider, name, value)
        desk.app.extensions["formwork.provider"]._known = None  # as after an hour
        found = said(desk)
        if expected not in found:
            wrong.append((bent, found))
        for name in bent:
            setattr(provider, name, getattr(Provider(desk.clock, ""), name))
    assert wrong == []
    assert SECRET not in caplog.text and "eyJ" not in caplog.text, "neither secrets nor tokens are written down"
    desk.app.extensions["formwork.provider"]._known = None
    assert sign_in(desk.browser()).status_code == 303


def test_clocks_may_differ_by_two_minutes_and_some_tell_the_address_apart(desk: Desk, provider: Provider) -> None:
    now = int(desk.clock.now().timestamp())
    for claims in ({"iat": now + 100, "exp": now + 400}, {"iat": now - 400, "exp": now - 100}):
        provider.claims = claims
        assert sign_in(desk.browser()).status_code == 303
    provider.claims, provider.tells_apart = {}, True
    assert sign_in(desk.browser()).status_code == 303


def test_an_answer_counts_once_in_the_browser_that_asked(desk: Desk, provider: Provider) -> None:
    asked, other = desk.browser(), desk.browser()
    begun = asked.get("/login/company").headers["Location"]
    state = oidc.answer_of(begun)["state"]
    back = requests.get(begun, allow_redirects=False, timeout=60).headers["Location"].removeprefix(PUBLIC)
    refused = other.get(back)
    assert refused.status_code == 400 and "不是从这个浏览器开始的" in refused.get_data(as_text=True)
    assert asked.get(f"/login/company/back?code=x&state=wrong{state}").status_code == 400
    assert asked.get(back).status_code == 303
    assert asked.get(back).status_code == 400, "a second time"
    assert desk.browser().get("/login/company/back").status_code == 400


def test_the_second_factor_is_asked_for_after_the_company_account_too(desk: Desk) -> None:
    browser = desk.browser()
    secret, _ = turn_on(desk, desk.browser("rep1"))
    assert sign_in(browser, "/e/ticket").headers["Location"] == "/login/code?next=/e/ticket"
    assert not browser.signed_in
    assert browser.post("/login/code", data={"code": code_of(desk, secret)}).status_code == 303
    assert browser.signed_in


def test_a_provider_is_named_whole_and_its_secret_is_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    file.chmod(0o600)
    whole = {
        "FORMWORK_SECRET_KEY": "an-installed-secret-0123456789-abcdefghij",
        "FORMWORK_PUBLIC_URL": "https://crm.example.com",
        "FORMWORK_OIDC_ISSUER": "https://id.example.com/realms/crm/",
        "FORMWORK_OIDC_CLIENT_ID": "crm",
        "FORMWORK_OIDC_CLIENT_SECRET_FILE": str(file),
        "FORMWORK_OIDC_NEW_ROLES": "rep, assistant",
    }
    found = read_settings(whole, home=tmp_path).company
    assert found is not None and "from-a-file" not in repr(found)
    assert (found.issuer, found.client_secret, found.new_roles) == (
        "https://id.example.com/realms/crm", "from-a-file", ("rep", "assistant"),
    )  # fmt: skip
    for name, value in (("FORMWORK_PUBLIC_URL", ""), ("FORMWORK_OIDC_CLIENT_ID", ""),
                        ("FORMWORK_OIDC_CLIENT_SECRET_FILE", ""), ("FORMWORK_OIDC_ISSUER", "http://id.example.com"),
                        ("FORMWORK_OIDC_NEW_ROLES", "admin"),
                        ("FORMWORK_OIDC_CLIENT_SECRET_FILE", "/nowhere")):  # fmt: skip
        with pytest.raises(WrongSetting):
            read_settings(whole | {name: value}, home=tmp_path)
    file.chmod(0o644)
    with pytest.raises(WrongSetting):
        read_settings(whole, home=tmp_path)
