"""A file, read into rows that lie in the database until they are brought in or forgotten.

Enters: rows of a file, one after another. Leaves: an import whose columns are proposed. Must not hold the whole file
in memory, nor leave anything of a file whose reading broke off.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from sqlalchemy import delete, insert, select

from engine.errors import FieldError, InvalidValues
from engine.importing.batches import CREATE, UNDO_WITHIN, change_import, recall, require_import
from engine.importing.columns import SAMPLES, Column, propose_columns
from engine.importing.folding import own_cells
from engine.importing.forms import count_forms
from engine.importing.names import name_columns
from engine.importing.sheets import LOOKED_AT, Row, find_header, header_cells, is_blank
from engine.people.actor import Actor
from engine.storage.import_tables import import_rows, import_values, imports
from engine.storage.store import Session, Store

_PIECE = 500
_PLAIN = (str, int, float, type(None))


def stage(
    store: Store,
    entity: str,
    rows: Iterable[Row],
    *,
    name: str,
    content: bytes,
    actor: Actor,
    header: int | None = None,
) -> int:
    """Keep the rows of a file, propose what its columns are, and return the id of the import.

    ``header`` is the row that names the columns, where it is known.

    Written in pieces, so that nobody waits long; a file whose reading broke off leaves nothing. Raises ``NotFound``,
    ``NotAllowed`` and ``InvalidValues``.
    """
    with store.read() as session:
        compiled, rights = require_import(session, entity, actor)
    given = iter(rows)
    top = list(islice(given, LOOKED_AT))
    if not top:
        raise InvalidValues([FieldError("", "sheet.empty")])
    if header is None:
        header = find_header(top, name_columns(compiled, rights).keys())
    with store.write() as session:
        forget_old(session)
        id_ = _begin(session, compiled.key, header, name, content, actor)
    body = (row for row in chain(top, given) if row[0] > header)
    try:
        _keep_and_propose(store, id_, entity, header_cells(top, header), body, actor)
    except BaseException:
        with store.write() as session:
            session.connection.execute(delete(imports).where(imports.c.id == id_))
        raise
    return id_


def _keep_and_propose(
    store: Store, id_: int, entity: str, headers: Sequence[str], body: Iterator[Row], actor: Actor
) -> None:
    looked = _keep_all(store, id_, body, len(headers))
    with store.write() as session:
        compiled, rights = require_import(session, entity, actor)
        seen = [looked.shown(Column(at, text)) for at, text in enumerate(headers)]
        named = [one for one in seen if one.header or one.samples]
        columns = propose_columns(compiled, rights, named, recall(session, compiled.key, actor))
        kept = [one.to_json() for one in columns]
        change_import(session, id_, columns=kept, state="mapping", total=looked.count)


def _keep_all(store: Store, id_: int, body: Iterator[Row], width: int) -> "_Looked":
    """Keep the rows, piece by piece, and return what was seen of each column."""
    looked = _Looked(width)
    while piece := list(islice(body, _PIECE)):
        looked.see(piece)
        with store.write() as session:
            _keep(session, id_, piece)
    return looked


def forget_old(session: Session) -> None:
    """Remove the rows of imports that can be neither gone on with nor taken back; what they came to stays."""
    before = session.now() - UNDO_WITHIN
    unused = (imports.c.state.in_(("reading", "mapping", "checking", "checked")), imports.c.created_at < before)
    session.connection.execute(delete(imports).where(*unused))
    ended = select(imports.c.id).where(imports.c.ended_at < before, imports.c.state.in_(("done", "undone")))
    for table in (import_rows, import_values):
        session.connection.execute(delete(table).where(table.c.import_id.in_(ended)))


class _Looked:
    """What was seen of each column while the rows went by."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.samples: list[list[Any]] = [[] for _ in range(width)]
        self.forms: list[dict[str, int]] = [{} for _ in range(width)]

    def see(self, rows: Sequence[Row]) -> None:
        """Look at a few more rows."""
        self.count += len(rows)
        for at, (kept, forms) in enumerate(zip(self.samples, self.forms, strict=True)):
            column = [cells[at] for _, cells in rows if at < len(cells)]
            for cell in column if len(kept) < SAMPLES else ():
                if not is_blank(cell) and (shown := cell_to_json(cell)) not in kept:
                    kept.append(shown if not isinstance(shown, str) else shown[:80])
                    if len(kept) == SAMPLES:
                        break
            count_forms(column, forms)

    def shown(self, column: Column) -> Column:
        """Return a column with what was seen of it."""
        return replace(column, samples=tuple(self.samples[column.at]), forms=self.forms[column.at])


def cells_of(kept: Any) -> list[Any]:
    """Return the cells of a row as they were read: moments, exact numbers and lengths of time included."""
    return [_from_json(cell) if isinstance(cell, dict) else cell for cell in own_cells(kept)]


def _from_json(cell: dict[str, Any]) -> Any:
    if "at" in cell:
        return datetime.fromisoformat(cell["at"])
    return Decimal(cell["number"]) if "number" in cell else timedelta(seconds=cell["seconds"])


def cell_to_json(cell: Any) -> Any:
    """Return a cell as plain data."""
    if isinstance(cell, _PLAIN):
        return cell
    if isinstance(cell, datetime):
        return {"at": cell.isoformat()}
    if isinstance(cell, date):
        return {"at": datetime.combine(cell, time()).isoformat()}
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return {"seconds": cell.total_seconds()}
    return {"number": str(cell)} if isinstance(cell, Decimal) else cell


def _begin(session: Session, entity: str, header: int, name: str, content: bytes, actor: Actor) -> int:
    row = {
        "entity": entity, "user_id": actor.id, "created_at": session.now(), "name": name[-200:],
        "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "header_row": header, "columns": [],
        "mode": CREATE, "reminds": 0, "state": "reading", "total": 0,
    }  # fmt: skip
    return int(session.connection.execute(insert(imports).values(row).returning(imports.c.id)).scalar_one())


def _keep(session: Session, id_: int, rows: Sequence[Row]) -> None:
    names = ("import_id", "row", "cells", "state")
    statement = session.prepared("keep import rows", lambda: insert(import_rows).inline(), names)
    kept = [
        {"import_id": id_, "row": number, "cells": list(map(_storable, cells)), "state": "new"}
        for number, cells in rows
    ]
    statement.execute_many(session.connection, kept)


def _storable(cell: Any) -> Any:
    """Return a cell as JSON text of both databases can hold it; what it cannot hold is refused by its field later."""
    if cell is None:
        return None
    if isinstance(cell, str):
        if cell.isascii() and "\x00" not in cell:
            return cell
        return cell.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else str(cell)
    return cell_to_json(cell)
