"""Bringing a spreadsheet to the desk step by step, as the pages do."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.importing import batches, working
from engine.importing.batches import Import, ImportRow
from engine.importing.columns import Column, choose_columns
from engine.importing.sheets import read_rows
from engine.importing.staging import stage
from tests.records.desk import Desk

Rows = Sequence[Sequence[Any]]


def to_csv(rows: Rows) -> bytes:
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    return made.getvalue().encode()


def put(desk: Desk, rows: Rows, entity: str = "client", login: str = "chief", name: str = "客户.csv") -> Import:
    """Stage a file and return the import with its proposed columns."""
    content = to_csv(rows)
    actor = desk.actor(login)
    id_ = stage(desk.store, entity, read_rows(content, name), name=name, content=content, actor=actor)
    return see(desk, id_, login)


def see(desk: Desk, id_: int, login: str = "chief") -> Import:
    with desk.store.read() as session:
        return batches.get_import(session, id_, actor=desk.actor(login))


def choose(
    desk: Desk,
    found: Import,
    *,
    mode: str = "create",
    by: str | None = None,
    reminds: bool = False,
    login: str = "chief",
    keys: Mapping[str, str | None] | None = None,
    **reading: Any,
) -> Import:
    """Confirm the columns (``keys`` by header, where another is meant) and rehearse every row."""
    columns = [_chosen(one, keys or {}, reading) for one in found.columns]
    with desk.store.write() as session:
        entity, rights = batches.require_import(session, found.entity, desk.actor(login))
        given = choose_columns(entity, rights, found.columns, {one.at: (one.key, one.reading) for one in columns})
        batches.choose(session, found.id, given, mode, by, reminds, actor=desk.actor(login))
    working.go_on(desk.store, found.id)
    return see(desk, found.id, login)


def run(desk: Desk, found: Import, login: str = "chief") -> Import:
    with desk.store.write() as session:
        batches.start(session, found.id, actor=desk.actor(login))
    working.go_on(desk.store, found.id)
    return see(desk, found.id, login)


def undo(desk: Desk, found: Import, login: str = "chief") -> Import:
    with desk.store.write() as session:
        batches.start_undo(session, found.id, actor=desk.actor(login))
    working.go_on(desk.store, found.id)
    return see(desk, found.id, login)


def rows_of(desk: Desk, found: Import, *states: str) -> list[ImportRow]:
    with desk.store.read() as session:
        return batches.list_rows(session, found.id, states, limit=10_000)


def counts(desk: Desk, found: Import) -> dict[str, int]:
    with desk.store.read() as session:
        return batches.count_rows(session, found.id)


def told(desk: Desk, found: Import, *states: str) -> dict[int, list[tuple[int | None, str]]]:
    """What is wrong, by row: the column and the sentence."""
    wanted = states or ("wrong",)
    return {row.row: [(one["at"], one["zh"]) for one in row.problems] for row in rows_of(desk, found, *wanted)}


def _chosen(one: Column, keys: Mapping[str, str | None], reading: Mapping[str, Any]) -> Column:
    return replace(one, key=keys.get(one.header, one.key), reading=replace(one.reading, **reading))
