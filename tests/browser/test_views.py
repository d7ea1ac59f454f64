"""Views and columns of a list under a mouse, a thumb and a keyboard."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE


def test_columns_are_chosen_and_kept_as_a_view_that_is_shared(visit: Visit) -> None:
    ops = visit("ops_wu")
    ops.open("/e/opportunity?stage=lost")
    ops.page.locator(".view-menu > summary").click()
    ops.press("选择列…")
    expect(ops.page.locator("#column-rows")).to_be_visible()
    ops.page.get_by_label("赢单率", exact=True).uncheck()
    ops.page.locator("#up-amount").press("Enter")
    expect(ops.page.locator("#up-amount")).to_be_focused()
    assert ops.violations() == []
    ops.page.locator("#columns-form .btn-primary").click()
    expect(ops.page.locator(".list thead")).not_to_contain_text("赢单率")
    ops.page.locator(".view-menu > summary").click()
    ops.press("存为视图…")
    ops.page.locator("#view-name").fill("丢单复盘")
    ops.page.locator("#view-audience").select_option(label="所有人")
    assert ops.violations() == []
    ops.press("保存视图")
    expect(ops.page.locator(".views [aria-current]")).to_have_text("丢单复盘")
    rep = visit("rep_huang", PHONE)
    rep.open("/e/opportunity")
    rep.page.locator(".views").get_by_text("丢单复盘").click()
    expect(rep.page.locator(".chip")).to_contain_text("丢单")
    assert not rep.scrolls_sideways()
    rep.page.locator(".view-menu > summary").click()
    assert rep.violations() == []
    ops.page.locator(".view-menu > summary").click()
    ops.press("改名、共享…")
    ops.press("删除视图")
    expect(ops.page.locator(".views")).not_to_contain_text("丢单复盘")


def test_a_board_keeps_its_conditions_as_a_view_and_comes_back_to_it_after_a_move_was_asked(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/opportunity/board")
    rep.page.locator(".filter-link").click()
    rep.page.locator("#filter-0-f").select_option(label="客户")
    expect(rep.page.locator("#filter-0-o")).to_be_visible()
    rep.page.keyboard.press("Escape")
    rep.open("/e/opportunity/board?amount.from=1")
    rep.page.locator(".view-menu > summary").click()
    rep.press("存为视图…")
    rep.page.locator("#view-name").fill("有金额的")
    assert rep.violations() == []
    rep.press("保存视图")
    expect(rep.page.locator(".views [aria-current]")).to_have_text("有金额的")
    assert rep.path.startswith("/e/opportunity/board?")
    phone = visit("rep_wang", PHONE)
    phone.open("/e/opportunity")
    phone.page.locator(".views").get_by_text("有金额的").click()
    expect(phone.page.locator(".chip")).to_contain_text("1")
    assert not phone.scrolls_sideways()
    assert phone.violations() == []
    phone.page.locator(".view-menu > summary").click()
    phone.press("改名、共享…")
    phone.press("删除视图")
    expect(phone.page.locator(".views")).not_to_contain_text("有金额的")
    expect(phone.page.locator("[data-board]")).to_be_visible()
    phone.page.wait_for_load_state("load")
    phone.open("/e/opportunity/calendar?show=week")
    assert not phone.scrolls_sideways()
    assert phone.violations() == []
