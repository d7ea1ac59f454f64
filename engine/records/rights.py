"""What an actor may do with the records of an entity: rows by scope, fields by name.

Enters: the compiled access rules and the actor's roles. Leaves: ``Rights`` (the union over the roles) and, for SQL, the
condition a row must meet. Must not be bypassed: every query of records takes its condition from here. No rule means no.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, false, func, literal_column, or_, select, true

from engine.compiler.app import SYSTEM_FIELDS, Access, CompiledApp, Entity
from engine.compiler.app.ownership import POOL
from engine.errors import NotAllowed, NotFound
from engine.expression import Checked
from engine.expression.sql import compile_where
from engine.people.actor import ENGINE, Actor
from engine.people.token_scopes import Scope
from engine.records.narrowing import compile_reach
from engine.records.sql import IsAmong, is_one_of
from engine.storage.approval_tables import group_members
from engine.storage.share_tables import shares
from engine.storage.table_source import TableSource
from engine.storage.tables import Tables

OWN, TEAM, SHARED, ALL = "own", "team", "shared", "all"
IN_POOL = "in pool "
"""Begins the scope of the records in one pool; no author can write it."""
WITH_SHARES = frozenset((OWN, TEAM, SHARED))
"""The scopes to which a share adds a record; a scope an author wrote holds what it says and nothing else."""

Doing = Literal["read", "write", "own"]
"""What a condition is for. ``own``: by scope alone, not by a share, as for deleting, giving away and sharing on."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The union of what the actor's roles allow. ``read``, ``write``, ``delete`` are scopes; empty means no row.

    ``hidden`` and ``readonly`` hold field keys, ``items.cost`` for a column of a line table; a field is hidden only
    when every role that lets the actor read hides it, a column also by its table. ``masked`` fields are hidden too, but
    for what ``masking.py`` leaves of them, and whole in the records of the scopes beside them.
    """

    read: frozenset[str]
    write: frozenset[str]
    delete: frozenset[str]
    create: bool
    bring_in: bool
    share_views: bool
    hidden: frozenset[str]
    readonly: frozenset[str]
    masked: tuple[tuple[str, frozenset[str]], ...] = ()
    export: bool = False
    approve_export: bool = False
    move: bool = True  # whether the moves that are the actor's may be made; only a token takes that away
    press: bool = True  # the same of buttons
    merge: bool = False
    fills: bool = False  # the engine itself fills in what no person may
    within: Checked | None = None  # what a record must meet that is created; only a token asks for it

    @property
    def entering(self) -> "Rights":
        """The rights over what the actor enters as new: nothing of it is masked from them."""
        return self._without({key for key, _ in self.masked}) if self.masked else self

    def on(self, hidden: frozenset[str]) -> "Rights":
        """Return the rights over one record, of which ``hidden`` is hidden from the actor."""
        return self._without(self.hidden - hidden) if self.masked else self

    def _without(self, keys: Set[str]) -> "Rights":
        masked = tuple(one for one in self.masked if one[0] not in keys)
        return replace(self, hidden=self.hidden - keys, masked=masked)


class Narrowed(str):
    """A scope's name with the condition of a token upon it: of the records of ``of`` those that meet ``where``.

    It is neither ``ALL`` nor any other scope by name, so whoever asks for one of those is not answered by it.
    """

    of: frozenset[str]
    where: Checked

    def __new__(cls, of: frozenset[str], where: Checked) -> "Narrowed":
        """Make the name from what it means, so that two that mean the same are one."""
        made = super().__new__(cls, f"{'+'.join(sorted(of))} where {where.text}")
        made.of, made.where = of, where
        return made


class Beyond(str):
    """The scope of all records that are in none of the scopes ``of``; no author can write it."""

    of: frozenset[str]

    def __new__(cls, of: frozenset[str]) -> "Beyond":
        """Make the name from what it means, so that two that mean the same are one."""
        made = super().__new__(cls, f"beyond {'+'.join(sorted(of))}")
        made.of = of
        return made


NONE = Rights(frozenset(), frozenset(), frozenset(), False, False, False, frozenset(), frozenset())
WHOLE = replace(NONE, read=frozenset((ALL,)), write=frozenset((ALL,)), create=True, fills=True)
"""What the engine itself may do: whoever wrote an automation answers for it."""
_cache: dict[tuple[str, frozenset[str], str, frozenset[str], bool, Scope | None], Rights] = {}


def get_entity(app: CompiledApp, key: str) -> Entity:
    """Return the entity; raises ``NotFound``, also for one that is switched off."""
    entity = app.find_open(key)
    if entity is None:
        raise NotFound("record.no_entity", entity=key)
    return entity


def own_entity(app: CompiledApp, key: str) -> Entity:
    """Return the entity for what the engine goes on with by itself, switched off or not; raises ``NotFound``."""
    entity = app.entities.get(key)
    if entity is None:
        raise NotFound("record.no_entity", entity=key)
    return entity


def find_rights(app: CompiledApp, entity: Entity, actor: Actor) -> Rights:
    """Return what ``actor`` may do with records of ``entity``.

    Raises ``NotAllowed`` when the actor's token is narrowed to something that is not there any more.
    """
    if entity.key in app.off:
        return NONE
    shared = entity.key in actor.shared
    key = (app.digest, app.off, entity.key, actor.roles, shared, actor.scope)
    found = _cache.get(key)
    if found is None:
        if len(_cache) > 10_000:
            _cache.clear()
        found = (
            replace(WHOLE, readonly=entity.owned_keys)  # who has a record is decided by deeds, not typed into it
            if ENGINE in actor.roles
            else _union([entity.access[role] for role in sorted(actor.roles) if role in entity.access])
        )
        if entity.merge is not None and found.write:
            found = replace(found, merge=not entity.merge.who.isdisjoint(actor.roles))
        found = _with_shares(found) if shared else found
        found = _without_closed(found, app.closed[entity.key]) if ENGINE not in actor.roles else found
        found = _cache[key] = found if actor.scope is None else _narrow(found, app, entity, actor.scope)
    return found


def require_scope(app: CompiledApp, actor: Actor) -> None:
    """Raise ``NotAllowed`` when the actor's token is narrowed to what is not there, with what that is."""
    for reach in actor.scope or ():
        if app.find_open(reach.entity) is None:
            raise NotAllowed("people.token_no_entity", name=reach.entity)
        find_rights(app, app.entities[reach.entity], actor)


