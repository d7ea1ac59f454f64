"""The rows of line tables: read, overlaid with what was sent, written.

Enters: a record's id, or the rows before and after. Leaves: rows in order, each a mapping with its ``id``. Must not
judge values: that was done before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from engine.compiler.app import Entity, Field
from engine.errors import FieldError
from engine.expression import Env
from engine.records.completing import set_defaults
from engine.records.sql import is_one_of
from engine.storage.store import Session

Row = dict[str, Any]


def read_lines(session: Session, entity: Entity, record_id: int) -> dict[str, list[Row]]:
    """Return the rows of every line table of a record."""
    return {field.key: _read(session, entity, field, record_id) for field in entity.line_fields}


def overlay(
    field: Field, before: Sequence[Row], given: Sequence[Mapping[str, Any]], env: Env, errors: list[FieldError]
) -> list[Row]:
    """Return the rows as they shall be: a row with an ``id`` keeps what was not sent, one without is new."""
    known = {row["id"]: row for row in before}
    rows: list[Row] = []
    for at, sent in enumerate(given):
        id_ = sent.get("id")
        if id_ is None:
            fresh = dict(sent)
            set_defaults(field.fields, fresh, env)
            rows.append({key: fresh.get(key) for key in field.fields})
        elif id_ in known:
            rows.append({**known.pop(id_), **sent})
        else:
            errors.append(FieldError(f"{field.key}.{at}", "value.row_stale"))
    return rows


def write_lines(
    session: Session, entity: Entity, field: Field, record_id: int, before: Sequence[Row], after: Sequence[Row]
) -> None:
    """Make the rows of a line table what ``after`` says; new rows get their ``id``."""
    kept = {row["id"] for row in after if row.get("id") is not None}
    gone = [row["id"] for row in before if row["id"] not in kept]
    if gone:
        _delete(session, entity, field, gone)
    old = {row["id"]: (position, row) for position, row in enumerate(before)}
    columns = [column.key for column in field.fields.values() if column.stored]
    for position, row in enumerate(after):
        values = {key: row.get(key) for key in columns} | {"position": position}
        if row.get("id") is None:
            row["id"] = _insert(session, entity, field, values | {"parent_id": record_id})
        elif row["id"] not in old:  # one that was there before comes back under its id
            _insert(session, entity, field, values | {"parent_id": record_id, "id": row["id"]})
        elif old[row["id"]] != (position, row):
            _update(session, entity, field, values | {"row_id": row["id"]})


def _read(session: Session, entity: Entity, field: Field, record_id: int) -> list[Row]:
    table = session.tables.lines[entity.key, field.key]
    keys = ["id", *(column.key for column in field.fields.values() if column.stored)]

    def build() -> Any:
        own = table.c.parent_id == bindparam("record_id")
        return select(*(table.c[key] for key in keys)).where(own).order_by(table.c.position, table.c.id)

    rows = session.prepared(("lines", entity.key, field.key), build).fetch_all(
        session.connection, {"record_id": record_id}
    )
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _insert(session: Session, entity: Entity, field: Field, values: Mapping[str, Any]) -> int:
    table = session.tables.lines[entity.key, field.key]
    key = ("insert line", entity.key, field.key, "id" in values)
    statement = session.prepared(key, lambda: insert(table).returning(table.c.id), tuple(values))
    row = statement.fetch_one(session.connection, values)
    assert row is not None  # noqa: S101 - an insert returns its row
    return int(row[0])


def _update(session: Session, entity: Entity, field: Field, values: Mapping[str, Any]) -> None:
    table = session.tables.lines[entity.key, field.key]

    def build() -> Any:
        row = {key: bindparam(f"new_{key}", type_=table.c[key].type) for key in values if key != "row_id"}
        return update(table).where(table.c.id == bindparam("row_id")).values(row)

    given = {f"new_{key}": value for key, value in values.items()} | {"row_id": values["row_id"]}
    session.prepared(("update line", entity.key, field.key), build).execute(session.connection, given)


def _delete(session: Session, entity: Entity, field: Field, ids: Sequence[int]) -> None:
    table = session.tables.lines[entity.key, field.key]
    statement = session.prepared(
        ("delete lines", entity.key, field.key), lambda: delete(table).where(is_one_of(table.c.id, "ids"))
    )
    statement.execute(session.connection, {"ids": ids})
