"""Computed values of the records there are, worked out record by record, where the database cannot.

Enters: the app before, and a session under the new release inside its publish, after the database worked out what it
can. Leaves: the values that need the working calendar, and what is computed from them, with an entry of the history
for each record. Must not work out what depends on who saves a record: that is known at its next save only.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, select, true

from engine.compiler.app import Entity, Field
from engine.errors import FieldError
from engine.expression import Env
from engine.records.columns import record_columns, to_values
from engine.records.completing import compute_values
from engine.records.differences import find_changes
from engine.records.evaluation import Lookups, make_env
from engine.records.lines import read_lines
from engine.records.record import Record
from engine.records.unedited import keep_reworked
from engine.storage.rewriting import ACTION
from engine.storage.store import Session
from engine.storage.system_tables import history

_BATCH = 500


def rework(session: Session, before: Entity | None, entity: Entity) -> None:
    """Work out anew what needs the calendar: in every record when a formula says something else, or values changed."""
    mine = dict(_by_hand(entity))
    if not mine:
        return
    known = {} if before is None else dict(_fields(before))
    another = any(_says_another(known.get(key), field) for key, field in mine.items())
    table = session.tables.entity[entity.key]
    where: ColumnElement[bool] = true() if another else table.c.id.in_(_changed(session, entity))
    kept = frozenset(key for key, field in _fields(entity) if field.computed is not None and field.computed.asks_who)
    env = make_env(session, None)
    for record in _records(session, entity, where):
        _rework(session, entity, record, replace(env, lookup=Lookups(session)), kept)


def _rework(session: Session, entity: Entity, record: Record, env: Env, kept: Collection[str]) -> None:
    values = record.values | {line.key: [dict(row) for row in record.values[line.key]] for line in entity.line_fields}
    errors: list[FieldError] = []
    compute_values(entity, values, env, errors, record.values, kept=kept)
    changed = find_changes(entity, record.values, values)
    if changed:
        keep_reworked(session, entity, record, values, changed, ACTION)


def _by_hand(entity: Entity) -> Iterator[tuple[str, Field]]:
    for key, field in _fields(entity):
        if field.computed is not None and not field.retired and not field.computed.in_database:
            yield key, field


def _fields(entity: Entity) -> Iterator[tuple[str, Field]]:
    """Yield every field with its address: ``total``, ``items.due``."""
    for field in entity.fields.values():
        yield field.key, field
        yield from ((f"{field.key}.{column.key}", column) for column in field.fields.values())


def _says_another(before: Field | None, field: Field) -> bool:
    was = None if before is None else before.computed
    return was is None or field.computed is None or was.text != field.computed.text


def _changed(session: Session, entity: Entity) -> Any:
    """Return the records whose values this release changed."""
    mine = (history.c.entity == entity.key, history.c.release_id == session.release_id, history.c.action == ACTION)
    return select(history.c.record_id).where(*mine)


def _records(session: Session, entity: Entity, where: ColumnElement[bool]) -> Iterator[Record]:
    table, last = session.tables.entity[entity.key], 0
    while True:
        found = select(*record_columns(table, entity)).where(table.c.id > last, table.c.deleted_at.is_(None), where)
        rows = session.connection.execute(found.order_by(table.c.id).limit(_BATCH)).all()
        if not rows:
            return
        for row in rows:
            values = to_values(entity, row) | read_lines(session, entity, last := row[entity.value_keys.index("id")])
            yield Record(entity.key, last, values.pop("version"), values)
