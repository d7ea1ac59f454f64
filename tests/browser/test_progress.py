"""A customer follows an order on a telephone, by a link that its rep sent, and asks about it."""

import re
import time

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE

QUESTIONS = "下周一能先发 200 件吗", "箱子请打托"
MONEY = re.compile(r"[¥￥]|单价|金额|总额|成本|税|已收|未收")


def test_a_customer_sees_how_far_an_order_is_without_a_price_and_asks(visit: Visit) -> None:
    rep = visit("rep_wang", DESK)
    rep.open("/e/order?stage=producing")
    rep.page.locator("tbody a[href^='/e/order/']").first.click()
    rep.page.locator("details:has(a[href$='/link/order.progress']) > summary").first.click()
    rep.press("给客户看进度")
    rep.press("生成链接")
    address = rep.page.locator("#made").input_value()

    customer = visit(width=PHONE, script=False)
    assert customer.open(address) == 200
    said = customer.page.locator("main").inner_text()
    for part in ("订单进度", "生产中", "备料", "计划完成", "实际完成", "发货", "数据截至"):
        assert part in said, part
    assert not MONEY.search(said)
    assert customer.page.locator("main a").all_inner_texts() == ["English"], "nothing leads into the site"
    assert not customer.scrolls_sideways()
    for question in QUESTIONS:
        customer.fill("name", "顾晓燕")
        customer.fill("question", question)
        customer.press("提交")
        customer.see(".note-ok", "已收到")

    rep.open("/e/task?origin=customer")
    asked = rep.page.locator("tbody tr", has_text="答复客户问的订单进度")
    until = time.monotonic() + 60
    while asked.count() < len(QUESTIONS) and time.monotonic() < until:
        rep.page.reload()
    assert asked.count() == len(QUESTIONS)
    asked.first.locator("a[href^='/e/task/']").first.click()
    rep.see("main", "顾晓燕")
    assert any(question in rep.text() for question in QUESTIONS)
