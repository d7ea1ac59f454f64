"""From an empty folder to the first real quote that somebody approved, without having seen it before: half an hour.

Walked as a newcomer walks: by what the guide says next and what the pages offer, never by an address nobody would know.
What a person has to do is counted: pages seen, fields filled in, buttons pressed. A page takes somebody who reads it
for the first time half a minute, a field ten seconds, a button three.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame

from tests.browser.test_choosing import PASSWORD, started
from tests.browser.visitor import DESK, PHONE, Visitor

SHEET = "登录名,姓名,角色,部门,上级\nwang,王磊,销售员,华东区,li\nli,李建国,区域经理,华东区,\n"
PAGE, FIELD, BUTTON = 30, 10, 3
HALF_AN_HOUR = 30 * 60
NEXT = ".guide-steps .is-next"


@dataclass
class Effort:
    """What a person had to do."""

    pages: int = 0
    fields: int = 0
    buttons: int = 0

    @property
    def seconds(self) -> int:
        return self.pages * PAGE + self.fields * FIELD + self.buttons * BUTTON


class Newcomer(Visitor):
    """Somebody whose effort is counted."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.effort = Effort()
        page.on("framenavigated", self._count)
        self.expect("422", "503")

    def _count(self, frame: Frame) -> None:
        if frame == self.page.main_frame:
            self.effort.pages += 1

    def type(self, selector: str, value: str) -> None:
        self.effort.fields += 1
        self.page.locator(selector).first.fill(value)

    def fill(self, field: str, value: str) -> None:
        self.effort.fields += 1
        super().fill(field, value)

    def select(self, field: str, label: str) -> None:
        self.effort.fields += 1
        self.page.locator(f"#f-{field}").select_option(label=label)

    def pick(self, selector: str, words: str, wanted: str) -> None:
        self.effort.fields += 1
        super().pick(selector, words, wanted)

    def tick(self, label: str) -> None:
        self.effort.fields += 1
        super().tick(label)

    def leave(self, selector: str) -> None:
        self.effort.buttons += 1
        super().leave(selector)

    def push(self, selector: str) -> None:
        """Press something that does not lead to another page."""
        self.effort.buttons += 1
        self.page.locator(selector).first.click()

    def press(self, name: str) -> None:
        self.effort.buttons += 1
        super().press(name)


def test_half_an_hour_is_enough_to_the_first_approved_quote(chromium: Any, tmp_path: Path) -> None:
    with started(tmp_path) as (address, code):

        def visit(width: int = DESK) -> Newcomer:
            context = chromium.new_context(
                base_url=address, viewport={"width": width, "height": 844}, locale="zh-CN", has_touch=width < DESK,
                timezone_id="Asia/Shanghai",
            )  # fmt: skip
            people.append(Newcomer(context.new_page()))
            return people[-1]

        people: list[Newcomer] = []
        admin = visit()
        links = set_up(admin, code)
        add_product(admin)
        rep, manager = visit(), visit(PHONE)
        join(rep, links[0], "wang")
        add_customer(rep)
        join(manager, links[1], "li")
        confirm(manager)
        rep.page.reload()
        quote(rep)
        approve(manager)

        admin.page.reload()
        admin.see(".guide-steps li:last-child", "第一份通过审批的报价单")
        admin.see(".guide-steps li:last-child .stage", "完成")
        assert "已用时" in admin.text(".guide-progress"), "the time it took is told"
        assert "分钟" in admin.text(".guide-steps li:nth-child(1)"), "and that of each step"
        admin.see(".note-ok", "全部")

        pages = [one.effort.pages for one in people]
        took = [one.effort.seconds for one in people]
        assert sum(took) < HALF_AN_HOUR, people
        assert pages[0] <= 20 and pages[1] <= 14 and pages[2] <= 10, pages
        assert [problem for one in people for problem in one.problems] == []
        for one in people:
            one.page.context.close()


