"""The same hostile value gets the same verdict on every path there is, on both databases.

``CASES`` is the table: what is sent, and what must come of it. ``MEANT`` lists where a path answers otherwise, with the
reason. A path that is new in the program fails until it is listed in ``write_paths.py``.
"""

import ast
import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SetClock
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from tests import prepared
from tests.access.write_paths import CHANGE, CREATE, OTHER, WRITERS, Raw, Shelf, Verdict, get_actor
from tests.conftest import to_folder
from tests.web.conftest import add_people, open_over

ROOT = Path(__file__).parents[2]
APP = {
    "app.yaml": """
app: ledger
label: 台账
version: 1.0.0
language: zh
timezone: Asia/Shanghai
roles:
  rep:   {label: 销售}
  boss:  {label: 总管}
menu: [thing, use]
""",
    "thing/entity.yaml": """
entity: thing
label: 物品
number: {pattern: "D-{seq:4}"}
display: "{name}"
fields:
  name:   {type: text, label: 名称, required: true, unique: true, max_length: 20}
  qty:    {type: integer, label: 数量, min: 0, max: 100}
  price:  {type: money, label: 单价}
  floor:  {type: money, label: 底价}
  note:   {type: text, label: 备注, max_length: 50}
  kind:   {type: choice, label: 类别, options: {new: 新, old: 旧}}
  secret: {type: text, label: 内情}
  phone:  {type: phone, label: 电话}
  fixed:  {type: text, label: 编码}
  use:    {type: link, to: use, label: 用途}
  total:  {type: money, label: 合计, computed: "qty * price"}
rules:
  above: {check: "price >= 1", message: 单价至少一元, fields: [price]}
access:
  rep:  {read: own, write: own, create: true, import: true, hide: [secret], mask: [phone], readonly: [fixed]}
  boss: {read: all, write: all, create: true, delete: all}
""",
    "thing/workflow.yaml": """
workflow: thing
entity: thing
label: 进程
stages:
  open:   {label: 进行中}
  closed: {label: 关闭, lock: [note]}
moves:
  again: {label: 再来, from: [open], to: [open]}
  close: {label: 关闭, from: [open], to: [closed]}
""",
    "use/entity.yaml": """
entity: use
label: 用途
display: "{label}"
fields:
  label: {type: text, label: 说明}
  thing: {type: link, to: thing, label: 物品, quick_create: [name, qty, price, note, kind]}
makes:
  thing: {label: 新建物品, entity: thing, back: use, set: {note: label}}
access:
  rep: {read: own, write: own, create: true}
""",
}


@dataclass(frozen=True)
class Case:
    """What is sent and what must come of it: a status, and for what is stored the value that is there then.

    ``at`` is which record it is sent to, for a change.
    """

    name: str
    raw: Raw
    status: int
    stored: Any = None
    at: str = "own"
    new: bool = True  # whether it can be asked of a new record too


CASES = (
    Case("good", {"note": "好"}, 200, "好"),
    Case("full-width digits", {"qty": "４２"}, 200, 42),
    Case("formula text", {"note": "=1+1"}, 200, "=1+1"),
    Case("markup", {"note": "<b>&amp;"}, 200, "<b>&amp;"),
    Case("unknown field", {"nothing": "x"}, 422),
    Case("hidden field", {"secret": "x"}, 422),
    Case("masked field", {"phone": "13800001111"}, 422, new=False),
    Case("read-only field", {"fixed": "x"}, 422),
    Case("computed field", {"total": "3"}, 422),
    Case("wrong type", {"qty": "abc"}, 422),
    Case("not whole", {"qty": "1.5"}, 422),
    Case("no option", {"kind": "nix"}, 422),
    Case("no such link", {"use": "999999"}, 422),
    Case("above its limit", {"qty": "101"}, 422),
    Case("too large for a database", {"qty": "9" * 30}, 422),
    Case("oversized text", {"note": "x" * 51}, 422),
    Case("control character", {"note": "a\x07b"}, 422),
    Case("duplicate", {"name": "他的"}, 422),
    Case("broken rule", {"price": "0.5"}, 422),
    Case("emptied required field", {"name": ""}, 422),
    Case("somebody else's record", {"note": "x"}, 404, at="foreign"),
    Case("locked field", {"note": "x"}, 422, at="closed"),
    Case("stale version", {"note": "x"}, 409, at="stale"),
)

