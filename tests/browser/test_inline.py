"""Cells of a list changed where they stand, by mouse and by keyboard."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit


def test_a_double_click_changes_a_cell_and_escape_leaves_it(visit: Visit) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/opportunity")
    cell = rep.page.locator("td[data-edit$='/cells/win_rate']").first
    before = cell.inner_text()
    cell.dblclick()
    box = cell.locator("input[name=win_rate]")
    expect(box).to_be_focused()
    assert rep.violations() == []
    box.fill("abc")
    rep.expect("422")
    box.press("Enter")
    expect(cell.locator("[role=alert]")).to_be_visible()
    expect(box).to_have_value("abc")
    box.press("Escape")
    expect(cell).to_have_text(before)
    expect(cell).to_be_focused()
    cell.press("Enter")
    cell.locator("input[name=win_rate]").fill("35")
    cell.locator("input[name=win_rate]").press("Enter")
    expect(cell).to_have_text("35%")
    assert rep.path == "/e/opportunity"
    rep.page.reload()
    expect(rep.page.locator("td[data-edit$='/cells/win_rate']").first).to_have_text("35%")


def test_the_keyboard_goes_from_the_row_to_its_cells(visit: Visit) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/opportunity")
    rep.page.keyboard.press("j")
    rep.page.keyboard.press("ArrowRight")
    expect(rep.page.locator("td[data-edit]").first).to_be_focused()
    rep.page.keyboard.press("ArrowLeft")
    rep.page.keyboard.press("F2")
    expect(rep.page.locator(".cell-edit")).to_be_visible()
    rep.page.keyboard.press("Escape")
    expect(rep.page.locator(".cell-edit")).to_have_count(0)
