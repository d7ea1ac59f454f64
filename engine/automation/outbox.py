"""Emptying the outbox: every event is delivered at least once, and takes effect once.

Enters: a store. Leaves: the effects of each waiting event, in the same transaction that marks it done. Must not talk
to the outside while it holds a row. The rows are the truth: whoever rings, or nobody, the next sweep finds what
waits.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, union_all, update

from engine.automation.reactions import Batch, reactions_to
from engine.records.sql import is_one_of
from engine.storage.faults import Unavailable
from engine.storage.priorities import PRIORITIES, USUAL
from engine.storage.store import Session, Store
from engine.storage.system_tables import outbox

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long to wait after each failure; then the event is parked for a person to look at."""

_BATCH = 200
_COLUMNS = (
    outbox.c.id, outbox.c.at, outbox.c.type, outbox.c.entity, outbox.c.record_id, outbox.c.payload, outbox.c.attempts,
    outbox.c.run_id, outbox.c.priority,
)  # fmt: skip
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
    run_id: int | None = None
    priority: int = USUAL


def drain(store: Store, *, most: int = 10_000) -> int:
    """Deliver waiting events and return how many were looked at (``most`` at most).

    Those with the smallest priority come first, of these the oldest.
    """
    done = 0
    while done < most:
        batch = min(_BATCH, most - done)
        found = _deliver_batch(store, batch)
        done += found
        if found < batch:
            break
    return done


def deliver_here(session: Session, *, after: int) -> None:
    """Deliver in this transaction the events written after event ``after``: for what is played and taken back."""

    def build() -> Any:
        c = outbox.c
        return select(*_COLUMNS).where(c.id > bindparam("after"), c.done_at.is_(None)).order_by(c.id)

    found = session.prepared("events after", build).fetch_all(session.connection, {"after": after})
    _deliver(session, [_event(row) for row in found])


def find_last_id(session: Session) -> int:
    """Return the event that was written last; 0 when there is none."""
    return session.connection.scalar(select(func.max(outbox.c.id))) or 0


def count_waiting(session: Session) -> dict[str, int]:
    """Return how many events wait, and how many are parked after too many failures."""
    rows = (
        session.connection.execute(select(outbox.c.attempts).where(outbox.c.done_at.is_(None)).limit(10_000))
        .scalars()
        .all()
    )
    parked = sum(attempts > len(RETRY_AFTER) for attempts in rows)
    return {"waiting": len(rows) - parked, "parked": parked}


def _deliver_batch(store: Store, most: int) -> int:
    """Deliver what waits in one transaction; when that fails, each event in its own, so that one holds up no other."""
    events = _waiting(store, most)
    if not events:
        return 0
    try:
        with store.write() as session:
            _deliver(session, events)
    except Unavailable:
        raise  # nobody's fault: the next sweep tries again
    except Exception:  # whatever a reaction does wrong must not stop the others
        for event in events:
            _deliver_alone(store, event)
    return len(events)


def _waiting(store: Store, most: int) -> list[Event]:
    def build() -> Any:
        c, due = outbox.c, is_due(bindparam("now", type_=outbox.c.at.type))
        # Each priority in the order of the index of what waits: by id alone, a database may read all that was ever
        # delivered.
        turns = []
        for priority in PRIORITIES:
            own = select(*_COLUMNS, c.available_at).where(c.priority == priority, *due)
            turns.append(own.order_by(c.available_at, c.id).limit(most).subquery().select())
        found = union_all(*turns).subquery().c
        columns = [found[column.name] for column in _COLUMNS]
        return select(*columns).order_by(found.priority, found.available_at, found.id).limit(most)

    with store.read() as session:
        statement = session.prepared(("waiting events", most), build)
        return [_event(row) for row in statement.fetch_all(session.connection, {"now": session.now()})]


def is_due(now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which an event waits; with one on its priority, the index of what waits serves."""
    c = outbox.c
    return (c.done_at.is_(None), c.available_at <= now, c.attempts <= len(RETRY_AFTER))


def _event(row: Sequence[Any]) -> Event:
    return Event(row[0], row[1], row[2], row[3], row[4], row[5] or {}, *row[6:])


def _deliver(session: Session, events: Sequence[Event]) -> None:
    claimed = _claim(session, [event.id for event in events])
    batch = Batch(session, [event for event in events if event.id in claimed])
    for event in batch.events:
        for react in reactions_to(event.type):
            react(batch, event)
    _mark_done(session, sorted(claimed))


def _deliver_alone(store: Store, event: Event) -> None:
    try:
        with store.write() as session:
            _deliver(session, [event])
    except Exception as error:
        _log.exception("Event %s (%s) failed", event.id, event.type)
        _put_off(store, event, error)


def _claim(session: Session, ids: list[int]) -> frozenset[int]:
    """Lock the events that nobody else is delivering, and that nobody delivered or put off since they were seen."""

    def build() -> Any:
        now = bindparam("now", type_=outbox.c.at.type)
        waiting = (is_one_of(outbox.c.id, "ids"), outbox.c.done_at.is_(None), outbox.c.available_at <= now)
        return select(outbox.c.id).where(*waiting).order_by(outbox.c.id).with_for_update(skip_locked=True)

    given = {"ids": ids, "now": session.now()}
    rows = session.prepared("claim events", build).fetch_all(session.connection, given)
    return frozenset(row[0] for row in rows)


def _mark_done(session: Session, ids: list[int]) -> None:
    def build() -> Any:
        done = update(outbox).where(is_one_of(outbox.c.id, "ids"))
        return done.values(done_at=bindparam("now", type_=outbox.c.done_at.type))

    given = {"ids": ids, "now": session.now()}
    session.prepared("mark events done", build).execute(session.connection, given)


def _put_off(store: Store, event: Event, error: Exception) -> None:
    wait = RETRY_AFTER[min(event.attempts, len(RETRY_AFTER) - 1)]
    with store.write() as session:
        later = {"attempts": event.attempts + 1, "available_at": session.now() + wait, "error": str(error)[:500]}
        unchanged = (outbox.c.id == event.id, outbox.c.done_at.is_(None), outbox.c.attempts == event.attempts)
        session.connection.execute(update(outbox).where(*unchanged).values(**later))
