"""JSON of the engine's own tables, rewritten in batches.

Enters: a column, the keys that are spoken of, and what becomes of a value. Leaves: changed rows. Must not read rows
that hold none of the keys.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, Text, bindparam, cast, or_, select, update

_BATCH = 1000


def rewrite_json(
    connection: Connection,
    column: Column[Any],
    keys: Iterable[str],
    change: Callable[[Any], Any],
    *where: ColumnElement[bool],
) -> None:
    """Rewrite the values of a column that hold one of ``keys`` in quotes, alone or before a dot.

    The table has a column ``id``.
    """
    table: Table = column.table
    said = [f'"{key}{end}' for key in keys for end in ('"', ".")]
    if not said:
        return
    spoken = or_(*(cast(column, Text).contains(one, autoescape=True) for one in said))
    changed, last = update(table).where(table.c.id == bindparam("row_id")).values({column: bindparam("value")}), 0
    while True:
        query = select(table.c.id, column).where(table.c.id > last, spoken, *where).order_by(table.c.id).limit(_BATCH)
        rows = connection.execute(query).all()
        if not rows:
            return
        told = [(row[0], row[1], change(row[1])) for row in rows]
        given = [{"row_id": id_, "value": after} for id_, before, after in told if before != after]
        if given:
            connection.execute(changed, given)
        last = rows[-1][0]
