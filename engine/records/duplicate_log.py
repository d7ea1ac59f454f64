"""Everything that the duplicate rules found, for those who may see it all.

Enters: an entity, the actor. Leaves: hits, the last first, with the records as far as the actor may see them and what
was asked for because of them. Must not show it to a role the definition does not name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Entity
from engine.errors import NotAllowed
from engine.people.actor import Actor
from engine.records.duplicates import Other, show_others
from engine.records.hits import Hit, list_hits
from engine.records.rights import get_entity
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.store import Session


@dataclass(frozen=True)
class Logged:
    """One hit as somebody who may read the log sees it: the two records, and kind and state of what was asked for."""

    hit: Hit
    other: Other | None
    made: Other | None
    asked: tuple[tuple[str, str], ...]


def reads_log(entity: Entity, actor: Actor) -> bool:
    """Tell whether somebody may see everything that the duplicate rules of an entity found."""
    named = entity.disputes is not None and not entity.disputes.log.isdisjoint(actor.roles)
    return named and actor.scope is None


def list_log(
    session: Session, entity: str, *, actor: Actor, before: int | None = None, limit: int = 50
) -> tuple[Entity, list[Logged]]:
    """Return the entity and everything its duplicate rules found, the last first, for the roles the definition names.

    Raises ``NotFound`` and ``NotAllowed``.
    """
    compiled = get_entity(session.app, entity)
    if not reads_log(compiled, actor):
        raise NotAllowed("dispute.no_log", entity=compiled.label)
    c = duplicate_hits.c
    where = [c.entity == entity] + ([c.id < before] if before else [])
    hits = list_hits(session, *where, limit=max(1, min(limit, 201)))
    ids = sorted({one for hit in hits for one in (hit.record_id, hit.made_id) if one is not None})
    known = {id_: next(iter(show_others(session, compiled, [id_], actor)), None) for id_ in ids}
    asked = _asked_of(session, [hit.id for hit in hits])
    return compiled, [
        Logged(
            hit, known.get(hit.record_id), known.get(hit.made_id or 0),
            tuple((row.kind, row.state) for row in asked.get(hit.id, ())),
        )
        for hit in hits
    ]  # fmt: skip


def _asked_of(session: Session, hits: Iterable[int]) -> dict[int, list[Any]]:
    """Return the kinds and states of what was asked for because of hits, by hit."""
    found: dict[int, list[Any]] = {}
    c = disputes.c
    asked = select(c.hit_id, c.kind, c.state, c.id).where(c.hit_id.in_(list(hits))).order_by(c.id)
    for row in session.connection.execute(asked):
        found.setdefault(row.hit_id, []).append(row)
    return found
