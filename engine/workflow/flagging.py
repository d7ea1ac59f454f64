"""Ending a flag: whoever answers for the record has looked, and says so.

Enters: a record, the key of a flag that is up, a note, the actor. Leaves: the flag ended, with history and event. Must
not let an owner end a doubt about their own evidence: that is for their manager, or an administrator.
"""

from sqlalchemy import update

from engine.errors import NotAllowed, NotFound
from engine.people import directory
from engine.people.actor import Actor
from engine.records.flags import SHARED_EVIDENCE
from engine.records.record import Record
from engine.records.rights import get_entity
from engine.records.writing import lock_record
from engine.storage.journal import write_event, write_history
from engine.storage.stage_tables import flags
from engine.storage.store import Session
from engine.workflow.refusals import checked_text


def end_flag(session: Session, entity: str, id: int, flag: str, *, note: str | None = None, actor: Actor) -> None:
    """End a flag of a record the actor may see.

    Raises ``NotFound`` (no such record, or no such flag up), ``NotAllowed`` and ``InvalidValues`` (the note is too
    long).
    """
    compiled = get_entity(session.app, entity)
    record = lock_record(session, compiled, id, actor=actor)
    if not may_end_flag(session, record, flag, actor=actor):
        raise NotAllowed("workflow.flag_not_yours")
    said = checked_text(note, "note") or None
    up = (flags.c.entity == entity, flags.c.record_id == id, flags.c.flag == flag, flags.c.ended_at.is_(None))
    ended = update(flags).where(*up).values(ended_at=session.now(), ended_by=actor.id, note=said)
    if session.connection.execute(ended).rowcount != 1:
        raise NotFound("workflow.no_flag")
    write_history(session, entity, id, record.version, "unflag", {"": {"flag": flag}}, actor=actor, note=said)
    write_event(session, f"{entity}.unflagged", entity, id, {"flag": flag})


def may_end_flag(session: Session, record: Record, flag: str, *, actor: Actor) -> bool:
    """Return whether the actor may end a flag: whoever may write the record, of shared evidence the owner's manager."""
    if actor.is_admin:
        return True
    if flag != SHARED_EVIDENCE:
        return record.can_write
    owner = record.values.get("owner")
    managers = directory.managers_of(session.connection, owner) if owner is not None else []
    return actor.id in {one.id for one in managers}
