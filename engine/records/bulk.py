"""Writing many new records at once, as an import does.

Enters: complete, judged values, as ``prepare_new`` returns them. Leaves: the same rows, history and events that one
``insert_record`` after another would leave, in a few statements. Must not be used for records with lines or files.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select, text

from engine.compiler.app import Entity
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.numbers import draw_numbers
from engine.records.uniqueness import explained
from engine.records.writing import find_changes, new_row
from engine.storage.journal import event_row, history_row, write_many
from engine.storage.store import Session


def insert_records(
    session: Session, entity: Entity, many: Sequence[dict[str, Any]], *, actor: Actor, env: Env, action: str
) -> list[int]:
    """Write new records and return their ids. Raises ``InvalidValues`` when the database finds a repeat."""
    if not many:
        return []
    table = session.tables.entity[entity.key]
    ids = _draw_ids(session, table, len(many))
    rows = []
    for id_, number, values in zip(ids, draw_numbers(session, entity, len(many)), many, strict=True):
        values |= {"id": id_, "number": number}
        rows.append({"id": id_} | new_row(session, entity, values, env=env))
    statement = session.prepared(("insert many", entity.key), lambda: insert(table).inline(), tuple(rows[0]))
    with explained(session, entity):
        statement.execute_many(session.connection, rows)
    histories = [
        history_row(session, entity.key, values["id"], 1, action, find_changes(entity, {}, values), actor=actor)
        for values in many
    ]
    events = [event_row(session, f"{entity.key}.created", entity.key, id_, {"version": 1}) for id_ in ids]
    write_many(session, histories, events)
    return ids


def _draw_ids(session: Session, table: Table, count: int) -> list[int]:
    """Return ids nobody else will get: from the sequence, or on SQLite, where one writes at a time, after the last."""
    if session.connection.dialect.name == "postgresql":
        drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        rows = session.connection.execute(drawn, {"name": f'"{table.name}"', "count": count})
        return [int(row[0]) for row in rows]
    last = session.connection.execute(select(func.max(table.c.id))).scalar() or 0
    return list(range(last + 1, last + count + 1))
