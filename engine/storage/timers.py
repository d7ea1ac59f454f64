"""Timers: what is to happen at a moment, as rows written in the transaction that causes it.

Enters: a record, what to do (``kind``), which of its timers it is (``key``), the occasion it is armed for (``arming``)
and when it is due. Leaves: rows that the sweeper of ``automation/timers.py`` finds. Must not know what a kind does.
A timer ends once: it is fired, or dropped when what it was armed for is over. One armed again is another row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, func, insert, literal_column, or_, select, text, update

from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.switched import of_what_is_on

_CLAIMS = 0x54696D65
"""Names our claims among the advisory locks of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer as it lies in the table. ``due_at`` is the promise; ``available_at`` is later after a failure."""

    id: int
    entity: str
    record_id: int
    kind: str
    key: str
    arming: str
    armed_at: datetime
    due_at: datetime
    payload: Mapping[str, Any]
    attempts: int


def arm_timer(
    session: Session,
    entity: str,
    record_id: int,
    kind: str,
    key: str,
    *,
    arming: str,
    due_at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Arm a timer, to fire once, not before ``due_at`` (UTC).

    ``arming`` names the occasion, such as the version a record had when it entered its stage, or the id of a task: the
    database refuses a second timer for the same one.
    """
    row = {
        "entity": entity,
        "record_id": record_id,
        "kind": kind,
        "key": key,
        "arming": arming,
        "armed_at": session.now(),
        "due_at": due_at,
        "available_at": due_at,
        "state": "pending",
        "payload": dict(payload or {}),
    }
    session.prepared("arm timer", lambda: insert(timers).inline(), tuple(row)).execute(session.connection, row)


def drop_timers(
    session: Session, entity: str, record_id: int, *kinds: str, key: str | None = None, arming: str | None = None
) -> None:
    """Drop what is pending of these kinds for a record: all of it, or one timer, or what one occasion armed."""

    def build() -> Any:
        dropping = dropping_timers(*kinds)
        dropping = dropping if key is None else dropping.where(timers.c.key == bindparam("of_key"))
        return dropping if arming is None else dropping.where(timers.c.arming == bindparam("occasion"))

    given = {"of_entity": entity, "of_record": record_id, "of_key": key, "occasion": arming, "now": session.now()}
    session.prepared(("drop timers", kinds, key is None, arming is None), build).execute(session.connection, given)


def dropping_timers(*kinds: str) -> Update:
    """Return what drops the pending timers of these kinds of the record ``of_record`` of ``of_entity``, ``now``."""
    of_these = or_(*(timers.c.kind == kind for kind in kinds))
    own = (*_of_record(), of_these, timers.c.ended_at.is_(None))
    return update(timers).where(*own).values(state="dropped", ended_at=bindparam("now", type_=_MOMENT))


def some_pending(entity: str, *kinds: str) -> ColumnElement[bool]:
    """Return the condition that a timer of these kinds is pending for a record of ``entity``."""
    own = (timers.c.entity == entity, timers.c.kind.in_(kinds), timers.c.ended_at.is_(None))
    return select(timers.c.id).where(*own).exists()


def arm_dropped(session: Session, entity: str, record_id: int, kind: str, *, since: datetime, arming: int) -> None:
    """Arm again each timer of a record that fell due from ``since`` on and was dropped, since its owner was away.

    Each keeps its due time and its turn; ``arming`` begins the name of the new occasion.
    """
    own = (timers.c.entity == entity, timers.c.record_id == record_id, timers.c.kind == kind)
    fell_due = (timers.c.due_at >= since, timers.c.due_at <= timers.c.ended_at)
    away = (timers.c.state == "dropped", timers.c.ended_at >= since, *fell_due)
    for row in session.connection.execute(select(*_COLUMNS).where(*own, *away).order_by(timers.c.due_at)).all():
        was = Timer(*tuple(row))
        occasion = f"{arming}.{was.payload.get('turn', 1)}"
        arm_timer(session, entity, record_id, kind, was.key, arming=occasion, due_at=was.due_at, payload=was.payload)


