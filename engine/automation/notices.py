"""Notices to a person: what waits for them and what became of what they asked.

Enters: an actor. Leaves: their own notices, newest first. Must not show anybody else's.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from engine.people.actor import Actor
from engine.storage.store import Session
from engine.storage.system_tables import notices


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


def list_notices(session: Session, *, actor: Actor, limit: int = 20) -> list[Notice]:
    """Return the newest notices of the actor."""
    columns = (notices.c.id, notices.c.kind, notices.c.entity, notices.c.record_id, notices.c.params, notices.c.at)
    own = select(*columns, notices.c.read_at).where(notices.c.user_id == actor.id)
    rows = session.connection.execute(own.order_by(notices.c.id.desc()).limit(limit))
    return [_notice(row) for row in rows]


def count_unread(session: Session, *, actor: Actor) -> int:
    """Return how many notices the actor has not read, 100 at most."""
    unread = select(notices.c.id).where(notices.c.user_id == actor.id, notices.c.read_at.is_(None)).limit(100)
    return session.connection.execute(select(func.count()).select_from(unread.subquery())).scalar() or 0


def find_notice(session: Session, id: int, *, actor: Actor) -> Notice | None:
    """Return one notice of the actor."""
    columns = (notices.c.id, notices.c.kind, notices.c.entity, notices.c.record_id, notices.c.params, notices.c.at)
    own = select(*columns, notices.c.read_at).where(notices.c.user_id == actor.id, notices.c.id == id)
    row = session.connection.execute(own).first()
    return _notice(row) if row is not None else None


def mark_read(session: Session, *, actor: Actor, only: int | None = None) -> None:
    """Mark all notices of the actor read, or the ``only`` one."""
    unread = update(notices).where(notices.c.user_id == actor.id, notices.c.read_at.is_(None))
    if only is not None:
        unread = unread.where(notices.c.id == only)
    session.connection.execute(unread.values(read_at=session.now()))


def _notice(row: Any) -> Notice:
    return Notice(row[0], row[1], row[2], row[3], row[4] or {}, row[5], row[6] is not None)
