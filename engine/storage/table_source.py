"""Where expressions find their values in SQL: the tables of a release.

Enters: ``Tables``. Leaves: tables and columns by shape and field, for ``engine.expression.sql``. Must not apply
anybody's rights: a condition holds for all alike.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, cast, func, literal, select

from engine.storage.system_tables import files
from engine.storage.tables import Tables, column_name


class TableSource:
    """The tables of one release as ``SqlSource``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def table(self, shape: str) -> FromClause:
        """Return the table of an entity, or of a line table (``quote.items``)."""
        entity, _, lines = shape.partition(".")
        return self._tables.lines[entity, lines] if lines else self._tables.entity[entity]

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return the column of a field."""
        return row.c[column_name(field)]

    def parent(self, row: FromClause, shape: str) -> ColumnElement[Any]:
        """Return the column that holds the id of the record a line belongs to."""
        return row.c.parent_id

    def visible(self, row: FromClause, shape: str) -> ColumnElement[Any] | None:
        """Return the condition of living records; lines live as long as their record."""
        return None if "." in shape else row.c.deleted_at.is_(None)

    def member(self, row: FromClause, shape: str, field: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return whether a choices field, stored as a JSON list, holds ``value``."""
        return cast(row.c[field], Text).contains(literal('"') + value + literal('"'))

    def size(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return how many values a choices, file or lines field has."""
        if (shape, field) in self._tables.lines:
            lines = self._tables.lines[shape, field].alias()
            return select(func.count()).where(lines.c.parent_id == row.c.id).scalar_subquery()
        if field in row.c:
            text = cast(row.c[field], Text)
            items = func.length(text) - func.length(func.replace(text, ",", "")) + 1
            return func.coalesce(items, 0)
        attached = files.alias()
        own = (attached.c.entity == shape, attached.c.record_id == row.c.id, attached.c.field == field)
        return select(func.count()).where(*own, attached.c.deleted_at.is_(None)).scalar_subquery()
