"""Writing what follows in a record from something else than an edit of it: a release, a merge, the undoing of one.

Enters: a locked record and its values as they shall be, worked out and judged before. Leaves: the row, its history and,
but for a release, an event, in the session's transaction; who edited it last and when stay. Must not be called from
outside ``records``.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import update

from engine.compiler.app import Entity
from engine.people.actor import Actor
from engine.records.attachments import attach
from engine.records.differences import Changes
from engine.records.keeping import keep_found
from engine.records.protecting import follow_owned, resume_owned
from engine.records.record import Record
from engine.records.rollups import followed
from engine.records.stays import follow_stay, resume_stay
from engine.records.uniqueness import explained
from engine.records.writing import deleted_since, update_lines
from engine.storage.journal import write_event, write_history
from engine.storage.store import Session
from engine.storage.tables import column_name


def keep_reworked(
    session: Session, entity: Entity, record: Record, values: dict[str, Any], changed: Changes, action: str
) -> None:
    """Write what a release works out anew: a version and its history, but no event, and nobody's name or date of edit.

    ``changed`` is what differs between ``record.values`` and ``values``. Must be called inside a publish.
    """
    _keep_unedited(session, entity, record, values, changed, action, None, {}, {"release_id": session.release_id})


def keep_moved(
    session: Session,
    entity: Entity,
    record: Record,
    values: dict[str, Any],
    changed: Changes,
    *,
    action: str,
    details: Mapping[str, Any],
    actor: Actor,
    system: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write what follows in a record from what ``actor`` did to another: who edited it last and when stay as they are.

    ``changed`` is what differs between ``record.values`` and ``values``; ``system`` are columns written besides.
    """
    _keep_unedited(session, entity, record, values, changed, action, actor, details, system)
    payload = {"version": record.version + 1, "changed": sorted(changed), **details}
    write_event(session, f"{entity.key}.updated", entity.key, record.id, payload)


def bring_back_as_it_was(
    session: Session, entity: Entity, record: Record, *, action: str, details: Mapping[str, Any], actor: Actor
) -> None:
    """Take a locked record out of the recycle bin with every value it went with; who edited it last stays.

    What blocks a second record of the same key may let it stand beside the one it came out of, as before. Raises
    ``InvalidValues`` when another record has taken what must be unique.
    """
    table, version = session.tables.entity[entity.key], record.version + 1
    row = {"deleted_at": None, "version": version}
    with followed(session, entity, [({}, record.values)], actor=actor), explained(session, entity, [record.values]):
        since = deleted_since(session, entity, record.id)
        session.connection.execute(update(table).where(table.c.id == record.id).values(row))
        keep_found(session, entity, [(record.id, {}, record.values)], beside=True)
        write_history(session, entity.key, record.id, version, action, {"": dict(details)}, actor=actor)
        resume_stay(session, entity, record.id, version, since=since)
        resume_owned(session, entity, record.values, actor=actor)
        write_event(session, f"{entity.key}.restored", entity.key, record.id, {"version": version, **details})


def _keep_unedited(
    session: Session,
    entity: Entity,
    record: Record,
    values: dict[str, Any],
    changed: Changes,
    action: str,
    actor: Actor | None,
    details: Mapping[str, Any],
    system: Mapping[str, Any],
) -> None:
    row = {key: values[column] for column in changed if (key := column_name(column)) in _columns(session, entity)}
    row |= {"version": record.version + 1, **system}
    table = session.tables.entity[entity.key]
    alone = [values] if actor is not None else ()
    with followed(session, entity, [(record.values, values)], actor=actor), explained(session, entity, alone):
        session.connection.execute(update(table).where(table.c.id == record.id).values(row))
        update_lines(session, entity, record, values, changed)
        for field in entity.file_fields:
            if field.key in changed:
                attach(session, entity.key, record.id, field.key, [one["id"] for one in values[field.key]])
        keep_found(session, entity, [(record.id, record.values, values)])
        told = {**changed, "": dict(details)} if details else dict(changed)
        write_history(session, entity.key, record.id, record.version + 1, action, told, actor=actor)
        by = None if actor is None else actor.id
        follow_stay(session, entity, record.id, record.version + 1, record.values, values, changed, by=by)
    if actor is not None:
        follow_owned(session, entity, values, changed, actor=actor, action=action, note=None, details=details)


def _columns(session: Session, entity: Entity) -> Collection[str]:
    return session.tables.entity[entity.key].c.keys()
