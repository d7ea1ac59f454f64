"""Values for records that were there before the rule that asks for them.

Enters: the tables as they are after the steps of ``changes.py``. Leaves: filled columns, and an item for each that says
how many records it concerned. Must not touch a value that a rule does not ask to change. Expressions are worked out by
the database, in one statement each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Integer,
    Table,
    Text,
    func,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy.exc import DataError, ProgrammingError
from sqlalchemy.types import TypeEngine

from engine.compiler.app import CompiledApp, Expression, Field, Label
from engine.expression.sql import check_sql, compile_sql
from engine.expression.sql_terms import at_places, rounded
from engine.storage.changes import AddColumn, CreateTables, Replace, Step, TableOf, find_old_field, tables_of
from engine.storage.column_types import ScaledDecimal, UtcDateTime
from engine.storage.physical import find_scale
from engine.storage.plan import PlanItem
from engine.storage.table_source import TableSource
from engine.storage.tables import Tables

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Filling:
    """What every fill needs: the two apps, the new tables, and the parameters of expressions (``now`` ...)."""

    connection: Connection
    old: CompiledApp | None
    new: CompiledApp
    tables: Tables
    parameters: Parameters


def fill(filling: Filling, steps: Iterable[Step]) -> list[PlanItem]:
    """Fill what the steps left empty and what newly required fields ask for; return what was done."""
    replaced = {(step.table, step.column.name): step for step in steps if isinstance(step, Replace)}
    added = {(step.table, step.column.name) for step in steps if isinstance(step, AddColumn)}
    fresh = {table.name for step in steps if isinstance(step, CreateTables) for table in step.tables}
    items: list[PlanItem] = []
    for place in tables_of(filling.new, filling.tables):
        if place.table.name in fresh:
            continue
        for item in place.fields.values():
            key = (place.table.name, item.key)
            if key in replaced:
                items += _fill_replaced(filling, place, item, replaced[key])
            items += _fill_required(filling, place, item)
        items += _fill_stage(filling, place)
    _fill_computed(filling, added, fresh)
    return items


def count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    """Return how many rows of a table meet the conditions."""
    return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def sample(connection: Connection, place: TableOf, *conditions: ColumnElement[bool]) -> tuple[int, ...]:
    """Return the ids of some records concerned (for a line table, of the records the lines belong to)."""
    id_ = place.table.c.id if place.line is None else place.table.c.parent_id
    return tuple(connection.scalars(select(id_).where(*conditions).distinct().order_by(id_).limit(20)))


def labels_of(place: TableOf, item: Field) -> tuple[Label, ...]:
    """Return the labels from the entity down to a field."""
    line = () if place.line is None else (place.line.label,)
    return (place.entity.label, *line, item.label)


# ---- a new type


def _fill_replaced(filling: Filling, place: TableOf, item: Field, step: Replace) -> Iterator[PlanItem]:
    old: ColumnElement[Any] = sql_column(step.parked, _read_type(step.old_type))
    had = sql_column(step.parked).is_not(None)
    rows = count(filling.connection, place.table, had)
    if rows == 0:
        return
    params = {"kept": step.parked}
    if item.migrate is not None:
        done = _write(filling, place, item, item.migrate, had, old)
        yield _item(
            "data" if done else "blocked", "filled_type" if done else "blocked_migrate", place, item, rows, params
        )
        return
    was_known = find_old_field(filling.old, place, item) is not None
    lost = _copy_exact(filling, place, item, step)
    if lost is None and not was_known:
        yield _item("data", "parked", place, item, rows, params)
    elif lost is None or lost:
        yield _item("blocked", "blocked_type", place, item, rows if lost is None else lost, params)


def _copy_exact(filling: Filling, place: TableOf, item: Field, step: Replace) -> int | None:
    """Copy decimals to fewer places; return how many would lose digits, None when the types have nothing in common."""
    wanted, before = place.table.c[item.key].type, _read_type(step.old_type)
    if not isinstance(wanted, ScaledDecimal) or not isinstance(before, ScaledDecimal):
        return None
    parked: ColumnElement[Any] = sql_column(step.parked, before)
    fewer = rounded(parked, before.scale, wanted.scale)
    change = update(place.table).where(parked.is_not(None)).values({item.key: fewer})
    filling.connection.execute(change)
    back = at_places(place.table.c[item.key], wanted.scale, before.scale)
    return count(filling.connection, place.table, parked.is_not(None), parked != back)


_READ_TYPES: Mapping[str, TypeEngine[Any]] = {
    "text": Text(),
    "bigint": BigInteger(),
    "integer": Integer(),
    "boolean": Boolean(),
    "date": Date(),
    "datetime": UtcDateTime(),
    "timestamp with time zone": UtcDateTime(),
}


def _read_type(written: str) -> TypeEngine[Any]:
    scale = find_scale(written)
    return _READ_TYPES.get(written) or (Text() if scale is None else ScaledDecimal(18, scale))


# ---- a new duty


def _fill_required(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    before = find_old_field(filling.old, place, item)
    if not item.required or item.retired or (before is not None and before.required):
        return
    column = place.table.c[item.key]
    empty = (column.is_(None), alive(place.table))
    rows = count(filling.connection, place.table, *empty)
    if rows == 0:
        return
    if item.migrate is not None:
        _write(filling, place, item, item.migrate, column.is_(None))
    elif item.default is not None:
        change = update(place.table).where(column.is_(None)).values({item.key: item.default})
        filling.connection.execute(change)
    filled = rows - count(filling.connection, place.table, *empty)
    if filled:
        yield _item("data", "filled", place, item, filled)
    if filled < rows:
        found = sample(filling.connection, place, *empty)
        yield _item("blocked", "blocked_required", place, item, rows - filled, records=found)


def _fill_stage(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    """Put records into the first stage when their entity gets stages."""
    if place.line is not None or place.entity.workflow is None:
        return
    stage = place.table.c.stage
    rows = count(filling.connection, place.table, stage.is_(None))
    if rows == 0:
        return
    first = place.entity.workflow.stages[place.entity.workflow.first]
    filling.connection.execute(update(place.table).where(stage.is_(None)).values(stage=first.key))
    yield PlanItem("data", "filled_stage", "stage", (place.entity.label, first.label), rows=rows)


def alive(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is not deleted (lines go with their record)."""
    return table.c.deleted_at.is_(None) if "deleted_at" in table.c else true()


