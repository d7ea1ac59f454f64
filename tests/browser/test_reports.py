"""Reports as people read them: tiles that fetch themselves, charts under a pointer, figures that open their rows."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE


def test_a_dashboard_fetches_its_tiles_and_a_chart_under_the_pointer_tells_its_figures(visit: Visit) -> None:
    director = visit("director_chen")
    director.open("/dashboards/sales?period=year")
    page = director.page
    expect(page.locator("#tile-0-0 .figure-value")).to_contain_text("n=")
    chart = page.locator("#tile-1-0 [data-chart]").first
    expect(chart.locator(".chart-still:visible")).to_have_count(1)
    chart.hover()
    expect(chart.locator(".chart-live svg")).to_be_visible()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 24)
    expect(page.locator(".chart-tip:visible")).to_contain_text("需求确认")
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 24)
    page.wait_for_url("**/funnels/opportunity.sales/rows?**step=needs")
    expect(page.locator("h1")).to_contain_text("需求确认的记录")
    assert director.violations() == []
    director.open("/")  # figures, lists and the first charts; the others are on the dashboard
    expect(page.locator("#tile-0-0, #tile-1-0, #tile-3-0")).to_have_count(3)
    expect(page.locator("#tile-2-0, #tile-4-0")).to_have_count(0)


def test_a_figure_leads_to_its_rows_by_keyboard_and_back(visit: Visit) -> None:
    manager = visit("manager_li")
    manager.open("/reports/opportunity.now?chart=bars")
    page = manager.page
    link = page.locator(".chart-list td a").first
    n = link.locator("xpath=..").locator("small").first.inner_text().removeprefix("n=")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rows?**")
    expect(page.locator("h1 .count-text")).to_have_text(f"{n} 条")
    page.locator(".crumbs a").nth(1).click()
    expect(page.locator("h1")).to_have_text("商机漏斗（当前）")


def test_without_a_script_a_report_is_whole_and_on_a_phone_nothing_scrolls_sideways(visit: Visit) -> None:
    plain = visit("manager_li", script=False)
    plain.open("/reports/opportunity.now?chart=bars")
    assert plain.page.locator(".chart-still:visible a").count() > 0
    plain.page.locator(".chart-still:visible a").first.click()
    expect(plain.page.locator("h1")).to_contain_text("的记录")
    phone = visit("director_chen", PHONE)
    phone.open("/dashboards/sales?period=year")
    expect(phone.page.locator("#tile-0-0 .figure-value")).to_contain_text("n=")
    assert not phone.scrolls_sideways()
    assert phone.violations(also=("target-size",)) == []


def test_what_was_chosen_is_kept_under_a_name_and_opened_from_the_list_of_reports(visit: Visit) -> None:
    director = visit("director_chen")
    director.open("/reports/customer.radar?period=year&by=region")
    page = director.page
    page.locator("summary[aria-label='视图']").click()
    page.get_by_role("link", name="存为视图…").click()
    page.locator("#view-name").fill("今年各区域")
    assert director.violations() == []
    page.get_by_role("button", name="保存视图").click()
    page.wait_for_url("**/reports/customer.radar?**view=*")
    opener = page.locator("summary[aria-label='视图']")
    expect(opener).to_contain_text("今年各区域")
    opener.click()
    expect(page.get_by_role("link", name="改名、共享…")).to_be_visible()
    expect(page.locator("[data-chart] .chart-still:visible, [data-chart] .chart-live svg").first).to_be_visible()
    assert director.violations() == []
    director.open("/reports")
    page.get_by_role("link", name="今年各区域").click()
    page.wait_for_url("**/reports/customer.radar?period=year&by=region&view=*")
    phone = visit("director_chen", PHONE)
    phone.open("/reports/customer.radar?period=year")
    phone.page.locator("summary[aria-label='视图']").click()
    assert not phone.scrolls_sideways()
    assert phone.violations() == []
