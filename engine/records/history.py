"""The history of a record, as the actor may see it.

Enters: a record's id. Leaves: entries, newest first, without the values of fields the actor may not see. Must not
write.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from engine.people.actor import Actor
from engine.records.queries import get_record
from engine.records.rights import find_rights, get_entity
from engine.storage.store import Session
from engine.storage.system_tables import history, users


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: ``changes`` is ``{field: [old, new]}`` in JSON form, ``details`` what a move or decision adds."""

    id: int
    version: int
    at: datetime
    actor: str
    actor_id: int | None
    action: str
    changes: dict[str, list[Any]]
    details: dict[str, Any]
    note: str | None
    via: str | None


def list_history(
    session: Session, entity: str, id: int, *, actor: Actor, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return the newest entries of a record (older than entry ``before``); raises ``NotFound`` like reading it."""
    get_record(session, entity, id, actor=actor)
    hidden = find_rights(session.app, get_entity(session.app, entity), actor).hidden

    def build() -> Any:
        columns = (history.c.id, history.c.version, history.c.at, users.c.name, history.c.actor_id, history.c.action,
                   history.c.changes, history.c.note, history.c.via)  # fmt: skip
        source = history.outerjoin(users, users.c.id == history.c.actor_id)
        own = (
            history.c.entity == entity,
            history.c.record_id == bindparam("record_id"),
            history.c.id < bindparam("before"),
        )
        return select(*columns).select_from(source).where(*own).order_by(history.c.id.desc()).limit(bindparam("limit"))

    given = {"record_id": id, "before": before or 2**62, "limit": max(1, min(limit, 200))}
    rows = session.prepared(("history", entity), build).fetch_all(session.connection, given)
    return [_entry(row, hidden) for row in rows]


def _entry(row: tuple[Any, ...], hidden: frozenset[str]) -> Entry:
    changes = dict(row[6] or {})
    details = changes.pop("", None) or {}
    shown = {key: [_shown(key, value, hidden) for value in pair] for key, pair in changes.items() if key not in hidden}
    return Entry(row[0], row[1], row[2], row[3] or "—", row[4], row[5], shown, details, row[7], row[8])


def _shown(key: str, value: Any, hidden: frozenset[str]) -> Any:
    """Leave hidden columns out of the rows of a line table."""
    columns = {name.partition(".")[2] for name in hidden if name.startswith(f"{key}.")}
    if not columns or not isinstance(value, list):
        return value
    return [{name: one for name, one in row.items() if name not in columns} for row in value]
