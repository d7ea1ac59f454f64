"""What an actor may do with the records of an entity: rows by scope, fields by name.

Enters: the compiled access rules and the actor's roles. Leaves: ``Rights`` (the union over the roles) and, for SQL, the
condition a row must meet. Must not be bypassed: every query of records takes its condition from here. No rule means no.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, bindparam, false, or_, true

from engine.compiler.app import Access, CompiledApp, Entity
from engine.errors import NotFound
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records.sql import is_one_of
from engine.storage.table_source import TableSource
from engine.storage.tables import Tables

OWN, TEAM, ALL = "own", "team", "all"


@dataclass(frozen=True, slots=True)
class Rights:
    """The union of what the actor's roles allow. ``read``, ``write``, ``delete`` are scopes; empty means no row.

    ``hidden`` and ``readonly`` hold field keys, ``items.cost`` for a column of a line table; a field is hidden only
    when every role that lets the actor read hides it.
    """

    read: frozenset[str]
    write: frozenset[str]
    delete: frozenset[str]
    create: bool
    bring_in: bool
    hidden: frozenset[str]
    readonly: frozenset[str]


NONE = Rights(frozenset(), frozenset(), frozenset(), False, False, frozenset(), frozenset())
_cache: dict[tuple[str, str, frozenset[str]], Rights] = {}


def get_entity(app: CompiledApp, key: str) -> Entity:
    """Return the entity; raises ``NotFound``."""
    entity = app.entities.get(key)
    if entity is None:
        raise NotFound("record.no_entity", entity=key)
    return entity


def find_rights(app: CompiledApp, entity: Entity, actor: Actor) -> Rights:
    """Return what ``actor`` may do with records of ``entity``."""
    key = (app.digest, entity.key, actor.roles)
    found = _cache.get(key)
    if found is None:
        if len(_cache) > 10_000:
            _cache.clear()
        found = _cache[key] = _union([entity.access[role] for role in sorted(actor.roles) if role in entity.access])
    return found


def scope_condition(tables: Tables, entity: Entity, table: FromClause, scopes: Iterable[str]) -> ColumnElement[bool]:
    """Return the SQL condition for the union of ``scopes``.

    Its parameters are ``actor_id``, ``actor_teams``, ``now``, ``today`` and ``utc_offset`` (``evaluation.parameters``).
    """
    names = set(scopes)
    if ALL in names:
        return true()
    conditions: list[ColumnElement[bool]] = []
    if names & {OWN, TEAM}:
        conditions.append(table.c.owner_id == bindparam("actor_id"))
    if TEAM in names:
        conditions.append(is_one_of(table.c.team_id, "actor_teams"))
    for name in sorted(names - {OWN, TEAM}):
        conditions.append(compile_where(entity.scopes[name].checked, TableSource(tables), table))
    return or_(*conditions) if conditions else false()


def _union(rules: list[Access]) -> Rights:
    if not rules:
        return NONE
    readers = [rule for rule in rules if rule.read]
    writers = [rule for rule in rules if rule.write or rule.create]
    return Rights(
        read=frozenset(rule.read for rule in rules if rule.read),
        write=frozenset(rule.write for rule in rules if rule.write),
        delete=frozenset(rule.delete for rule in rules if rule.delete),
        create=any(rule.create for rule in rules),
        bring_in=any(rule.bring_in for rule in rules),
        hidden=frozenset.intersection(*(rule.hide for rule in readers)) if readers else frozenset(),
        readonly=frozenset.intersection(*(rule.readonly for rule in writers)) if writers else frozenset(),
    )
