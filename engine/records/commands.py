"""Creating, changing and deleting records: one function per mutation.

Enters: a session in a write transaction, the entity's key, ``raw`` values as somebody typed them, the actor. Leaves:
the record, with history and event in the same transaction; or one of the five errors, and nothing written. Must not
be gone around: form, API, import and automation all call these.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.attachments import check_uploads
from engine.records.completing import check_complete, compute_values, set_defaults
from engine.records.evaluation import make_env, site_zone
from engine.records.lines import overlay
from engine.records.links import check_links, fetch_values
from engine.records.owning import first_owner, next_owner
from engine.records.record import Record, without_hidden
from engine.records.removal import require_delete, require_undecided, require_unused
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.values import read_values
from engine.records.writing import born, insert_record, lock_record, save_changes
from engine.storage.journal import write_event, write_history
from engine.storage.store import Session
from engine.storage.system_tables import users

Raw = Mapping[str, Any]


class Stale(NotPossibleNow):
    """Somebody else changed the record since it was shown: ``record`` is how it is now."""

    def __init__(self, record: Record, *, by: str, at: str) -> None:
        super().__init__("stale", by=by, at=at)
        self.record = record


def create_record(
    session: Session, entity: str, raw: Raw, *, actor: Actor, origin: Mapping[str, Any] | None = None
) -> Record:
    """Create a record; ``origin`` says what it was made from, for the history.

    Raises ``NotFound`` (no such entity), ``NotAllowed`` and ``InvalidValues`` with an error beside each wrong field.
    """
    compiled = get_entity(session.app, entity)
    rights = require_create(session, compiled, actor)
    env = make_env(session, actor)
    values = prepare_new(session, compiled, raw, actor=actor, rights=rights, env=env)
    made = insert_record(session, compiled, values, actor=actor, env=env, details=origin)
    return without_hidden(replace(made, hidden=rights.hidden))


def update_record(session: Session, entity: str, id: int, raw: Raw, *, version: int, actor: Actor) -> Record:
    """Change the fields in ``raw``; the others stay. ``version`` is the one the actor saw.

    Raises ``NotFound``, ``NotAllowed``, ``Stale`` and ``InvalidValues``.
    """
    compiled = get_entity(session.app, entity)
    record = lock_record(session, compiled, id, actor=actor)
    require_write(record)
    require_version(session, record, version)
    changes = apply_values(session, compiled, record, raw, actor=actor)
    saved = save_changes(session, compiled, record, changes, actor=actor, action="update", event="updated")
    return without_hidden(saved)


def delete_record(session: Session, entity: str, id: int, *, version: int, actor: Actor) -> None:
    """Put a record into the recycle bin.

    Raises ``NotFound``, ``NotAllowed``, ``Stale``, and ``NotPossibleNow`` when it is in use.
    """
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    record = lock_record(session, compiled, id, actor=actor)
    require_delete(session, compiled, id, rights=rights, actor=actor)
    require_version(session, record, version)
    require_undecided(session, entity, id)
    require_unused(session, compiled, id)
    table = session.tables.entity[entity]
    gone = {"deleted_at": session.now(), "version": record.version + 1}
    session.connection.execute(update(table).where(table.c.id == id).values(**gone))
    write_history(session, entity, id, record.version + 1, "delete", {}, actor=actor)
    write_event(session, f"{entity}.deleted", entity, id, {"version": record.version + 1})


def prepare_new(
    session: Session, entity: Entity, raw: Raw, *, actor: Actor, rights: Rights, env: Env
) -> dict[str, Any]:
    """Return the complete, judged values of a new record; raises ``InvalidValues``. Writes nothing."""
    values, errors = complete_new(session, entity, raw, actor=actor, rights=rights, env=env)
    check_complete(entity, values, env, errors, at="create")
    if errors:
        raise InvalidValues(errors)
    return values


def complete_new(
    session: Session, entity: Entity, raw: Raw, *, actor: Actor, rights: Rights, env: Env
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the values a new record would have and what is wrong with those typed, as a form shows while typing."""
    errors: list[FieldError] = []
    given = dict(raw)
    owner = given.pop("owner", None)
    values = read_values(entity.fields, given, rights=rights, zone=site_zone(session.app), errors=errors)
    for field in entity.line_fields:
        if field.key in values:
            values[field.key] = overlay(field, (), values[field.key], env, errors)
    fresh = born(session, entity, actor)
    _check_writable(entity, fresh, values, env, errors)
    values |= fresh | first_owner(session, owner, rights=rights, actor=actor, errors=errors)
    _attach_uploads(session, entity, values, {}, actor, errors)
    set_defaults(entity.fields, values, env)
    check_links(session, entity, values, actor=actor, env=env, errors=errors)
    _fetch(entity, values, {}, env)
    compute_values(entity, values, env, errors)
    return values, errors


