"""Records found by what stands in their columns, for whoever plays a story: nobody asks, so nothing is hidden.

Enters: an entity, values by field. Leaves: ids, and single values as Python has them. Must not answer a person: what
somebody may see goes through ``queries.py``.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from engine.storage.store import Session
from engine.storage.tables import column_name


def find_ids(session: Session, entity: str, having: Mapping[str, Any], filled: Collection[str] = ()) -> list[int]:
    """Return the living records with these values by field, and something in those to be ``filled``; oldest first."""
    table = session.tables.entity[entity]
    own = [table.c[column_name(key)] == value for key, value in having.items()]
    own += [table.c[column_name(key)].is_not(None) for key in filled]
    return list(
        session.connection.scalars(select(table.c.id).where(*own, table.c.deleted_at.is_(None)).order_by(table.c.id))
    )


def read_value(session: Session, entity: str, id: int, field: str) -> Any:
    """Return what stands in a stored field of a record."""
    table = session.tables.entity[entity]
    return session.connection.scalar(select(table.c[column_name(field)]).where(table.c.id == id))
