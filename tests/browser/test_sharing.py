"""A record is shared from its page, by keyboard and on the phone, and shows up where the other person looks."""

import pytest

from tests.browser.conftest import Visit, add_customer
from tests.browser.test_pages import RULES, verdict
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_a_customer_is_shared_and_the_share_is_ended(visit: Visit, width: int) -> None:
    owner, other = visit("rep_wang", width), visit("rep_lin", PHONE)
    other.expect("404")
    owner.expect("422")
    name = f"共享的客户{width}有限公司"
    path = add_customer(owner, name)
    assert other.open(path) == 404

    owner.page.locator("#shares summary").press("Enter")
    owner.pick("#share-to", "林", "林晓峰")
    owner.page.locator("#shares").get_by_text("修改", exact=True).click()
    owner.page.fill("#share-until", "2020-01-01")
    owner.leave("#shares .btn-primary")
    owner.see(".field-error", "已经过去")
    assert owner.page.locator("#share-to").input_value() == "林晓峰"
    assert verdict(owner) == []
    owner.page.fill("#share-until", "2099-12-31")
    owner.leave("main .btn-primary")
    owner.see("#shares", "林晓峰")
    for theme in RULES.values():
        assert verdict(owner, *theme) == []

    assert other.open(path) == 200
    other.see("#shares", "2099-12-31")
    other.see("main", "编辑")
    assert verdict(other) == []
    owner.open(f"{path}/access")
    owner.see("main", "林晓峰")
    assert verdict(owner) == []
    owner.open(path)
    other.open("/e/customer")
    other.see(".list", name)
    owner.leave("#shares .icon-button")
    owner.see(".toast-note", "已结束共享")
    assert other.open(path) == 404
