"""The chain a record belongs to: what one deal goes through, from first to last, as ``chain:`` of the app names it.

Enters: a record. Leaves: for each link of the chain the records that belong to the same deal, along the fields that
link them. Must not go through a record, nor along a field, the actor may not see.

What has stages is a step of a deal; what has none, like a customer, is shared by many: the chain goes up through it,
and comes down again only when one looks from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.compiler.app import CompiledApp, Entity
from engine.people.actor import Actor
from engine.records.filters import Filter
from engine.records.queries import ListQuery, list_records
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.storage.store import Session

MOST = 20
"""Records of one kind in a chain at most, the newest."""


@dataclass(frozen=True)
class Ring:
    """The records of one entity in a chain, the newest first; ``more`` when there are others."""

    entity: str
    records: tuple[Record, ...]
    more: bool


def find_chain(session: Session, record: Record, *, actor: Actor) -> list[Ring]:
    """Return the chain of a record the actor may read, one ring for each entity they may read; [] outside of it."""
    order = [key for key in session.app.chain if find_rights(session.app, session.app.entities[key], actor).read]
    if record.entity not in order:
        return []
    kept: dict[str, dict[int, Record]] = {key: {} for key in order}
    more: set[str] = set()
    kept[record.entity][record.id] = record
    _climb(session, order, kept, record.entity, actor)
    below = _deal(session.app, order, kept, record)
    for at, above in enumerate(below):
        for key in below[at + 1 :] if kept[above] else ():
            _descend(session, kept, more, above, key, actor)
    return [Ring(key, tuple(sorted(kept[key].values(), key=lambda one: -one.id)), key in more) for key in order]


def links_between(app: CompiledApp, entity: Entity, to: str, hidden: frozenset[str]) -> Iterator[str]:
    """Yield the fields that link an entity to one before it."""
    return (one.key for one in entity.stored_fields if one.to_one == to and one.key not in hidden and not one.retired)


def _climb(session: Session, order: list[str], kept: dict[str, dict[int, Record]], start: str, actor: Actor) -> None:
    """Take in what the records lead to, and what that leads to."""
    for at in range(order.index(start), 0, -1):
        entity = session.app.entities[order[at]]
        hidden = find_rights(session.app, entity, actor).hidden
        for above in order[:at]:
            for field in links_between(session.app, entity, above, hidden):
                ids = {one.values.get(field) for one in kept[entity.key].values()} - {None}
                _take(kept, above, _read(session, above, Filter("id", "in", sorted(ids)), actor)[0] if ids else [])


def _deal(app: CompiledApp, order: list[str], kept: dict[str, dict[int, Record]], record: Record) -> list[str]:
    """Return the rings from which the deal is followed down: from the first step of it on."""
    at = order.index(record.entity)
    if app.entities[record.entity].workflow is not None:
        while at > 0 and (above := _step_above(app, order, kept, at)) is not None:
            at = above
    return order[at:]


def _step_above(app: CompiledApp, order: list[str], kept: dict[str, dict[int, Record]], at: int) -> int | None:
    """Return the nearest ring with a record above that the one at ``at`` links to itself, if it has stages."""
    entity = app.entities[order[at]]
    for above in range(at - 1, -1, -1):
        other = app.entities[order[above]]
        linked = any(True for _ in links_between(app, entity, other.key, frozenset()))
        if kept[other.key] and linked and other.workflow is not None:
            return above
    return None


def _descend(
    session: Session, kept: dict[str, dict[int, Record]], more: set[str], above: str, key: str, actor: Actor
) -> None:
    entity = session.app.entities[key]
    hidden = find_rights(session.app, entity, actor).hidden
    for field in links_between(session.app, entity, above, hidden):
        found, further = _read(session, key, Filter(field, "in", sorted(kept[above])), actor)
        _take(kept, key, found)
        if further:
            more.add(key)


def _read(session: Session, key: str, which: Filter, actor: Actor) -> tuple[list[Record], bool]:
    query = ListQuery((which,), sort="id", descending=True, limit=MOST)
    page = list_records(session, key, query, actor=actor)
    return page.records, page.next is not None


def _take(kept: dict[str, dict[int, Record]], key: str, found: list[Record]) -> None:
    for one in found:
        kept[key].setdefault(one.id, one)
