"""Turning the links of all records from one record to another, and back.

Enters: an entity, two ids, whoever does it. Leaves: every record that led to the one leads to the other, each with its
history and an event, in the same transaction; and what it was before. Must not ask for rights over the records that
link: it follows from what somebody may do with those they link to. Nobody is said to have edited them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from engine.compiler.app import Entity, Field
from engine.compiler.app.ownership import PROTECTED_UNTIL
from engine.errors import FormworkError, InvalidValues, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.calling import name_of
from engine.records.completing import compute_values
from engine.records.differences import find_changes, from_json
from engine.records.entries import keep_entries
from engine.records.evaluation import Lookups, make_env
from engine.records.record import Record
from engine.records.unedited import keep_moved
from engine.records.writing import lock_record
from engine.storage.journal import write_history
from engine.storage.store import Session

MOST = 1_000
"""Records whose links one command turns; more would keep everybody else from writing for too long."""

Place = tuple[str, int, bool]
"""A record that links somewhere: its entity, its id, whether it lies in the recycle bin."""


@dataclass(frozen=True)
class Turned:
    """What became of one record: the version it has now, and ``{field: [before, after]}`` as the history keeps it."""

    entity: str
    id: int
    version: int
    changes: Mapping[str, list[Any]]


def find_linking(session: Session, target: str, id: int, *, but: Collection[int] = ()) -> list[Place]:
    """Return every record that links to one of ``target``, itself or in a line, in the order they are locked.

    Those of ``target`` itself that are named in ``but`` are left out.

    Raises ``NotPossibleNow`` when they are more than ``MOST``.
    """
    rank = session.app.rollups.rank
    found: dict[tuple[str, int], bool] = {}
    for entity in sorted(session.app.entities.values(), key=lambda one: (rank.get(one.key, 0), one.key)):
        table = session.tables.entity[entity.key]
        for asked in _questions(session, entity, target, id):
            rows = session.connection.execute(asked.order_by(table.c.id).limit(MOST + 1))
            found |= {(entity.key, row[0]): row[1] is not None for row in rows}
    found = {one: gone for one, gone in found.items() if one[0] != target or one[1] not in but}
    if len(found) > MOST:
        raise NotPossibleNow("merge.too_many", most=MOST)
    order = sorted(found, key=lambda one: (rank.get(one[0], 0), one))
    return [(*one, found[one]) for one in order]


def lock_linking(session: Session, places: Iterable[Place]) -> None:
    """Lock records that link, before what they link to is: so does whoever edits one of them."""
    for entity, id_, _ in places:
        table = session.tables.entity[entity]
        locked = select(table.c.id).where(table.c.id == id_).with_for_update(key_share=True)
        session.connection.execute(locked)


def turn_links(
    session: Session, target: str, old: int, new: int, *, details: Mapping[str, Any], actor: Actor
) -> list[Turned]:
    """Let everything that links to ``old`` link to ``new``.

    Raises ``NotPossibleNow`` naming the record that cannot: a rule or a uniqueness of its own is in the way.
    """
    places = find_linking(session, target, old, but=(old, new))
    return [_turn(session, place, target, (old, new), details, actor) for place in places]


def turn_back(session: Session, turned: Turned, *, details: Mapping[str, Any], actor: Actor) -> FormworkError | None:
    """Give a record the values it had before, those that nobody changed since; return why its links were left.

    A record that is gone for good leaves nothing to turn.
    """
    entity = session.app.entities.get(turned.entity)
    if entity is None:
        return None
    try:
        record, deleted = _lock(session, entity, turned.id)
    except NotFound:
        return None
    current = _told(entity, record.values)
    same = [key for key, (_, after) in turned.changes.items() if key in entity.fields and current.get(key) == after]
    links = [key for key in turned.changes if key in entity.fields and _leads(entity.fields[key])]
    if not links or not set(links) <= set(same):
        return NotPossibleNow("merge.turned_since", entity=entity.label, name=_name(session, entity, record))
    values = _copy(entity, record.values)
    values |= {key: from_json(entity.fields[key], turned.changes[key][0]) for key in same}
    if record.version != turned.version:
        compute_values(entity, values, make_env(session, actor), [], record.values)
    with session.attempt() as attempt:
        try:
            _write(session, entity, record, values, details, actor, deleted)
        except InvalidValues as refused:
            attempt.undo()
            return _refusal(session, entity, record, refused)
    return None


def follows_by_itself(entity: Entity, key: str) -> bool:
    """Tell whether a value is kept right by whatever links to the record: roll-ups, until when it is protected."""
    return key == PROTECTED_UNTIL or (key in entity.fields and bool(entity.fields[key].folds))


def _turn(
    session: Session, place: Place, target: str, ids: tuple[int, int], details: Mapping[str, Any], actor: Actor
) -> Turned:
    entity = session.app.entities[place[0]]
    record, deleted = _lock(session, entity, place[1])
    values = _copy(entity, record.values)
    for field in entity.fields.values():
        if field.to == target and field.type.many:
            turned = [ids[1] if one == ids[0] else one for one in values.get(field.key) or ()]
            values[field.key] = list(dict.fromkeys(turned)) or None
        elif field.to == target and values.get(field.key) == ids[0]:
            values[field.key] = ids[1]
        for key, column in field.link_columns:
            for row in (values.get(field.key) or ()) if column.to == target else ():
                row[key] = ids[1] if row.get(key) == ids[0] else row.get(key)
    if not deleted:
        compute_values(entity, values, make_env(session, actor), [], record.values)
    try:
        changes = _write(session, entity, record, values, details, actor, deleted)
    except InvalidValues as refused:
        raise _refusal(session, entity, record, refused) from refused
    kept = {key: pair for key, pair in changes.items() if not follows_by_itself(entity, key)}
    return Turned(entity.key, record.id, record.version + 1, kept)


def _write(
    session: Session,
    entity: Entity,
    record: Record,
    values: dict[str, Any],
    details: Mapping[str, Any],
    actor: Actor,
    deleted: bool,
) -> dict[str, list[Any]]:
    changes = find_changes(entity, record.values, values)
    if not deleted:
        keep_moved(session, entity, record, values, changes, action="relink", details=details, actor=actor)
        return changes
    table = session.tables.entity[entity.key]
    row = {key: values[key] for key in changes if key in table.c} | {"version": record.version + 1}
    session.connection.execute(update(table).where(table.c.id == record.id).values(row))
    for field in entity.line_fields:
        for line in values[field.key] if field.key in changes else ():
            lines = session.tables.lines[entity.key, field.key]
            links = {key: line.get(key) for key, _ in field.link_columns}
            session.connection.execute(update(lines).where(lines.c.id == line["id"]).values(links))
    keep_entries(session, entity, [(record.id, record.values, values)])
    told = {**changes, "": dict(details)}
    write_history(session, entity.key, record.id, record.version + 1, "relink", told, actor=actor)
    return changes


def _questions(session: Session, entity: Entity, target: str, id_: int) -> list[Any]:
    """Return a select of id and ``deleted_at`` for each column of an entity that leads to ``target``."""
    table, found = session.tables.entity[entity.key], []
    for field in entity.fields.values():
        if field.to == target and field.type.many:
            entries = session.tables.entries[entity.key, field.key]
            joined = select(table.c.id, table.c.deleted_at).join(entries, entries.c.parent_id == table.c.id)
            found.append(joined.where(entries.c.leads_to == id_))
        elif field.to == target:
            found.append(select(table.c.id, table.c.deleted_at).where(table.c[field.key] == id_))
        for key, column in field.link_columns:
            if column.to == target:
                lines = session.tables.lines[entity.key, field.key]
                joined = select(table.c.id, table.c.deleted_at).join(lines, lines.c.parent_id == table.c.id)
                found.append(joined.where(lines.c[key] == id_).distinct())
    return found


def _lock(session: Session, entity: Entity, id_: int) -> tuple[Record, bool]:
    """Return a record, and whether it lies in the recycle bin."""
    try:
        return lock_record(session, entity, id_, actor=None), False
    except NotFound:
        return lock_record(session, entity, id_, actor=None, deleted=True), True


def _leads(field: Field) -> bool:
    return field.to is not None or bool(field.link_columns)


def _told(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: pair[1] for key, pair in find_changes(entity, {}, values).items()}


def _copy(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, **{field.key: [dict(row) for row in values.get(field.key) or ()] for field in entity.line_fields}}


def _name(session: Session, entity: Entity, record: Record) -> str:
    return name_of(session.app, entity, record.values, Lookups(session))


def _refusal(session: Session, entity: Entity, record: Record, refused: InvalidValues) -> NotPossibleNow:
    name, errors = _name(session, entity, record), refused.errors
    return NotPossibleNow("merge.in_the_way", entity=entity.label, name=name, why=_Sentences(errors))


class _Sentences:
    """What is wrong with a record, in one line of the reader's language."""

    def __init__(self, errors: Sequence[Any]) -> None:
        self._errors = errors

    def text(self, language: str) -> str:
        return "".join(one.text(language) for one in self._errors)
