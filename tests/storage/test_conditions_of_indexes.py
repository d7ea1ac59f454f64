"""The condition of a uniqueness that ``check`` lets pass is one both databases keep an index for; others are told."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.expression import functions
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP

THING = """\
entity: thing
label: 东西
fields:
  name:   {type: text, label: 名称}
  other:  {type: text, label: 别名}
  size:   {type: integer, label: 大小}
  part:   {type: decimal, label: 份, scale: 3}
  price:  {type: money, label: 价}
  share:  {type: percent, label: 份额, scale: 1}
  due:    {type: date, label: 到期}
  gap:    {type: date, label: 过三天, computed: "due + 3d"}
  begun:  {type: date, label: 开始}
  seen:   {type: datetime, label: 看过}
  left:   {type: datetime, label: 走了}
  at:     {type: time, label: 几点}
  till:   {type: time, label: 到几点}
  open:   {type: boolean, label: 开着}
  kind:   {type: choice, label: 种类, options: {a: 甲, b: 乙}}
  kinds:  {type: choices, label: 各种, options: {a: 甲, b: 乙}}
  spot:   {type: geo, label: 位置}
  friend: {type: link, to: thing, label: 伙伴}
  person: {type: user, label: 谁}
unique:
  one: {fields: [name], where: "CONDITION"}
access:
  chief: {read: all, create: true}
"""
KEPT = (
    "name = 'a'", "name != other", "name is missing", "kind in ['a', 'b']", "not open", "open and size > 3",
    "size between 1 and 5", "part * price > size / 3", "-size < 3", "share > 5%", "price >= 12.50", "due = begun",
    "due between begun and begun", "seen > left", "at > till", "friend is not missing", "owner = person",
    "if(open, size, 3) > 2", "default(size, 1) > 2", "round(part, 1) > 1.5", "round(part) > 1", "abs(size) > 1",
    "max(size, part) > 2", "min(due, begun) < due", "length(name) > 3", "number(name) > 2", "contains(name, 'x')",
    "starts_with(name, 'x')", "join(name, other) = 'x'", "year(due) > 2025", "month(due) = 3",
    "month_end(due) > begun", "due - begun > 3d", "text(size) = '3'", "text(share) = '3%'", "text(name) = 'a'",
    "text(kind) = 'a'", "number = 'x'", "gap > begun",
)  # fmt: skip
WORKED_OUT = (
    "due + 3d > begun", "due - 3d > begun", "seen + 3h > left", "seen - left > 3h", "days(due - begun) > 3",
    "hours(due - begun) > 3", "minutes(due - begun) > 3", "date(name) > due", "add_days(due, size) > begun",
    "text(due) = 'x'", "text(at) = '08:30'", "text(due - begun) = '3d'", "distance(spot, spot) > 3",
)  # fmt: skip
"""What one of the databases keeps no index for."""
OF_OTHERS = ("date(seen) > due", "text(seen) = 'x'", "count(kinds) > 1", "today() > due", "now() > seen")
"""What is not in the row, or not the same at any time."""
SLOW = ("working_days(begun, due) > 3", "working_hours(left, seen) > 3", "working_minutes(left, seen) > 3")
"""What no database works out."""


def texts(condition: str) -> dict[str, str]:
    return {
        "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[thing]"),
        "thing/entity.yaml": THING.replace("CONDITION", condition),
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database_of(request, tmp_path_factory.mktemp("index")) as database:
        yield database


def test_both_databases_keep_an_index_for_what_is_not_refused(database: Database, tmp_path: Path) -> None:
    """Published one after the other, so each index is made by the database itself."""
    store = Store(database, tmp_path, SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC)))

    for condition in KEPT:
        assert catalog.publish(store, to_folder(texts(condition)), actor_id=None), condition


@pytest.mark.parametrize("condition", (*WORKED_OUT, *OF_OTHERS, *SLOW))
def test_what_no_index_can_be_kept_for_is_refused_before_a_publish(condition: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        load_app(SourceFolder(texts(condition)))

    expected = "E129" if condition in WORKED_OUT else "E022"
    assert refused.value.problems[0].code == expected


def test_every_function_is_tried() -> None:
    tried = {name for one in (*KEPT, *WORKED_OUT, *OF_OTHERS, *SLOW) for name in re.findall(r"(\w+)\(", one)}

    assert tried >= set(functions.FUNCTIONS)
