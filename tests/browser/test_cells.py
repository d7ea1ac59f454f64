"""A cell of a line table says why it must be filled in, once it must; on a desk and on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.people import accounts
from engine.people.departments import create_department
from engine.storage.store import Store
from tests.browser.conftest import serve_app
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import ROOT, to_folder
from tests.web.conftest import PASSWORD


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app of the conformance tests, served by a thread."""
    folder = to_folder(ROOT / "tests" / "conformance" / "app")
    with serve_app(tmp_path_factory.mktemp("cells"), folder, _let_in) as served:
        yield served


def _let_in(store: Store) -> None:
    with store.write() as session:
        team = create_department(session, key="all", name="全部", actor=None)
        accounts.create_user(
            session, login="worker", name="工人", password=PASSWORD, roles=["worker"], department=team, actor=None
        )


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_cell_that_becomes_required_says_why(chromium: Any, address: str, width: int) -> None:
    context = chromium.new_context(
        base_url=address, viewport={"width": width, "height": 900}, locale="zh-CN", has_touch=width < DESK
    )
    worker = Visitor(context.new_page())
    worker.sign_in("worker", PASSWORD)
    worker.open("/e/visit/new")
    worker.page.locator("[data-line=add]").click()
    row = worker.page.locator("[data-row]").first
    row.locator("input[id$='-name']").fill("轴承")
    row.locator("input[id$='-qty']").fill("1")
    expect(row.locator(".why")).to_be_hidden()
    row.locator("input[type=checkbox][id$='-fitted']").check()
    why = row.locator("details.why")
    expect(why).to_be_visible()
    why.locator("summary").focus()
    worker.page.keyboard.press("Enter")
    expect(why.locator("p")).to_contain_text("必填的条件：数量 等于 1 并且 已装 为“是”")
    assert worker.violations() == []
    assert not worker.scrolls_sideways()
    context.close()
    assert worker.problems == []
