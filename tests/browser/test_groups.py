"""Groups of a list under a mouse, a thumb and a keyboard."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE


def test_a_manager_groups_by_owner_and_opens_a_group(visit: Visit) -> None:
    lead = visit("manager_li")
    lead.open("/e/opportunity")
    expect(lead.page.locator(".sums")).to_contain_text("预计金额")
    lead.page.locator(".view-menu > summary").click()
    lead.page.locator("#list-group").select_option(label="负责人")
    lead.page.locator(".group-form .btn").click()
    group = lead.page.locator(".group", has_text="王磊")
    group.locator("summary").press("Enter")
    expect(group.locator("tbody tr").nth(1)).to_be_visible()
    assert lead.violations() == []
    group.locator("[data-row-link]").first.click()
    lead.page.wait_for_url("**/e/opportunity/*")


def test_on_a_phone_groups_fit_and_without_scripts_lead_to_their_records(visit: Visit) -> None:
    lead = visit("manager_li", PHONE)
    lead.open("/e/opportunity?group=stage")
    lead.page.locator(".group summary").first.click()
    expect(lead.page.locator(".group tbody tr").first).to_be_visible()
    assert not lead.scrolls_sideways()
    lead.page.locator(".view-menu > summary").click()
    expect(lead.page.locator("#list-group")).to_be_in_viewport()
    assert lead.violations() == []
    plain = visit("manager_li", script=False)
    plain.open("/e/opportunity?group=stage")
    plain.page.locator(".group summary").first.click()
    plain.press("查看这些记录")
    assert "stage=" in plain.path and "group" not in plain.path
