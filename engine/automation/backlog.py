"""How much work waits behind the pages and how late it is; and what was parked, to be tried again.

Enters: a session. Leaves: one ``Queue`` for each kind of work, parked events. Must not do the work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, update

from engine.automation.outbox import RETRY_AFTER
from engine.errors import NotPossibleNow
from engine.exporting.requests import list_due
from engine.importing.batches import list_active
from engine.people.actor import Actor, require_admin
from engine.storage.automation_tables import runs
from engine.storage.delivery_tables import deliveries
from engine.storage.journal import write_audit
from engine.storage.priorities import PRIORITIES
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.system_tables import outbox

ALIVE = timedelta(seconds=60)
"""Work that has waited longer than this tells that nobody works."""
COUNTED = 100_000
"""Of what is not due yet, and of what is parked, so many are counted and no more."""
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Queue:
    """Work of one kind: how much is due, since when the oldest of it, how much comes later, how much is parked."""

    name: str
    due: int
    oldest: datetime | None
    later: int
    parked: int

    def lateness(self, now: datetime) -> timedelta:
        """Return how long the oldest has been due."""
        return now - self.oldest if self.oldest is not None else timedelta()


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that failed too often to be tried again by itself."""

    id: int
    at: datetime
    type: str
    entity: str | None
    record_id: int | None
    error: str | None


def measure(session: Session) -> list[Queue]:
    """Return what waits, in the order it is worked on."""
    return list(_measure(session, session.now()))


def list_parked_events(session: Session) -> list[ParkedEvent]:
    """Return the events that were parked, newest first."""
    c = outbox.c
    parked = select(c.id, c.at, c.type, c.entity, c.record_id, c.error).where(*_parked_event())
    found = session.connection.execute(parked.order_by(c.id.desc()).limit(_LISTED))
    return [ParkedEvent(*row) for row in found]


def try_event_again(session: Session, id: int, *, actor: Actor | None) -> None:
    """Let a parked event be delivered at the next look; raises ``NotAllowed`` and ``NotPossibleNow``."""
    require_admin(actor)
    again = update(outbox).where(outbox.c.id == id, *_parked_event())
    if not session.connection.execute(again.values(attempts=0, available_at=session.now(), error=None)).rowcount:
        raise NotPossibleNow("automation.not_parked")
    session.has_events = True
    write_audit(session, "automating.event_again", f"event:{id}", {}, actor=actor)


def _measure(session: Session, now: datetime) -> Iterator[Queue]:
    waiting = (outbox.c.done_at.is_(None), outbox.c.attempts <= len(RETRY_AFTER), outbox.c.priority.in_(PRIORITIES))
    yield _queue(session, "events", outbox, waiting, outbox.c.available_at, now, _parked_event())
    armed = (timers.c.state == "pending",)
    yield _queue(session, "timers", timers, armed, timers.c.available_at, now, (timers.c.state == "parked",))
    pending = (runs.c.state == "pending", runs.c.priority.in_(PRIORITIES))  # as the index begins
    yield _queue(session, "runs", runs, pending, runs.c.available_at, now, (runs.c.state == "parked",))
    open_, dead = deliveries.c.state.in_(("waiting", "sending")), deliveries.c.state.in_(("dead", "parked"))
    yield _queue(session, "messages", deliveries, (open_,), deliveries.c.due_at, now, (dead,))
    yield Queue("imports", len(list_active(session)), None, 0, 0)
    yield Queue("exports", len(list_due(session)), None, 0, 0)


def _queue(
    session: Session,
    name: str,
    table: Table,
    open_: tuple[ColumnElement[bool], ...],
    due_at: ColumnElement[Any],
    now: datetime,
    parked: tuple[ColumnElement[bool], ...],
) -> Queue:
    due = select(func.count(), func.min(due_at)).where(*open_, due_at <= now)
    count, oldest = session.connection.execute(due.select_from(table)).one()
    later = _count(session, table, *open_, due_at > now)
    return Queue(name, count, oldest, later, _count(session, table, *parked))


def _count(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    few = select(table.c.id).where(*where).limit(COUNTED).subquery()
    return session.connection.scalar(select(func.count()).select_from(few)) or 0


def _parked_event() -> tuple[ColumnElement[bool], ...]:
    return outbox.c.done_at.is_(None), outbox.c.attempts > len(RETRY_AFTER)
