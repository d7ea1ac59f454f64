"""Why a field or a cell must be filled in or cannot be changed: the rule in words, and where it is written."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.people import accounts
from engine.people.departments import create_department
from tests.conftest import MakeStore
from tests.web.conftest import PASSWORD, Desk, close_app, open_app
from web.settings import Settings

APP = """\
app: shop
label: 车间
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  worker: {label: 工人}
  other:  {label: 外协}
  admin:  {label: 管理员}
menu: [visit]
"""
VISIT = """\
entity: visit
label: 检修
fields:
  title: {type: text, label: 标题}
  big:   {type: boolean, label: 大修}
  cause: {type: text, label: 原因, required_when: "big"}
  parts:
    type: lines
    label: 备件
    fields:
      name:   {type: text, label: 名称}
      fitted: {type: boolean, label: 已装}
      secret: {type: integer, label: 底数}
      serial: {type: text, label: 序列号, required_when: "fitted"}
      lot:    {type: text, label: 批号, required_when: "secret > 1"}
      reason: {type: text, label: 说明, readonly_when: "fitted"}
access:
  worker: {read: all, write: all, create: true}
  other:  {read: all, write: all, create: true, hide: [parts.secret]}
  admin:  {read: all}
"""
FLOW = """\
workflow: visit
entity: visit
label: 进程
stages:
  open: {label: 进行中}
  shut: {label: 封存, lock: [title, parts]}
moves:
  shut: {label: 封存, from: [open], to: [shut]}
"""


@pytest.fixture
def shop(make_store: MakeStore, tmp_path: Path, clock: SetClock) -> Iterator[Desk]:
    store = make_store({"app.yaml": APP, "visit/entity.yaml": VISIT, "visit/workflow.yaml": FLOW})
    url = store.database.url.render_as_string(hide_password=False)
    key = "a-key-for-tests-that-is-long-enough-0123456789"
    app = open_app(Settings(home=tmp_path, database_url=url, secret_key=key, testing=True), clock)
    with store.write() as session:
        team = create_department(session, key="all", name="全部", actor=None)
        ids = {
            login: accounts.create_user(
                session, login=login, name=login, password=PASSWORD, roles=[login], department=team, actor=None
            )
            for login in ("worker", "other")
        }
    yield Desk(app, store, clock, ids)
    close_app(app)


def reasons(page: str, cell: str) -> list[tuple[bool, str]]:
    """Return what stands under "why" in the cell: whether it is shown, and what it says."""
    fieldset = re.search(rf'<fieldset[^>]*data-when="{cell}".*?</fieldset>', page, re.DOTALL)
    found = re.findall(r'<details class="why"([^>]*)>.*?<p>(.*?)</p>', fieldset[0] if fieldset else "", re.DOTALL)
    return [("hidden" not in attributes, html.unescape(said)) for attributes, said in found]


def test_a_cell_says_why_it_must_be_filled_in_and_why_it_cannot_be_changed(shop: Desk) -> None:
    rows = [{"name": "甲", "fitted": True, "serial": "S1"}, {"name": "乙", "fitted": False}]
    made = shop.program("worker").made("visit", title="A", parts=rows)
    page = shop.browser("worker").get(f"/e/visit/{made['id']}/edit").get_data(as_text=True)

    first, second = ("f-parts-r0", "f-parts-r1")
    required, frozen = "必填的条件：已装 为“是”", "不能修改，因为：已装 为“是”"
    assert reasons(page, f"{first}-serial") == [(True, required)]
    assert reasons(page, f"{second}-serial") == [(False, required)]
    assert reasons(page, "f-parts-__row__-serial") == [(False, required)]
    assert (reasons(page, f"{first}-reason"), reasons(page, f"{second}-reason")) == ([(True, frozen)], [])


def test_a_rule_over_a_column_somebody_may_not_see_is_not_told(shop: Desk) -> None:
    made = shop.program("worker").made("visit", title="A", parts=[{"name": "甲", "secret": 3, "lot": "L"}])

    assert reasons(shop.browser("worker").get(f"/e/visit/{made['id']}/edit").get_data(as_text=True), "f-parts-r0-lot")
    page = shop.browser("other").get(f"/e/visit/{made['id']}/edit").get_data(as_text=True)
    assert reasons(page, "f-parts-r0-lot") == [] and "底数" not in page


def test_a_line_table_says_that_its_stage_locks_it(shop: Desk) -> None:
    worker = shop.program("worker")
    made = worker.made("visit", title="A", parts=[{"name": "甲"}])
    moved = worker.post(f"/visit/{made['id']}/moves/shut", {}, **{"If-Match": '"1"'})
    page = shop.browser("worker").get(f"/e/visit/{made['id']}/edit").get_data(as_text=True)

    assert moved.status_code == 200, moved.get_data(as_text=True)
    assert page.count("在“封存”阶段不能修改") == 2
