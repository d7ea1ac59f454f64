"""The pages about people and departments: accessible, fit for a phone, and used by an administrator."""

import pytest

from tests.browser.conftest import Site, Visit, add_customer, formwork
from tests.browser.test_pages import RULES, verdict
from tests.browser.visitor import DESK, PHONE
from tests.web.conftest import PASSWORD

PATHS = ("/admin/people", "/admin/people?state=disabled", "/admin/people/1", "/admin/people/new", "/admin/departments",
         "/admin/departments/1", "/admin/departments/new", "/settings/visibility", "/settings/second-factor",
         "/admin/people/1/see-as", "/admin/channels", "/admin/channels/new/email", "/admin/channels/new/dingtalk",
         "/admin/deliveries", "/settings/messages", "/notices")  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_is_accessible_and_fits_the_screen(visit: Visit, width: int, theme: str) -> None:
    visitor = visit("admin", width, theme=theme)
    judged = {}
    for path in PATHS:
        assert visitor.open(path) == 200
        judged[path] = verdict(visitor, *RULES[theme])
    assert {where: found for where, found in judged.items() if found} == {}


def test_an_administrator_adds_a_department_and_a_person_by_keyboard_and_hands_over_a_leaver(
    visit: Visit, site: Site
) -> None:
    formwork(
        site.home, "user", "add", "rep_leaving", "--name", "将离职", "--role", "rep", "--password-stdin", typed=PASSWORD
    )
    leaver = visit(None, PHONE)
    leaver.sign_in("rep_leaving", PASSWORD)
    add_customer(leaver, "待交接的客户有限公司")
    admin = visit("admin", PHONE)
    admin.open("/")
    admin.page.locator(".topbar details.menu > summary").last.click()
    admin.page.get_by_role("link", name="部门", exact=True).click()
    admin.page.wait_for_url("**/admin/departments")
    admin.page.wait_for_load_state()  # keys are heard once the scripts are there
    admin.page.keyboard.press("c")
    admin.see("h1", "新增部门")
    admin.page.fill("#in-name", "西南区")
    admin.page.fill("#in-key", "sales_southwest")
    admin.pick("#in-parent", "销售", "销售部")
    admin.pick("#in-manager", "何", "何志强")
    admin.press("保存")
    admin.see(".tree", "西南区")

    admin.open("/admin/people")
    admin.page.keyboard.press("c")
    admin.page.fill("#in-name", "新同事")
    admin.page.fill("#in-login", "rep_new")
    admin.pick("#in-department", "西南", "西南区")
    admin.tick("销售员")
    admin.press("新增")
    admin.see(".toast-note", "已新增")
    admin.open("/admin/people?q=rep_new")
    admin.see(".list", "未设密码")

    admin.open("/admin/people?q=rep_leaving")
    admin.page.locator("[data-row-link]").first.click()
    admin.press("交接并停用")
    admin.pick("#in-to", "rep_new", "新同事")
    admin.press("查看会交接什么")
    admin.see("h2", "→")
    assert admin.page.locator("[name=leave]:checked").count() == 1
    admin.page.fill("#in-reason", "离职")
    admin.press("交接")
    admin.see(".toast-note", "已把")
    admin.open("/admin/people?state=disabled")
    admin.see(".list", "将离职")
    admin.page.get_by_role("link", name="将离职").click()
    admin.see("main", "名下没有任何内容")


def test_somebody_invited_sets_a_password_on_the_phone_and_signs_in(visit: Visit) -> None:
    admin = visit("admin", DESK)
    admin.open("/admin/people/new")
    admin.page.fill("#in-name", "受邀者")
    admin.page.fill("#in-login", "rep_invited")
    admin.tick("销售员")
    admin.press("新增")
    admin.press("生成邀请链接")
    address = admin.page.locator("#link").input_value()
    assert address.startswith("http://127.0.0.1:")
    assert verdict(admin) == []

    guest = visit(None, PHONE)
    guest.expect("410", "422")
    assert guest.open(address) == 200
    guest.see("main", "受邀者")
    assert verdict(guest) == []
    guest.page.fill("#password", PASSWORD)
    guest.page.fill("#again", "velvet-harbour-20")
    guest.press("设置密码")
    guest.see(".field-error", "不一样")
    guest.page.fill("#password", PASSWORD)
    guest.page.fill("#again", PASSWORD)
    guest.press("设置密码")
    guest.see("main", "密码已设置")
    guest.sign_in("rep_invited", PASSWORD)
    assert guest.open(address) == 410
    guest.see("h1", "已经失效")
    assert verdict(guest) == []
    guest.open("/settings/account")
    assert verdict(guest) == []

    admin.page.reload()
    admin.see("section[aria-labelledby=access]", "刚刚")
    admin.page.locator("section[aria-labelledby=access] .links-row button").first.click()
    admin.see(".toast-note", "已退出")
    guest.open("/")
    assert guest.path.startswith("/login")