NO_CELL = "a cell is offered for what may be typed there; any other address is none"
NOT_OFFERED = "the page asks for a field of its own list; one that is not in it is asked for again"
NO_COLUMN = "a column that may not be written is refused before any row is read"
ITS_OWN_MOVE = "the move is not made from this stage at all"
MEANT: Mapping[tuple[str, str], tuple[int, str]] = {
    **{("cell", one): (404, NO_CELL) for one in (
        "unknown field", "hidden field", "masked field", "read-only field", "computed field", "no such link"
    )},
    **{("many page", one): (422, NOT_OFFERED) for one in (
        "unknown field", "hidden field", "masked field", "read-only field", "computed field", "duplicate",
        "emptied required field",
    )},
    **{(path, one): (422, NO_COLUMN) for path in ("import", "import update") for one in (
        "unknown field", "hidden field", "masked field", "read-only field", "computed field"
    )},
    ("import", "no such link"): (422, "a sheet names records by what they are called, and is told so"),
    **{(path, "locked field"): (409, ITS_OWN_MOVE) for path in ("move", "move many", "move page")},
    ("cell", "locked field"): (409, "the cell is not opened; it says that it is locked now"),
    ("cell", "stale version"): (422, "the cell stays open with what was typed, beside what stands there"),
    ("form", "locked field"): (409, "the page of a conflict, which shows what is stored beside what was typed"),
    ("form", "stale version"): (409, "the same page says who changed it and when in words of its own"),
    ("import update", "emptied required field"): (200, "an empty cell of an update leaves what stands there"),
    ("import update", "no such link"): (422, "a sheet names records by what they are called, and is told so"),
    ("import update", "stale version"): (200, "a row names a record, not a version: it changes what stands there"),
    ("import update", "somebody else's record"): (422, "a row of many is told of beside the others"),
    ("many page", "somebody else's record"): (422, "one of many is told of beside the others"),
    ("many page", "stale version"): (422, "one of many is told of beside the others"),
}  # fmt: skip
"""By path and case the status it has instead, and why."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("paths")
    with ExitStack() as stack:
        if request.param == "sqlite":
            database = open_database(f"sqlite:///{folder / 'formwork.sqlite3'}")
        else:
            server = request.getfixturevalue("postgresql_server")
            database = stack.enter_context(prepared.a_postgresql_database(server))
        prepared.with_system_tables(database)
        store = Store(database, folder / "files", SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC)))
        catalog.publish(store, to_folder(APP), actor_id=None)
        add_people(store, {"mine": ("north", "rep"), "other": ("south", "rep"), "boss": ("north", "boss")})
        desk = open_over(store, folder, store.clock)
        desk.program("other").made("thing", name="他的")
        browser = desk.browser("mine")
        yield Shelf(desk, browser, desk.program("mine"), get_actor(desk, "mine"), csrf=browser.csrf())
        desk.app.extensions["formwork.store"].database.close()
        database.close()


def put(shelf: Shelf, at: str, count: Iterator[int] = itertools.count()) -> Shelf:  # noqa: B008 - a name for each
    """Return the shelf with a record of its own on it."""
    owner = shelf.desk.program("other") if at == "foreign" else shelf.program
    made = owner.made("thing", name=f"物{next(count)}", qty=1)
    if at == "closed":
        made = owner.post(f"/thing/{made['id']}/moves/close", {}, If_Match='"1"').get_json()
    if at == "stale":
        owner.patch(f"/thing/{made['id']}", {"qty": 2}, 1)
    seen = 1 if at == "stale" else made["version"]
    return replace(shelf, record=made["id"], version=seen, number=made["number"])


def judge(shelf: Shelf, path: str, case: Case, verdict: Verdict, reference: Verdict) -> Iterator[str]:
    """Yield how a verdict differs from what must come of the case, and from what the command says."""
    status, why = MEANT.get((path, case.name), (case.status, ""))
    shown = " ".join(verdict.said.split())[-160:]
    if verdict.status != status:
        yield f"{path} | {case.name} | {verdict.status} instead of {status} | {shown}"
    elif not why and reference.said and reference.said not in verdict.said:
        yield f"{path} | {case.name} | says other than: {reference.said} | {shown}"


def test_every_path_judges_a_change_alike(shelf: Shelf) -> None:
    wrong = []
    for case in CASES:
        reference = CHANGE["command"](put(shelf, case.at), case.raw)
        for path, ask in CHANGE.items():
            here = put(shelf, case.at)
            wrong += judge(here, path, case, ask(here, case.raw), reference)
            wrong += kept(here, path, case)
    assert wrong == [], "\n".join(wrong)


def kept(shelf: Shelf, path: str, case: Case) -> Iterator[str]:
    """Yield what is in the record afterwards that should not be, or is not."""
    (key,) = case.raw
    found = shelf.desk.program("boss").get(f"/thing/{shelf.record}").get_json()
    status, _ = MEANT.get((path, case.name), (case.status, ""))
    if status == 200 and case.stored is not None and found[key] != case.stored:
        yield f"{path} | {case.name} | stored {found[key]!r}"
    if status != 200 and str(found.get(key)) == str(case.raw[key]):
        yield f"{path} | {case.name} | refused, and stored all the same"


def test_every_path_judges_a_new_record_alike(shelf: Shelf) -> None:
    wrong, names = [], itertools.count()
    for case in (case for case in CASES if case.at == "own" and case.new):
        reference = CREATE["command"](shelf, {"name": f"新{next(names)}"} | case.raw)
        for path, ask in CREATE.items():
            raw = {"name": f"新{next(names)}"} | case.raw
            wrong += judge(shelf, path, case, ask(shelf, raw), reference)
    assert wrong == [], "\n".join(wrong)


WRITING = {"create_record", "update_record", "move_record", "update_many", "move_many", "save_changes", "insert_record",
           "restore_version", "insert_many"}  # fmt: skip


def test_every_place_that_calls_a_writer_is_listed() -> None:
    found = set()
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "web").rglob("*.py")]:
        if "node_modules" in path.parts or path.name in ("commands.py", "writing.py") and "records" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for function in ast.walk(ast.parse(text)) if any(f"{name}(" in text for name in WRITING) else ():
            if isinstance(function, ast.FunctionDef):
                called = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in ast.walk(function)
                          if isinstance(node, ast.Call)}  # fmt: skip
                if called & WRITING:
                    found.add(f"{path.relative_to(ROOT).as_posix()} {function.name}")
    assert found == {*WRITERS, *OTHER}
    assert {name for name in WRITERS.values()} <= {*CREATE, *CHANGE}
