"""Taking a large list out in a real browser: asked for by one, allowed by another, downloaded by the first."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.browser.conftest import Site, Visit, serve
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The manufacturing template, where more than five rows need an approval."""
    folder = tmp_path_factory.mktemp("template") / "manufacturing"
    shutil.copytree(ROOT / "templates" / "manufacturing", folder)
    app = folder / "app.yaml"
    app.write_text(app.read_text(encoding="utf-8") + "ask_export_above: 5\n", encoding="utf-8")
    with serve(str(folder), tmp_path_factory.mktemp("exporting")) as served:
        yield served


def fits(visitor: Visitor) -> None:
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_a_large_list_is_allowed_by_somebody_else_and_downloaded(visit: Visit, width: int, tmp_path: Path) -> None:
    asker, director = visit("ops_wu", width), visit("director_chen", width)
    asker.open("/e/customer?sort=name&columns=name,region")
    if width == PHONE:
        asker.page.locator(".view-menu summary").click()
    asker.leave("a:visible[href*='/e/customer/export']")
    fits(asker)
    said = re.search(r"(\d+) 行", asker.text("[role=status]"))
    assert said is not None
    asker.expect("422")
    asker.page.get_by_label("CSV").check()
    asker.page.get_by_label("Excel (XLSX)").check()
    asker.leave("form .btn-primary")
    asker.see("#reason-error", "用途")
    fits(asker)
    asker.page.fill("#reason", f"季度对账 {width}")
    asker.leave("form .btn-primary")
    asker.see("h1", "待审批")
    fits(asker)
    here = asker.path

    director.open("/exports")
    fits(director)
    director.page.get_by_text(f"季度对账 {width}").click()
    director.see("main", "客户全称、区域")
    fits(director)
    director.press("同意导出")
    director.see("main", "陈卫东 已同意")
    assert director.page.get_by_text("下载文件").count() == 0

    asker.open(here)
    asker.see("main", "下载文件")  # the page looks again by itself until the file is there
    fits(asker)
    with asker.page.expect_download() as loaded:
        asker.press("下载文件")
    target = tmp_path / "customers.xlsx"
    loaded.value.save_as(target)

    rows = CalamineWorkbook.from_path(target).get_sheet_by_index(0).to_python()
    assert rows[0] == ["客户全称", "区域"]
    assert len(rows) == int(said[1]) + 1 > 10


def test_without_scripts_it_is_the_same(visit: Visit) -> None:
    asker = visit("ops_wu", script=False)
    asker.open("/e/customer/export?region=north")
    asker.page.locator("form .btn-primary").last.click()
    asker.page.wait_for_load_state("load")

    asker.see("h1", "可下载")
