"""Many records are ticked in a list and changed together: previewed, part by part, on a phone, by the keyboard."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit, add_customer
from tests.browser.visitor import DESK, PHONE, Visitor


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_ticked_rows_are_changed_after_a_preview(visit: Visit, width: int) -> None:
    chief = visit("manager_li", width)
    chief.open("/e/customer")
    if width == PHONE:
        expect(chief.page.locator("tbody .slot-tick").first).to_be_hidden()
        chief.press("选择")
    expect(chief.page.locator("#batch")).to_be_hidden()
    boxes = chief.page.locator("tbody .slot-tick input")
    for at in (0, 1):
        boxes.nth(at).check()
    chief.see("#batch", "已选 2 条")
    assert chief.violations() == []
    assert not chief.scrolls_sideways()

    chief.press("批量修改")
    chief.see("h1", "已选 2 条")
    chief.page.locator("#many-field").select_option(label="采购偏好")
    chief.page.locator("#f-preferences").fill(f"只要环保包装 {width}")
    assert chief.violations() == []
    chief.press("预览")
    chief.see("#many-result", "将修改 2 条")
    chief.see("#many-result", "把“采购偏好”改为")
    expect(chief.page.locator("[data-apply]")).to_be_focused()
    assert chief.violations() == []
    assert not chief.scrolls_sideways()

    chief.page.locator("#f-preferences").fill(f"只要环保包装，不要塑料 {width}")
    expect(chief.page.locator("#many-result")).to_have_count(0)
    chief.press("预览")
    chief.page.locator("[data-apply]").click()
    chief.see("#many-result", "已修改 2 条")
    assert chief.violations() == []
    expect(chief.page.locator("[data-back]")).to_be_focused()
    chief.page.keyboard.press("Enter")
    chief.page.wait_for_url("**/e/customer")


def test_what_is_refused_is_named_with_its_reason_and_the_rest_is_done_in_parts(visit: Visit) -> None:
    rep, chief = visit("rep_wang"), visit("manager_li")
    path = add_customer(rep, "改着改着就变了的客户有限公司")
    chief.open("/e/customer")
    chief.page.locator("[data-tick-all]").check()
    rep.open(f"{path}/edit")
    rep.fill("name", "刚刚改过名的客户有限公司")
    rep.save()
    rep.see("h1", "刚刚改过名")

    chief.press("批量修改")
    chief.page.locator("#many").evaluate("form => { form.dataset.size = 2; }")
    chief.page.locator("#many-field").select_option(label="采购偏好")
    chief.page.locator("#f-preferences").fill("统一发货")
    chief.press("预览")
    chief.see("#many-result", "1 条不能修改")
    chief.see(".many-refusals", "王磊")
    chief.page.locator("[data-apply]").click()
    chief.see("#many-result", "已修改")
    chief.see("#many-result", "1 条没有修改")


def test_what_was_done_although_the_answer_was_lost_is_not_said_to_have_changed(visit: Visit) -> None:
    chief = visit("manager_he")
    chief.expect("ERR_FAILED")
    chief.open("/e/customer")
    chief.page.locator("tbody .slot-tick input").first.check()
    chief.press("批量修改")
    chief.page.locator("#many-field").select_option(label="采购偏好")
    chief.page.locator("#f-preferences").fill("答复丢失也算数")
    chief.press("预览")
    chief.see("#many-result", "将修改 1 条")

    lost: list[bool] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().ok)
            route.abort()

    chief.page.route("**/many/part", lose)
    chief.page.locator("[data-apply]").click()
    chief.see("#many-result", "还有 1 条没有处理")
    chief.page.locator("[data-resume]").click()
    chief.see("#many-result", "已修改 1 条")
    expect(chief.page.locator("[data-refused]")).to_be_hidden()
    assert lost == [True]


def test_the_keyboard_ticks_and_all_the_filter_finds_can_be_taken(visit: Visit) -> None:
    chief = visit("manager_he", language="en")
    chief.page.locator(".topbar details summary").click()
    chief.page.locator("button[name=lang][value=en]").click()
    chief.open("/e/customer?grade=a")
    chief.page.keyboard.press("j")
    chief.page.keyboard.press("x")
    expect(chief.page.locator("#batch")).to_be_visible()
    found = chief.page.locator("#rows tr").count()
    chief.page.locator(".batch-all").focus()
    chief.page.keyboard.press("Enter")
    chief.see("h1", f"{found} chosen")
    assert chief.violations() == []


def test_without_a_script_the_same_is_asked_previewed_and_done(visit: Visit) -> None:
    chief = visit("manager_li", script=False)
    chief.open("/e/customer")
    chief.page.locator("tbody .slot-tick input").first.check()
    chief.press("批量修改")
    chief.page.locator("#many-field").select_option(label="采购偏好")
    chief.press("选定")
    chief.page.locator("#f-preferences").fill("没有脚本也行")
    chief.press("预览")
    chief.see("#many-result", "将修改 1 条")
    chief.press("修改 1 条")
    chief.see("#many-result", "已修改 1 条")


def choose_move(visitor: Visitor, move: str, width: int) -> None:
    """Tick every lead that is shown and choose what to do with them."""
    visitor.open("/e/lead")
    if width == PHONE:
        visitor.press("选择")
    boxes = visitor.page.locator("tbody .slot-tick input")
    for at in range(boxes.count()):
        boxes.nth(at).check()
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()
    visitor.press("批量流转")
    visitor.see("h1", "已选")
    visitor.page.locator("#many-move").select_option(value=move)
    visitor.see(".many-ask", "先试一遍")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_ticked_rows_are_moved_together_after_a_try(visit: Visit, width: int) -> None:
    sun = visit("assistant_sun", width)
    choose_move(sun, "reject", width)
    sun.press("先试一遍")
    sun.see("#many-result", "条不能流转")
    fill = sun.page.locator(".many-refusals .many-lines a", has_text="去补充").first
    fill.wait_for()
    assert sun.violations() == []
    assert not sun.scrolls_sideways()

    sun.open(fill.get_attribute("href"))
    why = sun.page.locator("[name=invalid_reason]")
    if why.first.evaluate("one => one.tagName") == "SELECT":
        why.select_option(index=1)
    else:
        why.first.check(force=True)
    sun.page.locator("form.move .buttons button").click()
    sun.page.wait_for_url(lambda url: "/moves/" not in url)

    choose_move(sun, "reopen", width)
    sun.page.locator("#in-reason").fill("重新核实")
    sun.press("先试一遍")
    sun.see("[data-changed]", "将流转")
    sun.see("#many-result", "重新筛选：进入“待筛”")
    assert sun.violations() == []
    assert not sun.scrolls_sideways()
    sun.page.locator("[data-apply]").click()
    sun.see("#many-result", "已流转")
    assert sun.violations() == []


def test_a_row_is_ticked_by_what_its_record_is_called_in_full(visit: Visit) -> None:
    """The version of a quote is part of its name and no column of the list."""
    rep = visit("rep_wang")
    rep.open("/e/quote")
    names = [box.get_attribute("aria-label") or "" for box in rep.page.locator("tbody .slot-tick input").all()]
    assert names
    assert [name for name in names if not re.search(r"-V\d+$", name)] == []
