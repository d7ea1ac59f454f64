"""Pools, duplicates that were met, merges and tokens: their pages on a desk and a phone, used by those they are for."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, add_customer
from tests.browser.test_pages import verdict
from tests.browser.visitor import DESK, PHONE, Visitor

SHOTS = os.environ.get("FORMWORK_SCREENSHOTS")
SIZES = pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])


def look(visitor: Visitor, name: str, path: str | None = None) -> None:
    """Go to a page, or stay, and hold it to the marks."""
    if path is not None:
        assert visitor.open(path) == 200, path
    if SHOTS:
        visitor.page.screenshot(path=Path(SHOTS) / f"{name}-{visitor.page.viewport_size['width']}.png")
    assert verdict(visitor) == [], name


@SIZES
def test_a_customer_goes_to_the_pool_is_found_there_and_taken(visit: Visit, width: int) -> None:
    rep, other, ops = visit("rep_wang", width), visit("rep_zhao", width), visit("ops_wu", width)
    name = "松江泵阀经营部" if width == DESK else "台州汽配门市"
    customer = add_customer(rep, name)
    look(rep, "release", f"{customer}/release")
    rep.expect("422")
    rep.page.locator("main .btn-danger, main .btn-primary").last.click()
    expect(rep.page.locator(".field-error").first).to_be_visible()
    look(rep, "release-refused")
    rep.page.locator("[name=reason]").fill("不再做这类产品")
    rep.page.locator("main .btn-danger, main .btn-primary").last.click()
    expect(rep.page.locator("h1")).to_contain_text("公海")
    look(rep, "pool")

    other.open("/search?q=" + name)
    other.page.locator(f"main a[href='{customer}']").first.click()
    expect(other.page.locator("h1")).to_contain_text(name)
    assert other.path == customer
    look(other, "pooled")
    look(ops, "assign", f"{customer}/assign")
    other.page.get_by_role("button", name="领取").click()
    expect(other.page.locator(".toast-note, [role=status]").first).to_be_visible()
    look(other, "taken", customer)
    expect(other.page.locator("main")).to_contain_text("赵敏")


@SIZES
def test_a_duplicate_is_met_asked_for_decided_and_merged(visit: Visit, width: int) -> None:
    rep, other, chief = visit("rep_wang", width), visit("rep_zhao", width), visit("director_chen", width)
    name = "昆山密封件商行" if width == DESK else "奉化轴承批发"
    twin_name = "第二份档案昆山店" if width == DESK else "另建档的浙东公司"
    customer = add_customer(rep, name)
    other.expect("422")
    other.open("/e/customer/new")
    other.fill("name", name)
    other.tick("经销")
    other.page.locator("#f-region").select_option(label="华东")
    other.save()
    look(other, "refused-duplicate")
    look(other, "met", "/duplicates")
    hit = other.page.locator("section[id^=hit-]").filter(has_text=name).first
    hit.locator("summary").click()
    hit.get_by_role("button", name="提交").or_(hit.locator(".btn-primary")).first.click()
    expect(other.page.locator(".field-error").first).to_be_visible()
    look(other, "met-refused")
    hit = other.page.locator("section[id^=hit-]").filter(has_text=name).first
    hit.get_by_text("申诉", exact=False).last.click()
    hit.locator("textarea").fill("我上周先联系的")
    hit.locator(".btn-primary").click()
    expect(other.page.locator("main")).to_contain_text("我")
    look(other, "asked", "/duplicates")

    look(chief, "log", "/e/customer/duplicates")
    chief.open("/approvals")
    chief.page.locator("a[href^='/disputes/']").last.click()
    look(chief, "dispute")

    twin = add_customer(rep, twin_name)
    look(chief, "merge-choose", f"{twin}/merge")
    look(chief, "merge", f"{twin}/merge?with={customer.rpartition('/')[2]}")
    chief.page.locator("main form .btn-danger, main form .btn-primary").last.click()
    chief.page.wait_for_url(f"**{twin}")
    look(chief, "merged")
    undo = chief.page.locator("[action^='/merges/']").first.get_attribute("action")
    look(chief, "merge-undo", undo.removesuffix("/undo"))


@SIZES
def test_a_token_is_narrowed_and_shown_once(visit: Visit, width: int) -> None:
    admin = visit("admin", width)
    look(admin, "token", "/settings/tokens/new")
    admin.page.locator("#in-label, [name=label]").first.fill(f"地址服务 {width}")
    admin.page.locator(".token-entity summary").first.click()
    look(admin, "token-narrowed")
    admin.page.locator("main .btn-primary").click()
    expect(admin.page.locator("#token")).to_be_visible()
    look(admin, "token-made")
    look(admin, "account", "/settings/account")
