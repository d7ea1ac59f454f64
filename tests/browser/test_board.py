"""A board under a mouse and a thumb: a card is dropped, or sent by its menu, and meets the gate."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE


def test_a_card_dropped_on_a_later_stage_asks_what_is_missing_and_nothing_moves_before(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/opportunity/board")
    card = rep.page.locator("[data-card]").first
    stage = card.get_attribute("data-from")
    following = rep.page.locator(f"[data-stage='{stage}'] + [data-stage]")
    card.drag_to(following)
    expect(rep.page.locator("#dialog-body form.move")).to_be_visible()
    assert rep.violations() == []
    rep.page.keyboard.press("Escape")
    assert rep.page.locator("[data-card]").first.get_attribute("data-from") == stage


def test_a_card_dropped_where_nothing_leads_says_so(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/opportunity/board")
    card = rep.page.locator("[data-card]").first
    card.drag_to(rep.page.locator("[data-stage='won']"))
    expect(rep.page.locator("#toasts")).to_contain_text("不能从")


def test_on_a_phone_a_card_is_sent_by_its_menu_and_the_page_does_not_scroll_sideways(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/opportunity/board")
    assert not rep.scrolls_sideways()
    card = rep.page.locator("[data-card]").first
    card.locator("summary").click()
    card.locator("a[data-board-to]").filter(has_text="丢单").click()
    expect(rep.page.locator("#dialog-body form.move")).to_be_visible()
    assert rep.violations() == []


def test_on_a_phone_the_board_begins_at_the_first_stage_that_holds_a_card(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/opportunity/board")
    assert rep.page.locator("[data-stage]").first.locator("[data-card]").count() == 0
    expect(rep.page.locator("[data-card]").first).to_be_in_viewport(ratio=0.9)
