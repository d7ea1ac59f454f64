"""A line table as it is read: what stands in the table, what under each row, what at its foot.

Enters: a line field with its rows. Leaves: the ``table`` of ``widgets/cells.html``. Must not show a column the reader
may not see.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from engine.compiler.app import Entity, Field
from engine.records.record import Record
from web.cells import Cells, is_right, words_of

_MOST_COLUMNS = 8
_LEAST_FIXED = 2


def split_columns(columns: Sequence[Field]) -> tuple[list[Field], list[Field]]:
    """Return the columns of the table, and those under each row for want of room: the last that nobody types."""
    fixed = [column.key for column in columns if column.readonly]
    room = max(_MOST_COLUMNS - (len(columns) - len(fixed)), _LEAST_FIXED)
    under = set(fixed[room:])
    return [one for one in columns if one.key not in under], [one for one in columns if one.key in under]


def totals_after(fields: Sequence[Field], at: int) -> list[Field]:
    """Return the computed figures written directly after the line table at ``at``: they belong to its foot."""
    return list(takewhile(lambda one: one.computed is not None and is_right(one), fields[at + 1 :]))


def line_table(
    cells: Cells, entity: Entity, field: Field, record: Record, totals: Iterable[Field] = ()
) -> dict[str, Any]:
    """Return a line table of a record; a column without a single value gives way."""
    rows = record.values.get(field.key) or []
    shown = [column for column in field.fields.values() if _is_shown(field, column, record, rows)]
    main, under = split_columns(shown)
    return {
        "label": cells.locale.label(field.label),
        "columns": [_column(cells, column) for column in main],
        "rows": [
            {"cells": {one.key: cells.of_field(one, row.get(one.key), record.labels) for one in main},
             "under": _under(cells, under, row, record), "note": None, "url": None, "changed": False}
            for row in rows
        ],
        "totals": [_total(cells, entity, one, record) for one in totals],
    }  # fmt: skip


def _is_shown(field: Field, column: Field, record: Record, rows: Sequence[Any]) -> bool:
    hidden = column.retired or f"{field.key}.{column.key}" in record.hidden
    return not hidden and any(row.get(column.key) not in (None, "") for row in rows)


def _column(cells: Cells, column: Field) -> dict[str, Any]:
    return {
        "key": column.key,
        "label": cells.locale.label(column.label),
        "align": "right" if is_right(column) else None,
        "wide": column.to is not None or column.type.wide,
    }


def _under(cells: Cells, columns: Sequence[Field], row: Any, record: Record) -> list[dict[str, Any]]:
    return [
        {"label": cells.locale.label(one.label), "cell": cells.of_field(one, row[one.key], record.labels)}
        for one in columns
        if row.get(one.key) is not None
    ]


def _total(cells: Cells, entity: Entity, field: Field, record: Record) -> dict[str, Any]:
    return {
        "label": cells.locale.label(field.label),
        "text": cells.of_record(entity, field.key, record)["text"],
        "strong": field.words,
        "note": words_of(field, record.values.get(field.key)),
    }
