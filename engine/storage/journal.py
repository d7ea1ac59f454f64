"""What happened: history for people, outbox for machines, audit for whoever must answer for it.

Enters: facts, inside the transaction that makes them true. Leaves: rows. Must not be called after a commit, and decides
nothing. Every save passes here, so the statements are prepared once per process.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Table, bindparam, insert

from engine.storage.prepared import Prepared
from engine.storage.priorities import URGENT
from engine.storage.store import Session
from engine.storage.system_tables import audit, history, outbox

BOOK = "book"
"""The action of a record that began because another one was saved: an entry of a ledger, or what a link was to find."""


class Who(Protocol):
    """Whoever acted."""

    @property
    def id(self) -> int:
        """The id of the user."""
        ...

    @property
    def via(self) -> str:
        """The way they came: web, api, cli, import or system."""
        ...


def write_history(
    session: Session,
    entity: str,
    record_id: int,
    version: int,
    action: str,
    changes: Mapping[str, Any],
    *,
    actor: Who | None,
    note: str | None = None,
) -> None:
    """Write what changed in a record: ``changes`` holds ``[old, new]`` by field key."""
    row = history_row(session, entity, record_id, version, action, changes, actor=actor, note=note)
    _insert(session, history, _HISTORY).execute(session.connection, row)


def write_change(session: Session, told: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    """Write a ``history_row`` with its ``event_row``; on PostgreSQL in one statement."""
    if session.connection.dialect.name == "postgresql":
        statement = session.prepared("history with outbox", _insert_both)
        statement.execute(session.connection, {**told, **event})
    else:
        _insert(session, history, _HISTORY).execute(session.connection, told)
        _insert(session, outbox, _OUTBOX).execute(session.connection, event)
    session.has_events = True


def write_event(
    session: Session,
    type: str,
    entity: str | None,
    record_id: int | None,
    payload: Mapping[str, Any] | None = None,
    *,
    available_at: datetime | None = None,
) -> None:
    """Write an event to the outbox, to be delivered at least once, not before ``available_at`` (default: now)."""
    row = event_row(session, type, entity, record_id, payload, available_at=available_at)
    _insert(session, outbox, _OUTBOX).execute(session.connection, row)
    session.has_events = True


def write_audit(
    session: Session,
    action: str,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
    *,
    actor: Who | None,
    ip: str | None = None,
) -> None:
    """Write what somebody did to the system itself: signing in, rights, releases, exports."""
    row = {
        "at": session.now(),
        "actor_id": None if actor is None else actor.id,
        "action": action,
        "subject": subject,
        "details": details,
        "ip": ip,
    }
    _insert(session, audit, _AUDIT).execute(session.connection, row)


def write_many(session: Session, histories: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> None:
    """Write rows of ``history_row`` and ``event_row`` at once: many as an import does, or none."""
    told, waiting = list(histories), list(events)
    if len(told) == len(waiting) == 1:
        write_change(session, told[0], waiting[0])
        return
    _insert(session, history, _HISTORY).execute_many(session.connection, told)
    _insert(session, outbox, _OUTBOX).execute_many(session.connection, waiting)
    session.has_events = session.has_events or bool(waiting)


def history_row(
    session: Session,
    entity: str,
    record_id: int,
    version: int,
    action: str,
    changes: Mapping[str, Any],
    *,
    actor: Who | None,
    note: str | None = None,
) -> dict[str, Any]:
    """Return a row for ``write_many``."""
    return {
        "entity": entity,
        "record_id": record_id,
        "version": version,
        "at": session.now(),
        "actor_id": None if actor is None or session.cause is not None else actor.id,
        "action": action,
        "changes": changes,
        "note": note if note or session.cause is None else session.cause.label,
        "via": "automation" if session.cause is not None else "system" if actor is None else actor.via,
        "release_id": session.release_id,
    }


def event_row(
    session: Session,
    type: str,
    entity: str | None,
    record_id: int | None,
    payload: Mapping[str, Any] | None = None,
    *,
    available_at: datetime | None = None,
) -> dict[str, Any]:
    """Return a row for ``write_many``."""
    now = session.now()
    return {
        "at": now,
        "type": type,
        "entity": entity,
        "record_id": record_id,
        "payload": payload,
        "available_at": available_at or now,
        "run_id": None if session.cause is None else session.cause.run,
        "priority": URGENT if type.startswith(_DECIDING) else session.priority,
    }


_DECIDING = "approval."
"""Begins the events that somebody waits for."""


_HISTORY = (
    "entity", "record_id", "version", "at", "actor_id", "action", "changes", "note", "via", "release_id",
)  # fmt: skip
_OUTBOX = ("at", "type", "entity", "record_id", "payload", "available_at", "run_id", "priority")
_AUDIT = ("at", "actor_id", "action", "subject", "details", "ip")


def _insert_both() -> ClauseElement:
    """Both rows, which have what they share under one name: the entity, the record and the moment."""

    def row(table: Table, columns: tuple[str, ...]) -> dict[str, Any]:
        return {name: bindparam(name, type_=table.c[name].type) for name in columns}

    told = insert(history).inline().values(row(history, _HISTORY)).cte("told")
    return insert(outbox).inline().values(row(outbox, _OUTBOX)).add_cte(told)


def _insert(session: Session, table: Table, columns: tuple[str, ...]) -> Prepared:
    return session.prepared(table.name, lambda: insert(table).inline(), columns)
