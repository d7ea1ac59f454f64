"""Deciding as approvers do: two taps from the notice, several at once, with a way back, and knowing what changed."""

import re
from typing import Any

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import DESK, PHONE, Visitor

BELOW_10 = "16.90"  # a discount the manager decides alone
BELOW_15 = "16.20"  # one the director decides after the manager


class Thumb:
    """Somebody's thumb on a phone: counts its taps, and reaches only what is on the screen."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.taps = visitor, 0

    def tap(self, selector: str, text: str) -> None:
        found = self.visitor.page.locator(selector, has_text=text).locator("visible=true").first
        found.tap()
        self.taps += 1


def quote(rep: Visitor, price: str) -> str:
    """A quote for a customer who is there, submitted; returns its path."""
    rep.open("/e/customer/1/make/quote")
    rep.page.locator("#f-payment_term").select_option(label="款到发货")
    rep.fill("prepay", "100")
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫", qty="1000")
    rep.see_value("input[name$='.price']", "18.4")
    rep.page.locator("input[name$='.price']").first.fill(price)
    rep.see("#form-path", "李建国")
    rep.save()
    path = rep.path
    submit(rep)
    return path


def submit(rep: Visitor) -> None:
    rep.press("提交审批")
    rep.see("#dialog", "李建国")
    rep.page.locator("#dialog .btn-primary").click()
    rep.see(".record-status", "等李建国审批")


def name_of(rep: Visitor, path: str) -> str:
    rep.open(path)
    return rep.text("h1").split()[0]


def task_of(visitor: Visitor, path: str) -> None:
    """Open the task about a record from the queue."""
    visitor.open(path)
    visitor.press("去审批")
    visitor.page.locator(f"h1 a[href='{path}']").wait_for()


def test_an_approval_takes_two_taps_from_the_notice_on_a_phone(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li", PHONE)
    path = quote(rep, BELOW_10)
    number = name_of(rep, path)
    rep.open("/approvals?box=started")
    rep.page.get_by_role("button", name=re.compile(f"催办：{number}")).click()
    rep.see("#toasts", "已催办")
    notice = f"催办：{number}"
    for _ in range(60):
        manager.open("/")
        if manager.page.locator(".link-row", has_text=notice).count():
            break
        manager.page.wait_for_timeout(500)

    thumb = Thumb(manager)
    thumb.tap(".link-row", notice)
    manager.page.locator(".decide .btn-primary").wait_for()
    for selector in (".facts", ".decide .btn-primary", ".decide-other summary"):
        box = manager.page.locator(selector).first.bounding_box()
        assert box["y"] + min(box["height"], 60) <= 844, f"{selector} is on the screen without scrolling"
    assert manager.page.locator(".decide .btn-primary").bounding_box()["y"] > 844 / 2, "within reach of the thumb"
    assert "折扣" in manager.text(".facts")
    assert manager.scrolls_sideways() is False
    thumb.tap(".decide .btn-primary", "同意")
    manager.see("#toasts", "已同意")
    assert thumb.taps == 2
    rep.open(path)
    rep.see(".stage", "已批准")


def test_an_answer_is_taken_back_from_its_note_and_the_next_item_opens(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li")
    first = quote(rep, BELOW_15)
    quote(rep, BELOW_10)
    task_of(manager, first)
    manager.press("同意")
    manager.page.wait_for_url(re.compile(r"/approvals/\d+$"))
    assert manager.page.locator(f"h1 a[href='{first}']").count() == 0, "the next one is open"
    manager.page.locator("#toasts .toast-note", has_text="已同意").get_by_role("button", name="拿回").click()
    manager.page.locator(f"h1 a[href='{first}']").wait_for()
    manager.see("#toasts", "已拿回")
    assert manager.page.locator(".decide .btn-primary").is_visible()


def test_several_are_ticked_with_the_keyboard_and_decided_at_once(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li")
    paths = [quote(rep, BELOW_10) for _ in range(2)]
    names = [name_of(rep, path) for path in paths]
    manager.open(f"/approvals?q={names[0].rpartition('-V')[0]}")
    bar = manager.page.locator("form.batch")
    assert bar.is_hidden()
    manager.page.keyboard.press("j")
    manager.page.keyboard.press("x")
    assert "已选 1 条" in manager.text(".batch-count")
    assert manager.violations() == []
    manager.page.keyboard.press("x")
    assert bar.is_hidden()

    manager.open("/approvals")
    for name in names:
        manager.page.get_by_label(f"选中：{name}").check()
    manager.expect("422")
    bar.get_by_role("button", name="驳回").click()
    manager.see(".batch-reasons", "2 条驳回须写原因")
    assert manager.page.evaluate("document.activeElement.id") == "batch-reason"
    assert manager.violations() == []
    manager.page.get_by_label(f"{names[0]} 的原因").fill("价格另谈")
    manager.page.locator(".batch-reasons .btn-danger").click()
    manager.see(".field-error", "请写这一条的原因")
    assert manager.violations() == []
    manager.page.get_by_label(f"{names[1]} 的原因").fill("季度额度已满")
    manager.page.locator(".batch-reasons .btn-danger").click()
    manager.see(".batch-said", "已处理 2 条")
    for path, why in zip(paths, ("价格另谈", "季度额度已满"), strict=True):
        rep.open(path)
        assert why in rep.text(".approval")


def test_what_changed_since_i_decided_and_why_it_is_with_me_stand_on_the_page(visit: Visit) -> None:
    rep, manager, director = visit("rep_wang"), visit("manager_li"), visit("director_chen", PHONE)
    path = quote(rep, BELOW_15)
    task_of(manager, path)
    manager.press("同意")
    task_of(director, path)
    why = director.text(".why")
    assert re.search(r"这件事由你处理：担任“销售总监”；需要这一步的条件：.*10%", why) and "yaml" not in why, why
    director.page.locator(".path-why summary", has_text="没有经过的步骤").click()
    assert "条件不成立，不需要这一步" in director.text(".approval > .path-why")
    director.press("不同意…")
    director.page.fill("#reason", "加到 17")
    director.page.get_by_role("button", name="退回修改").click()
    director.see("#toasts", "已退回")

    rep.open(f"{path}/edit")
    rep.page.locator("input[name$='.price']").first.fill("17.00")
    rep.save()
    submit(rep)
    task_of(manager, path)
    assert "处理以来" in manager.text("[aria-labelledby=changes-title]")
    changed = manager.text(".changes")
    assert "16.20" in changed and "17.00" in changed
    assert "上次 ¥16,200.00" in manager.text(".facts")

    manager.open(f"{path}/trail")
    trail = manager.text()
    assert "第 1 次提交" in trail and "第 2 次提交" in trail and "加到 17" in trail
    assert manager.violations() == []
    manager.open(f"{path}/flow")
    assert "李建国" in manager.text("[aria-labelledby^=flow-]")


def test_a_remark_names_people_with_an_at_sign_and_leads_them_to_the_approval(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li")
    path = quote(rep, BELOW_10)
    task_of(manager, path)
    box = manager.page.locator("#comment")
    box.click()
    box.press_sequentially("请补交期 @王")
    manager.page.locator("#mentions [role=option]", has_text="王磊").wait_for()
    assert manager.violations() == []
    box.press("Enter")
    assert box.input_value() == "请补交期 @王磊 "
    manager.press("发表")
    manager.see("#toasts", "已发表评论")
    for _ in range(60):
        rep.open("/")
        if rep.page.locator(".link-row", has_text="提到了你").count():
            break
        rep.page.wait_for_timeout(500)
    rep.page.locator(".link-row", has_text="提到了你").first.click()
    rep.page.wait_for_url(re.compile(r"/approvals/of/\d+$"))
    assert "请补交期 @王磊" in rep.text()
    assert rep.violations() == []


def test_a_reason_is_not_lost_when_the_session_ends_just_then(visit: Visit, site: Site) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li", PHONE)
    path = quote(rep, BELOW_10)
    task_of(manager, path)
    manager.press("不同意…")
    manager.page.fill("#reason", "等采购回价再说")
    manager.page.context.clear_cookies()
    manager.expect("400", "401", "403")
    manager.page.get_by_role("button", name="退回修改").click()
    manager.page.wait_for_load_state()
    if not manager.page.locator("[name=username]").count():
        manager.open("/login?next=" + manager.path)
    manager.page.fill("[name=username]", "manager_li")
    manager.page.fill("[name=password]", site.passwords["manager_li"])
    manager.page.locator("main .btn-primary").click()
    manager.see_value("#reason", "等采购回价再说")
    assert manager.page.locator("#reason").is_visible()
    rep.open(path)
    rep.see(".record-status", "等李建国审批")


def test_the_count_follows_without_a_reload_at_most_twice_a_minute_and_never_in_a_hidden_tab(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li")
    asked: list[Any] = []
    manager.page.clock.install()
    manager.page.on("request", lambda request: asked.append(request) if request.url.endswith("/live") else None)
    manager.open("/e/customer")
    count = manager.page.locator(".queue-button [data-live]")
    before = int(count.text_content() or "0")
    manager.page.clock.run_for(20_000)
    assert asked == []
    quote(rep, BELOW_10)
    manager.page.clock.run_for(12_000)
    for _ in range(300):
        if int(count.text_content() or "0") == before + 1:
            break
        rep.page.wait_for_timeout(100)
    assert int(count.text_content() or "0") == before + 1
    manager.page.clock.run_for(60_000)
    assert len(asked) <= 4
    manager.page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    told = len(asked)
    manager.page.clock.run_for(300_000)
    assert len(asked) == told


def test_the_boxes_are_accessible_and_fit_the_screen_in_both_languages_and_in_the_dark(visit: Visit) -> None:
    for width, theme, language in ((DESK, "light", "en"), (PHONE, "dark", "zh")):
        visitor = visit("director_chen", width, theme=theme, language=language)
        for box in ("mine", "overdue", "team", "done", "started", "copied"):
            visitor.open(f"/approvals?box={box}")
            assert visitor.violations() == [], box
            assert visitor.scrolls_sideways() is False, box
