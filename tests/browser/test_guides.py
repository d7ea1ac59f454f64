"""What the guides of docs/ tell, walked by whom they are for, in both languages: each page says what stands there.

Their pictures are taken on the way when FORMWORK_SCREENSHOTS names a folder; those of English pages end in ``.en``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE, Visitor

LANGUAGES = ["zh", "en"]
BUSY = """() => [...document.querySelectorAll("[aria-busy=true], .htmx-request")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.height && box.top < innerHeight;
}).length"""


@contextmanager
def speaking(visit: Visit, login: str, language: str, width: int = DESK) -> Iterator[tuple[Visitor, str]]:
    """Sign somebody in who reads a language, and what the names of their pictures end in."""
    visitor = visit(login, width)
    if language != "zh":
        change_language(visitor, language)
    try:
        yield visitor, "" if language == "zh" else f".{language}"
    finally:
        if language != "zh":  # it is kept with the person
            change_language(visitor, "zh")


def change_language(visitor: Visitor, language: str) -> None:
    visitor.open("/")
    with visitor.page.expect_navigation():
        visitor.page.evaluate(f"document.querySelector('[name=lang][value={language}]').click()")


def whole(visitor: Visitor) -> None:
    """Wait until every tile that can be seen has come; those further down come when somebody goes there."""
    visitor.page.wait_for_load_state("load")
    for _ in range(300):
        if not visitor.page.evaluate(BUSY):
            return
        visitor.page.wait_for_timeout(100)
    raise AssertionError(f"{visitor.page.url} is still being worked out")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_director_goes_from_the_dashboard_to_the_rows_the_radar_and_the_forecast(visit: Visit, language: str) -> None:
    with speaking(visit, "director_chen", language) as (director, end):
        page = director.page
        director.open("/dashboards/sales?period=year")
        expect(page.locator("#tile-0-0 .figure-value")).to_contain_text("n=")
        expect(page.locator("#tile-1-0 .chart-still:visible")).to_have_count(1)
        whole(director)
        director.picture(f"dashboard{end}", tall=900)

        director.open("/funnels/opportunity.sales?period=year")
        step = page.locator(".chart-list td a").nth(1)
        n = step.inner_text()
        step.click()
        page.wait_for_url("**/rows?**")
        expect(page.locator("h1 .count-text")).to_contain_text(n)
        whole(director)
        director.picture(f"rows{end}", tall=560)

        director.open("/reports/customer.radar?period=year")
        expect(page.locator("[data-chart] .chart-still:visible")).to_have_count(1)
        whole(director)
        director.picture(f"radar{end}", tall=900)

        director.open("/reports/opportunity.waterfall?period=quarter")
        expect(page.locator("[data-chart] .chart-still:visible")).to_have_count(1)
        assert page.locator(".chart-list tbody tr").count() > 1
        whole(director)
        director.picture(f"waterfall{end}", tall=760)

        director.open("/dashboards/weekly_stalled")
        whole(director)
        director.picture(f"meeting{end}", tall=700)


@pytest.mark.parametrize("language", LANGUAGES)
def test_operations_see_the_rollout_and_what_a_warning_will_say(visit: Visit, language: str) -> None:
    with speaking(visit, "ops_wu", language) as (operations, end):
        operations.open("/dashboards/operations")
        expect(operations.page.locator("#tile-0-0 .figure-value")).to_contain_text("n=")
        whole(operations)
        operations.picture(f"rollout{end}", tall=900)
    with speaking(visit, "admin", language) as (administrator, end):
        administrator.open("/admin/automations/opportunity.warning_daily")
        administrator.leave("section[aria-labelledby=try] button")
        picture = administrator.page.locator(".sent-picture img").first
        expect(picture).to_be_visible()
        administrator.page.locator("#try").evaluate("one => one.scrollIntoView()")
        administrator.picture(f"warning{end}", tall=1100)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rep_and_an_approver_find_what_waits_for_them_and_whose_turn_it_is(visit: Visit, language: str) -> None:
    with speaking(visit, "rep_wang", language, PHONE) as (rep, end):
        rep.open("/")
        expect(rep.page.locator("#tile-0-0 .figure-value")).to_be_visible()
        whole(rep)
        assert rep.scrolls_sideways() is False
        rep.picture(f"rep-home{end}")
    with speaking(visit, "director_chen", language, PHONE) as (approver, end):
        approver.open("/approvals")
        assert approver.page.locator(".task a").count() > 0
        assert approver.scrolls_sideways() is False
        approver.picture(f"queue-phone{end}")
        approver.leave(".task a[href]:has-text('BJ')")
        assert approver.page.locator(".decide").count() and approver.page.locator(".facts").count()
        assert approver.scrolls_sideways() is False
        approver.picture(f"approval-phone{end}")
        quote = str(approver.page.locator("h1 a").first.get_attribute("href"))
    with speaking(visit, "director_chen", language) as (reader, end):
        reader.open("/e/quote")
        assert reader.page.locator("[data-row-url]").count() > 3
        reader.picture(f"list{end}")
        reader.open(quote)
        expect(reader.page.locator(".record-status")).to_be_visible()
        reader.picture(f"quote{end}", tall=800)
