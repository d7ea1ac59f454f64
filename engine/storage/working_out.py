"""Expressions of a definition, worked out by the database for the rows there are.

Enters: a checked expression, a column, which rows. Leaves: rewritten rows. Must not work out working time, which only
Python knows.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, type_coerce
from sqlalchemy.exc import DataError, ProgrammingError

from engine.compiler.app import Field
from engine.expression import Checked
from engine.expression.sql import check_sql, compile_sql
from engine.expression.sql_terms import at_places, rounded
from engine.expression.types import NUMERIC
from engine.storage.changes import TableOf
from engine.storage.column_types import ScaledDecimal
from engine.storage.filling import Filling
from engine.storage.rewriting import Former, rewrite
from engine.storage.table_source import TableSource
from engine.storage.tables import Tables


class _WithOld(TableSource):
    """The new tables, except that a column that changes its type is read where its old values are parked."""

    def __init__(self, tables: Tables, table: FromClause, key: str, old: ColumnElement[Any]) -> None:
        super().__init__(tables)
        self._place = (table, key)
        self._old = old

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return the column of a field, or the old values."""
        return self._old if (row, field) == self._place else super().column(row, shape, field)


def work_out(
    filling: Filling,
    place: TableOf,
    item: Field,
    checked: Checked,
    where: ColumnElement[bool],
    old: ColumnElement[Any] | None = None,
    before: Field | None = None,
) -> int | None:
    """Write what an expression says into a column and return how many rows changed.

    ``old`` is where the values stand that the expression knows by the field's own name, ``before`` the field they were
    of. None when the database cannot work it out.
    """
    value = value_of(filling, place, item, checked, old)
    if value is None:
        return None
    former: Former = {} if old is None or before is None else {item.key: (old, before)}
    try:
        with filling.connection.begin_nested():
            return rewrite(filling, place, {item.key: value}, where, former)
    except (DataError, ProgrammingError):  # an old value of another type that the expression cannot take
        return None


def value_of(
    filling: Filling, place: TableOf, item: Field, checked: Checked, old: ColumnElement[Any] | None = None
) -> ColumnElement[Any] | None:
    """Return an expression as SQL that fits into the column of a field, None when the database cannot work it out."""
    if check_sql(checked):  # working time
        return None
    tables, table = filling.tables, place.table
    source = TableSource(tables) if old is None else _WithOld(tables, table, item.key, old)
    value = compile_sql(checked, source, table)
    column: Column[Any] = table.c[item.key]
    if isinstance(column.type, ScaledDecimal) or checked.type.kind in NUMERIC:
        wanted = column.type.scale if isinstance(column.type, ScaledDecimal) else 0
        places = checked.type.places
        most = max(places, wanted)
        value = rounded(at_places(value, places, most), most, wanted)
    return type_coerce(value, column.type)
