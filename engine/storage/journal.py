"""What happened: history for people, outbox for machines, audit for whoever must answer for it.

Enters: facts, inside the transaction that makes them true. Leaves: rows. Must not be called after a commit, and decides
nothing. Every save passes here, so the statements are prepared once per process.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Table, bindparam, insert

from engine.storage.gathered import Gathered
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
    write_many(session, [row], [])


def write_change(session: Session, told: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    """Write a ``history_row`` with its ``event_row``."""
    write_many(session, [told], [event])


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
    write_many(session, [], [event_row(session, type, entity, record_id, payload, available_at=available_at)])


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
    """Write rows of ``history_row`` and ``event_row`` at once: many as an import does, or none.

    While they are gathered they are only kept. A few of both are one statement on PostgreSQL.
    """
    told, waiting = list(histories), list(events)
    session.has_events = session.has_events or bool(waiting)
    if session.gathered is not None:
        session.gathered.histories.extend(told)
        session.gathered.events.extend(waiting)
        return
    sizes = len(told), len(waiting)
    if min(sizes) > 0 and max(sizes) <= _FEW and session.connection.dialect.name == "postgresql":
        statement = session.prepared(("history with outbox", sizes), lambda: _insert_both(*sizes))
        statement.execute(session.connection, _numbered("h", told) | _numbered("e", waiting))
        return
    _insert(session, history, _HISTORY).execute_many(session.connection, told)
    _insert(session, outbox, _OUTBOX).execute_many(session.connection, waiting)


@contextmanager
def gathering(session: Session) -> Iterator[None]:
    """Keep what is written to history and outbox, and write it at the end, all of it in one statement each.

    For one action that tells several things. Must not be around what reads either of the two.
    """
    if session.gathered is not None:
        yield
        return
    gathered = session.gathered = Gathered()
    try:
        yield
    finally:
        session.gathered = None
    write_many(session, gathered.histories, gathered.events)


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


_FEW = 3
"""So many rows of either are one statement."""


def _insert_both(histories: int, events: int) -> ClauseElement:
    """All rows in one statement, their parameters numbered."""

    def rows(table: Table, columns: tuple[str, ...], begin: str, many: int) -> list[dict[str, Any]]:
        return [
            {name: bindparam(f"{begin}{n}_{name}", type_=table.c[name].type) for name in columns} for n in range(many)
        ]

    told = insert(history).inline().values(rows(history, _HISTORY, "h", histories)).cte("told")
    return insert(outbox).inline().values(rows(outbox, _OUTBOX, "e", events)).add_cte(told)


def _numbered(begin: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{begin}{n}_{name}": value for n, row in enumerate(rows) for name, value in row.items()}


def _insert(session: Session, table: Table, columns: tuple[str, ...]) -> Prepared:
    return session.prepared(table.name, lambda: insert(table).inline(), columns)
