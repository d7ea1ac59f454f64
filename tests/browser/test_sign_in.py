"""Two-step sign-in on a phone, the sign-in itself without scripts, an administrator who sees as somebody; and a form
for whoever never signs in.
"""

from datetime import UTC, datetime, timedelta

import pyotp

from tests.browser.conftest import Site, Visit, formwork
from tests.browser.test_pages import verdict
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.web.conftest import PASSWORD


def test_two_steps_are_turned_on_by_thumb_and_asked_for_without_scripts(visit: Visit, site: Site) -> None:
    add(site, "rep_careful", "细心人")
    phone = visit(None, PHONE)
    phone.expect("422")
    phone.sign_in("rep_careful", PASSWORD)
    phone.open("/settings/account")
    phone.press("开启两步验证")
    phone.press("开启两步验证")
    phone.page.wait_for_selector("#secret")
    assert verdict(phone) == []
    secret = phone.page.input_value("#secret").replace(" ", "")
    earlier = pyotp.TOTP(secret).at(datetime.now(UTC) - timedelta(seconds=30))
    phone.page.fill("#code", earlier)
    phone.page.fill("#current", "wrong-one-here")
    phone.press("确认开启")
    phone.see(".field-error", "当前密码不对")
    assert phone.page.input_value("#code") == earlier, "the code that was typed is still there"
    phone.page.fill("#current", PASSWORD)
    phone.press("确认开启")
    phone.see(".recovery-codes", "-")
    assert verdict(phone) == []
    phone.press("我已保存")
    phone.see(".stage", "已开启")
    assert verdict(phone) == []

    plain = visit(None, DESK, script=False)
    plain.expect("422")
    give_password(plain, "rep_careful")
    plain.see("h1", "两步验证")
    plain.page.fill("#code", "000000")
    plain.page.keyboard.press("Enter")
    plain.see(".note-error", "验证码不对")
    plain.page.fill("#code", pyotp.TOTP(secret).now())
    plain.page.keyboard.press("Enter")
    plain.page.locator(".topbar").wait_for()
    again = visit(None, PHONE)
    give_password(again, "rep_careful")
    again.see("h1", "两步验证")
    assert verdict(again) == []


def test_an_administrator_sees_as_somebody_and_comes_back_with_one_press(visit: Visit, site: Site) -> None:
    add(site, "rep_puzzled", "困惑者")
    for width in (DESK, PHONE):
        admin = visit("admin", width)
        admin.expect("403")
        admin.open("/admin/people?q=rep_puzzled")
        admin.page.locator("[data-row-link]").first.click()
        admin.press("以此人身份查看")
        admin.page.fill("#reason", "他看不到报价单")
        admin.press("开始查看")
        admin.see(".seeing-as", "正在以困惑者的身份查看（只读）")
        assert verdict(admin) == []
        admin.open("/e/customer")
        admin.see(".seeing-as", "困惑者")
        assert verdict(admin) == []
        assert admin.open("/settings/account") == 403
        admin.see("main", "只有困惑者本人能看")
        admin.press("结束查看")
        admin.see("h1", "困惑者")
        assert admin.page.locator(".seeing-as").count() == 0


def test_a_visitor_of_the_website_asks_for_a_quote_by_thumb_and_without_scripts(visit: Visit) -> None:
    phone = visit(None, PHONE, script=False)
    phone.expect("422")
    phone.open("/form/inquiry?lang=zh")
    phone.fill("company", "台州示例阀门有限公司")
    phone.fill("mobile", "12")
    phone.press("提交")
    phone.see("#f-mobile-field .field-error", "电话")
    phone.see(".note-error", "处需要修改")
    phone.see_value("#f-company", "台州示例阀门有限公司")
    phone.fill("contact", "林工")
    phone.fill("mobile", "13900004455")
    phone.page.locator("#f-region").select_option("east")
    phone.fill("need", "缠绕垫三百片\n下月要")
    phone.page.locator("#f-consent").check()
    phone.press("提交")
    phone.see("[role=status]", "询价已收到")
    for width, theme in ((DESK, "light"), (PHONE, "dark")):
        judged = visit(None, width, theme=theme)
        for path in ("/form/inquiry?lang=en", "/form/inquiry?lang=zh&sent=1"):
            judged.open(path)
            assert verdict(judged) == [], path
    assistant = visit("assistant_sun", DESK)
    for _ in range(40):  # the lead is made beside the answer
        assistant.open("/e/lead?q=台州示例阀门")
        if "台州示例阀门有限公司" in assistant.text():
            break
        assistant.page.wait_for_timeout(500)
    assistant.see("main", "台州示例阀门有限公司")
    assistant.see("main", "官网")


def add(site: Site, login: str, name: str) -> None:
    formwork(site.home, "user", "add", login, "--name", name, "--role", "rep", "--password-stdin", typed=PASSWORD)


def give_password(visitor: Visitor, login: str) -> None:
    visitor.open("/login")
    visitor.page.fill("[name=username]", login)
    visitor.page.fill("[name=password]", PASSWORD)
    visitor.page.keyboard.press("Enter")


def test_a_customer_accepts_a_quote_by_thumb_without_signing_in(visit: Visit) -> None:
    rep = visit("rep_wang", DESK)
    rep.open("/e/quote?q=钱浦")
    rep.page.locator("main tbody tr a").first.click()
    rep.page.wait_for_url("**/e/quote/*")
    rep.page.goto(f"{rep.page.url.split('?')[0]}/link/quote.reply")
    assert verdict(rep) == []
    rep.press("生成链接")
    rep.page.wait_for_selector("#made")
    assert verdict(rep) == []
    path = "/form/" + rep.page.input_value("#made").split("/form/")[1]
    for width, theme in ((DESK, "light"), (PHONE, "dark")):
        judged = visit(None, width, theme=theme)
        judged.open(f"{path}?lang=en")
        assert verdict(judged) == []
    phone = visit(None, PHONE, script=False)
    phone.expect("410", "422")
    phone.open(f"{path}?lang=zh")
    phone.see("main", "报 价 单")
    phone.press("提交")
    phone.see(".note-error", "处需要修改")
    phone.page.locator("input[value=accept]").check()
    phone.fill("name", "王芳")
    phone.press("提交")
    phone.see("[role=status]", "已经答复过了")
    phone.open(f"{path}?lang=zh")
    phone.see("[role=status]", "已经答复过了")
