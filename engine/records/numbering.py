"""Numbers for the records that were there before their series: drawn in the order the records were made.

Enters: the app before, and a session under the new release inside its publish. Leaves: a number for every record that
has none, by the day it was made on, unless the series says ``existing: keep``; an entry of the history for each. Must
not change a number that was given.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, bindparam, select, update

from engine.compiler.app import Entity
from engine.records.evaluation import make_env
from engine.records.numbers import draw_at
from engine.storage.changes import find_new_series
from engine.storage.journal import history_row, write_many
from engine.storage.store import Session

_BATCH = 500


def number_existing(session: Session, before: Entity, entity: Entity) -> None:
    """Number what every series of ``entity`` leaves to be numbered that ``before`` did not have."""
    for key in find_new_series(before, entity):
        _number(session, entity, key)


def _number(session: Session, entity: Entity, key: str) -> None:
    table = session.tables.entity[entity.key]
    column: Column[Any] = table.c[key]
    change = (
        update(table)
        .where(table.c.id == bindparam("record_id"))
        .values({key: bindparam("new_number"), "version": table.c.version + 1, "release_id": session.release_id})
    )
    for rows in _batches(session, entity, column):
        env = make_env(session, None)
        values = [env.lookup.linked(entity.key, row.id) or {} for row in rows]
        numbers = draw_at(session, entity, key, [row.created_at for row in rows], values, env)
        given = [{"record_id": row.id, "new_number": number} for row, number in zip(rows, numbers, strict=True)]
        session.connection.execute(change, given)
        told = [
            history_row(
                session, entity.key, row.id, row.version + 1, "migrate", {key: [None, number]}, actor=None
            )
            for row, number in zip(rows, numbers, strict=True)
        ]  # fmt: skip
        write_many(session, told, [])


def _batches(session: Session, entity: Entity, column: Column[Any]) -> Iterator[Any]:
    table = session.tables.entity[entity.key]
    columns = (table.c.id, table.c.version, table.c.created_at)
    while True:
        waiting = select(*columns).where(column.is_(None)).order_by(table.c.created_at, table.c.id)
        rows = session.connection.execute(waiting.limit(_BATCH)).all()
        if not rows:
            return
        yield rows
