"""The rows of a line table for many records at once, as their reader sees them.

Enters: a line table, records the actor was given. Leaves: their rows in order. Must not judge whether the actor may see
the records: whoever gave them did. Columns hidden from the actor are not read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select

from engine.compiler.app import Entity, Field
from engine.people.actor import Actor
from engine.records.listing import reading_of
from engine.records.record import Labels, Record
from engine.records.rights import Rights, find_rights
from engine.records.sql import is_one_of
from engine.storage.store import Session

Rows = Mapping[int, Sequence[dict[str, Any]]]


def line_keys(lines: Field, rights: Rights) -> tuple[str, ...]:
    """Return the columns of a line table that somebody may see, files left out."""
    shown = (one for one in lines.fields.values() if one.stored and not one.retired and not one.type.has_files)
    return tuple(one.key for one in shown if not {lines.key, f"{lines.key}.{one.key}"} & rights.hidden)


def line_tables(entity: Entity, rights: Rights) -> tuple[Field, ...]:
    """Return the line tables of which somebody may see something."""
    return tuple(lines for lines in entity.line_fields if not lines.retired and line_keys(lines, rights))


def list_rows(
    session: Session, entity: Entity, lines: Field, records: Sequence[Record], *, actor: Actor
) -> tuple[Rows, Labels]:
    """Return the rows by record, and what their links are called."""
    table = session.tables.lines[entity.key, lines.key]
    keys = ("id", "parent_id", *line_keys(lines, find_rights(session.app, entity, actor)))
    reading = reading_of(session, f"{entity.key}.{lines.key}", table, lines.fields.values(), keys)

    def build() -> Select[Any]:
        own = is_one_of(table.c.parent_id, "records")
        order = (table.c.parent_id, table.c.position, table.c.id)
        return select(*reading.columns).select_from(reading.source).where(own).order_by(*order)

    statement = session.prepared(("list line rows", entity.key, keys, lines.key), build)
    rows: dict[int, list[dict[str, Any]]] = {}
    labels: Labels = {}
    for row in statement.fetch_all(session.connection, {"records": [one.id for one in records]}):
        values = reading.values(row)
        reading.add_labels(row, values, labels)
        rows.setdefault(values["parent_id"], []).append(values)
    return rows, labels
