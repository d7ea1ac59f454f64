"""One order of missing values on both databases: missing is smaller than everything.

Enters: a column. Leaves: the same column, ordered. SQLite sorts so by itself and PostgreSQL the other way round; a list
that sorts by ``smallest_first`` or ``largest_first`` therefore looks the same on both, and an index made of
``missing_first`` serves both directions. Ids are never missing: they are ordered and indexed plainly.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, UnaryExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


class MissingFirst(ColumnElement[Any]):
    """A column as part of an index, missing values first."""

    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]

    def __init__(self, column: Column[Any]) -> None:
        self.column = column
        self.type = column.type

    def self_group(self, against: Any = None) -> Any:
        """Return itself: a part of an index is never put in brackets."""
        return self


def missing_first(column: Column[Any]) -> ColumnElement[Any]:
    """Return ``column`` for an index."""
    return MissingFirst(column)


def smallest_first(column: ColumnElement[Any]) -> UnaryExpression[Any]:
    """Return the ascending order of ``column``, missing values first."""
    return column.asc().nulls_first()


def largest_first(column: ColumnElement[Any]) -> UnaryExpression[Any]:
    """Return the descending order of ``column``, missing values last."""
    return column.desc().nulls_last()


@compiles(MissingFirst)
def _render(element: MissingFirst, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.column, **kw) + " NULLS FIRST"


@compiles(MissingFirst, "sqlite")
def _render_for_sqlite(element: MissingFirst, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.column, **kw)
