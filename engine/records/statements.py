"""Statements over the tables of an entity, prepared once per release and database.

Enters: a session, a key that says which statement is meant, and how to build it. Leaves: ``Prepared`` statements, and the
order of their columns. Must not hold a statement whose shape depends on what a person typed without naming that shape
in its key.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.sql import ClauseElement

from engine.compiler.app import Entity
from engine.storage.prepared import Prepared
from engine.storage.store import Session

_LIMIT = 5_000
_cache: dict[Hashable, Prepared] = {}

_RENAMED = {"owner": "owner_id", "team": "team_id"}


def prepared(
    session: Session, key: Hashable, build: Callable[[], ClauseElement], columns: Sequence[str] | None = None
) -> Prepared:
    """Return the statement called ``key`` for this release and database, building it the first time."""
    full = (session.app.digest, session.connection.dialect.name, key)
    found = _cache.get(full)
    if found is None:
        if len(_cache) > _LIMIT:
            _cache.clear()
        found = _cache[full] = Prepared(build(), session.connection.dialect, columns=columns)
    return found


def column(table: Table, key: str) -> ColumnElement[Any]:
    """Return the column of a field or system field."""
    return table.c[_RENAMED.get(key, key)]


def record_columns(table: Table, entity: Entity) -> list[ColumnElement[Any]]:
    """Return the columns that hold a record, in the order of ``Entity.value_keys``."""
    return [column(table, key) for key in entity.value_keys]


def to_values(entity: Entity, row: Sequence[Any]) -> dict[str, Any]:
    """Return the values of a row selected by ``record_columns``; what follows them in the row is left out."""
    return dict(zip(entity.value_keys, row, strict=False))
