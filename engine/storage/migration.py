"""From the tables there are to the tables an app needs: planned, rehearsed, applied.

Enters: a connection in a write transaction, the app of the release before and the new one. Leaves: a plan, or altered
tables. Must not commit. The rehearsal does everything for real and rolls it back, so that what a plan shows is what
publishing does, and real data can object beforehand.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Index, event

from engine.compiler.app import CompiledApp
from engine.expression.evaluate import NOBODY
from engine.storage import alter, differences
from engine.storage.changes import Rename, Replace, Step, Widen, find_steps
from engine.storage.fills import Filling, Parameters, fill
from engine.storage.physical import read_schema
from engine.storage.plan import Plan, PlanBlocked, PlanItem
from engine.storage.releases import find_current_id
from engine.storage.risks import find_risks
from engine.storage.tables import Tables, build_tables

_SHOWN = ("ALTER", "CREATE", "DROP", "UPDATE", "INSERT", "COMMENT")


def plan(connection: Connection, old: CompiledApp | None, new: CompiledApp, *, now: datetime) -> Plan:
    """Return what publishing ``new`` over ``old`` would do; the database is left as it was.

    ``old`` is the app of the current release, None when there is none. The connection must be writing, because the
    statements are run and rolled back.
    """
    with _recorded(connection) as statements:
        savepoint = connection.begin_nested()
        try:
            found = _migrate(connection, old, new, now)
        finally:
            savepoint.rollback()
    return _plan(connection, old, new, found, statements)


def apply(connection: Connection, old: CompiledApp | None, new: CompiledApp, *, now: datetime) -> Plan:
    """Give the database the tables of ``new``, within the caller's transaction, and return what was done.

    Raises ``PlanBlocked`` when records stand in the way; the caller rolls back.
    """
    with _recorded(connection) as statements:
        found = _migrate(connection, old, new, now)
    blocked = tuple(item for item in found if item.kind == "blocked")
    if blocked:
        raise PlanBlocked(blocked)
    return _plan(connection, old, new, found, statements)


def _plan(
    connection: Connection, old: CompiledApp | None, new: CompiledApp, found: list[PlanItem], statements: list[str]
) -> Plan:
    items = differences.compare(old, new) + found
    return Plan(tuple(items), tuple(statements), find_current_id(connection), new.digest)


def _migrate(connection: Connection, old: CompiledApp | None, new: CompiledApp, now: datetime) -> list[PlanItem]:
    tables = build_tables(new)
    before = read_schema(connection)
    steps = find_steps(before, old, new, tables, connection.dialect)
    # Renames first, indexes next: an index follows its column under a new name, and keeps a column from being changed.
    alter.run_steps(connection, [step for step in steps if isinstance(step, Rename)])
    alter.drop_indexes(connection, alter.find_outdated(read_schema(connection), tables, connection, _touched(steps)))
    alter.run_steps(connection, [step for step in steps if not isinstance(step, Rename)])
    filling = Filling(connection, old, new, tables, _parameters(new, now))
    items = fill(filling, steps)
    missing = _missing_indexes(connection, tables)
    items += find_risks(filling, missing)
    if not any(item.kind == "blocked" for item in items):
        alter.create_indexes(connection, missing)
    return items


def _touched(steps: list[Step]) -> set[str]:
    return {step.table for step in steps if isinstance(step, (Replace, Widen))}


def _missing_indexes(connection: Connection, tables: Tables) -> list[Index]:
    there = read_schema(connection).indexes
    wanted = [index for table in tables.metadata.tables.values() for index in table.indexes]
    return sorted((index for index in wanted if index.name not in there), key=lambda index: index.name or "")


def _parameters(app: CompiledApp, now: datetime) -> Parameters:
    local = now.astimezone(ZoneInfo(app.timezone))
    offset = local.utcoffset() or timedelta()
    return {"actor_id": NOBODY, "now": now, "today": local.date(), "utc_offset": offset // timedelta(seconds=1)}


@contextmanager
def _recorded(connection: Connection) -> Iterator[list[str]]:
    """Collect the statements that change something."""
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(_SHOWN):
            statements.append(statement.strip())

    event.listen(connection, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", record)