def list_timers(session: Session, entity: str, record_id: int) -> list[Timer]:
    """Return what is pending for a record, what is due first."""

    def build() -> Any:
        own = (*_of_record(), timers.c.state == _PENDING)
        return select(*_COLUMNS).where(*own).order_by(timers.c.due_at, timers.c.id)

    statement = session.prepared("timers of record", build)
    rows = statement.fetch_all(session.connection, {"of_entity": entity, "of_record": record_id})
    return [Timer(*row) for row in rows]


def find_due(session: Session, *, most: int, after: int = 0) -> list[Timer]:
    """Return what may fire now, what was due first before the rest; of those armed after timer ``after``."""

    def build() -> Any:
        due = is_due(session, bindparam("now", type_=_MOMENT))
        # In the order of the index of what is pending, so that a million fired rows are never read.
        found = select(*_COLUMNS).where(*due, timers.c.id > bindparam("after"))
        return found.order_by(timers.c.available_at, timers.c.id).limit(most)

    statement = session.prepared(("due timers", most), build)
    return [Timer(*row) for row in statement.fetch_all(session.connection, {"now": session.now(), "after": after})]


def is_due(session: Session, now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a timer may fire."""
    return (timers.c.state == _PENDING, timers.c.available_at <= now, *of_what_is_on(session, timers.c.entity))


def find_next_moment(session: Session, *, after: int = 0) -> datetime | None:
    """Return when the next timer may fire of those armed after timer ``after``; None when none is pending."""

    def build() -> Any:
        own = (timers.c.state == _PENDING, timers.c.id > bindparam("after"))
        pending = select(timers.c.available_at).where(*own, *of_what_is_on(session, timers.c.entity))
        return pending.order_by(timers.c.available_at).limit(1)

    found = session.prepared("next timer", build).fetch_one(session.connection, {"after": after})
    return found[0] if found is not None else None


def find_last_id(session: Session) -> int:
    """Return the timer that was armed last; 0 when there is none."""
    return session.connection.scalar(select(func.max(timers.c.id))) or 0


def is_taken(session: Session, id: int) -> bool:
    """Return whether another sweeper is firing this timer; if not, it is ours until the transaction ends.

    An advisory lock, not a lock of the row: commands drop timers after they locked their record, so a sweeper that held
    the row and waited for the record would stand in their way.
    """
    if session.connection.dialect.name != "postgresql":
        return False  # one writer at a time

    def build() -> Any:
        return text("SELECT pg_try_advisory_xact_lock(CAST(:of AS integer), CAST(:id AS integer))")

    given = {"of": _CLAIMS, "id": id % 2**31}
    row = session.prepared("take timer", build).execute(session.connection, given).fetchone()
    return row is not None and not row[0]


def end_timer(session: Session, id: int, state: str) -> bool:
    """Mark a due timer ``fired`` or ``dropped``; False when it ended, or was put off, since it was seen."""

    def build() -> Any:
        now = bindparam("now", type_=_MOMENT)
        due = (timers.c.id == bindparam("timer"), timers.c.state == _PENDING, timers.c.available_at <= now)
        return update(timers).where(*due).values(state=bindparam("as_state"), ended_at=now)

    given = {"timer": id, "as_state": state, "now": session.now()}
    return session.prepared("end timer", build).execute(session.connection, given).rowcount == 1


def put_off(session: Session, timer: Timer, until: datetime, error: str, *, parked: bool) -> None:
    """Let a timer that failed wait ``until`` its next try, or for a person (``parked``)."""
    unchanged = (timers.c.id == timer.id, timers.c.state == _PENDING, timers.c.attempts == timer.attempts)
    later = {"attempts": timer.attempts + 1, "available_at": until, "error": error[:500]}
    state = "parked" if parked else "pending"
    session.connection.execute(update(timers).where(*unchanged).values(**later, state=state))


# Not a parameter: only so do the databases know that the index of what is pending serves.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_MOMENT = timers.c.due_at.type
_COLUMNS = (
    timers.c.id, timers.c.entity, timers.c.record_id, timers.c.kind, timers.c.key, timers.c.arming, timers.c.armed_at,
    timers.c.due_at, timers.c.payload, timers.c.attempts,
)  # fmt: skip


def _of_record() -> tuple[ColumnElement[bool], ...]:
    return timers.c.entity == bindparam("of_entity"), timers.c.record_id == bindparam("of_record")
