"""A tour on the pages: by keyboard at a desk, by thumb in a sheet at the bottom of a phone, without scripts too."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE

MARKED = ".tour-target"


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_a_tour_points_at_things_and_goes_on_by_keyboard_and_by_thumb(visit: Visit, width: int) -> None:
    rep = visit("rep_zhao" if width == DESK else "rep_lin", width)
    rep.open("/e/customer")
    rep.page.locator(".tour-offers > summary").click()
    assert rep.violations() == []
    rep.leave(".tour-offers button:has-text('建一家客户')")
    rep.see("[data-tour-text]", "先搜一下")
    assert rep.page.locator(f".list-search{MARKED}").count() == 1
    assert rep.violations() == [] and not rep.scrolls_sideways()
    panel = rep.page.locator("[data-tour]").bounding_box()
    assert panel is not None
    if width == PHONE:
        assert panel["width"] == PHONE and panel["y"] + panel["height"] == 844, "a sheet at the bottom"
    rep.page.keyboard.press("Enter")  # the button that goes on has the keyboard
    rep.see("[data-tour-text]", "没有就点“新建”")
    assert rep.page.locator(f"[data-key=c]{MARKED}").count() == 1, "the next step of a page needs no other page"

    rep.leave(".page-tools [data-key=c]")
    rep.see("[data-tour-text]", "全称照营业执照写")
    assert rep.page.locator(f"#f-name-field{MARKED}").is_visible()
    rep.fill("name", f"宁波导览机械有限公司{width}")
    for words in ("类型和区域", "有地址就写上", "保存。"):
        rep.page.locator("[data-tour-go='1'] button").click()
        rep.see("[data-tour-text]", words)
    rep.page.locator("[data-tour-go='-1'] button").click()
    rep.see("[data-tour-text]", "有地址就写上")
    rep.see_value("#f-name", f"宁波导览机械有限公司{width}")
    assert rep.violations() == [] and not rep.scrolls_sideways()
    rep.tick("主机厂")
    rep.page.locator("#f-region").select_option("east")
    rep.save()
    rep.see("[data-tour-text]", "建好了")
    rep.leave("[data-tour-finish] button")
    rep.see("#toasts", "走完了")
    rep.open("/e/customer")
    assert rep.page.locator("[data-tour], .tour-offers form[action$='/new_customer']").count() == 0


def test_escape_leaves_a_tour_for_now_and_it_works_without_scripts(visit: Visit) -> None:
    plain = visit("rep_wang", DESK, script=False)
    plain.open("/tours")
    plain.page.locator("form[action='/tours/new_customer'] button").click()
    plain.see("[data-tour-text]", "先搜一下")
    plain.page.locator("[data-tour-go='1'] button").click()
    plain.see("[data-tour-text]", "没有就点“新建”")

    rep = visit("rep_wang")
    rep.open("/tours")
    assert rep.violations() == []
    rep.leave("form[action='/tours/new_customer'] button")
    rep.page.locator("[data-tour-go='1'] button").focus()
    rep.page.evaluate("document.documentElement.dataset.left = 'soon'")
    rep.page.keyboard.press("Escape")
    rep.page.locator("html:not([data-left])").wait_for(state="attached")
    assert rep.page.locator("[data-tour]").count() == 0
    assert rep.page.locator(".tour-offers").count() == 1