def apply_values(
    session: Session, entity: Entity, record: Record, raw: Raw, *, actor: Actor, unlocked: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the typed changes that ``raw`` makes to a locked record, judged as a whole; raises ``InvalidValues``.

    ``unlocked`` are fields that may be filled although the stage locks them: those the move being made asks for.
    """
    env = make_env(session, actor)
    values, errors = complete_changed(session, entity, record, raw, actor=actor, env=env, unlocked=unlocked)
    check_complete(entity, values, env, errors, at="update")
    if errors:
        raise InvalidValues(errors)
    return {key: value for key, value in values.items() if value != record.values.get(key)}


def complete_changed(
    session: Session,
    entity: Entity,
    record: Record,
    raw: Raw,
    *,
    actor: Actor,
    env: Env,
    unlocked: frozenset[str] = frozenset(),
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the values the record would have after ``raw``, and what is wrong with those typed."""
    errors: list[FieldError] = []
    rights = find_rights(session.app, entity, actor)
    given = dict(raw)
    owner = {"owner": given.pop("owner")} if "owner" in given else {}
    sent = read_values(entity.fields, given, rights=rights, zone=site_zone(session.app), errors=errors)
    for field in entity.line_fields:
        if field.key in sent:
            sent[field.key] = overlay(field, record.values[field.key], sent[field.key], env, errors)
    if owner:
        present = {key: record.values[key] for key in ("owner", "team")}
        sent |= next_owner(session, owner["owner"], present, rights=rights, errors=errors)
    _attach_uploads(session, entity, sent, record.values, actor, errors)
    changed = {key: value for key, value in sent.items() if value != record.values.get(key)}
    judged = {key: changed[key] for key in changed.keys() - unlocked}
    _check_unlocked(entity, record, judged, errors)
    _check_writable(entity, record.values, judged, env, errors)
    check_links(session, entity, changed, actor=actor, env=env, errors=errors, before=record.values)
    values = {**record.values, **changed}
    values |= {field.key: [dict(row) for row in values[field.key]] for field in entity.line_fields}
    _fetch(entity, values, record.values, env)
    compute_values(entity, values, env, errors)
    return values, errors


def require_create(session: Session, entity: Entity, actor: Actor) -> Rights:
    """Return the actor's rights; raises ``NotAllowed`` when they may not create records of ``entity``."""
    rights = find_rights(session.app, entity, actor)
    if not rights.create:
        raise NotAllowed("record.no_create", entity=entity.label)
    return rights


def require_write(record: Record) -> None:
    """Raise ``NotAllowed`` when the actor may see the record but not change it."""
    if not record.can_write:
        raise NotAllowed("record.no_write")


def require_version(session: Session, record: Record, version: int) -> None:
    """Raise ``Stale`` when the record is no longer the version the actor saw."""
    if record.version == version:
        return
    found = session.connection.execute(select(users.c.name).where(users.c.id == record.values["updated_by"])).scalar()
    at = record.values["updated_at"].astimezone(site_zone(session.app))
    raise Stale(without_hidden(record), by=found or "—", at=f"{at:%m-%d %H:%M}")


def _attach_uploads(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    before: Mapping[str, Any],
    actor: Actor,
    errors: list[FieldError],
) -> None:
    for field in entity.file_fields:
        if field.key in values:
            present = before.get(field.key) or ()
            values[field.key] = check_uploads(
                session, field, values[field.key] or (), present, actor=actor, errors=errors
            )


def _check_unlocked(entity: Entity, record: Record, changed: Mapping[str, Any], errors: list[FieldError]) -> None:
    """Add an error for each changed field that the record's stage locks."""
    stage = entity.workflow.stages.get(record.values.get("stage") or "") if entity.workflow else None
    if stage is not None:
        locked = [key for key in changed if key in stage.locked]
        errors += [
            FieldError(key, "value.locked", {"label": entity.fields[key].label, "stage": stage.label}) for key in locked
        ]


def _check_writable(
    entity: Entity, before: Mapping[str, Any], sent: Mapping[str, Any], env: Env, errors: list[FieldError]
) -> None:
    """Add an error for each sent field that is read-only by what the record was before."""
    for key in sent:
        field = entity.fields.get(key)
        if field is not None and field.readonly_when is not None and field.readonly_when.run(before, env) is True:
            errors.append(FieldError(key, "value.readonly", {"label": field.label}))


def _fetch(entity: Entity, values: dict[str, Any], before: Mapping[str, Any], env: Env) -> None:
    fetch_values(entity.fields, entity.plan.fetched, values, before, env)
    for field in entity.line_fields:
        old = {row["id"]: row for row in before.get(field.key) or ()}
        for row in values.get(field.key) or ():
            fetch_values(field.fields, field.column_plan.fetched, row, old.get(row.get("id"), {}), env)
