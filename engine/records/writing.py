"""The primitives every mutation of a record is made of: lock, insert, save.

Enters: typed, judged values. Leaves: the row, its lines and files, one history row and one event, all in the session's
transaction. Must not be called from outside ``records`` and ``workflow``: those check rights and gates first.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, true, update

from engine.compiler.app import Entity
from engine.errors import NotFound, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor, engine_actor
from engine.records.attachments import attach, read_attachments
from engine.records.booking import concerned, find_entries, write_entries
from engine.records.columns import record_columns, to_values
from engine.records.completing import compute_values
from engine.records.differences import Changes, find_changes, to_json
from engine.records.duplicates import NOT_DUPLICATE
from engine.records.evaluation import make_env, parameters
from engine.records.found_links import follow_links, make_missing
from engine.records.hits import keep_confirmed
from engine.records.keeping import keep_found
from engine.records.lines import read_lines, write_lines
from engine.records.masking import Masking
from engine.records.numbers import draw_series
from engine.records.protecting import begin_owned, end_owned, first_standing, follow_owned, out_of_pool, resume_owned
from engine.records.record import Record
from engine.records.rights import ALL, Doing, find_rights, scope_condition
from engine.records.rollups import Written, followed
from engine.records.stays import begin_stays, follow_dates, follow_stay, resume_stay
from engine.records.uniqueness import explained
from engine.storage.faults import Unavailable
from engine.storage.journal import BOOK, event_row, history_row, write_change, write_event, write_history
from engine.storage.store import Session
from engine.storage.tables import column_name

_WRITING: tuple[Doing, Doing] = ("write", "own")
_PATIENCE = 5.0
"""Seconds a deletion waits for those who use the record at this moment."""


def lock_record(
    session: Session, entity: Entity, id: int, *, actor: Actor | None, alone: bool = False, deleted: bool = False
) -> Record:
    """Lock and return a record with all its values; ``actor=None`` is the engine itself, after its own checks.

    Others may go on linking to it, unless it is wanted ``alone``, as a deletion does; ``deleted`` looks for it in the
    recycle bin, and only there. ``Record.can_write`` says whether the actor's write scope holds the row. Raises
    ``NotFound`` when the record is absent or the actor may not see it.
    """
    if not 0 < id < 2**63:
        raise NotFound()
    rights = None if actor is None else find_rights(session.app, entity, actor)
    scopes = (ALL, ALL) if rights is None else (_scope_key(rights.read), _scope_key(rights.write), rights.masked)
    masking = Masking(entity, rights)
    table = session.tables.entity[entity.key]

    def build() -> Any:
        seen: Doing = "own" if deleted else "read"  # no share reaches into the recycle bin
        readable = true() if rights is None else scope_condition(session.tables, entity, table, rights.read, seen)
        writable, owned = (
            true() if rights is None else scope_condition(session.tables, entity, table, rights.write, doing)
            for doing in _WRITING
        )
        columns = [*record_columns(table, entity), *masking.columns(session.tables, table)]
        columns += [table.c.release_id, owned.label("owns"), writable.label("can_write")]
        there = table.c.deleted_at.is_not(None) if deleted else table.c.deleted_at.is_(None)
        return select(*columns).where(table.c.id == bindparam("record_id"), there, readable)

    given = {"record_id": id} | (parameters(session, actor) if actor is not None else {})
    row = _lock(session, table, ("lock", entity.key, scopes, deleted), build, given, alone)
    if row is None:
        raise NotFound()
    values: dict[str, Any] = to_values(entity, row)
    if entity.line_fields:
        values |= read_lines(session, entity, id)
    if entity.file_fields:
        values |= read_attachments(session, entity, id)
    version, can_write, owns = values.pop("version"), bool(row[-1]), bool(row[-2])
    found = Record(entity.key, id, version, values, can_write=can_write, owns=owns, release_id=row[-3])
    return masking.mark(found, row[:-3])


def _lock(
    session: Session,
    table: Table,
    key: tuple[Any, ...],
    build: Callable[[], Any],
    given: Mapping[str, Any],
    alone: bool,
) -> tuple[Any, ...] | None:
    """Return the row and lock it.

    Who links to a record holds a key share of it, and may want the row itself a moment later to bring up to date what
    it rolls up. So a deletion must not wait in line before them: it looks again until nobody holds the row.
    """
    if not alone:
        statement = session.prepared(key, lambda: build().with_for_update(of=table, key_share=True))
        return statement.fetch_one(session.connection, given)
    statement = session.prepared((*key, "alone"), lambda: build().with_for_update(of=table, skip_locked=True))
    until = time.monotonic() + _PATIENCE
    while (row := statement.fetch_one(session.connection, given)) is None:
        there = session.prepared((*key, "there"), build).fetch_one(session.connection, given)
        if there is None or time.monotonic() > until:
            break
        time.sleep(0.02)
    else:
        return row
    if there is None:
        return None
    raise Unavailable("storage.busy")


def insert_record(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    *,
    actor: Actor,
    env: Env,
    action: str = "create",
    details: Mapping[str, Any] | None = None,
    reminds: bool = True,
) -> Record:
    """Write a new record of complete, judged values; without ``reminds`` nobody will be reminded of its first stage.

    Raises ``InvalidValues`` when the database finds a repeat.
    """
    make_missing(session, entity, values, actor=actor, env=env, insert=insert_row)
    prepared: list[Written] = [({}, values)]
    entries = find_entries(session, entity, prepared, actor=actor, env=env, prepare=_prepare) if entity.books else []
    with followed(session, entity, prepared, actor=actor, also=concerned(entries)):
        made = _insert(session, entity, values, actor, env, action, details, reminds)
        write_entries(session, entity, entries, actor=actor, env=env, insert=_insert_rows)
    return made


def insert_row(session: Session, entity: Entity, values: dict[str, Any], actor: Actor, env: Env) -> None:
    """Write a record nobody typed; ``values`` get its id."""
    insert_record(session, entity, values, actor=actor, env=env, action=BOOK)


def _insert_rows(session: Session, entity: Entity, many: Sequence[dict[str, Any]], actor: Actor, env: Env) -> None:
    """Write the entries of a ledger: all of them first, then all that adds them up, once."""
    written: list[Written] = [({}, values) for values in many]
    entries = find_entries(session, entity, written, actor=actor, env=env, prepare=_prepare) if entity.books else []
    with followed(session, entity, written, actor=actor, also=concerned(entries)):
        for values in many:
            _insert(session, entity, values, actor, env, BOOK, None, True)
        write_entries(session, entity, entries, actor=actor, env=env, insert=_insert_rows)


def _prepare(session: Session, entity: Entity, values: dict[str, Any], actor: Actor, env: Env) -> None:
    make_missing(session, entity, values, actor=actor, env=env, insert=insert_row)


def _insert(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    actor: Actor,
    env: Env,
    action: str,
    details: Mapping[str, Any] | None,
    reminds: bool,
) -> Record:
    distinct = values.pop(NOT_DUPLICATE, None)
    values |= draw_series(session, entity, [values], env)[0] | first_standing(session, entity, values, env)
    row = new_row(session, entity, values, env=env)
    table = session.tables.entity[entity.key]
    statement = session.prepared(("insert", entity.key), lambda: insert(table).returning(table.c.id), tuple(row))
    with explained(session, entity, [values], actor=actor):
        inserted = statement.fetch_one(session.connection, row)
    assert inserted is not None  # noqa: S101 - an insert returns its row
    id_ = values["id"] = int(inserted[0])
    for field in entity.line_fields:
        write_lines(session, entity, field, id_, (), values.get(field.key) or ())
    for field in entity.file_fields:
        if values.get(field.key):
            attach(session, entity.key, id_, field.key, [one["id"] for one in values[field.key]])
    keep_found(session, entity, [(id_, {}, values)])
    keep_confirmed(session, entity, id_, values, distinct, actor)
    told, note = told_with(find_changes(entity, {}, values), distinct)
    write_change(
        session,
        history_row(session, entity.key, id_, 1, action, told, actor=actor, note=note),
        event_row(session, f"{entity.key}.created", entity.key, id_, {"version": 1, **(details or {})}),
    )
    begin_stays(session, entity, [values], by=actor.id, reminds=reminds)
    begin_owned(session, entity, [values], actor=actor, action=action)
    whole = entity.empty_values() | values
    return Record(entity.key, id_, 1, whole, can_write=True, release_id=session.release_id)


def told_with(changes: Changes, distinct: Mapping[str, Any] | None) -> tuple[dict[str, Any], str | None]:
    """Return what the history of a new record tells, and the note: why it is no duplicate, if somebody said so."""
    if distinct is None:
        return dict(changes), None
    return {**changes, "": {NOT_DUPLICATE: distinct}}, distinct["why"]


def new_row(session: Session, entity: Entity, values: dict[str, Any], *, env: Env) -> dict[str, Any]:
    """Return the columns of a new record, whose ``values`` began with ``born``."""
    system = {
        "number": values["number"],
        "stage": values["stage"],
        "owner_id": values.get("owner"),
        "team_id": values.get("team"),
        "created_at": values["created_at"],
        "created_by": values["created_by"],
        "updated_at": values["updated_at"],
        "updated_by": values["updated_by"],
        "version": 1,
        "release_id": session.release_id,
    }
    return system | {field.key: values.get(field.key) for field in entity.stored_fields}


def save_changes(
    session: Session,
    entity: Entity,
    record: Record,
    changes: Mapping[str, Any],
    *,
    actor: Actor | None,
    action: str,
    event: str,
    note: str | None = None,
    details: Mapping[str, Any] | None = None,
    env: Env | None = None,
) -> Record:
    """Overlay ``changes`` (typed values, ``stage`` and ``owner`` included) on a locked record, compute, and write.

    ``event`` is the last part of the event's name (``moved`` gives ``quote.moved``); ``details`` travel with history
    and event. Nothing is written when nothing changed and ``action`` is ``update``.
    """
    env = env or make_env(session, actor)
    values = {**record.values, **changes}
    values |= out_of_pool(entity, changes)
    distinct = values.pop(NOT_DUPLICATE, None)
    details = {**(details or {}), NOT_DUPLICATE: distinct} if distinct else details
    note = note or (distinct["why"] if distinct else None)
    values |= {field.key: [dict(row) for row in values[field.key]] for field in entity.line_fields}
    follow_links(session, entity, record.values, values, env)
    compute_values(entity, values, env, [], record.values)
    acting = actor or engine_actor(values.get("owner") or 0, values.get("team"))
    make_missing(session, entity, values, actor=acting, env=env, insert=insert_row)
    changed = find_changes(entity, record.values, values)
    if not changed and action == "update":
        return record
    now = {"updated_at": session.now(), "updated_by": None if actor is None else actor.id}
    keep_confirmed(session, entity, record.id, values, distinct, actor)
    written = [(record.values, values | now)]
    entries = find_entries(session, entity, written, actor=acting, env=env, prepare=_prepare) if entity.books else []
    with followed(session, entity, written, actor=actor, also=concerned(entries)):
        _save(session, entity, record, values, changed, actor, env, action, event, note, details)
        write_entries(session, entity, entries, actor=acting, env=env, insert=_insert_rows)
    return replace(record, version=record.version + 1, values=values | now, labels={}, release_id=session.release_id)


def remove_record(
    session: Session,
    entity: Entity,
    record: Record,
    *,
    actor: Actor,
    action: str = "delete",
    details: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Put a locked record into the recycle bin; whether it may go was asked before."""
    table, version = session.tables.entity[entity.key], record.version + 1
    with followed(session, entity, [(record.values, {})], actor=actor):
        gone = {"deleted_at": session.now(), "version": version}
        session.connection.execute(update(table).where(table.c.id == record.id).values(**gone))
        keep_found(session, entity, [(record.id, record.values, {})])
        end_owned(session, entity, record.id)
        told = {"": dict(details)} if details else {}
        write_history(session, entity.key, record.id, version, action, told, actor=actor)
        write_event(session, f"{entity.key}.deleted", entity.key, record.id, {"version": version, **details})


