"""The columns that hold a record, in one order for every statement.

Enters: an entity and its table. Leaves: columns, and the values of a row selected by them. Must not hold statements: a
session keeps those prepared for its release (``Session.prepared``).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

from engine.compiler.app import Entity
from engine.storage.tables import column_name


def column(table: FromClause, key: str) -> ColumnElement[Any]:
    """Return the column of a field or system field."""
    return table.c[column_name(key)]


def record_columns(table: Table, entity: Entity) -> list[ColumnElement[Any]]:
    """Return the columns that hold a record, in the order of ``Entity.value_keys``."""
    return [column(table, key) for key in entity.value_keys]


def to_values(entity: Entity, row: Sequence[Any]) -> dict[str, Any]:
    """Return the values of a row selected by ``record_columns``; what follows them in the row is left out."""
    return dict(zip(entity.value_keys, row, strict=False))
