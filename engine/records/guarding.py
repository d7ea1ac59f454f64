"""Fields that people are deciding about: locked on every path, also where the record's stage does not lock them.

Enters: the keys of fields that somebody changes. Leaves: those among them that a running approval guards. Must not ask
the present release which fields these could be: what runs keeps to the one it was submitted under.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity
from engine.storage.approval_tables import approvals
from engine.storage.store import Session


def find_guarded(session: Session, entity: Entity, record_id: int, keys: Collection[str]) -> list[str]:
    """Return those of ``keys`` that a running approval of this record guards, called ones included."""
    if not keys:
        return []

    def build() -> Any:
        c = approvals.c
        own = (c.entity == bindparam("entity"), c.record_id == bindparam("record_id"), c.state == "running")
        return select(c.plan).where(*own)

    given = {"entity": entity.key, "record_id": record_id}
    rows = session.prepared("guards", build).fetch_all(session.connection, given)
    guarded = {key for (plan,) in rows for key in (plan or {}).get("guard", ())}
    return sorted(guarded & set(keys))