def bring_back(session: Session, entity: Entity, record: Record, *, actor: Actor) -> Record:
    """Take a locked record out of the recycle bin; whether it may come back was asked before.

    What is worked out from other records is worked out anew, since those changed without it; what fell due meanwhile
    happens now, once. Raises ``InvalidValues`` when another record has taken what must be unique.
    """
    env = make_env(session, actor)
    values = record.values | {
        field.key: [dict(row) for row in record.values[field.key]] for field in entity.line_fields
    }
    compute_values(entity, values, env, [], record.values)
    changed = find_changes(entity, record.values, values)
    version, now = record.version + 1, {"updated_at": session.now(), "updated_by": actor.id}
    row = {"deleted_at": None}
    with followed(session, entity, [({}, values | now)], actor=actor):
        since = deleted_since(session, entity, record.id)
        _update_row(session, entity, record, values, changed, actor, env, version, row)
        update_lines(session, entity, record, values, changed)
        keep_found(session, entity, [(record.id, {}, values)])
        write_history(session, entity.key, record.id, version, "restore", dict(changed), actor=actor)
        resume_stay(session, entity, record.id, version, since=since)
        follow_dates(session, entity, record.id, version, values, changed)
        resume_owned(session, entity, values, actor=actor)
        write_event(session, f"{entity.key}.restored", entity.key, record.id, {"version": version})
    return replace(record, version=version, values=values | now, release_id=session.release_id)


