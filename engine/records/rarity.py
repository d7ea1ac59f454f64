"""Whether few records meet a condition, so that they are looked up, or so many that a list asks each row in its order.

Enters: a condition, and the values in it. Leaves: yes or no, counted no further than ``FEW`` and remembered for a
minute; the condition, so written that its rows are looked up or that each is asked. Must not decide what a list holds:
only the way to it.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    BooleanClauseList,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Table,
    func,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import or_

from engine.records.sql import IsAmong
from engine.storage.store import Session

FEW = 2_000
"""Records that are looked up by their ids, at most."""

Condition = Callable[[FromClause], ColumnElement[bool]]
"""What must hold of the rows of a table, or of another name for it."""

_KEPT_SECONDS = 60
_MOST = 10_000
_known: dict[Hashable, tuple[float, bool]] = {}


def are_few(
    session: Session, table: Table, shape: Hashable, condition: Condition, about: Hashable, given: Mapping[str, Any]
) -> bool:
    """Return whether at most ``FEW`` living rows meet a condition.

    ``shape`` tells it from others, ``about`` are the values in it, ``given`` its parameters.
    """
    key, now = (session.tables.metadata, table.name, shape, about), time.monotonic()
    until, few = _known.get(key, (0.0, False))
    if until < now:
        if len(_known) > _MOST:
            _known.clear()
        few = _count(session, table, shape, condition, given) <= FEW
        _known[key] = now + _KEPT_SECONDS, few
    return few


def forget() -> None:
    """Count anew when next asked."""
    _known.clear()


def looked_up(table: Table, condition: Condition) -> ColumnElement[bool]:
    """Return the condition, met by looking its rows up first, whatever a list is sorted by."""
    return IsAmong(table.c.id, _rows(table, condition).scalar_subquery())


def parts_of(condition: ColumnElement[bool]) -> Iterator[ColumnElement[bool]]:
    """Yield the parts of an ``OR``, or the condition itself."""
    if isinstance(condition, BooleanClauseList) and condition.operator is or_:
        for one in condition.clauses:
            yield from parts_of(one)
    else:
        yield condition


class Plainly(ColumnElement[Any]):
    """A column whose index is not to be used here: the list goes along that of its order and asks each row.

    PostgreSQL counts how often which value stands in a column and finds the better way by itself.
    """

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(Plainly)
def _render(element: Plainly, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.column, **kw)


@compiles(Plainly, "sqlite")
def _render_without_index(element: Plainly, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


def _rows(table: Table, condition: Condition) -> Select[Any] | CompoundSelect[Any]:
    """Select the ids, and some of them twice: each part of an ``OR`` by itself, which an index of its own may serve.

    Neither database uses those indexes for the whole of it: they hold the living rows only.
    """
    few = table.alias("few")
    parts = [select(few.c.id).where(few.c.deleted_at.is_(None), part) for part in parts_of(condition(few))]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _count(session: Session, table: Table, shape: Hashable, condition: Condition, given: Mapping[str, Any]) -> int:
    def build() -> Any:
        rows = _rows(table, condition).subquery()
        return select(func.count()).select_from(select(rows.c.id).limit(FEW + 1).subquery())

    row = session.prepared(("few", table.name, shape), build).fetch_one(session.connection, given)
    return int(row[0]) if row else 0
