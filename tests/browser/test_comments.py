"""Talking about a record: a name is offered after @, the remark stands there, and the other hears of it."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_a_colleague_is_mentioned_and_hears_of_it(visit: Visit, width: int) -> None:
    rep, manager = visit("rep_wang", width), visit("manager_li", PHONE)
    rep.open("/e/quote?owner=me")
    rep.page.locator("[data-row-link]").first.click()
    rep.page.wait_for_load_state()
    path, words = rep.path, f"客户要两份样品 {width}"
    box = rep.page.locator("#comment")
    box.press_sequentially("@李")
    rep.page.locator("#mentions [role=option]", has_text="李建国").first.click()
    box.press_sequentially(words)
    assert rep.violations() == []
    rep.press("发送")
    rep.see(".talk", f"@李建国 {words}")
    rep.see_value("#comment", "")
    assert not rep.scrolls_sideways()

    for _ in range(60):
        manager.open("/")
        if manager.page.get_by_text("提到了你").count():
            break
        manager.page.wait_for_timeout(500)
    manager.page.get_by_text("提到了你").first.click()
    manager.see(".talk", words)
    assert manager.path.startswith(path)
