"""Creating, changing and deleting records: one function per mutation.

Enters: a session in a write transaction, the entity's key, ``raw`` values as somebody typed them, the actor. Leaves:
the record, with history and event in the same transaction; or one of the five errors, and nothing written. Must not
be gone around: form, API, import and automation all call these.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Entity
from engine.compiler.app.ownership import POOL
from engine.compiler.readers import is_empty
from engine.errors import FieldError, InvalidValues, NotAllowed, NotPossibleNow
from engine.expression import Env
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records.aliases import last_of
from engine.records.attachments import check_uploads
from engine.records.completing import check_complete, compute_values, set_defaults
from engine.records.duplicates import NOT_DUPLICATE, check_duplicates, find_duplicates
from engine.records.engine_rows import born
from engine.records.evaluation import make_env, parameters, site_zone
from engine.records.field_states import check_options, check_sent
from engine.records.found_links import find_links
from engine.records.guarding import find_guarded
from engine.records.lines import overlay
from engine.records.links import check_choices, check_links, fetch_values, require_targets
from engine.records.match_keys import said
from engine.records.matching import match_links, match_links_of_lines
from engine.records.owning import first_owner, first_pool, next_owner
from engine.records.record import Record, without_hidden
from engine.records.removal import require_delete, require_undecided, require_unused
from engine.records.rights import Rights, find_rights, get_entity
from engine.records.search_terms import keep_numbers
from engine.records.values import read_values
from engine.records.writing import bring_back, insert_record, lock_record, remove_record, save_changes
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.storage.table_source import TableSource

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

    Raises ``NotFound`` (no such entity), ``NotAllowed`` (nor may a token create what its condition leaves out) and
    ``InvalidValues`` with an error beside each wrong field.
    """
    compiled = get_entity(session.app, entity)
    rights = require_create(session, compiled, actor)
    env = make_env(session, actor)
    values = prepare_new(session, compiled, raw, actor=actor, rights=rights, env=env)
    made = insert_record(session, compiled, values, actor=actor, env=env, details=origin)
    _require_within(session, compiled, made.id, rights, actor)
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
    record = lock_record(session, compiled, id, actor=actor, alone=True)
    require_delete(session, compiled, id, rights=rights, actor=actor)
    require_version(session, record, version)
    require_undecided(session, entity, id)
    require_unused(session, compiled, id)
    remove_record(session, compiled, record, actor=actor)


def restore_record(session: Session, entity: str, id: int, *, actor: Actor) -> Record:
    """Take a record out of the recycle bin; whoever may delete it may bring it back.

    Raises ``NotFound``, ``NotAllowed``, ``NotPossibleNow`` while a record it links to is deleted, and ``InvalidValues``
    when another record has meanwhile taken what must be unique, or is the same by a rule that blocks.
    """
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    record = lock_record(session, compiled, id, actor=actor, deleted=True)
    require_delete(session, compiled, id, rights=rights, actor=actor)
    if last_of(session, entity, id) != id:
        raise NotPossibleNow("record.merged_away")
    require_targets(session, compiled, record.values)
    found = find_duplicates(session, compiled, record.values, {}, actor=actor)
    errors = [
        FieldError(one.rule.fields[0], "value.duplicate", said(compiled, one.rule, one)) for one in found if one.blocks
    ]
    if errors:
        raise InvalidValues(errors)
    back = bring_back(session, compiled, record, actor=actor)
    if compiled.merge is not None:
        keep_numbers(session, compiled, id, back.values)
    return without_hidden(back)


def take_back(session: Session, entity: str, id: int, *, version: int, actor: Actor) -> None:
    """Put a record that the actor brought in into the recycle bin again, though they may not delete others.

    Raises ``NotFound``, ``NotAllowed``, ``Stale`` when somebody changed it since, and ``NotPossibleNow`` when it is in
    use.
    """
    compiled = get_entity(session.app, entity)
    rights = find_rights(session.app, compiled, actor)
    record = lock_record(session, compiled, id, actor=actor, alone=True)
    if not rights.bring_in or record.values["created_by"] != actor.id:
        raise NotAllowed("record.no_delete")
    require_version(session, record, version)
    require_undecided(session, entity, id)
    require_unused(session, compiled, id)
    remove_record(session, compiled, record, actor=actor)


