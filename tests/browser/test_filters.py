"""Conditions put together under a mouse, a thumb and a keyboard."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE, Visitor


def choose(visitor: Visitor, row: int, field: str, operator: str | None = None) -> None:
    """Choose a field in a row, and how it is compared."""
    page = visitor.page
    with page.expect_response(lambda answer: "/filter?" in answer.url):
        page.locator(f"#filter-{row}-f").select_option(label=field)
    expect(page.locator(f"#filter-{row}-o")).to_be_visible()
    expect(page.locator("#filter-rows.htmx-settling, #filter-rows.htmx-added, .htmx-request")).to_have_count(0)
    if operator:
        page.locator(f"#filter-{row}-o").select_option(label=operator)


def test_a_rep_asks_for_large_or_soon_and_comes_back_to_change_it(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/opportunity")
    rep.page.locator(".filters > summary").click()
    rep.page.locator(".filter-builder").click()
    choose(rep, 0, "预计金额", "不小于")
    rep.page.locator("[name='0.v']").fill("1000000")
    rep.press("加一组条件")
    expect(rep.page.locator("#filter-1-f")).to_be_focused()
    choose(rep, 1, "预计签约日")
    expect(rep.page.locator("#filter-1-o option[selected]")).to_have_text("在")
    rep.page.locator("[name='1.v']").select_option(label="今年")
    rep.page.locator("select[name='join']").select_option("any")
    assert rep.violations() == []
    rep.press("应用")
    expect(rep.page.locator(".chip")).to_contain_text("预计金额 ≥ ¥1,000,000.00 或 预计签约日 今年")
    assert "where=" in rep.path
    rep.page.locator(".filters > summary").click()
    rep.page.locator(".filter-builder").click()
    expect(rep.page.locator("[name='0.v']")).to_have_value("1000000")


def test_enter_applies_escape_leaves_and_a_person_is_picked(visit: Visit) -> None:
    lead = visit("manager_li")
    lead.open("/e/opportunity")
    lead.page.locator(".filters > summary").click()
    lead.page.locator(".filter-builder").click()
    choose(lead, 0, "负责人")
    lead.pick("#filter-0-v", "王磊", "王磊")
    lead.press("加一个条件")
    expect(lead.page.locator("#filter-1-f")).to_be_focused()
    choose(lead, 1, "商机名称", "包含")
    lead.page.locator("[name='1.v']").fill("气缸垫")
    lead.page.locator("[name='1.v']").press("Enter")
    expect(lead.page.locator(".chip")).to_have_text([re.compile("负责人 王磊"), re.compile("商机名称 包含 气缸垫")])
    lead.page.locator(".filters > summary").click()
    lead.page.locator(".filter-builder").click()
    expect(lead.page.locator("#dialog")).to_be_visible()
    lead.page.keyboard.press("Escape")
    expect(lead.page.locator("#dialog")).to_be_hidden()


def test_on_a_phone_the_form_fits_and_without_scripts_it_is_a_page(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/opportunity")
    rep.page.locator(".filters > summary").click()
    rep.page.locator(".filter-builder").click()
    choose(rep, 0, "阶段")
    rep.page.locator("#filter-form").get_by_label("赢单").check()
    assert not rep.scrolls_sideways()
    assert rep.violations() == []
    rep.press("应用")
    expect(rep.page.locator(".chip")).to_contain_text("阶段 赢单")
    plain = visit("rep_wang", script=False)
    plain.open("/e/opportunity/filter?sort=name")
    plain.page.locator("#filter-0-f").select_option(label="预计金额")
    plain.press("更新表单")
    plain.page.locator("[name='0.v']").fill("1")
    plain.press("应用")
    assert "where=" in plain.path and "sort=name" in plain.path


def test_as_a_page_of_its_own_it_follows_the_chosen_field_too(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/opportunity/filter")
    expect(rep.page.get_by_role("button", name="更新表单")).to_have_count(0)
    choose(rep, 0, "预计金额", "不小于")
    rep.page.locator("[name='0.v']").fill("1000000")
    rep.press("应用")
    expect(rep.page.locator(".chip")).to_contain_text("预计金额 ≥ ¥1,000,000.00")
