"""The primitives every mutation of a record is made of: lock, insert, save.

Enters: typed, judged values. Leaves: the row, its lines and files, one history row and one event, all in the session's
transaction. Must not be called from outside ``records`` and ``workflow``: those check rights and gates first.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, true, update

from engine.compiler.app import Entity
from engine.errors import NotFound, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.attachments import attach, read_attachments
from engine.records.columns import record_columns, to_values
from engine.records.completing import compute_values
from engine.records.evaluation import make_env, parameters
from engine.records.lines import read_lines, write_lines
from engine.records.numbers import draw_number
from engine.records.record import Record, display
from engine.records.rights import ALL, find_rights, scope_condition
from engine.records.uniqueness import explained
from engine.storage.journal import write_event, write_history
from engine.storage.store import Session
from engine.storage.tables import column_name

Changes = dict[str, list[Any]]
"""What changed, as the history keeps it: ``{field: [old, new]}`` in JSON form."""


def lock_record(session: Session, entity: Entity, id: int, *, actor: Actor | None) -> Record:
    """Lock and return a record with all its values; ``actor=None`` is the engine itself, after its own checks.

    ``Record.can_write`` says whether the actor's write scope holds the row. Raises ``NotFound`` when the record is
    absent or the actor may not see it.
    """
    if not 0 < id < 2**63:
        raise NotFound()
    rights = None if actor is None else find_rights(session.app, entity, actor)
    scopes = (ALL, ALL) if rights is None else (_scope_key(rights.read), _scope_key(rights.write))
    table = session.tables.entity[entity.key]

    def build() -> Any:
        readable = true() if rights is None else scope_condition(session.tables, entity, table, rights.read)
        writable = true() if rights is None else scope_condition(session.tables, entity, table, rights.write)
        columns = [*record_columns(table, entity), writable.label("can_write")]
        found = select(*columns).where(table.c.id == bindparam("record_id"), table.c.deleted_at.is_(None), readable)
        return found.with_for_update(of=table)

    given: dict[str, Any] = {"record_id": id}
    if actor is not None:
        given |= parameters(session, actor)
    row = session.prepared(("lock", entity.key, scopes), build).fetch_one(session.connection, given)
    if row is None:
        raise NotFound()
    values: dict[str, Any] = to_values(entity, row)
    if entity.line_fields:
        values |= read_lines(session, entity, id)
    if entity.file_fields:
        values |= read_attachments(session, entity, id)
    hidden = frozenset() if rights is None else rights.hidden
    return Record(entity.key, id, values.pop("version"), values, can_write=bool(row[-1]), hidden=hidden)


def insert_record(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    *,
    actor: Actor,
    env: Env,
    action: str = "create",
    details: Mapping[str, Any] | None = None,
) -> Record:
    """Write a new record of complete, judged values; raises ``InvalidValues`` when the database finds a repeat."""
    values["number"] = draw_number(session, entity)
    row = new_row(session, entity, values, env=env)
    table = session.tables.entity[entity.key]
    statement = session.prepared(("insert", entity.key), lambda: insert(table).returning(table.c.id), tuple(row))
    with explained(session, entity):
        inserted = statement.fetch_one(session.connection, row)
    assert inserted is not None  # noqa: S101 - an insert returns its row
    id_ = values["id"] = int(inserted[0])
    for field in entity.line_fields:
        write_lines(session, entity, field, id_, (), values.get(field.key) or ())
    for field in entity.file_fields:
        if values.get(field.key):
            attach(session, entity.key, id_, field.key, [one["id"] for one in values[field.key]])
    write_history(session, entity.key, id_, 1, action, find_changes(entity, {}, values), actor=actor)
    write_event(session, f"{entity.key}.created", entity.key, id_, {"version": 1, **(details or {})})
    return Record(entity.key, id_, 1, entity.empty_values() | values, can_write=True)


def born(session: Session, entity: Entity, actor: Actor) -> dict[str, Any]:
    """Return the system fields of a record that begins now: rules and computed fields may read them."""
    now = session.now()
    stage = entity.workflow.first if entity.workflow else None
    return {"stage": stage, "created_at": now, "created_by": actor.id, "updated_at": now, "updated_by": actor.id}


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
        "search_text": search_text(session, entity, values, env),
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
    values |= {field.key: [dict(row) for row in values[field.key]] for field in entity.line_fields}
    compute_values(entity, values, env, [])
    changed = find_changes(entity, record.values, values)
    if not changed and action == "update":
        return record
    version = record.version + 1
    _update_row(session, entity, record, values, changed, actor, env, version)
    for field in entity.line_fields:
        if field.key in changed:
            write_lines(session, entity, field, record.id, record.values[field.key], values[field.key])
            changed[field.key][1] = _to_json(field, values[field.key])  # with the ids of new lines
    for field in entity.file_fields:
        if field.key in changed:
            attach(session, entity.key, record.id, field.key, [one["id"] for one in values[field.key]])
    told: dict[str, Any] = dict(changed) if details is None else {**changed, "": dict(details)}
    write_history(session, entity.key, record.id, version, action, told, actor=actor, note=note)
    payload = {"version": version, "changed": sorted(changed), **(details or {})}
    write_event(session, f"{entity.key}.{event}", entity.key, record.id, payload)
    values |= {"updated_at": session.now(), "updated_by": None if actor is None else actor.id}
    return Record(entity.key, record.id, version, values, can_write=record.can_write, hidden=record.hidden)


def search_text(session: Session, entity: Entity, values: Mapping[str, Any], env: Env) -> str:
    """Return what a record is found by: lower case, full-width forms folded."""
    parts = []
    for key in entity.search:
        value = values.get(key)
        if value is None:
            continue
        target = entity.fields[key].to if key in entity.fields else None
        if target is not None:
            value = display(session.app.entities[target], env.lookup.linked(target, value) or {})
        parts.append(str(value))
    return unicodedata.normalize("NFKC", "\n".join(parts)).lower()


def find_changes(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return old and new of every value that differs, in JSON form."""
    found: Changes = {}
    for key in ("number", "stage", "owner", "team"):
        if before.get(key) != after.get(key):
            found[key] = [before.get(key), after.get(key)]
    for key, field in entity.fields.items():
        old, new = before.get(key), after.get(key)
        if old != new:
            told = [_to_json(field, old), _to_json(field, new)]
            if told != _NOTHING:
                found[key] = told
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
) -> None:
    table = session.tables.entity[entity.key]
    row = {column_name(key): values[key] for key in changed if column_name(key) in table.c}
    row |= {"version": version, "updated_at": session.now(), "updated_by": None if actor is None else actor.id}
    if any(key in changed for key in entity.search):
        row["search_text"] = search_text(session, entity, values, env)
    statement = session.prepared(("update", entity.key, tuple(row)), lambda: _update_statement(table, tuple(row)))
    given = {f"new_{key}": value for key, value in row.items()} | {"record_id": record.id, "seen": record.version}
    with explained(session, entity):
        result = statement.execute(session.connection, given)
    if result.rowcount != 1:
        raise NotPossibleNow("record.changed")


def _update_statement(table: Table, columns: tuple[str, ...]) -> Any:
    row = {key: bindparam(f"new_{key}", type_=table.c[key].type) for key in columns}
    where = (table.c.id == bindparam("record_id"), table.c.version == bindparam("seen"))
    return update(table).where(*where).values(row)


_NOTHING = [None, None]  # an empty list and None are the same to a reader


def _to_json(field: Any, value: Any) -> Any:
    if value is None or value == []:
        return None
    if field.type.key == "lines":
        return [_row_to_json(field, row) for row in value]
    if field.type.key == "file":
        return [{"id": one["id"], "name": one["name"]} for one in value]
    return field.type.to_json(value)


def _row_to_json(field: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: column.type.to_json(row[key]) for key, column in field.fields.items() if row.get(key) is not None}
    return {"id": row["id"], **told} if row.get("id") is not None else told
