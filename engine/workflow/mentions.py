"""Whom a remark on an approval may be addressed to: people who may see its record, those who take part first.

Enters: an approval, a few letters. Leaves: people. Must not name somebody to whom the record would be news.
"""

from engine.people.actor import Actor, Person
from engine.records import mentions
from engine.storage.store import Session
from engine.workflow.approval import log


def suggest_people(
    session: Session, approval_id: int, entity: str, record_id: int, letters: str, *, actor: Actor
) -> list[Person]:
    """Return people to mention whose name contains ``letters``: those who take part first, at most ``8``."""
    kept = log.read(session, approval_id)
    state = kept.state if kept is not None else None
    part = {state.starter.id, *(task.person.id for task in state.tasks)} if state is not None else set()
    return mentions.suggest_people(session, entity, record_id, letters, near=part, actor=actor)
