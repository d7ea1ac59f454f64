"""Emptying the outbox: every event is delivered at least once, and takes effect once.

Enters: a store. Leaves: the effects of each waiting event, in the same transaction that marks it done. Must not talk
to the outside while it holds a row. The rows are the truth: whoever rings, or nobody, the next sweep finds what
waits.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from engine.automation.reactions import REACTIONS
from engine.storage.store import Session, Store
from engine.storage.system_tables import outbox

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long to wait after each failure; then the event is parked for a person to look at."""

_BATCH = 200
_log = logging.getLogger("formwork.outbox")


@dataclass(frozen=True)
class Event:
    """What happened, as it lies in the outbox."""

    id: int
    at: datetime
    type: str
    entity: str | None
    record_id: int | None
    payload: dict[str, Any]
    attempts: int


def drain(store: Store, *, most: int = 10_000) -> int:
    """Deliver waiting events, oldest first, and return how many were looked at (``most`` at most)."""
    done = 0
    while done < most:
        found = _deliver_batch(store)
        done += found
        if found < _BATCH:
            break
    return done


def count_waiting(session: Session) -> dict[str, int]:
    """Return how many events wait, and how many are parked after too many failures."""
    rows = (
        session.connection.execute(select(outbox.c.attempts).where(outbox.c.done_at.is_(None)).limit(10_000))
        .scalars()
        .all()
    )
    parked = sum(attempts > len(RETRY_AFTER) for attempts in rows)
    return {"waiting": len(rows) - parked, "parked": parked}


def _deliver_batch(store: Store) -> int:
    events = _waiting(store)
    silent = [event.id for event in events if event.type not in REACTIONS]
    if silent:
        with store.write() as session:
            _mark_done(session, silent)
    for event in events:
        if event.type in REACTIONS:
            _deliver(store, event)
    return len(events)


def _waiting(store: Store) -> list[Event]:
    columns = (
        outbox.c.id,
        outbox.c.at,
        outbox.c.type,
        outbox.c.entity,
        outbox.c.record_id,
        outbox.c.payload,
        outbox.c.attempts,
    )
    with store.read() as session:
        due = (
            outbox.c.done_at.is_(None),
            outbox.c.available_at <= session.now(),
            outbox.c.attempts <= len(RETRY_AFTER),
        )
        rows = session.connection.execute(select(*columns).where(*due).order_by(outbox.c.id).limit(_BATCH))
        return [Event(row[0], row[1], row[2], row[3], row[4], row[5] or {}, row[6]) for row in rows]


def _mark_done(session: Session, ids: Iterable[int]) -> None:
    statement = update(outbox).where(outbox.c.id.in_(list(ids)), outbox.c.done_at.is_(None))
    session.connection.execute(statement.values(done_at=session.now()))


def _deliver(store: Store, event: Event) -> None:
    try:
        with store.write() as session:
            if _claim(session, event.id):
                REACTIONS[event.type](session, event)
                _mark_done(session, [event.id])
    except Exception as error:  # whatever a reaction does wrong must not stop the others
        _log.exception("Event %s (%s) failed", event.id, event.type)
        _put_off(store, event, error)


def _claim(session: Session, id_: int) -> bool:
    """Lock an event that nobody else is delivering and that is not done yet."""
    waiting = select(outbox.c.id).where(outbox.c.id == id_, outbox.c.done_at.is_(None))
    return session.connection.execute(waiting.with_for_update(skip_locked=True)).first() is not None


def _put_off(store: Store, event: Event, error: Exception) -> None:
    wait = RETRY_AFTER[min(event.attempts, len(RETRY_AFTER) - 1)]
    with store.write() as session:
        later = {"attempts": event.attempts + 1, "available_at": session.now() + wait, "error": str(error)[:500]}
        session.connection.execute(update(outbox).where(outbox.c.id == event.id).values(**later))
