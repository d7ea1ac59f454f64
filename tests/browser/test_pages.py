"""What holds for every kind of page: no rule of accessibility broken in light and dark, nothing scrolls sideways.

And: no refused script, little to load, the keyboard, English.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import DESK, PHONE, Visitor

PAGES = (
    "/",
    "/e/customer",
    "/e/quote",
    "/e/quote?stage=lost",
    "/e/quote/new",
    "/e/customer/new",
    "/e/contract/1",
    "/e/customer/1",
    "/e/quote/1",
    "/search",
    "/search?q=甬川",
    "/approvals",
    "/approvals?box=done",
    "/settings/account",
    "/e/nothing-like-it",
)
HEAVIEST_KB, MOST_REQUESTS = 200, 12
RULES: dict[str, tuple[str, ...]] = {"light": (), "dark": ("color-contrast",)}
"""Themes differ in colours only, so in the dark only those are judged again."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_every_kind_of_page_is_accessible_and_fits_the_screen(visit: Visit, width: int, theme: str) -> None:
    visitor = visit("manager_li", width, theme=theme)
    visitor.expect("404", "409", "422")
    judged = {where: verdict(visitor, *RULES[theme]) for where in everywhere(visitor)}
    assert len(judged) > 18
    assert {where: found for where, found in judged.items() if found} == {}


def everywhere(visitor: Visitor) -> Iterator[str]:
    """Go to one page of each kind, dialogs and menus open, and say where."""
    for path in PAGES:
        visitor.open(path)
        yield path
    visitor.open("/approvals")
    visitor.page.locator(".task a").first.click()
    visitor.page.wait_for_load_state()
    yield "decision"
    visitor.press("不同意…")
    yield "decision with a reason"
    visitor.open("/e/quote")
    visitor.page.locator(".filters summary").click()
    yield "filters"
    visitor.open("/e/contract?stage=draft")
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


def test_a_list_is_light_and_its_first_row_is_there_at_once(visit: Visit) -> None:
    visitor = visit("manager_li")
    loaded: list[Any] = []
    visitor.page.on("requestfinished", lambda request: loaded.append(request))
    visitor.page.goto("/e/customer")
    visitor.page.wait_for_load_state("networkidle")
    weights = [request.sizes() for request in loaded]
    kilobytes = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in weights) / 1024
    assert len(loaded) <= MOST_REQUESTS
    assert kilobytes <= HEAVIEST_KB


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
