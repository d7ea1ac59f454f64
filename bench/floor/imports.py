"""Import of opportunities from a workbook, with the rules of the form.

XLSX bytes and an actor enter; counts and refused rows with their reasons leave. The rows are kept in the database, and
each with what became of it, so that a killed import can be gone on with and a whole one taken back. Good rows are
written in short transactions, so nobody waits long for the writer.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from python_calamine import CalamineWorkbook
from sqlalchemy import Connection, bindparam, insert, select, update

from bench.floor.access import CREATE, Actor, Refused, rows_within
from bench.floor.records import (
    draw_numbers,
    history_row,
    insert_history,
    insert_moves,
    insert_outbox,
    insert_stays,
    move_row,
    new_system_values,
    outbox_row,
    stay_row,
)
from bench.floor.rules import OPPORTUNITY, parse_opportunity
from bench.floor.search import add_terms
from bench.floor.tables import Database, customer, import_rows, imports, opportunity

ROWS_PER_TRANSACTION = 250
MOST_BYTES = 100_000_000
# Ids are read afterwards: with RETURNING, psycopg would parse one statement of thousands of parameters per chunk.
_INSERT = insert(opportunity).inline()
_KEEP = insert(import_rows).inline()
_TOLD = update(import_rows).where(import_rows.c.import_id == bindparam("of"), import_rows.c.row == bindparam("at"))
_IDS = select(opportunity.c.number, opportunity.c.id).where(
    opportunity.c.number.in_(bindparam("numbers", expanding=True))
)


def import_opportunities(database: Database, actor: Actor, workbook: bytes) -> dict[str, Any]:
    """Raises Refused 403, and 422 when the file or its header cannot be read."""
    if not actor.roles & CREATE:
        raise Refused(403, "not_allowed")
    rows = list(_read_rows(workbook))
    now = datetime.now(UTC)
    with database.writing() as connection:
        kept = {"user_id": actor.id, "at": now, "state": "reading"}
        import_id = connection.execute(insert(imports).returning(imports.c.id), kept).scalar_one()
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        with database.writing() as connection:
            _keep(connection, import_id, start + 2, rows[start : start + ROWS_PER_TRANSACTION])
    with database.reading() as connection:
        customers = _find_customers(connection, actor, {raw.get("customer") for raw in rows})
    created, refused = 0, []
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        with database.writing() as connection:
            good, wrong = _judge(start + 2, rows[start : start + ROWS_PER_TRANSACTION], customers, now.date())
            ids = _write(connection, actor, list(good.values()))
            done = [_outcome(import_id, line, "created", record_id=i) for line, i in zip(good, ids, strict=True)]
            done += [_outcome(import_id, line, "wrong", problems=errors) for line, errors in wrong.items()]
            connection.execute(_TOLD, done)
        created += len(good)
        refused += [{"row": line, "errors": errors} for line, errors in wrong.items()]
    with database.writing() as connection:
        connection.execute(update(imports).where(imports.c.id == import_id).values(state="done"))
    return {"created": created, "refused": refused}


def _judge(
    first: int, rows: list[dict[str, Any]], customers: dict[str, int], today: date
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, str]]]:
    """Values of the good rows and errors of the others, by the number of the row."""
    good: dict[int, dict[str, Any]] = {}
    wrong: dict[int, dict[str, str]] = {}
    for line, raw in enumerate(rows, start=first):
        named = raw.get("customer")
        values, errors = parse_opportunity({**raw, "customer": customers.get(named)}, today)
        if named is not None and named not in customers:
            errors["customer"] = "not_found"
        if errors:
            wrong[line] = errors
            continue
        values["customer_id"] = values.pop("customer")
        good[line] = values
    return good, wrong


def _keep(connection: Connection, import_id: int, first: int, rows: list[dict[str, Any]]) -> None:
    kept = [
        {"import_id": import_id, "row": line, "cells": json.dumps(raw, default=str, ensure_ascii=False), "state": "new"}
        for line, raw in enumerate(rows, start=first)
    ]
    connection.execute(_KEEP, kept)


def _outcome(
    import_id: int, line: int, state: str, record_id: int | None = None, problems: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "of": import_id, "at": line, "state": state, "record_id": record_id, "version": record_id and 1,
        "problems": problems and json.dumps(problems),
    }  # fmt: skip


def _read_rows(workbook: bytes) -> Iterator[dict[str, Any]]:
    try:
        # A small archive may unfold to gigabytes: judge by the declared sizes before unfolding.
        if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(workbook)).infolist()) > MOST_BYTES:
            raise Refused(422, "file_too_large")
        table = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).iter_rows()
    except Refused:
        raise
    except Exception:
        raise Refused(422, "not_a_workbook") from None
    header = [str(cell).strip() for cell in next(iter(table), [])]
    if unknown := [name for name in header if name not in OPPORTUNITY]:
        raise Refused(422, "unknown_columns", columns=unknown)
    for cells in table:
        yield {name: _value(cell) for name, cell in zip(header, cells, strict=True)}


def _value(cell: Any) -> Any:
    if cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.date()
    return cell.strip() if isinstance(cell, str) else cell if isinstance(cell, date | float | int) else str(cell)


def _find_customers(connection: Connection, actor: Actor, names: set[Any]) -> dict[str, int]:
    """Customers the actor may choose, by name."""
    found: dict[str, int] = {}
    query = select(customer.c.name, customer.c.id).where(customer.c.name.in_(bindparam("names", expanding=True)))
    query = query.where(customer.c.status != "blacklisted", rows_within(customer, actor.read))
    wanted = [name for name in names if isinstance(name, str)]
    for start in range(0, len(wanted), 500):
        rows = connection.execute(query, {"names": wanted[start : start + 500], **actor.binds}).tuples()
        found.update(rows.all())
    return found


def _write(connection: Connection, actor: Actor, chunk: list[dict[str, Any]]) -> list[int]:
    if not chunk:
        return []
    now = datetime.now(UTC)
    system = new_system_values(actor, now) | {"stage": "needs"}
    nothing = dict.fromkeys(column.name for column in opportunity.columns if column.name not in ("id", "number"))
    numbers = draw_numbers(connection, f"SJ{now.year}", len(chunk))
    rows = [{**nothing, **values, **system, "number": number} for values, number in zip(chunk, numbers, strict=True)]
    connection.execute(_INSERT, rows)
    found = dict(connection.execute(_IDS, {"numbers": numbers}).tuples().all())
    ids = [found[number] for number in numbers]
    named = list(zip(ids, chunk, strict=True))
    connection.execute(insert_history, [_created(actor, now, row_id, values) for row_id, values in named])
    connection.execute(insert_outbox, [outbox_row(actor, now, "opportunity", i, 1, "created") for i in ids])
    add_terms(connection, "opportunity", zip(ids, rows, strict=True))
    connection.execute(insert_stays, [stay_row(row_id, "needs", 1, now) for row_id in ids])
    connection.execute(insert_moves, [move_row(actor, now, row_id, None, "needs", system) for row_id in ids])
    return ids


def _created(actor: Actor, now: datetime, row_id: int, values: dict[str, Any]) -> dict[str, Any]:
    changes = {name: [None, value] for name, value in values.items() if value is not None}
    return history_row(actor, now, "opportunity", row_id, 1, "created", changes)
