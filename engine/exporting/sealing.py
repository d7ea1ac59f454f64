"""A hash of what somebody may see of an export, to tell whether a file written before is still theirs.

Enters: what is exported, an actor. Leaves: a hash. Must not read a record.
"""

import hashlib

from engine.exporting.journeys import JourneyAsked
from engine.people.actor import Actor
from engine.records.journey import linking
from engine.records.rights import Rights, find_rights
from engine.reports.behind import RowsAsked, shape_of
from engine.storage.store import Session


def seal(session: Session, entity: str, behind: RowsAsked | None, journey: JourneyAsked | None, actor: Actor) -> str:
    """Return a hash of what somebody may see of an export: another one, and a file from before is no longer theirs."""
    keys = [entity]
    if behind is not None:
        keys += shape_of(session, behind, actor=actor).reads
    if journey is not None:
        keys += linking(session.app, entity, actor)
    seen = [_sight(find_rights(session.app, session.app.entities[key], actor)) for key in keys]
    return hashlib.sha256(repr((seen, sorted(actor.teams))).encode()).hexdigest()


def _sight(rights: Rights) -> tuple[object, ...]:
    masked = [(key, sorted(whole)) for key, whole in rights.masked]
    return sorted(rights.read), sorted(rights.hidden), rights.export, masked
