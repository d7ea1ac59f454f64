"""The template written only from the docs, as its roles meet it: start page, lists, a work order, its print."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Site, Visit, serve
from tests.browser.visitor import DESK, PHONE
from tests.templates.test_maintenance import MAINTENANCE

PEOPLE = (
    "operator_zhu", "technician_ma", "workshop_qin", "engineer_liang",
    "keeper_yao", "finance_tan", "director_xu", "admin",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The maintenance template instead of the manufacturing one."""
    with serve(str(MAINTENANCE), tmp_path_factory.mktemp("maintenance")) as served:
        yield served


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("login", PEOPLE)
def test_the_start_page_of_each_role_is_accessible_and_fits(visit: Visit, login: str, width: int) -> None:
    visitor = visit(login, width)
    assert visitor.open("/") == 200
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_the_pages_of_an_engineer_are_accessible_and_fit(visit: Visit, width: int) -> None:
    visitor = visit("engineer_liang", width)
    pages = (
        "/e/work_order", "/e/work_order/1", "/e/work_order/new", "/e/equipment/1", "/e/inspection/1", "/e/spare_part",
        "/e/work_order/1/print/work_order",
    )  # fmt: skip
    found = {}
    for path in pages:
        assert visitor.open(path) == 200, path
        wrong = visitor.violations() + (["scrolls sideways"] if visitor.scrolls_sideways() else [])
        if wrong:
            found[path] = wrong
    assert found == {}


def test_a_technician_sees_no_costs(visit: Visit) -> None:
    visitor = visit("technician_ma")
    visitor.open("/e/work_order/1")
    page = visitor.page.locator("main").inner_text()
    assert "主轴异响" in page
    for word in ("费用合计", "人工费", "备件费", "单价"):
        assert word not in page
