"""What somebody types into a picker is taken, or stays and says that something must be chosen; without scripts too."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_leaving_a_picker_takes_the_only_match_and_keeps_what_fits_nothing(visit: Visit, width: int) -> None:
    rep = visit("rep_wang", width)
    rep.expect("422")
    rep.open("/e/quote/new")
    box = rep.page.locator("#f-customer")
    chosen = rep.page.locator("[name=customer]")
    box.click()
    box.press_sequentially("华申")
    box.press("Tab")
    expect(chosen).to_have_value(re.compile(r"\d+"))
    expect(box).to_have_value(re.compile("华申.+"))

    box.fill("查无此厂")
    box.press("Tab")
    note = rep.page.locator("#f-customer-field [data-unread-note]")
    expect(note).to_have_text("请从列表中选择")
    expect(box).to_have_value("查无此厂")
    expect(chosen).to_have_value("")
    assert rep.violations() == []
    assert not rep.scrolls_sideways()

    rep.save()
    expect(box).to_have_value("查无此厂")
    expect(rep.page.locator("#f-customer-error")).to_contain_text("没有找到“查无此厂”，请从列表中选择。")
    rep.pick("#f-customer", "华申", "华申")
    expect(note).to_have_count(0)
    expect(chosen).to_have_value(re.compile(r"\d+"))


def test_saving_right_after_typing_sends_what_was_typed(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.expect("422")
    rep.open("/e/quote/new")
    rep.page.locator("#f-customer").fill("华申")
    rep.save()
    expect(rep.page.locator("[name=customer]")).to_have_value(re.compile(r"\d+"))


def test_without_scripts_a_name_is_typed_and_found(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE, script=False)
    rep.expect("422")
    page = rep.page
    page.goto("/e/quote/new")
    page.fill("#f-customer", "有限公司")
    page.locator(".form-tools .btn-primary").click()
    meant = page.locator("#f-customer-field [data-meant] label")
    assert meant.count() > 2
    assert not page.locator("#f-customer-field .field-error").is_hidden()
    meant.first.click()
    page.locator(".form-tools .btn-primary").click()
    assert re.fullmatch(r"\d+", page.locator("[name=customer]").input_value())


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_several_records_are_picked_one_by_one_and_taken_out_again(visit: Visit, width: int) -> None:
    rep = visit("rep_wang", width)
    rep.open("/e/opportunity/new")
    page = rep.page
    rep.pick("#f-customer", "华申", "华申")
    rep.pick("#f-product_lines", "油封", "油封")
    rep.pick("#f-product_lines", "密封", "密封垫")
    chosen = page.locator("#f-product_lines-field [data-chosen] li")
    expect(chosen).to_have_count(2)
    page.locator("#f-product_lines").fill("紧固件")
    page.locator("#f-product_lines").press("Tab")
    expect(chosen).to_have_count(3)
    chosen.nth(0).locator("[data-remove-chosen]").click()
    expect(chosen).to_have_text([re.compile("密封垫"), re.compile("紧固件")])
    page.fill("#f-name", "泵用密封")
    page.fill("#f-next_action", "约见")
    page.fill("#f-next_date", "2027-01-04")
    assert not rep.scrolls_sideways()
    rep.save()
    rep.see("main", "密封垫、紧固件")
    page.get_by_role("link", name="密封垫", exact=True).first.click()
    rep.see("main", "泵用密封")  # among what leads to the product line
    assert not rep.scrolls_sideways()
    assert rep.violations() == []
