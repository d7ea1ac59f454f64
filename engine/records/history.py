"""The history of a record, as the actor may see it.

Enters: a record's id. Leaves: entries, newest first, without the values of fields the actor may not see. Must not
write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity, Field
from engine.people import directory
from engine.people.actor import Actor
from engine.records.columns import record_columns, to_values
from engine.records.queries import get_record
from engine.records.record import USER, Labels, display
from engine.records.rights import find_rights, get_entity
from engine.records.sql import is_one_of
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


def name_links(session: Session, entity: Entity, entries: Sequence[Entry]) -> Labels:
    """Return what everybody and everything named in the entries is called now, looked up at once."""
    people: set[int] = set()
    records: dict[str, set[int]] = {}
    for entry in entries:
        for key, pair in entry.changes.items():
            _collect(entity.fields.get(key), key, pair, people, records)
    labels: Labels = {(USER, one.id): one.name for one in directory.people(session.connection, people).values()}
    for target, ids in records.items():
        labels |= _names(session, target, ids)
    return labels


def _names(session: Session, target: str, ids: set[int]) -> Labels:
    entity, table = session.app.entities[target], session.tables.entity[target]

    def build() -> Any:
        return select(*record_columns(table, entity)).where(is_one_of(table.c.id, "ids"))

    rows = session.prepared(("names", target), build).fetch_all(session.connection, {"ids": list(ids)})
    found = (to_values(entity, row) for row in rows)
    return {(target, values["id"]): display(entity, values) for values in found}


def _collect(
    field: Field | None, key: str, pair: Sequence[Any], people: set[int], records: dict[str, set[int]]
) -> None:
    if key == "owner" or (field is not None and field.type.column == "user"):
        people.update(one for one in pair if isinstance(one, int))
    elif field is not None and field.to is not None:
        records.setdefault(field.to, set()).update(one for one in pair if isinstance(one, int))
    elif field is not None and field.type.key == "lines":
        for row in (row for rows in pair for row in rows or ()):
            for name, column in field.fields.items():
                _collect(column, "", [row.get(name)], people, records)


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
