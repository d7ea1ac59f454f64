"""Deleting is undone with one press, and an earlier version comes back field by field, on a desk and on a phone."""

import re

import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_a_deletion_is_undone_and_an_old_value_comes_back(visit: Visit, width: int) -> None:
    ops = visit("ops_wu", width)
    ops.open("/e/source/new")
    name = f"展会撤销{width}"
    ops.fill("name", name)
    ops.page.locator("#f-type").select_option("fair")
    ops.save()
    path = ops.path

    ops.open(f"{path}/edit")
    ops.fill("name", f"{name}改")
    ops.save()
    ops.page.get_by_role("link", name="对比").first.click()
    ops.see(".versions", name)
    assert ops.violations() == []
    assert not ops.scrolls_sideways()
    ops.page.locator(".versions .form-check-input").first.check()
    ops.press("恢复所选")
    ops.page.locator("h1", has_text=re.compile(rf"^{name}$")).wait_for()

    ops.page.locator(".record-tools details.menu summary").click()
    ops.press("删除")
    ops.page.locator(".toast-note").get_by_role("button", name="撤销").click()
    ops.see("h1", name)

    ops.page.locator(".record-tools details.menu summary").click()
    ops.press("删除")
    ops.open("/e/source/deleted")
    ops.see("main", name)
    assert ops.violations() == []
    assert not ops.scrolls_sideways()
    ops.page.get_by_role("button", name=f"恢复{name}").first.click()
    ops.see("h1", name)
