"""Who opened what was sent: a page of the site that messages lead to, such as a dashboard every Monday.

Enters: the path of a page, an actor. Leaves: to whom it was sent when, and when each opened it first. Must not take
reading for opening: a notice ticked off in the bell was not opened.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from engine.people.actor import Actor
from engine.storage.store import Session
from engine.storage.system_tables import notices, users

SHOWN = 20
"""Receipts that are shown, the newest."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One person who was sent a page ``at`` then; ``opened`` is when they opened it first, None before."""

    who: str
    at: datetime
    opened: datetime | None


def waits(session: Session, path: str, *, actor: Actor) -> bool:
    """Tell whether something that leads to the page was sent to the actor and not opened yet."""

    def build() -> Any:
        return select(notices.c.id).where(*_unopened()).limit(1)

    found = session.prepared("receipts unopened", build)
    return found.fetch_one(session.connection, {"actor_id": actor.id, "page": path}) is not None


def note_opened(session: Session, path: str, *, actor: Actor) -> None:
    """Note that the actor opened the page: everything sent before that leads there is opened, and read."""
    told = update(notices).where(*_unopened()).values(opened_at=session.now())
    session.connection.execute(told, {"actor_id": actor.id, "page": path})
    seen = update(notices).where(notices.c.user_id == actor.id, notices.c.path == path, notices.c.read_at.is_(None))
    session.connection.execute(seen.values(read_at=session.now()))


def list_receipts(session: Session, path: str) -> list[Receipt]:
    """Return to whom the page was sent lately and when they opened it, whoever asks."""
    c = notices.c
    found = select(users.c.name, c.at, c.opened_at).join_from(notices, users, users.c.id == c.user_id)
    rows = session.connection.execute(found.where(c.path == path).order_by(c.id.desc()).limit(SHOWN))
    return [Receipt(*row) for row in rows]


def _unopened() -> tuple[Any, ...]:
    c = notices.c
    return c.user_id == bindparam("actor_id"), c.path == bindparam("page"), c.opened_at.is_(None)
