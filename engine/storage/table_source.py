"""Where expressions find their values in SQL: the tables of a release.

Enters: ``Tables``. Leaves: tables and columns by shape and field, for ``engine.expression.sql``. Must not apply
anybody's rights: a condition holds for all alike.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, func, select
from sqlalchemy.types import TypeEngine

from engine.expression.sql_source import Find, Linked
from engine.expression.sql_terms import BOOLEAN, INTEGER, Term
from engine.expression.types import DEPARTMENT_SHAPE, USER_SHAPE, row_place
from engine.storage.system_tables import departments, files, users
from engine.storage.tables import Tables, column_name

_PEOPLE: Mapping[str, FromClause] = {USER_SHAPE: users, DEPARTMENT_SHAPE: departments}


class TableSource:
    """The tables of one release as ``SqlSource``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def table(self, shape: str) -> FromClause:
        """Return the table of an entity, or of a line table (``quote.items``)."""
        if shape in _PEOPLE:
            return _PEOPLE[shape]
        entity, *lines = shape.split(".")
        return self._tables.lines[entity, lines[0]] if lines else self._tables.entity[entity]

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return the column of a field; of a row seen from outside, also of the record it belongs to."""
        place = row_place(shape)
        if place is not None and field == place[0] and field not in row.c:
            return row.c.parent_id
        return row.c["department_id" if shape == USER_SHAPE and field == "department" else column_name(field)]

    def parent(self, row: FromClause, shape: str) -> ColumnElement[Any]:
        """Return the column that holds the id of the record a line belongs to."""
        return row.c.parent_id

    def visible(self, row: FromClause, shape: str) -> ColumnElement[Any] | None:
        """Return the condition of living records; lines live as long as their record, people stay for good."""
        place = row_place(shape)
        if place is not None:
            whole = self._tables.entity[place[0]].alias()
            own = select(whole.c.id).where(whole.c.id == row.c.parent_id, whole.c.deleted_at.is_(None))
            return own.correlate(row).exists()
        return None if "." in shape or shape in _PEOPLE else row.c.deleted_at.is_(None)

    def member(self, row: FromClause, shape: str, field: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return whether a choices, tags or users field, stored as a JSON list, holds ``value``; case matters."""
        sqlite = "EXISTS (SELECT 1 FROM json_each({0}) AS held WHERE held.value = {1})"
        postgresql = "jsonb_exists(CAST({0} AS JSONB), {1})"
        if isinstance(value.type, Integer):
            postgresql = "(CAST({0} AS JSONB) @> to_jsonb(CAST({1} AS BIGINT)))"
        return Term(BOOLEAN, sqlite, self.column(row, shape, field), value, postgresql=postgresql)

    def reached(self, row: FromClause, shape: str, stages: Sequence[str]) -> ColumnElement[Any]:
        """Only figures ask where a record has been."""
        raise ValueError("reached() is asked by figures only")

    def period(self, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        """Only figures are of a period."""
        raise ValueError("a period is asked for by figures only")

    def together(self, row: FromClause, form: Hashable, find: Find) -> Linked | None:
        """Each record asks by itself: only figures add up for all records at once."""
        return None

    def size(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        """Return how many values a choices, file or lines field has."""
        if (shape, field) in self._tables.lines:
            lines = self._tables.lines[shape, field].alias()
            return select(func.count()).where(lines.c.parent_id == row.c.id).scalar_subquery()
        if field in row.c:
            postgresql = "coalesce(jsonb_array_length(CAST({0} AS JSONB)), 0)"
            held = self.column(row, shape, field)
            return Term(INTEGER, "coalesce(json_array_length({0}), 0)", held, postgresql=postgresql)
        attached = files.alias()
        own = (attached.c.entity == shape, attached.c.record_id == row.c.id, attached.c.field == field)
        return select(func.count()).where(*own, attached.c.deleted_at.is_(None)).scalar_subquery()
