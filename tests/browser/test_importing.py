"""A spreadsheet is chosen, its columns confirmed, its rows looked at, written, taken back: on a desk and a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE, Visitor


def calm(visitor: Visitor) -> None:
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_file_comes_in_and_goes_back(visit: Visit, width: int, tmp_path: Path) -> None:
    sheet = tmp_path / "产品.csv"
    rows = [f"W{width}-{at},DN{at},阀座 {at},{at}.50" for at in range(3)] + [
        f"W{width}-0,DN,重复的,1",
        ",DN,没有编码,x",
    ]
    sheet.write_bytes(("产品清单\n\n产品编码,型号,品名,目录价\n" + "\n".join(rows) + "\n").encode("gb18030"))
    ops = visit("ops_wu", width)
    ops.open("/e/product")
    way = ops.page.get_by_role("link", name="导入表格").first
    if width == PHONE:
        expect(way).to_be_hidden()
        ops.open("/e/product/import")
    else:
        way.click()
    ops.see("h1", "导入产品")
    calm(ops)
    ops.page.set_input_files("#file", str(sheet))
    ops.press("读取文件")

    ops.see("h1", "产品.csv")
    expect(ops.page.locator(".import-map > li")).to_have_count(4)
    calm(ops)
    ops.press("检查所有行")

    ops.see(".import-outcome", "3 行可以导入，2 行有问题")
    expect(ops.page.locator(".import-rows td.is-wrong").first).to_be_visible()
    calm(ops)
    ops.press("导入这 3 行")

    ops.see(".import-outcome", "已完成")
    calm(ops)
    with ops.page.expect_download() as saved:
        ops.press("下载有问题的行")
    assert saved.value.suggested_filename == "产品-有问题的行.xlsx"
    ops.press("整批撤销")
    ops.page.locator("#confirm").get_by_role("button").last.click()
    ops.see(".import-outcome", "已撤销")
    calm(ops)