def _save(
    session: Session,
    entity: Entity,
    record: Record,
    values: dict[str, Any],
    changed: Changes,
    actor: Actor | None,
    env: Env,
    action: str,
    event: str,
    note: str | None,
    details: Mapping[str, Any] | None,
) -> None:
    version = record.version + 1
    _update_row(session, entity, record, values, changed, actor, env, version)
    update_lines(session, entity, record, values, changed)
    for field in entity.file_fields:
        if field.key in changed:
            attach(session, entity.key, record.id, field.key, [one["id"] for one in values[field.key]])
    keep_found(session, entity, [(record.id, record.values, values)])
    told: dict[str, Any] = dict(changed) if details is None else {**changed, "": dict(details)}
    by = None if actor is None else actor.id
    follow_stay(session, entity, record.id, version, record.values, values, changed, by=by)
    follow_owned(session, entity, values, changed, actor=actor, action=action, note=note, details=details)
    payload = {"version": version, "changed": sorted(changed), **(details or {})}
    write_change(
        session,
        history_row(session, entity.key, record.id, version, action, told, actor=actor, note=note),
        event_row(session, f"{entity.key}.{event}", entity.key, record.id, payload),
    )


def update_lines(session: Session, entity: Entity, record: Record, values: Mapping[str, Any], changed: Changes) -> None:
    """Write the line tables that changed; ``changed`` gets the ids of new lines."""
    for field in entity.line_fields:
        if field.key in changed:
            write_lines(session, entity, field, record.id, record.values[field.key], values[field.key])
            changed[field.key][1] = to_json(field, values[field.key])  # with the ids of new lines


