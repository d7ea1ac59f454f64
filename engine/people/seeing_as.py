"""Seeing as somebody else: an administrator looks at everything as one person sees it, and can change nothing.

Enters: an administrator's session, a person, a reason. Leaves: the session marked, with who began and who ended it in
the audit. Must not decide what is shown: for every page the person is the actor, and whoever looks is named beside
them; the gate of the pages refuses every change, and what people keep to themselves.
"""

from sqlalchemy import select, update

from engine.errors import FieldError, InvalidValues, NotAllowed, NotPossibleNow
from engine.people import accounts, roster
from engine.people.actor import ADMIN, Actor, find_services, require_admin
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import sessions

LONGEST_REASON = 500


def start(session: Session, user_id: int, *, reason: str, session_id: int, ip: str | None, actor: Actor) -> None:
    """Let this session of an administrator see as somebody, from the next request on.

    Raises ``NotAllowed`` (no administrator, or the other one is one), ``NotFound``, ``NotPossibleNow`` (a
    service, disabled, oneself) and ``InvalidValues`` (no reason).
    """
    require_admin(actor)
    person = roster.get_entry(session.connection, user_id)
    if ADMIN in person.roles and person.id != actor.id:
        raise NotAllowed("people.seeing_as_admin")
    accounts.require_person(session, person.id)
    if find_services(session.app, frozenset(person.roles)):
        raise NotPossibleNow("people.seeing_as_service")
    if not person.enabled or person.id == actor.id:
        raise NotPossibleNow("people.seeing_as_self" if person.enabled else "people.seeing_as_disabled")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidValues([FieldError("reason", "people.seeing_as_reason", {"max": LONGEST_REASON})])
    c = sessions.c
    mine = update(sessions).where(c.id == session_id, c.user_id == actor.id)
    session.connection.execute(mine.values(seeing_as_id=user_id))
    subject = f"user:{user_id}"
    journal.write_audit(session, "seeing_as.start", subject, {"reason": reason}, actor=actor, ip=ip)


def end(session: Session, session_id: int, *, actor: Actor) -> int | None:
    """Let the session be the administrator's own again; returns as whom they saw, None when it was over already."""
    c = sessions.c
    mine = (c.id == session_id, c.user_id == actor.id)
    found = session.connection.scalar(select(c.seeing_as_id).where(*mine).with_for_update())
    if found is not None:
        session.connection.execute(update(sessions).where(*mine).values(seeing_as_id=None))
        journal.write_audit(session, "seeing_as.end", f"user:{found}", actor=actor)
    return found
