"""Somebody who misses a contact while writing a quote makes it there, and goes on with the quote as it was."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE, Visitor

DIALOG = "#quick-dialog"


def begin_quote(rep: Visitor) -> str:
    """Open a new quote for the first customer of the list, with a remark; return the customer's id."""
    rep.open("/e/customer")
    rep.page.locator("[data-row-link]").first.click()
    rep.page.wait_for_load_state()
    customer = rep.path.rpartition("/")[2]
    rep.open(f"/e/quote/new?customer={customer}&prepay=30")
    return customer


def ask_for(rep: Visitor, name: str) -> None:
    """Type a name nobody has and take the offer to make one."""
    rep.page.locator("#f-contact").fill(name)
    rep.page.locator("#f-contact-field .picker-create").click()
    expect(rep.page.locator(DIALOG)).to_be_visible()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_contact_is_made_and_chosen_without_leaving_the_quote(visit: Visit, width: int) -> None:
    rep = visit("rep_wang", width)
    rep.expect("422")
    customer = begin_quote(rep)
    ask_for(rep, f"沈工{width}")
    rep.see_value("#f-quick-name", f"沈工{width}")
    assert rep.page.locator(f"{DIALOG} [name=customer]").input_value() == customer
    assert rep.violations() == []
    assert not rep.scrolls_sideways()

    rep.page.locator("#f-quick-name").fill("")
    rep.page.locator(f"{DIALOG} .btn-primary").click()
    expect(rep.page.locator("#f-quick-name-error")).to_be_visible()
    assert rep.violations() == []
    rep.page.locator("#f-quick-name").fill(f"沈工{width}")
    rep.page.locator(f"{DIALOG} .btn-primary").click()

    expect(rep.page.locator(DIALOG)).to_be_hidden()
    rep.see_value("#f-contact", f"沈工{width}")
    rep.see_value("#f-prepay", "30")
    assert rep.page.locator("[name=contact]").input_value().isdigit()
    expect(rep.page.locator("#f-contact")).to_be_focused()


def test_the_keyboard_is_enough_escape_closes_and_what_was_typed_is_still_there(visit: Visit) -> None:
    rep = visit("rep_wang")
    begin_quote(rep)
    rep.page.locator("#f-contact").focus()
    rep.page.keyboard.type("查无此人")
    expect(rep.page.locator("#f-contact-field .picker-create.is-active")).to_be_visible()
    rep.page.keyboard.press("Enter")
    expect(rep.page.locator(DIALOG)).to_be_visible()
    rep.page.locator("#f-quick-mobile").fill("13900001234")
    rep.page.keyboard.press("Escape")
    expect(rep.page.locator(DIALOG)).to_be_hidden()
    expect(rep.page.locator("#f-contact")).to_be_focused()

    rep.page.keyboard.type("某人")
    rep.page.keyboard.press("Enter")  # too early: half a word sends nothing
    expect(rep.page.locator("#f-contact-field .picker-create.is-active")).to_be_visible()
    rep.page.keyboard.press("Enter")
    rep.see_value("#f-quick-mobile", "13900001234")
    rep.page.locator(f"{DIALOG} [data-close]").first.click()
    expect(rep.page.locator(DIALOG)).to_be_hidden()
    ask_for(rep, "第三人")
    rep.see_value("#f-quick-mobile", "")
    rep.see_value("#f-quick-name", "第三人")


def test_without_scripts_a_page_of_its_own_leads_back_to_the_form_as_it_was(visit: Visit) -> None:
    rep = visit("rep_wang", script=False)
    customer = begin_quote(rep)
    rep.page.locator("#f-prepay").fill("45")
    rep.page.locator("#f-contact-field button", has_text="新建联系人").click()
    rep.page.locator("#f-quick-name").fill("无脚本联系人")
    assert rep.page.locator("[name=customer]").input_value() == customer
    rep.page.locator("main .btn-primary").click()

    assert rep.page.locator("#f-contact").input_value() == "无脚本联系人"
    assert rep.page.locator("#f-prepay").input_value() == "45"
    assert rep.page.locator("[name=customer]").input_value() == customer
