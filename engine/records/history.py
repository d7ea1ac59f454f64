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
from engine.people.actor import Actor
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import Lookups
from engine.records.labels import department_labels, people_labels
from engine.records.queries import get_record
from engine.records.record import DEPARTMENT, USER, Labels, display
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
    release: int | None = None  # the release it was made under


def list_history(
    session: Session, entity: str, id: int, *, actor: Actor, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return the newest entries of a record (older than entry ``before``); raises ``NotFound`` like reading it."""
    hidden = get_record(session, entity, id, actor=actor).hidden

    def build() -> Any:
        columns = entry_columns()
        source = history.outerjoin(users, users.c.id == history.c.actor_id)
        own = (
            history.c.entity == entity,
            history.c.record_id == bindparam("record_id"),
            history.c.id < bindparam("before"),
        )
        return select(*columns).select_from(source).where(*own).order_by(history.c.id.desc()).limit(bindparam("limit"))

    given = {"record_id": id, "before": before or 2**62, "limit": max(1, min(limit, 200))}
    rows = session.prepared(("history", entity), build).fetch_all(session.connection, given)
    return [to_entry(row, hidden) for row in rows]


def entry_columns() -> tuple[Any, ...]:
    """Return the columns of an entry, of the history joined to whoever acted."""
    c = history.c
    return (c.id, c.version, c.at, users.c.name, c.actor_id, c.action, c.changes, c.note, c.via, c.release_id)


def former_values(session: Session, entity: Entity, id: int, version: int) -> dict[str, Any]:
    """Return what a version changed as it was before, in the form in which it can be entered again."""
    own = (history.c.entity == entity.key, history.c.record_id == id, history.c.version == version)
    changes = session.connection.scalar(select(history.c.changes).where(*own)) or {}
    typed = {"owner", *(key for key, one in entity.fields.items() if one.stored and not one.readonly)}
    return {key: pair[0] for key, pair in changes.items() if key in typed}


def former_lines(session: Session, entity: Entity, id: int, version: int) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of line tables that a version changed as they were before, as new rows to be entered again."""
    own = (history.c.entity == entity.key, history.c.record_id == id, history.c.version == version)
    changes = session.connection.scalar(select(history.c.changes).where(*own)) or {}
    found = {}
    for lines in entity.line_fields:
        if lines.key in changes and not lines.readonly:
            typed = [key for key, one in lines.fields.items() if one.stored and not one.readonly]
            rows = changes[lines.key][0] or ()
            found[lines.key] = [{key: row[key] for key in typed if row.get(key) is not None} for row in rows]
    return found


def name_links(session: Session, entity: Entity, entries: Sequence[Entry]) -> Labels:
    """Return what everybody and everything named in the entries is called now, looked up at once."""
    found: dict[str, set[int]] = {}
    for entry in entries:
        for key, pair in entry.changes.items():
            _collect(entity.fields.get(key), key, pair, found)
    labels: Labels = people_labels(session, found.pop(USER, ())) | department_labels(session, found.pop(DEPARTMENT, ()))
    for target, ids in found.items():
        labels |= names_of(session, target, ids)
    return labels


def names_of(session: Session, target: str, ids: set[int]) -> Labels:
    """Return what records are called; whoever asks has made sure that the reader may know them."""
    entity, table = session.app.entities[target], session.tables.entity[target]

    def build() -> Any:
        return select(*record_columns(table, entity)).where(is_one_of(table.c.id, "ids"))

    rows = session.prepared(("names", target), build).fetch_all(session.connection, {"ids": list(ids)})
    found = [to_values(entity, row) for row in rows]
    labels = label_names(session.app, entity, found, Lookups(session))
    return {(target, values["id"]): display(entity, values, labels) for values in found}


def _collect(field: Field | None, key: str, pair: Sequence[Any], found: dict[str, set[int]]) -> None:
    target = USER if key == "owner" else field.target if field is not None else None
    if target is not None:
        ids = (one for said in pair for one in (said if isinstance(said, list) else [said]))
        found.setdefault(target, set()).update(one for one in ids if isinstance(one, int))
    elif field is not None and field.type.has_rows:
        for row in (row for rows in pair for row in rows or ()):
            for name, column in field.fields.items():
                _collect(column, "", [row.get(name)], found)


def to_entry(row: Sequence[Any], hidden: frozenset[str]) -> Entry:
    """Return a row of ``entry_columns`` without what is hidden, which for a program may be who acted, and why."""
    changes = dict(row[6] or {})
    details = changes.pop("", None) or {}
    shown = {key: [_shown(key, value, hidden) for value in pair] for key, pair in changes.items() if key not in hidden}
    who = (None, None) if "updated_by" in hidden else (row[3], row[4])
    why = (None, {}) if "stage" in hidden else (row[7], details)
    return Entry(row[0], row[1], row[2], who[0] or "—", who[1], row[5], shown, why[1], why[0], row[8], row[9])


def _shown(key: str, value: Any, hidden: frozenset[str]) -> Any:
    """Leave hidden columns out of the rows of a line table."""
    columns = {name.partition(".")[2] for name in hidden if name.startswith(f"{key}.")}
    if not columns or not isinstance(value, list):
        return value
    return [{name: one for name, one in row.items() if name not in columns} for row in value]
