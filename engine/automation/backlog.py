"""How much work waits behind the pages and how late it is; and what was parked, to be tried again.

Enters: a session. Leaves: one ``Queue`` for each kind of work, parked events. Must not do the work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, literal_column, select, true, update

from engine.automation.outbox import RETRY_AFTER
from engine.errors import NotPossibleNow
from engine.exporting.requests import list_due
from engine.importing.batches import list_active
from engine.people.actor import Actor, require_admin
from engine.storage.automation_tables import runs
from engine.storage.delivery_tables import OPEN, deliveries
from engine.storage.journal import write_audit
from engine.storage.priorities import PRIORITIES
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.system_tables import outbox

ALIVE = timedelta(seconds=60)
"""Work that has waited longer than this tells that nobody works."""
COUNTED = 10_000
"""Of what is due, of what comes later and of what is parked so many are counted and no more."""
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Queue:
    """Work of one kind: how much is due, since when the oldest of it, how much comes later, how much is parked.

    Each is at most ``COUNTED``: what waits is told as soon when there is very much of it.
    """

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
    by_priority = [outbox.c.priority == one for one in PRIORITIES]  # as the index begins
    waiting = (outbox.c.done_at.is_(None), outbox.c.attempts <= len(RETRY_AFTER))
    yield _queue(session, "events", outbox.c.available_at, waiting, by_priority, now, _parked_event())
    armed = (timers.c.state == _PENDING,)
    yield _queue(session, "timers", timers.c.available_at, armed, [true()], now, (timers.c.state == _PARKED,))
    begun, by_priority = (runs.c.state == _PENDING,), [runs.c.priority == one for one in PRIORITIES]
    yield _queue(session, "runs", runs.c.available_at, begun, by_priority, now, (runs.c.state == "parked",))
    dead = (deliveries.c.state.in_(("dead", "parked")),)
    yield _queue(session, "messages", deliveries.c.due_at, (OPEN,), [true()], now, dead)
    yield Queue("imports", len(list_active(session)), None, 0, 0)
    yield Queue("exports", len(list_due(session)), None, 0, 0)


def _queue(
    session: Session,
    name: str,
    due_at: ColumnElement[Any],
    open_: tuple[Any, ...],
    parts: Sequence[ColumnElement[bool]],
    now: datetime,
    parked: tuple[ColumnElement[bool], ...],
) -> Queue:
    """Count one kind of work, in the ``parts`` in which an index holds it in the order of ``due_at``."""
    due = later = 0
    oldest: list[datetime] = []
    for part in parts:
        due += _count(session, *open_, part, due_at <= now)
        later += _count(session, *open_, part, due_at > now)
        first = select(due_at).where(*open_, part, due_at <= now).order_by(due_at).limit(1)
        oldest += session.connection.scalars(first)
    waits = _count(session, *parked)
    return Queue(name, min(due, COUNTED), min(oldest, default=None), min(later, COUNTED), waits)


def _count(session: Session, *where: Any) -> int:
    few = select(literal(1).label("one")).where(*where).limit(COUNTED).subquery()
    return session.connection.scalar(select(func.count()).select_from(few)) or 0


def _parked_event() -> tuple[ColumnElement[bool], ...]:
    return outbox.c.done_at.is_(None), outbox.c.attempts > len(RETRY_AFTER)


# Not parameters: only so do the databases know that the indexes of what is pending or parked serve.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_PARKED: ColumnElement[str] = literal_column("'parked'")
