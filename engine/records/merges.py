"""The merges there were: what went into what, and where the number and the address of what went lead now.

Enters: an entity, ids and numbers, the actor. Leaves: ``Merge`` values, as far as the actor may see what was kept.
Must not merge nor undo: ``merging.py`` and ``unmerging.py`` do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from engine.compiler.app import Entity
from engine.errors import NotAllowed, NotFound
from engine.people import directory
from engine.people.actor import Actor
from engine.records.aliases import last_of
from engine.records.queries import get_record
from engine.records.rights import find_rights, get_entity
from engine.storage.merge_tables import merges
from engine.storage.store import Session


@dataclass(frozen=True)
class Merged:
    """One merge; ``content`` is what undoes it, ``told`` what stayed when it was undone, by language."""

    id: int
    entity: str
    kept_id: int
    lost_id: int
    lost_number: str | None
    lost_name: str
    by: str
    at: datetime
    undo_until: datetime
    content: Mapping[str, Any]
    undone_by: str | None
    undone_at: datetime | None
    told: list[dict[str, str]]

    @property
    def lost(self) -> str:
        """How the record that went is called, its number first."""
        named = self.lost_number is None or self.lost_number in self.lost_name
        return self.lost_name if named else f"{self.lost_number} {self.lost_name}"

    def can_undo(self, now: datetime) -> bool:
        """Whether it can still be undone."""
        return self.undone_at is None and now <= self.undo_until


def require_merge(session: Session, entity: str, actor: Actor) -> Entity:
    """Return the entity; raises ``NotFound``, and ``NotAllowed`` for whoever may not merge its records."""
    compiled = get_entity(session.app, entity)
    if not find_rights(session.app, compiled, actor).merge:
        raise NotAllowed("merge.not_yours", entity=compiled.label)
    return compiled


def get_merge(session: Session, id: int, *, actor: Actor) -> Merged:
    """Return a merge the actor may make and whose kept record they see; raises ``NotFound`` and ``NotAllowed``."""
    found = _fetch(session, merges.c.id == id) if 0 < id < 2**63 else []
    if not found or found[0].entity not in session.app.entities:
        raise NotFound("merge.none")
    get_record(session, found[0].entity, last_of(session, found[0].entity, found[0].kept_id), actor=actor)
    require_merge(session, found[0].entity, actor)
    return found[0]


def list_merges(session: Session, entity: Entity, kept_id: int) -> list[Merged]:
    """Return what went into a record that the reader may see and is still there, the last first."""
    if entity.merge is None:
        return []
    here = (merges.c.entity == entity.key, merges.c.kept_id == kept_id, merges.c.undone_at.is_(None))
    return _fetch(session, *here)


def find_merged_away(session: Session, entity: str, lost_id: int, *, actor: Actor) -> tuple[Merged, int] | None:
    """Return how a record went, and the id of the one its address leads to now; None when the actor may not see it."""
    compiled = session.app.find_open(entity)
    if compiled is None or compiled.merge is None or not 0 < lost_id < 2**63:
        return None
    found = find_holding(session, entity, lost_id)
    if found is None:
        return None
    leads = last_of(session, entity, lost_id)
    try:
        get_record(session, entity, leads, actor=actor)
    except (NotFound, NotAllowed):
        return None
    return found, leads


def find_holding(session: Session, entity: str, lost_id: int) -> Merged | None:
    """Return the merge a record went by and that was not undone."""
    gone = (merges.c.entity == entity, merges.c.lost_id == lost_id, merges.c.undone_at.is_(None))
    return next(iter(_fetch(session, *gone)), None)


def _fetch(session: Session, *where: ColumnElement[bool]) -> list[Merged]:
    rows = session.connection.execute(select(merges).where(*where).order_by(merges.c.id.desc())).all()
    if not rows:
        return []
    people = directory.people(session.connection, [one for row in rows for one in (row.user_id, row.undone_by)])
    return [
        Merged(
            row.id, row.entity, row.kept_id, row.lost_id, row.lost_number, row.lost_name, people[row.user_id].name,
            row.at, row.undo_until, row.content, None if row.undone_by is None else people[row.undone_by].name,
            row.undone_at, row.told or [],
        )
        for row in rows
    ]  # fmt: skip
