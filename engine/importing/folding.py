"""Rows of a file that are one record with several lines: folded into the first of them, and unfolded again.

Enters: the rows of an import, and what its columns are. Leaves: one row for each record, which holds the rows below it
that say more of its lines; without columns of a line table, the rows as they were read. Must not judge a cell, nor hold
the file in memory: a record and its lines at a time.

A row goes on with the record above when its columns of the record say nothing or the same again; where the file has a
number, or a text no two records share, that alone decides.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, func, insert, select, update

from engine.importing.columns import Column
from engine.importing.sheets import is_blank, said
from engine.storage.import_tables import import_rows
from engine.storage.store import Session

_PIECE = 500


def fold_rows(session: Session, id: int, columns: Sequence[Column], keyed: str | None) -> int | None:
    """Fold the rows as the columns say, however they were folded before, and return how many there are then.

    ``keyed`` is the field by which a row tells its record. None when nothing changed.
    """
    unfolded = _unfold(session, id)
    if not any(column.of_lines for column in columns):
        return _count(session, id) if unfolded else None
    own = [column for column in columns if column.key and not column.of_lines]
    key = next((column for column in own if keyed is not None and column.key == keyed), None)
    head: tuple[int, list[Any], list[Any]] | None = None
    for number, cells in _walk(session, id):
        if head is not None and _goes_on(cells, head[1], own, key):
            head[2].append([number, cells])
            continue
        _keep(session, id, head)
        head = (number, cells, [])
    _keep(session, id, head)
    return _count(session, id)


def own_cells(kept: Any) -> list[Any]:
    """Return the cells of the first row of what was kept."""
    cells: list[Any] = kept["cells"] if isinstance(kept, dict) else kept
    return cells


def more_rows(kept: Any) -> list[tuple[int, list[Any]]]:
    """Return the rows that were folded into one, each with its number."""
    return [(number, cells) for number, cells in kept["more"]] if isinstance(kept, dict) else []


def _goes_on(cells: Sequence[Any], first: Sequence[Any], own: Sequence[Column], key: Column | None) -> bool:
    told = [column for column in own if not is_blank(_cell(cells, column))]
    if not told:
        return bool(own)
    if key is not None:
        return not is_blank(_cell(cells, key)) and said(_cell(cells, key)) == said(_cell(first, key))
    return all(said(_cell(cells, column)) == said(_cell(first, column)) for column in own)


def _cell(cells: Sequence[Any], column: Column) -> Any:
    return cells[column.at] if column.at < len(cells) else None


def _walk(session: Session, id_: int) -> Iterator[tuple[int, list[Any]]]:
    c, after = import_rows.c, -1
    while True:
        piece = select(c.row, c.cells).where(c.import_id == id_, c.row > after).order_by(c.row).limit(_PIECE)
        rows = session.connection.execute(piece).all()
        if not rows:
            return
        yield from ((row[0], row[1]) for row in rows)
        after = rows[-1][0]


def _keep(session: Session, id_: int, head: tuple[int, list[Any], list[Any]] | None) -> None:
    if head is None or not head[2]:
        return
    number, cells, more = head
    c = import_rows.c
    session.connection.execute(
        update(import_rows).where(c.import_id == id_, c.row == number).values(cells={"cells": cells, "more": more})
    )
    gone = delete(import_rows).where(c.import_id == bindparam("of"), c.row == bindparam("gone"))
    session.connection.execute(gone, [{"of": id_, "gone": one} for one, _ in more])


def _unfold(session: Session, id_: int) -> bool:
    """Give each folded row its place again; tell whether there was any."""
    c, any_ = import_rows.c, False
    while True:
        folded = select(c.row, c.cells).where(c.import_id == id_, cast(c.cells, Text).like("{%")).limit(_PIECE)
        rows = session.connection.execute(folded).all()
        if not rows:
            return any_
        any_ = True
        for number, kept in rows:
            own = update(import_rows).where(c.import_id == id_, c.row == number)
            session.connection.execute(own.values(cells=own_cells(kept)))
            back = [{"import_id": id_, "row": at, "cells": cells, "state": "new"} for at, cells in more_rows(kept)]
            session.connection.execute(insert(import_rows), back)


def _count(session: Session, id_: int) -> int:
    rows = select(func.count()).select_from(import_rows).where(import_rows.c.import_id == id_)
    return int(session.connection.execute(rows).scalar_one())