def prepare_new(
    session: Session, entity: Entity, raw: Raw, *, actor: Actor, rights: Rights, env: Env
) -> dict[str, Any]:
    """Return the complete, judged values of a new record; raises ``InvalidValues``. Writes nothing."""
    values, errors = complete_new(session, entity, raw, actor=actor, rights=rights, env=env)
    check_complete(entity, values, env, errors, at="create")
    values |= _distinct(session, entity, values, {}, raw, actor, errors)
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
    pool = given.pop(POOL, None) if entity.ownership is not None else None
    if entity.duplicates:
        given.pop(NOT_DUPLICATE, None)
    values = read_values(entity.fields, given, rights=rights, zone=site_zone(session.app), errors=errors)
    sent = values | _overlay_lines(entity, values, {}, env, errors)
    fresh = born(session, entity, actor)
    values |= fresh
    if is_empty(pool):
        values |= first_owner(session, owner, rights=rights, actor=actor, errors=errors)
    else:
        values |= first_pool(entity, pool, owner, actor=actor, errors=errors)
    _attach_uploads(session, entity, values, {}, actor, errors)
    set_defaults(entity.fields, values, env)
    check_links(session, entity, values, actor=actor, env=env, errors=errors)
    find_links(session, entity, values, env)
    _fetch(session, entity, values, {}, env)
    compute_values(entity, values, env, errors)
    check_choices(entity, values, {}, env, errors)
    check_sent(entity, sent, fresh, values, env, errors)
    check_options(entity, sent, fresh, errors)
    return values, errors


def apply_values(session: Session, entity: Entity, record: Record, raw: Raw, *, actor: Actor) -> dict[str, Any]:
    """Return the typed changes that ``raw`` makes to a locked record, judged as a whole; raises ``InvalidValues``."""
    env = make_env(session, actor)
    values, errors = complete_changed(session, entity, record, raw, actor=actor, env=env)
    check_complete(entity, values, env, errors, at="update")
    distinct = _distinct(session, entity, values, record.values, raw, actor, errors)
    if errors:
        raise InvalidValues(errors)
    return _differing(record, values) | distinct


def fill_for_move(
    session: Session, entity: Entity, record: Record, raw: Raw, *, actor: Actor, stage: str, unlocked: frozenset[str]
) -> dict[str, Any]:
    """Return the typed changes that ``raw`` makes on the way into ``stage``; raises ``InvalidValues``.

    ``unlocked`` are fields that may be filled whatever the stage locks: those the move asks for. The record as a whole
    is judged by ``check_moved``, once the move has set what it sets.
    """
    env = make_env(session, actor)
    values, errors = complete_changed(
        session, entity, record, raw, actor=actor, env=env, unlocked=unlocked, stage=stage
    )
    distinct = _distinct(session, entity, values, record.values, raw, actor, errors)
    if errors:
        raise InvalidValues(errors + _newly_broken(entity, record.values, values, env, errors))
    return {key: value for key, value in _differing(record, values).items() if key != "stage"} | distinct


def check_moved(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any], env: Env) -> None:
    """Raise ``InvalidValues`` when a move would break what holds for every record.

    What time or a newer release broke before, in fields the move leaves alone, does not hold it up: an offer that has
    run out can still be called off.
    """
    values = _copied(entity, after)
    errors: list[FieldError] = []
    compute_values(entity, values, env, errors, before)
    errors += _newly_broken(entity, before, values, env, errors)
    if errors:
        raise InvalidValues(errors)


def _newly_broken(
    entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any], env: Env, wrong: list[FieldError]
) -> list[FieldError]:
    """Return what a move would break of what holds for every record; what is ``wrong`` already is not judged again."""
    errors = [*wrong]
    check_complete(entity, after, env, errors, at="update")
    found = errors[len(wrong) :]
    if found:
        old: list[FieldError] = []
        check_complete(entity, before, env, old, at="update")
        known = {(one.path, one.code) for one in old if after.get(one.path) == before.get(one.path)}
        found = [one for one in found if (one.path, one.code) not in known]
    return found


