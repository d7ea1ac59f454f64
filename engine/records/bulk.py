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
from engine.records.differences import find_changes
from engine.records.duplicates import NOT_DUPLICATE
from engine.records.hits import keep_confirmed
from engine.records.keeping import keep_found
from engine.records.numbers import draw_series
from engine.records.overlaps import keep_apart
from engine.records.protecting import begin_owned, first_standing
from engine.records.rollups import followed
from engine.records.stays import begin_stays
from engine.records.uniqueness import explained
from engine.records.writing import new_row, told_with
from engine.storage.journal import event_row, history_row, write_many
from engine.storage.store import Session


def insert_records(
    session: Session, entity: Entity, many: Sequence[dict[str, Any]], *, actor: Actor, env: Env, action: str,
    reminds: bool = True,
) -> list[int]:  # fmt: skip
    """Write new records and return their ids; without ``reminds`` nobody will be reminded of their first stage.

    Raises ``InvalidValues`` when the database finds a repeat.
    """
    if not many:
        return []
    with followed(session, entity, [({}, values) for values in many], actor=actor):
        return _insert(session, entity, many, actor, env, action, reminds)


def _insert(
    session: Session,
    entity: Entity,
    many: Sequence[dict[str, Any]],
    actor: Actor,
    env: Env,
    action: str,
    reminds: bool,
) -> list[int]:
    table = session.tables.entity[entity.key]
    ids = _draw_ids(session, table, len(many))
    rows, distinct = [], [values.pop(NOT_DUPLICATE, None) for values in many]
    for id_, drawn, values in zip(ids, draw_series(session, entity, many, env), many, strict=True):
        values |= {"id": id_} | drawn | first_standing(session, entity, values, env)
        rows.append({"id": id_} | new_row(session, entity, values, env=env))
    statement = session.prepared(("insert many", entity.key), lambda: insert(table).inline(), tuple(rows[0]))
    alone = many if len(many) == 1 else ()  # a refused batch comes again one by one, and is told what is in the way
    with explained(session, entity, alone, actor=actor):
        statement.execute_many(session.connection, rows)
    if not alone:
        keep_apart(session, entity, many, actor=actor)
    keep_found(session, entity, [(values["id"], {}, values) for values in many])
    histories = []
    for values, said in zip(many, distinct, strict=True):
        keep_confirmed(session, entity, values["id"], values, said, actor)
        told, note = told_with(find_changes(entity, {}, values), said)
        histories.append(history_row(session, entity.key, values["id"], 1, action, told, actor=actor, note=note))
    event, told_of = f"{entity.key}.created", {"version": 1}
    events = [event_row(session, event, entity.key, id_, told_of) for id_ in ids]
    write_many(session, histories, events)
    begin_stays(session, entity, many, by=actor.id, reminds=reminds)
    begin_owned(session, entity, many, actor=actor, action=action)
    return ids


def _draw_ids(session: Session, table: Table, count: int) -> list[int]:
    """Return ids nobody else will get: from the sequence, or on SQLite, where one writes at a time, after the last."""
    if session.connection.dialect.name == "postgresql":
        drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        rows = session.connection.execute(drawn, {"name": f'"{table.name}"', "count": count})
        return [int(row[0]) for row in rows]
    last = session.connection.execute(select(func.max(table.c.id))).scalar() or 0
    return list(range(last + 1, last + count + 1))
