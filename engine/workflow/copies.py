"""Copies of approvals (抄送): read, or not yet.

Enters: an actor and one of their copies, or all. Leaves: the moment they read it. Must not touch anybody else's.
"""

from sqlalchemy import select, update

from engine.people.actor import Actor
from engine.storage.approval_tables import approval_copies
from engine.storage.store import Session


def mark_read(session: Session, *, actor: Actor, only: int | None = None) -> None:
    """Mark the actor's copies read: that of the approval ``only``, or all."""
    c = approval_copies.c
    unread = update(approval_copies).where(c.user_id == actor.id, c.read_at.is_(None))
    if only is not None:
        unread = unread.where(c.approval_id == only)
    session.connection.execute(unread.values(read_at=session.now()))


def is_unread(session: Session, approval_id: int, *, actor: Actor) -> bool:
    """Return whether the actor got a copy of an approval and has not read it."""
    c = approval_copies.c
    own = (c.user_id == actor.id, c.approval_id == approval_id, c.read_at.is_(None))
    return session.connection.execute(select(c.id).where(*own)).first() is not None