# ---- a new computed field


def _fill_computed(filling: Filling, added: set[tuple[str, str]], fresh: set[str]) -> None:
    """Work out computed fields that are new, or back after a release without them, lines before what sums them."""
    for place in sorted(tables_of(filling.new, filling.tables), key=lambda place: place.line is None):
        order = place.entity.compute_order if place.line is None else place.line.compute_order
        for key in order:
            item = place.fields.get(key)
            if item is None or item.computed is None or place.table.name in fresh:
                continue
            if (place.table.name, key) in added or find_old_field(filling.old, place, item) is None:
                _write(filling, place, item, item.computed, true())


# ---- writing


class _WithOld(TableSource):
    """The new tables, except that a column that changes its type is read where its old values are parked."""

    def __init__(self, tables: Tables, table: FromClause, key: str, old: ColumnElement[Any]) -> None:
        super().__init__(tables)
        self._place = (table, key)
        self._old = old

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return the column of a field, or the old values."""
        return self._old if (row, field) == self._place else super().column(row, shape, field)


def _write(
    filling: Filling,
    place: TableOf,
    item: Field,
    expression: Expression,
    where: ColumnElement[bool],
    old: ColumnElement[Any] | None = None,
) -> bool:
    """Write what an expression says into a column; return False when the database cannot work it out."""
    checked = expression.checked
    if check_sql(checked):  # working time
        return False
    tables, table = filling.tables, place.table
    source = TableSource(tables) if old is None else _WithOld(tables, table, item.key, old)
    value = compile_sql(checked, source, table)
    column: Column[Any] = table.c[item.key]
    if isinstance(column.type, ScaledDecimal):
        places, wanted = checked.type.places, column.type.scale
        most = max(places, wanted)
        value = type_coerce(rounded(at_places(value, places, most), most, wanted), column.type)
    try:
        with filling.connection.begin_nested():
            filling.connection.execute(update(table).where(where).values({item.key: value}), filling.parameters)
    except (DataError, ProgrammingError):  # an old value of another type that the expression cannot take
        return False
    return True


def _item(
    kind: Any,
    code: str,
    place: TableOf,
    item: Field,
    rows: int,
    params: Mapping[str, object] | None = None,
    records: tuple[int, ...] = (),
) -> PlanItem:
    return PlanItem(
        kind, code, "field", labels_of(place, item),
        params=params or {}, rows=rows, records=records, location=item.location,
    )  # fmt: skip
