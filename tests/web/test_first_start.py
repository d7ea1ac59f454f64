"""The first page of an empty installation: nobody without the code, one choice, one administrator, then it is over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from engine.clock import SystemClock
from engine.guiding.offers import read_offers
from engine.places import find_data
from engine.storage.database import Database
from engine.storage.store import Store
from web.app import create_app
from web.first_choice import FirstChoice
from web.first_start import create_first_app
from web.settings import Settings

KEY = "a-key-for-tests-that-is-long-enough-0123456789"
GIVEN = {
    "template": "starter",
    "name": "林晓",
    "login": "lin",
    "password": "tidy-otter-4421",
    "again": "tidy-otter-4421",
}


@dataclass
class FirstPages:
    """The pages of one empty installation."""

    app: Flask
    first: FirstChoice
    settings: Settings

    def browser(self, *, proven: bool = True) -> Client:
        found = self.app.test_client()
        if proven:
            assert found.get(f"/?code={self.first.code}").status_code == 303
        return found


@pytest.fixture
def pages(database: Database, tmp_path: Path) -> Iterator[FirstPages]:
    store = Store(database, tmp_path / "files", SystemClock())
    first = FirstChoice(demo=True)
    first.offers = read_offers(find_data("templates"))
    settings = Settings(home=tmp_path, database_url=str(database.engine.url), secret_key=KEY)
    yield FirstPages(create_first_app(settings, store, first), first, settings)


def post(browser: Client, path: str, **form: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]*)"', browser.get("/").get_data(as_text=True))
    return browser.post(path, data={**form, "csrf_token": token[1] if token else ""})


def test_nobody_without_the_code_sees_or_starts_anything(pages: FirstPages) -> None:
    stranger = pages.browser(proven=False)
    page = stranger.get("/").get_data(as_text=True)
    assert "输入设置码" in page and "制造业" not in page and pages.first.code not in page
    assert post(stranger, "/start", **GIVEN).status_code == 403 and not pages.first.is_working
    assert stranger.post("/start", data=GIVEN).status_code == 400, "without the token of a form nothing is taken"
    assert stranger.get("/admin/setup").status_code == stranger.get("/api/v1/openapi.json").status_code == 404
    assert stranger.get("/readyz").status_code == 503


def test_a_wrong_code_is_refused_and_soon_none_is_looked_at(pages: FirstPages) -> None:
    guesser = pages.browser(proven=False)
    assert "设置码不对" in post(guesser, "/", code="AAAA-BBBB").get_data(as_text=True)
    codes = [guesser.get("/?code=WRONG").status_code for _ in range(10)]
    assert codes == [422] * 9 + [429]
    late = post(guesser, "/", code=pages.first.code)
    assert late.status_code == 429 and int(late.headers["Retry-After"]) > 0


def test_the_code_counts_however_it_is_typed_and_not_after_another_start(pages: FirstPages) -> None:
    browser = pages.browser(proven=False)
    assert post(browser, "/", code=f" {pages.first.code.lower().replace('-', ' ')} ").status_code == 303
    assert "选择模板" in browser.get("/").get_data(as_text=True)
    pages.first.mark = FirstChoice(demo=True).mark
    assert "输入设置码" in browser.get("/").get_data(as_text=True)


def test_each_template_says_what_it_holds_in_both_languages(pages: FirstPages) -> None:
    browser, offers = pages.browser(), {one.key: one for one in pages.first.offers or ()}
    assert list(offers)[0] == "manufacturing" and offers["auto_parts"].extends == "manufacturing"
    assert (len(offers["starter"].things), len(offers["starter"].roles), offers["starter"].steps) == (1, 3, 0)
    assert offers["manufacturing"].approvals >= 9 and offers["manufacturing"].reports > 50
    page = browser.get("/").get_data(as_text=True)
    assert all(f'value="{key}"' in page for key in offers)
    assert "制造业销售管理" in page and "基于制造业销售管理" in page and "3 位虚构人员，没有业务记录" in page
    assert post(browser, "/language", lang="en").status_code == 303
    page = browser.get("/").get_data(as_text=True)
    assert "Choose a template" in page and "On top of Manufacturing sales" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"template": "nix"}, "请选择一个模板"),
        ({"password": "short", "again": "short"}, "10"),
        ({"again": "another-one-4421"}, "两次输入的密码不一样，请重新输入。"),
        ({"login": ""}, "is-invalid"),
        ({"name": ""}, "is-invalid"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_begins(
    pages: FirstPages, wrong: dict[str, str], said: str
) -> None:
    browser = pages.browser()
    refused = post(browser, "/start", **{**GIVEN, **wrong})
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422 and said in page and not pages.first.is_working
    assert "tidy-otter" not in page, "a password never comes back"


def test_one_choice_is_taken_and_its_progress_shown_to_whoever_has_the_code(pages: FirstPages) -> None:
    browser, second, stranger = pages.browser(), pages.browser(), pages.browser(proven=False)
    assert post(browser, "/start", **GIVEN, demo="1").status_code == 303
    choice = pages.first.wait(0)
    assert choice is not None and (choice.offer.key, choice.demo, choice.login) == ("starter", True, "lin")
    assert GIVEN["password"] not in repr(choice)
    post(second, "/start", **{**GIVEN, "login": "other"})
    assert pages.first.chosen.login == "lin"
    with pages.first.step("发布模板") as show:
        show(3, 7)
        answer = second.get("/")
        assert "3/7" in answer.get_data(as_text=True) and answer.headers["Refresh"] == "1"
        assert "3/7" not in stranger.get("/").get_data(as_text=True)
    pages.first.give_back(lambda language: f"why in {language}")
    assert "没有安装成功：why in zh" in browser.get("/").get_data(as_text=True)


def test_at_the_end_nobody_but_the_browser_that_chose_is_let_in(pages: FirstPages) -> None:
    browser, second = pages.browser(), pages.browser()
    post(browser, "/start", **GIVEN)
    pages.first.finish(None)
    assert second.get("/").headers["Location"] == "/login"
    waiting = second.get("/admin/setup")
    assert waiting.status_code == 503 and waiting.headers["Refresh"] == "1"
    assert browser.get("/").headers["Location"] == "/login", "the account could not be made: sign in"


def test_the_site_itself_knows_none_of_these_addresses(pages: FirstPages, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    url = f"sqlite:///{tmp_path / 'own' / 'formwork.sqlite3'}"
    app = create_app(Settings(home=tmp_path / "own", database_url=url, secret_key=KEY))
    known = {rule.rule for rule in app.url_map.iter_rules()}
    assert "/login" in known and not known & {"/start", "/language"}
    app.extensions["formwork.store"].database.close()
