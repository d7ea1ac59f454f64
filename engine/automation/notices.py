"""Notices to a person: what waits for them and what became of what they asked.

Enters: an actor. Leaves: their own notices, newest first. Must not show anybody else's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from engine.automation.runs import RUN
from engine.people.actor import Actor
from engine.storage.store import Session
from engine.storage.switched import of_what_is_on
from engine.storage.system_tables import notices

REMINDERS = ("stage_due", "stage_late", "approval_late")
"""The kinds of notices that timers cause: those of a stage, and late rules of an approval."""

ASKED = "approval_asked"
"""The kind of the notice that something waits for a decision."""

ASKING = (ASKED, "approval_urged", "approval_late")
"""The kinds that a decision answers."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice; ``kind`` names its sentence, ``params`` fill it in (``what`` is the record's name)."""

    id: int
    kind: str
    entity: str | None
    record_id: int | None
    params: dict[str, Any]
    at: datetime
    read: bool


def list_notices(session: Session, *, actor: Actor, limit: int = 20, before: int | None = None) -> list[Notice]:
    """Return the newest notices of the actor, older than notice ``before``."""
    columns = (notices.c.id, notices.c.kind, notices.c.entity, notices.c.record_id, notices.c.params, notices.c.at)
    own = select(*columns, notices.c.read_at).where(
        notices.c.user_id == actor.id, *of_what_is_on(session, notices.c.entity)
    )
    if before is not None:
        own = own.where(notices.c.id < before)
    rows = session.connection.execute(own.order_by(notices.c.id.desc()).limit(limit))
    return [_notice(row) for row in rows]


def count_news(session: Session, *, actor: Actor) -> int:
    """Return how many notices the actor has not read, 100 at most; what waits for a decision counts in the queue."""

    def build() -> Any:
        unread = (notices.c.user_id == bindparam("actor_id"), notices.c.read_at.is_(None), notices.c.kind != ASKED)
        few = select(notices.c.id).where(*unread, *of_what_is_on(session, notices.c.entity)).limit(100).subquery()
        return select(func.count()).select_from(few)

    row = session.prepared("news", build).fetch_one(session.connection, {"actor_id": actor.id})
    return int(row[0]) if row is not None else 0


def find_notice(session: Session, id: int, *, actor: Actor) -> Notice | None:
    """Return one notice of the actor."""
    columns = (notices.c.id, notices.c.kind, notices.c.entity, notices.c.record_id, notices.c.params, notices.c.at)
    own = select(*columns, notices.c.read_at).where(notices.c.user_id == actor.id, notices.c.id == id)
    own = own.where(*of_what_is_on(session, notices.c.entity))
    row = session.connection.execute(own).first()
    return _notice(row) if row is not None else None


def list_reminded(session: Session, entity: str, record_id: int) -> list[int]:
    """Return whom timers reminded of a record, once for each time, whoever asks."""
    own = (notices.c.entity == entity, notices.c.record_id == record_id, notices.c.kind.in_(REMINDERS))
    return list(session.connection.scalars(select(notices.c.user_id).where(*own).order_by(notices.c.id)))


def list_told(session: Session, entity: str, record_id: int) -> list[tuple[int, str]]:
    """Return what automations said about a record, and to whom, in order, whoever asks."""
    own = (notices.c.entity == entity, notices.c.record_id == record_id, notices.c.key.startswith(RUN))
    found = session.connection.execute(select(notices.c.user_id, notices.c.params).where(*own).order_by(notices.c.id))
    return [(user, params["text"]) for user, params in found]


def list_heard(session: Session, users: Iterable[int]) -> list[tuple[int, str]]:
    """Return what automations that run for no record said to these people, in order, whoever asks."""
    own = (notices.c.user_id.in_(list(users)), notices.c.entity.is_(None), notices.c.key.startswith(RUN))
    found = session.connection.execute(select(notices.c.user_id, notices.c.params).where(*own).order_by(notices.c.id))
    return [(user, params["text"]) for user, params in found]


def mark_read(session: Session, *, actor: Actor, only: int | None = None) -> None:
    """Mark all notices of the actor read, or the ``only`` one."""
    unread = update(notices).where(notices.c.user_id == actor.id, notices.c.read_at.is_(None))
    if only is not None:
        unread = unread.where(notices.c.id == only)
    session.connection.execute(unread.values(read_at=session.now()))


def mark_old_read(session: Session, before: datetime) -> None:
    """Let everybody have read what was told before a moment, as people of a story have; not what they are asked."""
    c = notices.c
    old = update(notices).where(c.read_at.is_(None), c.kind != ASKED, c.at < before)
    session.connection.execute(old.values(read_at=c.at))


def mark_decided(session: Session, entity: str, record_id: int, *, actor: Actor) -> None:
    """Mark read what asked the actor to decide about a record, now that they have."""
    c = notices.c
    asked = (
        c.user_id == actor.id,
        c.entity == entity,
        c.record_id == record_id,
        c.kind.in_(ASKING),
        c.read_at.is_(None),
    )
    session.connection.execute(update(notices).where(*asked).values(read_at=session.now()))


def _notice(row: Any) -> Notice:
    return Notice(row[0], row[1], row[2], row[3], row[4] or {}, row[5], row[6] is not None)
