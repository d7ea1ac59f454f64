"""A form that answers while somebody types: fields appear, become required and go away; notes wait their turn."""

from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import PHONE, Visitor

CODE = "91330201MA2GXAAX4H"


def open_folds(visitor: Visitor) -> None:
    for fold in visitor.page.locator("details.fold > summary").all():
        fold.click()


def _caret(page: Any) -> tuple[str, int]:
    return tuple(page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]"))


def test_a_field_goes_and_comes_back_while_somebody_types_and_takes_no_focus(visit: Visit) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/customer/new")
    open_folds(rep)
    reason = rep.page.locator("[data-when='f-no_code_reason']")
    expect(reason).to_be_visible()
    code = rep.page.locator("#f-credit_code")
    code.focus()
    rep.page.keyboard.type(CODE)
    rep.page.keyboard.press("Home")
    expect(reason).to_be_hidden()
    assert _caret(rep.page) == ("f-credit_code", 0)
    assert rep.page.evaluate("new FormData(document.querySelector('.record-form')).has('no_code_reason')") is False
    expect(rep.page.locator("#form-said")).to_contain_text("无信用代码的原因")
    code.fill("")
    expect(reason).to_be_visible()
    assert rep.violations() == []


def test_a_field_says_when_it_becomes_required(visit: Visit) -> None:
    rep = visit("director_chen")
    rep.open("/e/customer/new")
    open_folds(rep)
    star = rep.page.locator("#f-credit_code-field .required")
    expect(star).to_be_hidden()
    rep.tick("成交")
    expect(star).to_be_visible()
    assert rep.page.locator("#f-credit_code").get_attribute("aria-required") == "true"


def test_a_note_waits_until_its_fields_were_left_and_goes_when_all_is_well(visit: Visit) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/contract/new")
    open_folds(rep)
    note = rep.page.locator("#f-end_date-note")
    rep.fill("start_date", "2026-05-01")
    end = rep.page.locator("#f-end_date")
    end.focus()
    end.fill("2026-01-01")
    rep.page.wait_for_timeout(1200)
    expect(note).to_have_count(0)
    rep.page.locator("#f-original_location").focus()
    expect(note).to_contain_text("到期日期不能早于生效日期")
    assert f"{note.get_attribute('id')}" in (end.get_attribute("aria-describedby") or "")
    assert rep.violations() == []
    end.fill("2026-06-01")
    rep.page.locator("#f-original_location").focus()
    expect(note).to_have_count(0)


def test_without_a_script_a_field_that_does_not_apply_is_refused_with_its_sentence(visit: Visit) -> None:
    rep = visit("rep_zhao", script=False)
    rep.expect("422")
    rep.open("/e/customer/new")
    open_folds(rep)
    rep.page.locator("#f-name").fill("无脚本有限公司")
    rep.page.locator("input[name=type]").first.check()
    rep.page.locator("#f-region").select_option("east")
    rep.page.locator("#f-credit_code").fill(CODE)
    rep.page.locator("[name=no_code_reason]").first.click()
    rep.save()
    rep.see("#f-no_code_reason-error", "在这种情况下不用填写")
    assert rep.page.locator("#f-name").input_value() == "无脚本有限公司"


def test_notes_fit_a_phone(visit: Visit) -> None:
    rep = visit("rep_zhao", width=PHONE)
    rep.open("/e/contract/new")
    open_folds(rep)
    rep.fill("start_date", "2026-05-01")
    rep.fill("end_date", "2026-01-01")
    rep.page.locator("#f-original_location").focus()
    expect(rep.page.locator("#f-end_date-note")).to_be_visible()
    assert not rep.scrolls_sideways()


# ---- many keys, late answers


def preview_of(visitor: Visitor) -> str:
    return "**" + str(visitor.page.locator("[data-preview]").get_attribute("hx-post"))


def test_a_word_typed_in_one_go_is_asked_about_once(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.page.clock.install()
    rep.open("/e/customer/new")
    asked: list[str] = []
    rep.page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/preview") else None)
    rep.page.clock.pause_at(datetime.now() + timedelta(minutes=1))  # between two keys no time passes
    rep.page.locator("#f-name").press_sequentially("宁波海曙精密机械制造有限公司")
    assert asked == []
    with rep.page.expect_request("**/preview"):
        rep.page.clock.run_for(1200)
    rep.page.clock.run_for(5000)
    assert len(asked) == 1


def test_an_answer_that_comes_late_leaves_what_was_chosen_since(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/quote/new?customer=1")
    held: list[Any] = []
    address = preview_of(rep)
    rep.page.route(address, lambda route: held.append(route) if not held else route.continue_())
    price = rep.page.locator("input[name$='.price']").first
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫")
    for _ in range(400):
        if held:
            break
        rep.page.wait_for_timeout(50)
    other = rep.page.evaluate("async () => (await (await fetch('/pick/product?q=G-1001')).json()).items[0].value")
    price.evaluate("box => { window.seen = new Set(); setInterval(() => window.seen.add(box.value), 5); }")
    rep.page.locator("input[name$='.product']").first.evaluate(
        "(box, id) => { box.value = id; box.dispatchEvent(new Event('change', {bubbles: true})); }", other
    )
    held[0].continue_()  # the answer about the first product comes before the question about the second
    rep.see_value("input[name$='.price']", "86")
    assert rep.page.evaluate("[...window.seen]") == ["", "86"]


def test_what_was_fetched_follows_the_choice_until_somebody_types_there(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.open("/e/quote/new?customer=1")
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫")
    rep.see_value("input[name$='.price']", "18.4")
    rep.fill_line("items", 0, product="G-1001 -> 气缸垫")
    rep.see_value("input[name$='.price']", "86")
    rep.fill_line("items", 0, price="80")
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫")
    rep.see("output[id$='-list_price']", "18.4")
    assert rep.page.locator("input[name$='.price']").first.input_value() == "80"