def deleted_since(session: Session, entity: Entity, id: int) -> datetime:
    """Return when a record was put into the recycle bin."""
    table = session.tables.entity[entity.key]
    found: datetime = session.connection.execute(select(table.c.deleted_at).where(table.c.id == id)).scalar_one()
    return found


def _scope_key(scopes: frozenset[str]) -> Any:
    return ALL if ALL in scopes else scopes


def _update_row(
    session: Session,
    entity: Entity,
    record: Record,
    values: Mapping[str, Any],
    changed: Changes,
    actor: Actor | None,
    env: Env,
    version: int,
    system: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write what changed, and ``system`` columns besides."""
    table = session.tables.entity[entity.key]
    row: dict[str, Any] = {column_name(key): values[key] for key in changed if column_name(key) in table.c}
    row |= {"version": version, "release_id": session.release_id}
    row |= {"updated_at": session.now(), "updated_by": None if actor is None else actor.id}
    row |= system
    statement = session.prepared(("update", entity.key, tuple(row)), lambda: _update_statement(table, tuple(row)))
    given = {f"new_{key}": value for key, value in row.items()} | {"record_id": record.id, "seen": record.version}
    may_repeat = not session.tables.compared[entity.key].isdisjoint(row)
    with explained(session, entity, [values], actor=actor) if may_repeat else nullcontext():
        result = statement.execute(session.connection, given)
    if result.rowcount != 1:
        raise NotPossibleNow("record.changed")


def _update_statement(table: Table, columns: tuple[str, ...]) -> Any:
    row = {key: bindparam(f"new_{key}", type_=table.c[key].type) for key in columns}
    where = (table.c.id == bindparam("record_id"), table.c.version == bindparam("seen"))
    return update(table).where(*where).values(row)
