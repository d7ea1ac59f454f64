"""From an empty site to the first approved quote, as somebody walks who has never seen it: by the guide alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.definition.source import read_folder
from engine.people import accounts
from engine.storage.store import Store
from tests.browser.conftest import serve_app
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import ROOT

PASSWORD = "velvet-harbour-19"
PAGES = ("", "/site", "/people", "/modules", "/calendar", "/demo", "/trial")
SHEET = "登录名,姓名,角色,部门,上级\nwang,王磊,销售员,华东区,li\nli,李建国,区域经理,华东区,\n"


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[str]:
    """The manufacturing template with nobody in it but an administrator."""

    def make_admin(store: Store) -> None:
        with store.write() as session:
            accounts.create_user(session, login="admin", name="管理员", password=PASSWORD, roles=["admin"], actor=None)

    with serve_app(tmp_path, read_folder(ROOT / "templates" / "manufacturing"), make_admin) as address:
        yield address


def test_the_guide_leads_to_the_first_approved_quote(chromium: Any, empty_site: str) -> None:
    def visit(width: int = DESK) -> Visitor:
        context = chromium.new_context(
            base_url=empty_site, viewport={"width": width, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        visitors.append(Visitor(context.new_page()))
        return visitors[-1]

    visitors: list[Visitor] = []
    admin = visit()
    admin.sign_in("admin", PASSWORD)
    admin.leave("#home-guide >> xpath=../.. >> .btn-primary")
    admin.page.fill("#in-name", "恒封密封")
    admin.leave("main .btn-primary")
    admin.open("/admin/setup/people")
    admin.page.fill("#pasted", SHEET)
    admin.leave("form[action$='look'] .btn-primary")
    admin.leave("main .btn-primary")
    admin.see("h2", "已添加 2 人")
    link = admin.page.locator(".guide-links .code").first.inner_text()
    admin.open("/admin/setup/modules")
    admin.leave(".page-tools .btn-primary")
    assert "线索" not in admin.text(".side")
    admin.open("/e/product/new")
    admin.page.locator("details.fold summary", has_text="价格").click()
    for field, value in {"sku": "G-1", "model": "HF-1", "name": "气缸垫", "list_price": "86"}.items():
        admin.fill(field, value)
    admin.save()

    rep = visit()
    rep.open("/join/" + link.rpartition("/")[2])
    rep.page.fill("#password", PASSWORD)
    rep.page.fill("#again", PASSWORD)
    rep.leave("main .btn-primary")
    if rep.path.startswith(("/login", "/join")):
        rep.sign_in("wang", PASSWORD)
    rep.open("/e/customer/new")
    rep.fill("name", "甬江阀门有限公司")
    rep.tick("经销")
    rep.page.locator("#f-region").select_option(label="华东")
    rep.save()
    rep.press("新建报价")
    rep.page.locator("#f-payment_term").select_option(label="款到发货")
    rep.fill("prepay", "100")
    rep.fill_line("items", 0, product="G-1 -> 气缸垫", qty="100")
    rep.see_value("input[name$='.price']", "86")
    rep.save()
    rep.press("提交审批")
    rep.page.locator("#dialog .btn-primary").click()
    rep.page.get_by_role("button", name="已发给客户").or_(
        rep.page.get_by_role("link", name="已发给客户")
    ).first.wait_for()

    admin.open("/admin/setup")
    assert "第一份通过审批的报价单" in admin.text(".guide-steps li:last-child")
    assert "完成" in admin.text(".guide-steps li:last-child .stage")
    phone = visit(PHONE)
    phone.sign_in("admin", PASSWORD)
    for visitor in (admin, phone):
        for page in PAGES:
            visitor.open(f"/admin/setup{page}")
            assert visitor.violations() == [], page
            assert visitor.scrolls_sideways() is False, page
    assert [problem for visitor in visitors for problem in visitor.problems] == []
    for visitor in visitors:
        visitor.page.context.close()
