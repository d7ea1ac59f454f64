"""The last days again: what each move and save did to a record, with its values as they were then.

Enters: a reading session and a moment to begin at. Leaves: ``Happening`` values, one record after another, so that
memory holds one record's history at a time. Must not write. What the history does not keep is said: files whose rows
are gone are ``lost``; linked records, people and roles are those of today.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from engine.compiler.app import Entity, Field
from engine.compiler.readers import Wrong
from engine.records.evaluation import make_env
from engine.storage.store import Session
from engine.storage.system_tables import files, history
from engine.workflow.requirements import read_whole

_BATCH = 500
_RAW = ("number", "stage", "owner", "team")


@dataclass(frozen=True)
class Happening:
    """One entry of a record's history. ``before`` and ``after`` are its whole values around it.

    ``details`` is what a move adds (``move``, ``from``, ``to``); ``lost`` says that a file it had cannot be looked at.
    """

    record_id: int
    at: datetime
    actor_id: int | None
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    details: Mapping[str, Any]
    lost: bool


def count_records(session: Session, entity: Entity, since: datetime) -> int:
    """Return how many records of an entity something happened to."""
    c = history.c
    wanted = select(func.count(func.distinct(c.record_id))).where(c.entity == entity.key, c.at >= since)
    return session.connection.scalar(wanted) or 0


def walk_records(session: Session, entity: Entity, since: datetime) -> Iterator[list[Happening]]:
    """Yield what happened to each record since a moment, the oldest first; records that are gone are left out."""
    c, after = history.c, 0
    while True:
        changed = select(c.record_id).where(c.entity == entity.key, c.at >= since, c.record_id > after).distinct()
        ids = list(session.connection.scalars(changed.order_by(c.record_id).limit(_BATCH)))
        for id_ in ids:
            yield _happenings(session, entity, id_, since)
        if len(ids) < _BATCH:
            return
        after = ids[-1]


def _happenings(session: Session, entity: Entity, id_: int, since: datetime) -> list[Happening]:
    """Take the values of today and undo one entry after another."""
    values = read_whole(session, entity, id_, make_env(session, None))
    if not values:
        return []
    c = history.c
    own = (c.entity == entity.key, c.record_id == id_, c.at >= since)
    wanted = select(c.at, c.actor_id, c.action, c.changes).where(*own).order_by(c.id.desc())
    rows = session.connection.execute(wanted).all()
    known = _files(session, entity, id_) if entity.file_fields else {}
    found: list[Happening] = []
    for at, actor_id, action, written in rows:
        changes = dict(written or {})
        details = changes.pop("", None) or {}
        before, lost = _undo(entity, values, changes, known)
        found.append(Happening(id_, at, actor_id, action, before, values, details, lost))
        values = before
    return found[::-1]


def _undo(
    entity: Entity, after: Mapping[str, Any], changes: Mapping[str, Any], known: Mapping[int, dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    before, lost = dict(after), False
    for key, pair in changes.items():
        field = entity.fields.get(key)
        if key in _RAW:
            before[key] = pair[0]
        elif field is not None and field.type.has_files:
            before[key] = [known[one["id"]] for one in pair[0] or () if one["id"] in known]
            lost = lost or len(before[key]) < len(pair[0] or ())
        elif field is not None:
            before[key] = _from_json(field, pair[0])
    return before, lost


def _from_json(field: Field, value: Any) -> Any:
    if field.type.has_rows:
        return [_row_from_json(field, row) for row in value or ()]
    if value is None:
        return None
    try:
        return field.type.parse(value, field)
    except Wrong:
        return value


def _row_from_json(field: Field, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row.get("id"), **{key: _from_json(column, row.get(key)) for key, column in field.fields.items()}}


def _files(session: Session, entity: Entity, id_: int) -> dict[int, dict[str, Any]]:
    """Return the files of a record, those taken off it since included."""
    c = files.c
    columns = (c.id, c.name, c.size, c.sha256, c.content_type, c.uploaded_by, c.uploaded_at)
    rows = session.connection.execute(select(*columns).where(c.entity == entity.key, c.record_id == id_))
    return {row[0]: dict(row._mapping) for row in rows}
