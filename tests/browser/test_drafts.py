"""What is typed is kept by itself: left without a warning, gone on with later, and not lost with the session."""

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import PHONE


def test_a_form_that_was_left_is_gone_on_with_also_after_signing_in_again(visit: Visit, site: Site) -> None:
    rep = visit("rep_wang", PHONE)
    rep.open("/e/quote/new")
    rep.fill_line("items", 0, qty="37")
    rep.see("[data-draft-said]", "草稿已存")
    assert rep.violations() == []
    rep.leave(".form-tools a.btn")  # nobody is asked whether to leave: it is kept

    rep.open("/e/quote/new")
    rep.see(".draft-note", "有一份未提交的草稿")
    assert rep.violations() == []
    rep.open("/")
    rep.leave(".links a:has-text('未提交')")
    rep.see(".draft-note", "还没有提交")
    quantity = "[id^='f-items-'][id$='-qty']"
    rep.see_value(quantity, "37")
    assert rep.violations() == [] and not rep.scrolls_sideways()

    rep.page.context.clear_cookies()
    rep.expect("401")
    rep.fill_line("items", 0, qty="38")
    rep.leave("[data-draft-said] a")
    rep.page.fill("[name=username]", "rep_wang")
    rep.page.fill("[name=password]", site.passwords["rep_wang"])
    rep.page.locator("main .btn-primary").click()
    rep.see_value(quantity, "38")
    rep.see("[data-draft-said]", "草稿已存")
    rep.leave(".form-tools a.btn")
    rep.open("/e/quote/new")
    rep.leave(".draft-note form button")
    assert rep.page.locator(".draft-note").count() == 0
