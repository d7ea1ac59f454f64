"""Linked records and people: do they exist, may the actor choose them, what do they bring along.

Enters: typed values. Leaves: errors beside the links that lead nowhere, and values fetched over the links. Must not say
whether a record the actor may not see exists.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, Table, select

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.calling import label_names
from engine.records.columns import record_columns, to_values
from engine.records.completing import fitted
from engine.records.evaluation import Lookups, parameters
from engine.records.labels import add_people, department_labels, people_labels
from engine.records.record import DEPARTMENT, USER, Labels, display
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
    for _, field, id_ in chosen:
        by_target[field.target or ""].add(id_)
    lookups = env.lookup
    assert isinstance(lookups, Lookups)  # noqa: S101 - make_env made it
    known = {
        USER: _enabled(session, by_target.pop(USER, set())),
        DEPARTMENT: frozenset(id_ for _, id_ in department_labels(session, by_target.pop(DEPARTMENT, set()))),
    }
    rank = session.app.rollups.rank
    for target, ids in sorted(by_target.items(), key=lambda one: rank.get(one[0], 0)):
        fresh = {id_ for id_ in ids if (target, id_) not in lookups.allowed}
        if fresh:
            _allow_visible(session, target, fresh, actor, lookups)
    for path, field, id_ in chosen:
        if field.to is None:
            if id_ not in known[field.target or USER]:
                _say_once(errors, FieldError(path, f"value.{field.target}_missing"))
        elif (field.to, id_) not in lookups.allowed:
            _say_once(errors, FieldError(path, "value.link_missing", {"label": field.label}))
            _take_out(values, path)
        elif not _reads_record(field) and not _may_lead_to(field, id_, env):
            _say_once(errors, FieldError(path, "value.link_where", {"label": field.label}))


def check_choices(
    entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any], env: Env, errors: list[FieldError]
) -> None:
    """Add an error for each link whose condition reads the record itself and does not hold for it any more.

    It is judged over the whole record, again when something it reads changed although the link stayed.
    """
    if not entity.judged_links:
        return
    wrong = {error.path for error in errors}
    env = replace(env, record=values)
    for path, field, id_ in _linked(entity, values, before):
        if path not in wrong and not _may_lead_to(field, id_, env):
            _say_once(errors, FieldError(path, "value.link_where", {"label": field.label}))


def label_links(session: Session, entity: Entity, values: Mapping[str, Any], *, actor: Actor) -> Labels:
    """Return what the records and people in ``values`` are called; those the actor may not choose are left out."""
    lookups = Lookups(session)
    labels: Labels = {}
    chosen = list(_chosen(entity, values))
    for target in {field.to for _, field, _ in chosen if field.to is not None}:
        _allow_visible(session, target, {id_ for _, field, id_ in chosen if field.to == target}, actor, lookups)
    labels |= _names_of_allowed(session, lookups)
    labels |= people_labels(session, [id_ for _, field, id_ in chosen if field.target == USER])
    return labels | department_labels(session, [id_ for _, field, id_ in chosen if field.target == DEPARTMENT])


def label_records(session: Session, target: str, ids: set[int], *, actor: Actor) -> Labels:
    """Return what records of the entity ``target`` are called; those the actor may not choose are left out."""
    lookups = Lookups(session)
    if ids:
        _allow_visible(session, target, ids, actor, lookups)
    return _names_of_allowed(session, lookups)


def _names_of_allowed(session: Session, lookups: Lookups) -> Labels:
    labels: Labels = {}
    for target in {one for one, _ in lookups.allowed}:
        entity_ = session.app.entities[target]
        rows = [lookups.linked(target, id_) or {} for one, id_ in sorted(lookups.allowed) if one == target]
        inner = label_names(session.app, entity_, rows, lookups)
        labels |= {(target, row["id"]): display(entity_, row, inner) for row in rows}
    return labels


def add_listed(session: Session, entity: Entity, rows: Sequence[Mapping[str, Any]], labels: Labels) -> None:
    """Add what the people and records in fields of several are called, all rows in one query for each kind.

    Whoever may read a record may know what it leads to is called, as with a link to one.
    """
    add_people(session, entity, rows, labels)
    wanted: dict[str, set[int]] = defaultdict(set)
    for field in entity.links_fields:
        for values in rows:
            wanted[field.to or ""].update(values.get(field.key) or ())
    lookups = Lookups(session)
    for target, ids in wanted.items():
        fresh = sorted(id_ for id_ in ids if (target, id_) not in labels)
        if fresh:
            entity_ = session.app.entities[target]
            lookups.load(target, fresh)
            found = [row for row in (lookups.linked(target, id_) for id_ in fresh) if row is not None]
            inner = label_names(session.app, entity_, found, lookups)
            labels |= {(target, row["id"]): display(entity_, row, inner) for row in found}


def require_targets(session: Session, entity: Entity, values: Mapping[str, Any]) -> None:
    """Raise ``NotPossibleNow`` when a record linked to in ``values`` is deleted, and keep the others from being so."""
    by_target: dict[str, dict[int, Field]] = defaultdict(dict)
    for _, field, id_ in _chosen(entity, values):
        if field.to is not None:
            by_target[field.to][id_] = field
    rank = session.app.rollups.rank
    for target, fields in sorted(by_target.items(), key=lambda one: rank.get(one[0], 0)):
        table = session.tables.entity[target]
        alive = select(table.c.id).where(table.c.id.in_(fields), table.c.deleted_at.is_(None))
        kept = set(session.connection.execute(kept_for_link(session, alive, table)).scalars())
        for id_, field in fields.items():
            if id_ not in kept:
                raise NotPossibleNow("record.link_deleted", label=field.label)


def kept_for_link(session: Session, found: Select[Any], table: Table) -> Select[Any]:
    """Return a select of records to be linked to, which keeps them from being deleted before the link is written.

    Whoever deletes a record wants it alone, and so waits until the link is there; whoever edits it does not.
    """
    if not session.writes:
        return found
    return found.order_by(table.c.id).with_for_update(of=table, read=True, key_share=True)


def fetch_values(
    fields: Mapping[str, Field], fetched: Iterable[Field], values: dict[str, Any], before: Mapping[str, Any], env: Env
) -> None:
    """Fill ``fetched`` from linked records: empty ones, and read-only ones whenever one of the links changed."""
    for field in fetched:
        led = [(fields[link].to, values[link], there) for link, there in field.fetch if values.get(link) is not None]
        moved = field.readonly and any(values.get(link) != before.get(link) for link, _ in field.fetch)
        if led and (moved or values.get(field.key) is None):
            rows = ((env.lookup.linked(target or "", id_) or {}, there) for target, id_, there in led)
            values[field.key] = next(
                (fitted(field, row[there]) for row, there in rows if row.get(there) is not None), None
            )


def _chosen(
    entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Chosen]:
    pointing = entity.pointing
    for key, value in values.items():
        if value is None or key not in pointing:
            continue
        field = pointing[key]
        if field.target is not None:
            old_ids = before.get(key) if field.type.many else None
            for id_ in value if field.type.many else [value]:
                if id_ not in (old_ids or ()):
                    yield key, field, id_
        elif field.type.has_rows:
            old = {row.get("id"): row for row in before.get(key) or ()}
            for at, row in enumerate(value):
                known = old.get(row.get("id"), {}) if row.get("id") is not None else {}
                for name, column in field.link_columns:
                    if row.get(name) is not None and row[name] != known.get(name):
                        yield f"{key}.{at}.{name}", column, row[name]


def _linked(entity: Entity, values: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Chosen]:
    """Yield the links whose conditions read the record, as far as they or what is read changed."""
    for field in entity.judged_links:
        key = field.key
        if _reads_record(field) and _differs(field, key, values, before) and values.get(key) is not None:
            yield from ((key, field, id_) for id_ in (values[key] if field.type.many else [values[key]]))
        for name, column in field.link_columns:
            if not _reads_record(column):
                continue
            old = {row.get("id"): row for row in before.get(key) or ()}
            for at, row in enumerate(values.get(key) or ()):
                known = old.get(row.get("id"), {}) if row.get("id") is not None else {}
                read_differs = any(values.get(one) != before.get(one) for one in _reads_record(column))
                if row.get(name) is not None and (read_differs or row[name] != known.get(name)):
                    yield f"{key}.{at}.{name}", column, row[name]


def _differs(field: Field, key: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return any(values.get(one) != before.get(one) for one in (key, *_reads_record(field)))


def _reads_record(field: Field) -> frozenset[str]:
    return field.judged_by


def _may_lead_to(field: Field, id_: int, env: Env) -> bool:
    return field.where is None or field.where.run(env.lookup.linked(field.to or "", id_) or {}, env) is True


def _say_once(errors: list[FieldError], error: FieldError) -> None:
    """Add an error unless it was said: of several in one list one sentence does."""
    if error not in errors:
        errors.append(error)


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
        found = select(*columns).where(is_one_of(table.c.id, "ids"), table.c.deleted_at.is_(None), visible)
        return kept_for_link(session, found, table)

    scope = ALL if ALL in rights.read else rights.read
    statement = session.prepared(("choose", target, scope, session.writes), build)
    given = parameters(session, actor) | {"ids": list(ids)}
    for row in statement.fetch_all(session.connection, given):
        lookups.allow(target, to_values(entity, row))


def _enabled(session: Session, ids: set[int]) -> frozenset[int]:
    if not ids:
        return frozenset()

    def build() -> Any:
        return select(users.c.id).where(is_one_of(users.c.id, "ids"), users.c.disabled_at.is_(None))

    rows = session.prepared("enabled people", build).fetch_all(session.connection, {"ids": list(ids)})
    return frozenset(row[0] for row in rows)