def complete_changed(
    session: Session,
    entity: Entity,
    record: Record,
    raw: Raw,
    *,
    actor: Actor,
    env: Env,
    unlocked: frozenset[str] = frozenset(),
    stage: str | None = None,
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the values the record would have after ``raw`` (and in ``stage``), and what is wrong with those typed."""
    errors: list[FieldError] = []
    rights = find_rights(session.app, entity, actor).on(record.hidden)
    given = dict(raw)
    if entity.duplicates:
        given.pop(NOT_DUPLICATE, None)
    owner = {"owner": given.pop("owner")} if "owner" in given else {}
    sent = read_values(entity.fields, given, rights=rights, zone=site_zone(session.app), errors=errors)
    typed_rows = _overlay_lines(entity, sent, record.values, env, errors)
    if owner:
        present = {key: record.values[key] for key in ("owner", "team")}
        sent |= next_owner(session, owner["owner"], present, may=record.owns, rights=rights, errors=errors)
    _attach_uploads(session, entity, sent, record.values, actor, errors)
    changed = {key: value for key, value in sent.items() if value != record.values.get(key)}
    judged = {key: changed[key] for key in changed.keys() - unlocked}
    _check_unlocked(entity, record, judged, errors)
    known = {error.path for error in errors}
    for key in find_guarded(session, entity, record.id, judged.keys() - known):
        errors.append(FieldError(key, "value.in_approval", {"label": entity.fields[key].label}))
    check_links(session, entity, changed, actor=actor, env=env, errors=errors, before=record.values)
    values = _copied(entity, {**record.values, **changed} | ({} if stage is None else {"stage": stage}))
    find_links(session, entity, values, env)
    _fetch(session, entity, values, record.values, env)
    compute_values(entity, values, env, errors, record.values)
    check_choices(entity, values, record.values, env, errors)
    judged |= {key: rows for key, rows in typed_rows.items() if key in judged}
    check_sent(entity, judged, record.values, values, env, errors)
    check_options(entity, changed, record.values, errors)
    return values, errors


def require_create(session: Session, entity: Entity, actor: Actor) -> Rights:
    """Return the actor's rights over a new record; raises ``NotAllowed`` when they may not create any of ``entity``."""
    rights = find_rights(session.app, entity, actor)
    if not rights.create:
        raise NotAllowed("record.no_create", entity=entity.label)
    return rights.entering


def _require_within(session: Session, entity: Entity, id_: int, rights: Rights, actor: Actor) -> None:
    """Raise ``NotAllowed`` when a token created a record that its own condition leaves out."""
    if rights.within is None:
        return
    table = session.tables.entity[entity.key]
    met = compile_where(rights.within, TableSource(session.tables), table)
    found = select(table.c.id).where(table.c.id == id_, met)
    if session.connection.execute(found, parameters(session, actor)).first() is None:
        raise NotAllowed("people.token_outside", entity=entity.label, where=rights.within.text)


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


def _distinct(
    session: Session,
    entity: Entity,
    values: Mapping[str, Any],
    before: Mapping[str, Any],
    raw: Raw,
    actor: Actor,
    errors: list[FieldError],
) -> dict[str, Any]:
    """Return, beside the values, what the history keeps of somebody's word that this is no duplicate."""
    if not entity.duplicates:
        return {}
    why = raw.get(NOT_DUPLICATE)
    told = check_duplicates(session, entity, values, before, why, actor=actor, errors=errors)
    return {} if told is None else {NOT_DUPLICATE: told}


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


def _overlay_lines(
    entity: Entity, sent: dict[str, Any], before: Mapping[str, Any], env: Env, errors: list[FieldError]
) -> dict[str, Any]:
    """Make the lines in ``sent`` whole and return them as they were sent, with only the columns that were named."""
    typed = {field.key: sent[field.key] for field in entity.line_fields if field.key in sent}
    for key, rows in typed.items():
        sent[key] = overlay(entity.fields[key], before.get(key) or (), rows, env, errors)
    return typed


def _differing(record: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != record.values.get(key)}


def _copied(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values whose lines can be computed without changing those of the record they came from."""
    return {**values, **{field.key: [dict(row) for row in values.get(field.key) or ()] for field in entity.line_fields}}


def _fetch(session: Session, entity: Entity, values: dict[str, Any], before: Mapping[str, Any], env: Env) -> None:
    """Fill in what links bring along, and the links that find their record by what was brought along."""
    fetch_values(entity.fields, entity.plan.fetched, values, before, env)
    if entity.plan.matched:
        match_links(session, entity, values, before, env)
        fetch_values(entity.fields, entity.plan.fetched, values, before, env)
    match_links_of_lines(session, entity, values, before, env)
    for field in entity.line_fields:
        old = {row["id"]: row for row in before.get(field.key) or ()}
        for row in values.get(field.key) or ():
            fetch_values(field.fields, field.column_plan.fetched, row, old.get(row.get("id"), {}), env)
