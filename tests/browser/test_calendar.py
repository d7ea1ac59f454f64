"""A calendar under a mouse, a thumb and a keyboard."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_months_are_turned_and_a_record_opens(visit: Visit, width: int) -> None:
    lead = visit("manager_li", width)
    lead.open("/e/opportunity/calendar?by=next_date")
    for _ in range(14):
        if lead.page.locator(".calendar-item").count():
            break
        lead.page.locator("a[rel=prev]").click()
    expect(lead.page.locator(".calendar-item").first).to_be_visible()
    assert lead.violations() == []
    assert not lead.scrolls_sideways()
    lead.press("周")
    expect(lead.page.locator("[aria-current]", has_text="周").first).to_be_visible()
    lead.page.go_back()
    lead.page.locator(".calendar-item").first.press("Enter")
    lead.page.wait_for_url("**/e/opportunity/*")
