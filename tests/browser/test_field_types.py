"""The inputs of single field types in a real browser: with finger, mouse and keyboard, at a desk and on a phone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serve_app
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import to_folder
from tests.field_types.conftest import APP
from tests.web.conftest import PASSWORD, let_in

WIDTHS = pytest.mark.parametrize("width", [DESK, PHONE])
SHOTS = os.environ.get("FORMWORK_TYPE_SCREENSHOTS")
HERE = {"latitude": 31.29988612, "longitude": 120.5853}
Open = Callable[[int], Visitor]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sample app, served by a thread."""
    with serve_app(tmp_path_factory.mktemp("samples"), to_folder(APP), let_in) as served:
        yield served


@pytest.fixture
def open_form(chromium: Any, address: str) -> Iterator[Open]:
    """Open the form of a new sample; at the end nothing may have gone wrong."""
    visitors: list[Visitor] = []

    def open_it(width: int) -> Visitor:
        context = chromium.new_context(
            base_url=address, viewport={"width": width, "height": 900 if width >= DESK else 844}, locale="zh-CN",
            has_touch=width < DESK, geolocation=HERE, permissions=["geolocation"],
        )  # fmt: skip
        visitor = Visitor(context.new_page())
        visitors.append(visitor)
        visitor.sign_in("lead", PASSWORD)
        visitor.open("/e/sample/new")
        visitor.fill("text", "甲")
        return visitor

    yield open_it
    for visitor in visitors:
        visitor.page.context.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


def shoot(visitor: Visitor, name: str, width: int) -> None:
    if SHOTS:
        visitor.page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}.png"), full_page=True)


@WIDTHS
def test_every_input_is_filled_in_and_the_record_shows_it(open_form: Open, width: int) -> None:
    visitor = open_form(width)
    page = visitor.page
    shoot(visitor, "empty", width)
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()

    page.locator("[data-label=带格式文字] >> xpath=preceding-sibling::*[@role='textbox']").fill("先看样品")
    visitor.fill("time", "09:30")
    visitor.fill("duration", "3d 4h")
    tags = page.locator("#f-tags")
    tags.press_sequentially("VIP,")
    tags.press_sequentially("华东")
    tags.press("Enter")
    for letters, name in (("rep1", "Rep1"), ("rep2", "Rep2")):
        page.locator("#f-users").fill(letters)
        page.locator("#f-users-field [role=option]", has_text=name).first.click()
    page.locator("#f-department").fill("nor")
    page.locator("#f-department-field [role=option]", has_text="north").first.click()
    page.locator("[id='f-address']").fill("江苏省")
    page.locator("[id='f-address-city']").fill("苏州市")
    visitor.press("当前位置")
    visitor.see_value("#f-geo", "31.299886, 120.585300")
    visitor.fill("barcode", "6901234567892")
    page.locator("[data-colour-for=f-colour]").fill("#1f8a70")
    visitor.see_value("#f-colour", "#1f8a70")
    page.locator("#f-rating-field label").nth(3).click()
    visitor.fill("json", '{"a": 1}')
    draw(page)
    page.locator("#f-signature-field [data-use]").click()
    page.locator("#f-signature-field .file a, #f-signature-field .file [data-name]").first.wait_for()
    page.locator("#f-signature-field [data-files] input[type=hidden]:not([value=''])").wait_for(state="attached")
    shoot(visitor, "filled", width)
    assert visitor.violations() == []

    visitor.save()
    said = visitor.text()
    for expected in ("先看样品", "09:30", "3 天 4 小时", "vip", "华东", "Rep1", "Rep2", "north", "江苏省苏州市",
                     "31.299886, 120.5853", "6901234567892", "#1f8a70"):  # fmt: skip
        assert expected in said, expected
    page.get_by_role("img", name="4 星（共 5 星）").wait_for()
    expect(page.locator(".pictures img").first).to_have_js_property("naturalWidth", 320)  # a small one stands for it
    shoot(visitor, "record", width)
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()
    visitor.open("/e/sample")
    shoot(visitor, "list", width)
    assert visitor.violations() == []