def set_up(admin: Newcomer, code: str) -> list[str]:
    """Choose a template and follow the guide to where records begin; the links for those who were added."""
    admin.open(f"/?code={code}")
    admin.page.locator(".choose-offers").wait_for()
    admin.push("label[for=t-manufacturing]")
    admin.type("#name", "吴倩")
    admin.type("#password", PASSWORD)
    admin.type("#again", PASSWORD)
    admin.push("[name=demo]")
    admin.leave("main .btn-primary")
    admin.page.locator(NEXT).wait_for(timeout=120_000)
    admin.effort.pages = 3  # the code, the choice, the guide: while it installs there is nothing to read

    follow(admin, "公司名称与时区")
    admin.type("#in-name", "恒封密封")
    admin.leave("main .btn-primary")
    follow(admin, "人员")
    admin.type("#pasted", SHEET)
    admin.leave("form[action$='look'] .btn-primary")
    admin.leave("main .btn-primary")
    links: list[str] = admin.page.locator(".guide-links .code").all_inner_texts()
    admin.leave("main .btn-primary")
    follow(admin, "工作日历")
    admin.leave("main .btn-primary")
    for left_out in ("分期启用模块", "消息通道"):
        admin.see(NEXT, left_out)
        admin.leave(f"{NEXT} [value=skipped]")
    return links


def follow(admin: Newcomer, title: str) -> None:
    """Do what the guide says comes next."""
    admin.see(NEXT, title)
    admin.leave(f"{NEXT} .btn-primary")


def add_product(admin: Newcomer) -> None:
    """Enter the first product with its line, from the guide, and come back to it."""
    admin.leave(".guide-steps li:has-text('第一条产品') .btn")
    for field, value in {"sku": "G-1", "model": "HF-1", "name": "气缸垫"}.items():
        admin.fill(field, value)
    admin.fill("line", "密封垫")
    admin.push("#f-line-field .picker-create")
    admin.push("#quick-dialog .btn-primary")
    admin.see_value("#f-line", "密封垫")
    admin.page.locator("details.fold summary", has_text="价格").click()
    admin.fill("list_price", "86")
    admin.fill("floor_price", "70")
    admin.fill("standard_cost", "50")
    admin.save()
    admin.leave(".side a[href='/']")
    admin.leave("#home-guide >> xpath=.. >> a[href='/admin/setup']")


def join(person: Newcomer, link: str, login: str) -> None:
    """Set a password by the link that was handed over, and sign in."""
    person.open(link[link.index("/join") :])
    person.type("#password", PASSWORD)
    person.type("#again", PASSWORD)
    person.leave("main .btn-primary")
    if person.path.startswith("/login"):
        person.type("[name=password]", PASSWORD)
        if not person.page.locator("[name=username]").input_value():
            person.type("[name=username]", login)
        person.leave("main .btn-primary")


def add_customer(rep: Newcomer) -> None:
    """Enter a customer."""
    rep.leave(".side a[href='/e/customer']")
    rep.leave("main a[href='/e/customer/new']")
    rep.fill("name", "甬江阀门有限公司")
    rep.tick("经销")
    rep.select("region", "华东")
    rep.save()
    rep.see("h1", "甬江阀门有限公司")


def confirm(manager: Newcomer) -> None:
    """Say on the phone that this customer was one before the system: no lead is asked for."""
    manager.open("/e/customer/1/edit")
    manager.push("#f-existing")
    manager.save()
    manager.leave("a[href='/']")


def quote(rep: Newcomer) -> None:
    """Enter an opportunity of the customer and a quote with a discount, each from the page before; submit it."""
    rep.press("新建商机")
    rep.page.locator("#f-product_lines").wait_for()
    rep.fill("name", "年度密封垫供货")
    rep.pick("#f-product_lines", "密封", "密封垫")
    rep.fill("next_action", "报价")
    rep.fill("next_date", "2030-01-07")
    rep.save()
    rep.see("h1", "年度密封垫供货")
    rep.press("新建报价")
    rep.page.locator("#f-payment_term").wait_for()
    rep.select("payment_term", "款到发货")
    rep.fill("prepay", "100")
    rep.fill_line("items", 0, product="G-1 -> 气缸垫", qty="100")
    rep.see_value("input[name$='.price']", "86")
    rep.fill_line("items", 0, price="80")
    rep.page.locator("details.fold summary", has_text="说明").click()
    rep.fill("price_reason", "首单，换全年供货")
    rep.save()
    rep.press("提交审批")
    rep.see("#dialog", "李建国")
    rep.push("#dialog .btn-primary")
    rep.see(".record-status", "等李建国审批")


def approve(manager: Newcomer) -> None:
    """Find on the phone what waits on the first page, and approve it."""
    manager.open("/")
    manager.see("main a", "BJ")
    manager.leave("main a:has-text('BJ')")
    manager.press("同意")
    manager.see("#toasts", "已同意")
