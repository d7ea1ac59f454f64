"""The recycle bin: what was deleted, by whom and when.

Enters: an entity and the actor. Leaves: the deleted records they may bring back, the last first. Must not bring
anything back itself: ``commands.restore_record`` does, and asks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from engine.compiler.app import Entity
from engine.people.actor import Actor
from engine.records.aliases import still_there
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import Lookups, parameters
from engine.records.listing import scope_key
from engine.records.record import display
from engine.records.rights import Rights, find_rights, get_entity, scope_condition
from engine.storage.store import Session
from engine.storage.system_tables import history, users

PAGE = 50


@dataclass(frozen=True, slots=True)
class Deleted:
    """One record in the bin; ``by`` is None when nobody is on record."""

    id: int
    number: str | None
    title: str
    at: datetime
    by: str | None


def may_recycle(session: Session, entity: Entity, actor: Actor) -> bool:
    """Tell whether the actor may see the bin of an entity at all."""
    rights = find_rights(session.app, entity, actor)
    return bool(rights.read and rights.delete)


def list_deleted(
    session: Session, entity: str, *, actor: Actor, before: int | None = None, limit: int = PAGE
) -> list[Deleted]:
    """Return what the actor may bring back, the last deleted first; ``before`` is the id the page before ended with.

    Raises ``NotFound`` for an entity that is not there; whoever may delete nothing finds nothing.
    """
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    if not may_recycle(session, compiled, actor):
        return []
    given = parameters(session, actor) | {"before": before, "limit": max(1, min(limit, 200)), "entity": entity}
    statement = session.prepared(_key(entity, rights, before), lambda: _select(session, compiled, rights, before))
    rows = statement.fetch_all(session.connection, given)
    return _view(session, compiled, rows)


def _key(entity: str, rights: Rights, before: int | None) -> Any:
    return ("deleted", entity, scope_key(rights.read), scope_key(rights.delete), before is None)


def _select(session: Session, entity: Entity, rights: Rights, before: int | None) -> Any:
    table, other = session.tables.entity[entity.key], session.tables.entity[entity.key].alias("before")
    told = (
        select(users.c.name)
        .join(history, history.c.actor_id == users.c.id)
        .where(history.c.entity == bindparam("entity"), history.c.record_id == table.c.id)
        .where(history.c.version == table.c.version, history.c.action == "delete")
        .limit(1)
        .scalar_subquery()
    )
    found = select(*record_columns(table, entity), table.c.deleted_at, told).where(
        table.c.deleted_at.is_not(None),
        still_there(entity.key, table.c.id),
        scope_condition(session.tables, entity, table, rights.read, "own"),
        scope_condition(session.tables, entity, table, rights.delete, "own"),
    )
    if before is not None:
        at = select(other.c.deleted_at).where(other.c.id == bindparam("before")).scalar_subquery()
        same = and_(table.c.deleted_at == at, table.c.id < bindparam("before"))
        found = found.where(or_(table.c.deleted_at < at, same))
    return found.order_by(table.c.deleted_at.desc(), table.c.id.desc()).limit(bindparam("limit"))


def _view(session: Session, entity: Entity, rows: Sequence[Any]) -> list[Deleted]:
    values = [to_values(entity, row) for row in rows]
    labels = label_names(session.app, entity, values, Lookups(session))
    return [
        Deleted(one["id"], one["number"], display(entity, one, labels), row[-2], row[-1])
        for one, row in zip(values, rows, strict=True)
    ]
