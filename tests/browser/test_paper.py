"""The record with the trail of its approvals, on a phone."""

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE


def test_on_a_phone_no_table_of_the_trail_is_cut(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/quote")
    url = rep.page.locator("[data-row-link]").first.get_attribute("href")
    rep.open(f"{url}/trail")
    cut = rep.page.eval_on_selector_all(
        "table",
        "all => all.filter((one) => one.scrollWidth > one.parentElement.clientWidth).map((one) => one.className)",
    )
    assert rep.page.locator("table.lines-read").count() > 0
    assert cut == []
    assert not rep.scrolls_sideways()