def draw(page: Any) -> None:
    box = page.locator("#f-signature-field canvas")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    page.mouse.move(place["x"] + 30, place["y"] + 40)
    page.mouse.down()
    for at in range(1, 12):
        page.mouse.move(place["x"] + 30 + at * 15, place["y"] + 40 + (at % 3) * 20)
    page.mouse.up()


def test_a_signature_and_a_rating_need_no_pointer(open_form: Open) -> None:
    visitor = open_form(DESK)
    page = visitor.page
    page.locator("#f-signature-field [data-typed]").fill("王强")
    page.locator("#f-signature-field [data-typed]").press("Enter")
    page.locator("#f-signature-field [data-files] input[type=hidden]:not([value=''])").wait_for(state="attached")
    page.locator("#f-rating").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    visitor.save()
    page.get_by_role("img", name="3 星（共 5 星）").wait_for()


def test_an_unsigned_box_sends_nothing(open_form: Open) -> None:
    visitor = open_form(DESK)
    visitor.page.locator("#f-signature-field [data-use]").click()
    visitor.see("#f-signature-field [data-said]", "请先签名")


def test_a_tag_is_taken_out_by_its_button_or_by_backspace(open_form: Open) -> None:
    visitor = open_form(DESK)
    tags = visitor.page.locator("#f-tags")
    tags.press_sequentially("a,b,c,")
    tags.press("Backspace")
    visitor.page.get_by_role("button", name="移除 a").click()
    visitor.save()
    assert visitor.page.locator(".details .tag").all_inner_texts() == ["b"]


def test_rich_text_is_set_by_its_toolbar(open_form: Open) -> None:
    visitor = open_form(DESK)
    page = visitor.page
    box = page.get_by_role("textbox", name="带格式文字")
    box.click()
    page.get_by_role("button", name="粗体", exact=True).click()
    page.keyboard.type("要紧")
    visitor.save()
    assert page.locator(".rich-text b, .rich-text strong").inner_text() == "要紧"


@WIDTHS
def test_what_is_typed_into_is_never_behind_the_head_and_the_page_is_there_at_once(open_form: Open, width: int) -> None:
    visitor = open_form(width)
    page = visitor.page
    for field in ("text", "colour", "time"):
        page.evaluate("document.activeElement.blur(); scrollTo(0, document.documentElement.scrollHeight)")
        page.locator(f"#f-{field}").evaluate("one => one.focus()")
        assert page.locator(f"#f-{field}").evaluate(_IS_IN_SIGHT), field
    page.evaluate("scrollTo(0, 300)")
    page.locator(".form-tools .btn-primary").evaluate("one => one.focus()")
    assert width < DESK or page.evaluate("scrollY") == 300


_IS_IN_SIGHT = """(one) => {
  const {top, left, width} = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(left + width / 2, top + 2));
}"""


def test_without_a_script_markup_tags_and_colours_are_typed(chromium: Any, address: str) -> None:
    context = chromium.new_context(base_url=address, java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto("/login")
    page.fill("[name=username]", "lead")
    page.fill("[name=password]", PASSWORD)
    page.locator("main .btn-primary").click()
    page.wait_for_url(lambda url: not url.endswith("/login"))
    page.goto("/e/sample/new")
    page.fill("#f-text", "乙")
    page.fill("#f-rich_text", "<p>纯<b>文</b></p>")
    page.fill("#f-tags", "x, Y")
    page.fill("#f-colour", "#abc")
    page.locator(".form-tools .btn-primary").press("Enter")  # without scripts nobody checks where a click arrives
    page.wait_for_url(lambda url: not url.endswith("/new"))
    said = page.locator("main").inner_text()
    assert "纯文" in said
    assert "#aabbcc" in said
    assert page.locator(".details .tag").all_inner_texts() == ["x", "y"]
    context.close()
