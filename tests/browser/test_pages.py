"""What holds for every kind of page: no rule of accessibility broken in light and dark, nothing scrolls sideways.

And: no refused script, little to load, the keyboard, English.
"""

import re
from collections.abc import Iterator
from itertools import chain

import pytest

from tests.browser.conftest import Site, Visit
from tests.browser.marks import LEAD, PAGES, STABLE, find_path, measure
from tests.browser.visitor import DESK, PHONE, Visitor

RULES: dict[str, tuple[str, ...]] = {"light": (), "dark": ("color-contrast",)}
"""Themes differ in colours only, so in the dark only those are judged again."""


@pytest.mark.parametrize("who", PAGES)
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_every_kind_of_page_reaches_the_marks(visit: Visit, width: int, who: str) -> None:
    visitor = visit(who or None, width)
    visitor.expect("404")
    measured = [measure(visitor, find_path(visitor, path), width) for path in PAGES[who].values()]
    assert {one.path: (one.axe, one.missed(STABLE)) for one in measured if one.missed(STABLE)} == {}


@pytest.mark.parametrize(("width", "theme"), [(DESK, "light"), (PHONE, "light"), (PHONE, "dark")])
def test_dialogs_are_accessible_and_fit_the_screen_and_so_does_the_dark(visit: Visit, width: int, theme: str) -> None:
    visitor = visit("manager_li", width, theme=theme)
    visitor.expect("404", "409", "422")
    places = chain(pages(visitor) if theme == "dark" else (), dialogs(visitor))
    judged = {where: verdict(visitor, *RULES[theme]) for where in places}
    assert len(judged) > 6
    assert {where: found for where, found in judged.items() if found} == {}


def pages(visitor: Visitor) -> Iterator[str]:
    """Go to one page of each kind and say where."""
    for path in PAGES[LEAD].values():
        visitor.open(find_path(visitor, path))
        yield path


def dialogs(visitor: Visitor) -> Iterator[str]:
    """Go to pages with their dialogs and menus open, and to those that answer something, and say where."""
    visitor.open("/approvals")
    visitor.page.locator(".task a").first.click()
    visitor.page.wait_for_load_state()
    yield "decision"
    visitor.press("不同意…")
    yield "decision with a reason"
    visitor.open("/e/quote")
    visitor.page.locator(".filters summary").click()
    yield "filters"
    visitor.open("/e/contract?stage=approved")
    visitor.page.locator("[data-row-link]").first.click()
    visitor.press("归档")
    visitor.page.locator("#dialog form").wait_for(state="visible")
    yield "move"
    visitor.page.locator("#dialog .btn-primary").click()
    visitor.page.locator("#dialog .field-error").first.wait_for(state="visible")
    yield "move refused"
    visitor.open("/e/customer/new")
    visitor.save()
    visitor.page.locator("[data-error-summary]").wait_for(state="visible")
    yield "form with errors"
    visitor.open("/e/quote/1/print/quote")
    yield "print"


def verdict(visitor: Visitor, *rules: str) -> list[str]:
    return visitor.violations(*rules) + (["scrolls sideways"] if visitor.scrolls_sideways() else [])


def test_the_sign_in_page_is_accessible_and_a_wrong_password_keeps_the_name(visit: Visit) -> None:
    stranger = visit(None, PHONE)
    stranger.expect("422")
    stranger.open("/e/quote")
    assert stranger.path.startswith("/login")
    assert verdict(stranger) == []
    stranger.page.fill("[name=username]", "rep_wang")
    stranger.page.fill("[name=password]", "not the password")
    stranger.page.locator("main .btn-primary").click()
    stranger.see(".note-error", "")
    assert stranger.page.locator("[name=username]").input_value() == "rep_wang"
    assert verdict(stranger) == []


def test_the_keyboard_reaches_everything_it_promises(visit: Visit) -> None:
    visitor = visit("rep_wang")
    page = visitor.page
    page.keyboard.press("?")
    page.locator("#help").wait_for(state="visible")
    promised = page.locator("#help kbd").all_inner_texts()
    assert {"/", "c", "e", "p", "j", "k", "g", "Esc"} <= set(promised)
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")

    letter = page.locator("#help tr", has_text="报价单").locator("kbd").last.text_content()
    page.keyboard.press("g")
    page.keyboard.press(letter)
    page.wait_for_url("**/e/quote")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.matches('tr:nth-child(2) [data-row-link]')")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/e/quote/\d+$"))
    page.keyboard.press("/")
    page.keyboard.type("KH000001")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=KH000001")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url(re.compile(r":\d+/$"))
    page.keyboard.press("c")
    page.wait_for_url("**/e/quote/new")


def test_everything_is_there_in_english_too(visit: Visit, site: Site) -> None:
    visitor = visit(None, language="en")
    page = visitor.page
    page.goto("/login")
    assert page.locator("h1").inner_text() == "Sign in"
    visitor.sign_in("rep_lin", site.passwords["rep_lin"])
    page.locator(".topbar details summary").click()
    page.locator("button[name=lang][value=en]").click()
    page.wait_for_load_state()
    for path in ("/", "/e/quote", "/e/quote/new", "/approvals", "/search"):
        visitor.open(path)
        own = " ".join(page.locator("h1, .btn, .panel-head h2, .tabbar, .views, .empty-title").all_inner_texts())
        assert page.locator("html").get_attribute("lang") == "en"
        assert not re.search(r"审批|保存|取消|搜索|首页|筛选|新建", own), (path, own)
    assert verdict(visitor) == []
    page.locator(".topbar details summary").click()
    page.locator("button[name=lang][value=zh]").click()  # kept with the person, whom others are too
    page.locator("html[lang^=zh]").wait_for(state="attached")


def test_on_a_phone_what_can_be_done_with_a_record_stands_in_one_row(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/opportunity?stage=negotiation")
    rep.leave("[data-row-link]")
    tools = rep.page.locator(".record-tools")
    assert tools.locator(".btn").count() >= 4
    assert tools.bounding_box()["height"] < 60
