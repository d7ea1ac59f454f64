"""A day of each role, shortly: what they begin with, what they do all day, what they find in the evening.

Rep, manager and store manager on a phone; assistant, director and finance at a desk; each walk makes its own records.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.records.commands import create_record
from engine.storage.store import Store
from tests.browser.conftest import Visit, add_customer, serve_app
from tests.browser.test_approvals import BELOW_15, quote, task_of
from tests.browser.visitor import PHONE, Visitor
from tests.conftest import to_folder
from web import demo
from web.cli.site import get_actor

KEEPER, ABOVE, OFFICE = "manager_tang", "supervisor_xia", "hq_fang"


def decide(visitor: Visitor, path: str) -> None:
    task_of(visitor, path)
    assert not visitor.scrolls_sideways()
    visitor.press("同意")
    visitor.see("#toasts", "已同意")


def move(visitor: Visitor, name: str, stage: str) -> None:
    """Press a move, say yes where it asks, and wait for the stage."""
    visitor.press(name)
    asked = visitor.page.locator("#dialog .btn-primary")
    there = visitor.page.locator(".stage-bar .is-current", has_text=stage)
    asked.or_(there).first.wait_for()
    if asked.is_visible():
        asked.click()
    there.wait_for()


def test_an_assistant_screens_a_lead_and_the_rep_takes_it_further_on_the_phone(visit: Visit) -> None:
    assistant, rep = visit("assistant_sun"), visit("rep_wang", PHONE)
    company = "绍兴晨帆压缩机有限公司"
    assistant.open("/e/lead/new")
    assistant.fill("company", company)
    assistant.fill("contact_name", "俞工")
    assistant.fill("mobile", "13757500871")
    assistant.pick("#f-source", "官网", "官网")
    assistant.page.locator("#f-region").select_option(label="华东")
    assistant.fill("need", "年用 DN50 缠绕垫两万片，想先要样品。")
    assistant.save()
    lead = assistant.path
    assistant.press("确认有效")
    assistant.pick("#dialog #f-handler", "王磊", "王磊")
    assistant.page.locator("#dialog .btn-primary").click()
    assistant.see(".stage-bar .is-current", "有效")

    rep.open("/")
    assert not rep.scrolls_sideways()
    rep.open(lead)
    rep.press("转为客户")
    assert rep.page.locator("#f-name").input_value() == company
    rep.tick("终端")
    rep.save()
    rep.see("h1", company)
    rep.open(f"{rep.path}/make/activity")
    rep.page.locator("#f-type").select_option(label="通话")
    rep.fill("content", "俞工要 DN50 样品十片，周四前寄到，再谈年框。")
    rep.save()
    assert company in rep.text() and "DN50 样品" in rep.text()
    assert not rep.scrolls_sideways()


def test_a_manager_and_a_director_sign_one_after_the_other_and_read_their_figures(visit: Visit) -> None:
    rep, manager, director = visit("rep_wang"), visit("manager_li", PHONE), visit("director_chen")
    path = quote(rep, BELOW_15)
    decide(manager, path)
    director.open("/")
    director.see("h1", "陈卫东")
    decide(director, path)
    rep.open(path)
    rep.see(".stage-bar .is-current", "已批准")
    director.open("/dashboards/sales")
    assert director.violations() == []


def test_finance_books_a_prepayment_and_finds_it_with_the_customer(visit: Visit) -> None:
    rep, finance = visit("rep_wang"), visit("finance_zhou")
    customer = add_customer(rep, "舟山远浪船舶配件有限公司")
    finance.open("/dashboards/money")
    finance.open("/e/payment/new")
    finance.pick("#f-customer", "远浪", "舟山远浪")
    finance.fill("amount", "1200.50")
    finance.save()
    move(finance, "确认到账", "已确认")
    finance.open(customer)
    assert "1,200.50" in finance.text()


# ---- a store


def _open_store(passwords: dict[str, str], folder: Any, store: Store) -> None:
    passwords |= {one.login: str(one.password) for one in demo.create_people(store, folder)}
    with store.write() as session:
        office, keeper = get_actor(session, OFFICE), get_actor(session, "buyer_luo")
        people = {key: get_actor(session, login).id for key, login in (("manager", KEEPER), ("supervisor", ABOVE))}
        team = get_actor(session, KEEPER).team
        shop = {"code": "S001", "name": "上海徐汇店", "region": "east", "department": team, **people}
        where = create_record(session, "store", shop, actor=office)
        gifts = create_record(session, "category", {"name": "礼盒"}, actor=office)
        nuts = {"sku": "L103", "name": "坚果礼盒", "category": gifts.id, "unit": "box", "price": "188", "cost": "118"}
        what = create_record(session, "product", nuts, actor=office)
        create_record(session, "stock_move", {"store": where.id, "product": what.id, "qty": "9"}, actor=keeper)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A store with nine boxes on the shelf, and the passwords of its people."""
    folder, passwords = to_folder("retail_store"), dict[str, str]()
    home: Path = tmp_path_factory.mktemp("shop")
    with serve_app(home, folder, lambda store: _open_store(passwords, folder, store)) as address:
        yield address, passwords


def test_a_store_manager_takes_a_payment_and_sees_the_shelf_on_the_phone(
    chromium: Any, shop: tuple[str, dict[str, str]]
) -> None:
    address, passwords = shop
    context = chromium.new_context(
        base_url=address, viewport={"width": PHONE, "height": 844}, locale="zh-CN", has_touch=True
    )
    keeper = Visitor(context.new_page())
    keeper.sign_in(KEEPER, passwords[KEEPER])
    keeper.open("/e/sale/new")
    keeper.fill_line("items", 0, product="L103 -> 坚果礼盒", qty="2")
    keeper.see("#f-total", "376")
    assert not keeper.scrolls_sideways()
    keeper.save()
    move(keeper, "结账", "已结账")
    keeper.open("/e/stock")
    assert "7" in keeper.text() and not keeper.scrolls_sideways()
    keeper.open("/")
    keeper.see("h1", "唐丽")
    context.close()
    assert keeper.problems == []
