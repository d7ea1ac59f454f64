"""Linked records and people: do they exist, may the actor choose them, what do they bring along.

Enters: typed values. Leaves: errors beside the links that lead nowhere, and values fetched over the links. Must not say
whether a record the actor may not see exists.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Entity, Field
from engine.errors import FieldError
from engine.expression import Env
from engine.people import directory
from engine.people.actor import Actor
from engine.records.columns import record_columns, to_values
from engine.records.completing import fitted
from engine.records.evaluation import Lookups, parameters
from engine.records.record import USER, Labels, display
from engine.records.rights import ALL, find_rights, get_entity, scope_condition
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import users

Chosen = tuple[str, Field, int]
"""Where a link was chosen (``customer`` or ``items.2.product``), its field, and the id."""


def check_links(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    *,
    actor: Actor,
    env: Env,
    errors: list[FieldError],
    before: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Add an error for each link or person in ``values`` that cannot be chosen; remember the rows that were read.

    A link that stood in its line ``before`` is not judged again. A record that cannot be chosen is taken out of
    ``values``, so that nothing can be fetched from it or computed over it.
    """
    chosen = list(_chosen(entity, values, before))
    by_target: dict[str, set[int]] = defaultdict(set)
    people: set[int] = set()
    for _, field, id_ in chosen:
        if field.to is not None:
            by_target[field.to].add(id_)
        else:
            people.add(id_)
    lookups = env.lookup
    assert isinstance(lookups, Lookups)  # noqa: S101 - make_env made it
    for target, ids in by_target.items():
        fresh = {id_ for id_ in ids if (target, id_) not in lookups.allowed}
        if fresh:
            _allow_visible(session, target, fresh, actor, lookups)
    known = _enabled(session, people) if people else frozenset()
    for path, field, id_ in chosen:
        if field.to is None:
            if id_ not in known:
                errors.append(FieldError(path, "value.user_missing"))
        elif (field.to, id_) not in lookups.allowed:
            errors.append(FieldError(path, "value.link_missing", {"label": field.label}))
            _take_out(values, path)
        elif field.where is not None and field.where.run(env.lookup.linked(field.to, id_) or {}, env) is not True:
            errors.append(FieldError(path, "value.link_where", {"label": field.label}))


def label_links(session: Session, entity: Entity, values: Mapping[str, Any], *, actor: Actor) -> Labels:
    """Return what the records and people in ``values`` are called; those the actor may not choose are left out."""
    lookups = Lookups(session)
    labels: Labels = {}
    chosen = list(_chosen(entity, values))
    for target in {field.to for _, field, _ in chosen if field.to is not None}:
        _allow_visible(session, target, {id_ for _, field, id_ in chosen if field.to == target}, actor, lookups)
    for _, field, id_ in chosen:
        if field.to is not None and (field.to, id_) in lookups.allowed:
            row = lookups.linked(field.to, id_)
            labels[field.to, id_] = display(session.app.entities[field.to], row or {})
    people = directory.people(session.connection, [id_ for _, field, id_ in chosen if field.to is None])
    return labels | {(USER, id_): person.name for id_, person in people.items()}


def fetch_values(
    fields: Mapping[str, Field], fetched: Iterable[Field], values: dict[str, Any], before: Mapping[str, Any], env: Env
) -> None:
    """Fill ``fetched`` from the linked record: empty ones, and read-only ones whenever the link changed."""
    for field in fetched:
        assert field.fetch is not None  # noqa: S101 - the plan holds those that fetch
        link, there = field.fetch
        target, id_ = fields[link].to, values.get(link)
        if id_ is None or target is None:
            continue
        if values.get(field.key) is None or (field.readonly and id_ != before.get(link)):
            row = env.lookup.linked(target, id_)
            values[field.key] = None if row is None else fitted(field, row.get(there))


def _chosen(
    entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Chosen]:
    for key, value in values.items():
        field = entity.fields.get(key)
        if field is None or value is None:
            continue
        if field.type.column in ("link", "user"):
            yield key, field, value
        elif field.type.key == "lines":
            old = {row.get("id"): row for row in before.get(key) or ()}
            for at, row in enumerate(value):
                known = old.get(row.get("id"), {}) if row.get("id") is not None else {}
                for name, column in field.link_columns:
                    if row.get(name) is not None and row[name] != known.get(name):
                        yield f"{key}.{at}.{name}", column, row[name]


def _take_out(values: dict[str, Any], path: str) -> None:
    key, _, rest = path.partition(".")
    if not rest:
        values[key] = None
        return
    at, _, name = rest.partition(".")
    values[key][int(at)][name] = None


def _allow_visible(session: Session, target: str, ids: set[int], actor: Actor, lookups: Lookups) -> None:
    entity = get_entity(session.app, target)
    rights = find_rights(session.app, entity, actor)
    if not rights.read:
        return
    table = session.tables.entity[target]

    def build() -> Any:
        visible = scope_condition(session.tables, entity, table, rights.read)
        columns = record_columns(table, entity)
        return select(*columns).where(is_one_of(table.c.id, "ids"), table.c.deleted_at.is_(None), visible)

    scope = ALL if ALL in rights.read else rights.read
    statement = session.prepared(("choose", target, scope), build)
    given = parameters(session, actor) | {"ids": list(ids)}
    for row in statement.fetch_all(session.connection, given):
        lookups.allow(target, to_values(entity, row))


def _enabled(session: Session, ids: set[int]) -> frozenset[int]:
    def build() -> Any:
        return select(users.c.id).where(is_one_of(users.c.id, "ids"), users.c.disabled_at.is_(None))

    rows = session.prepared("enabled people", build).fetch_all(session.connection, {"ids": list(ids)})
    return frozenset(row[0] for row in rows)
