"""Forgetting what happened behind the pages, after the time that ``keep:`` of ``app.yaml`` says.

Enters: a session. Leaves: fewer rows. Must not forget what waits, what failed and nobody looked at, nor the newest row
of a table: its id names messages, and no later row may get the same.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select

from engine.storage.automation_tables import received, runs
from engine.storage.delivery_tables import deliveries
from engine.storage.journal import write_event
from engine.storage.priorities import LATER
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.system_tables import outbox

NOTHING_KEPT = timedelta(days=7)
"""How long a run is kept whose condition did not hold, or that was dropped."""
TIDY = "tidying.some"
"""The event that goes on with it."""
_AT_ONCE = 500
"""Rows of a table that are forgotten in one transaction, so that nobody waits for it."""


def begin_tidying(session: Session) -> None:
    """Let what is old be forgotten, a little at a time."""
    session.priority, usual = LATER, session.priority
    write_event(session, TIDY, None, None, {})
    session.priority = usual


def forget_some(session: Session) -> int:
    """Forget some of what is old, and go on with the rest in another transaction; return how many rows."""
    keep, now = session.app.keep, session.now()
    gone = (
        _forget(session, runs, _old_runs(now, keep.runs))
        + _forget(session, timers, and_(timers.c.state.in_(("fired", "dropped")), timers.c.ended_at <= now - keep.runs))
        + _forget(session, deliveries, _old_messages(now, keep.messages))
        + _forget(session, outbox, outbox.c.done_at <= now - keep.events)
        + _forget(session, received, received.c.at <= now - keep.events)
    )
    if gone:
        begin_tidying(session)
    return gone


def _old_runs(now: datetime, kept: timedelta) -> ColumnElement[bool]:
    c = runs.c
    nothing = and_(c.state.in_(("skipped", "dropped")), c.ended_at <= now - min(NOTHING_KEPT, kept))
    return or_(nothing, and_(c.state == "done", c.ended_at <= now - kept))


def _old_messages(now: datetime, kept: timedelta) -> ColumnElement[bool]:
    """What was merged into another message goes with it or before it, never after."""
    c, parts = deliveries.c, deliveries.alias()
    ended = and_(c.state.in_(("sent", "merged", "dropped")), c.ended_at <= now - kept)
    return and_(ended, ~select(parts.c.id).where(parts.c.merged_into_id == c.id).exists())


def _forget(session: Session, table: Table, old: ColumnElement[bool]) -> int:
    newest = select(func.max(table.c.id)).scalar_subquery()
    some = select(table.c.id).where(old, table.c.id < newest).order_by(table.c.id).limit(_AT_ONCE)
    found = list(session.connection.scalars(some))
    if found:
        session.connection.execute(delete(table).where(table.c.id.in_(found)))
    return len(found)
