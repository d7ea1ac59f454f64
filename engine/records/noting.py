"""Who read what, where an entity wants that kept (``reading: noted``).

Enters: records that were just shown, in which way, and to whom. Leaves: one entry of the audit. Must not decide who may
read.
"""

from collections.abc import Sequence

from engine.people.actor import Actor
from engine.storage.journal import write_audit
from engine.storage.store import Session

PAGE, PRINT, FILE, PROGRAM = "page", "print", "file", "program"
"""The ways a record is read: on its page, on paper, a file of it, as data."""


def note_read(session: Session, entity: str, ids: Sequence[int], how: str, *, actor: Actor, ip: str | None) -> None:
    """Note that the actor read records; several at once are one entry that names them all."""
    subject = f"{entity}/{ids[0]}" if len(ids) == 1 else entity
    details = {"how": how} | ({"ids": list(ids)} if len(ids) > 1 else {})
    write_audit(session, "noted.read", subject, details, actor=actor, ip=ip)
