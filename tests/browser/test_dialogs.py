"""What people typed into the dialogs of approvals stays with them: refused, late, covered by a bar, or signed out."""

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import Site, Visit
from tests.browser.test_approvals import BELOW_10, BELOW_15, quote, task_of
from tests.browser.visitor import DESK, PHONE, Visitor

WIDTHS = pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])


def comes_into_view_whole(visitor: Visitor, selector: str) -> bool:
    """Whether something comes to stand on the screen whole, covered neither at its foot nor at its head."""
    for _ in range(100):  # a page scrolls smoothly
        box, bar, top = (visitor.page.locator(one).bounding_box() for one in (selector, "form.decide", ".topbar"))
        if box["y"] >= top["y"] + top["height"] and box["y"] + box["height"] <= bar["y"]:
            return True
        visitor.page.wait_for_timeout(100)
    return False


@WIDTHS
def test_more_comes_into_view_whole_and_what_is_refused_there_stays_filled_in(visit: Visit, width: int) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li", width)
    task_of(manager, quote(rep, BELOW_15))
    manager.press("转交、加签…")
    manager.page.locator("#more-action:focus").wait_for()
    assert comes_into_view_whole(manager, ".decide-more details")
    assert manager.violations() == []

    people = manager.page.locator("#more-people")
    people.fill("王磊")
    manager.see(".decide-more .picker-note", "王磊 是提交人")
    manager.page.locator("#more-action").select_option(label="征询")
    manager.pick("#more-people", "周慧", "周慧")
    assert comes_into_view_whole(manager, "#more-people")
    manager.expect("422")
    manager.page.locator(".decide-more .btn-primary").click()
    manager.see("#more-text-error", "请写明要征询什么")
    assert manager.page.locator("#more-action").input_value() == "consult"
    assert "周慧" in manager.text(".decide-more .chips")
    manager.page.locator("#more-text:focus").wait_for()
    assert comes_into_view_whole(manager, ".decide-more details")
    assert not manager.page.locator("#reason").is_visible(), "nobody is asked why they refuse"
    assert manager.violations() == []
    manager.page.fill("#more-text", "这个价贵吗？")
    manager.page.locator(".decide-more .btn-primary").click()
    manager.see("#toasts", "已发出征询")
    assert "由李建国征询" in manager.text(".steps-path")


@WIDTHS
def test_whoever_is_late_sees_what_was_decided_and_posts_their_words_with_one_click(visit: Visit, width: int) -> None:
    rep, manager, other = visit("rep_wang"), visit("manager_li", width), visit("manager_li")
    path = quote(rep, BELOW_10)
    task_of(manager, path)
    task_of(other, path)
    manager.press("不同意…")
    manager.page.fill("#reason", "等采购回价再说")
    other.page.locator(".decide .btn-primary").click()
    other.see("#toasts", "已同意")
    manager.expect("409")
    manager.page.get_by_role("button", name="驳回").click()
    manager.see(".late [role=alert]", "同意，与你的选择相反，你的处理没有生效")
    manager.see_value("#kept", "等采购回价再说")
    assert manager.violations() == []
    assert not manager.scrolls_sideways()
    manager.press("作为评论发表")
    manager.see("#toasts", "已发表评论")
    assert "等采购回价再说" in manager.text()


def sign_in_again(visitor: Visitor, login: str, site: Site) -> None:
    visitor.page.locator("[name=username]").wait_for()
    visitor.page.fill("[name=username]", login)
    visitor.page.fill("[name=password]", site.passwords[login])
    visitor.page.locator("main .btn-primary").click()


def test_a_reason_typed_into_the_dialog_of_a_move_outlives_the_session(visit: Visit, site: Site) -> None:
    rep = visit("rep_wang")
    path = quote(rep, BELOW_10)
    rep.open(path)
    rep.press("撤回")
    rep.page.locator("#confirm [value=yes]").click()
    rep.see(".stage", "草稿")
    rep.open(f"{path}")
    rep.page.locator(".record-actions details.menu, .page-tools details.menu").first.locator("summary").click()
    rep.page.get_by_role("link", name="作废").or_(rep.page.get_by_role("button", name="作废")).first.click()
    rep.page.locator("#dialog #reason").fill("客户取消了项目")
    rep.page.context.clear_cookies()
    rep.expect("400", "401")
    rep.page.locator("#dialog form.move button.btn-danger, #dialog form.move button.btn-primary").click()
    sign_in_again(rep, "rep_wang", site)
    rep.see_value("form.move #reason", "客户取消了项目")
    rep.page.locator("form.move button.btn-danger, form.move button.btn-primary").click()
    rep.see(".stage", "作废")
    assert "客户取消了项目" in rep.text()


def lose_session_at(visitor: Visitor, press: Callable[[], None], login: str, site: Site) -> None:
    visitor.page.context.clear_cookies()
    visitor.expect("400", "401", "403", "422")
    press()
    sign_in_again(visitor, login, site)


def test_words_for_a_colleague_and_ticks_of_a_batch_outlive_the_session(visit: Visit, site: Site) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li", PHONE)
    path = quote(rep, BELOW_10)
    rep.open(path)
    name = rep.text("h1").split()[0]
    task_of(manager, path)
    manager.press("转交、加签…")
    manager.page.locator("#more-action").select_option(label="征询")
    manager.pick("#more-people", "周慧", "周慧")
    manager.page.fill("#more-text", "这个价贵吗？")
    lose_session_at(manager, lambda: manager.page.locator(".decide-more .btn-primary").click(), "manager_li", site)
    manager.see_value("#more-text", "这个价贵吗？")
    assert "周慧" in manager.text(".decide-more .chips")
    assert manager.page.locator("#more-action").input_value() == "consult"

    manager.open("/approvals")
    manager.page.get_by_label(f"选中：{name}").check()
    manager.page.fill("#batch-reason", "季度额度已满")
    refuse = manager.page.locator("form.batch").get_by_role("button", name="驳回")
    lose_session_at(manager, refuse.click, "manager_li", site)
    manager.see_value("#batch-reason", "季度额度已满")
    assert manager.page.get_by_label(f"选中：{name}").is_checked()
    manager.page.locator("form.batch").get_by_role("button", name="驳回").click()
    manager.see(".batch-said", "已处理 1 条")
    rep.open(path)
    assert re.search("季度额度已满", rep.text(".approval"))