def pool_rights(app: CompiledApp, entity: Entity, pool: str, actor: Actor) -> Rights:
    """Return what ``actor`` sees of the records in a pool: what it shows, if the pool is theirs to see.

    Whoever sees all records of the entity sees those in a pool as they see any other.
    """
    found = entity.ownership.pools.get(pool) if entity.ownership is not None else None
    usual = find_rights(app, entity, actor)
    read = frozenset((IN_POOL + pool,))
    if found is not None and ALL in usual.read:
        return replace(usual, read=read, write=frozenset(), delete=frozenset())
    if entity.key in app.off or found is None or actor.scope is not None or not found.is_seen_by(actor.roles):
        return NONE  # a token that is narrowed reaches what it names, and no pool
    seen = {"id", "number", POOL, *entity.display_keys, *found.shows} - app.closed[entity.key]
    closed = usual.hidden if usual.read else frozenset()
    return replace(NONE, read=read, hidden=frozenset({*SYSTEM_FIELDS, *entity.fields} - seen | closed))


def locked_rights(app: CompiledApp, entity: Entity, actor: Actor) -> Rights:
    """Return what ``actor`` sees of the records that are not open to them yet: what they are called, where said so.

    Nothing for whoever reads no records of the entity anyway, nor for a token that is narrowed.
    """
    usual = find_rights(app, entity, actor)
    if entity.reading.locked is None or not usual.read or ALL in usual.read or actor.scope is not None:
        return NONE
    hidden = frozenset({*SYSTEM_FIELDS, *entity.fields} - {"id", "number", *entity.display_keys}) | usual.hidden
    return replace(NONE, read=frozenset((Beyond(usual.read),)), hidden=hidden)


def scope_condition(
    tables: Tables, entity: Entity, table: FromClause, scopes: Iterable[str], doing: Doing = "read"
) -> ColumnElement[bool]:
    """Return the SQL condition for the union of ``scopes``, and what is shared with the actor to do that.

    Its parameters are those of ``evaluation.parameters``.
    """
    names = set(scopes)
    if ALL in names:
        return true()
    conditions: list[ColumnElement[bool]] = []
    if names & {OWN, TEAM}:
        conditions.append(table.c.owner_id == bindparam("actor_id"))
    if TEAM in names:
        conditions.append(is_one_of(table.c.team_id, "actor_teams"))
    if SHARED in names and doing != "own":
        if names == {OWN, SHARED}:  # two indexes, each by itself: neither database uses one for an ``OR`` of the two
            return IsAmong(table.c.id, _owned(tables, entity).union_all(_shared(entity, doing)).scalar_subquery())
        conditions.append(IsAmong(table.c.id, _shared(entity, doing).scalar_subquery()))
    for name in sorted(names - WITH_SHARES):
        if isinstance(name, Narrowed):
            whole = scope_condition(tables, entity, table, name.of, doing)
            conditions.append(whole & compile_where(name.where, TableSource(tables), table))
        elif isinstance(name, Beyond):
            conditions.append(~func.coalesce(scope_condition(tables, entity, table, name.of, doing), false()))
        elif name.startswith(IN_POOL):
            conditions.append(table.c[POOL] == literal_column(f"'{name.removeprefix(IN_POOL)}'"))  # a key, checked
        else:
            conditions.append(compile_where(entity.scopes[name].checked, TableSource(tables), table))
    return or_(*conditions) if conditions else false()


def within_token(tables: Tables, table: FromClause, scopes: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition of the token alone, for what somebody may read outside their scopes, such as when asked."""
    found = [compile_where(one.where, TableSource(tables), table) for one in scopes if isinstance(one, Narrowed)]
    return or_(*found) if found else true()


def _narrow(rights: Rights, app: CompiledApp, entity: Entity, scope: Scope) -> Rights:
    """Take away what a token does not reach; it never adds anything."""
    reach = next((one for one in scope if one.entity == entity.key), None)
    if reach is None:
        return NONE
    told = compile_reach(app, entity, reach, rights.hidden, frozenset(key for key, _ in rights.masked))

    def within(scopes: frozenset[str], action: str) -> frozenset[str]:
        if action not in told.may or not scopes:
            return frozenset()
        return scopes if told.where is None else frozenset({Narrowed(scopes, told.where)})

    return Rights(
        read=within(rights.read, "read"),
        write=within(rights.write, "change"),
        delete=within(rights.delete, "delete"),
        create=rights.create and "create" in told.may,
        bring_in=False,
        share_views=False,
        hidden=rights.hidden | told.hidden,
        readonly=rights.readonly | told.readonly,
        masked=tuple((key, within(whole, "read")) for key, whole in rights.masked if key not in told.hidden),
        move="move" in told.may,
        press="press" in told.may,
        within=told.where,
    )


def _without_closed(rights: Rights, closed: frozenset[str]) -> Rights:
    """Hide what leads to entities that are switched off, in part too."""
    if not closed:
        return rights
    masked = tuple(one for one in rights.masked if one[0] not in closed)
    return replace(rights, hidden=rights.hidden | closed, masked=masked)


def _with_shares(rights: Rights) -> Rights:
    """Add what is shared to the scopes that take shares."""
    read, write = (scopes | {SHARED} if scopes & WITH_SHARES else scopes for scopes in (rights.read, rights.write))
    masked = tuple((key, whole | {SHARED} if whole & WITH_SHARES else whole) for key, whole in rights.masked)
    return replace(rights, read=read, write=write, masked=masked)


def _owned(tables: Tables, entity: Entity) -> Select[Any]:
    own = tables.entity[entity.key].alias("own_rows")
    return select(own.c.id).where(own.c.owner_id == bindparam("actor_id"), own.c.deleted_at.is_(None))


def _shared(entity: Entity, doing: Doing) -> Select[Any]:
    """Select the ids of the records that are shared with the actor now: in person, by department or by group."""
    mine, members = shares.alias("mine"), group_members.alias("member")
    groups = select(members.c.group_key).where(members.c.user_id == bindparam("actor_id"))
    recipient = or_(
        mine.c.user_id == bindparam("actor_id"),
        is_one_of(mine.c.department_id, "actor_above"),
        mine.c.group_key.in_(groups.scalar_subquery()),
    )
    lasts = or_(mine.c.ends_at.is_(None), mine.c.ends_at > bindparam("now", type_=mine.c.ends_at.type))
    found = select(mine.c.record_id).where(mine.c.entity == entity.key, recipient, lasts)
    return found.where(mine.c.access == "write") if doing == "write" else found


def _union(rules: list[Access]) -> Rights:
    if not rules:
        return NONE
    readers = [rule for rule in rules if rule.read]
    writers = [rule for rule in rules if rule.write or rule.create]
    masked = tuple(_masked(readers))
    hidden = _common([rule.hide for rule in readers])
    return Rights(
        read=frozenset(rule.read for rule in rules if rule.read),
        write=frozenset(rule.write for rule in rules if rule.write),
        delete=frozenset(rule.delete for rule in rules if rule.delete),
        create=any(rule.create for rule in rules),
        bring_in=any(rule.bring_in for rule in rules),
        share_views=any(rule.share_views for rule in readers),
        hidden=hidden | {key for key, _ in masked},
        readonly=_common([rule.readonly for rule in writers]),
        masked=masked,
        export=any(rule.export for rule in readers),
        approve_export=any(rule.approve_export for rule in readers),
    )


def _common(rules: list[frozenset[str]]) -> frozenset[str]:
    """Return the fields that each rule names; a column of a line table is named with its table."""
    named = frozenset[str]().union(*rules)
    return frozenset(key for key in named if all({key, key.partition(".")[0]} & rule for rule in rules))


def _masked(readers: list[Access]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each field that no reading role shows whole and one masks, with the scopes in which it is whole."""
    closed = _common([rule.hide | rule.mask for rule in readers])
    for key in sorted(closed):
        masking = [rule for rule in readers if key in rule.mask and key not in rule.hide]
        whole = frozenset(rule.unmask for rule in masking if rule.unmask)
        if masking and ALL not in whole:
            yield key, whole
