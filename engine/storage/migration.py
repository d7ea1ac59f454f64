"""From the tables there are to the tables an app needs: planned, rehearsed, applied.

Enters: a connection in a write transaction, the app of the release before and the new one. Leaves: a plan, or altered
tables. Must not commit. The rehearsal does everything for real and rolls it back, so that what a plan shows is what
publishing does, and real data can object beforehand.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Index, event

from engine.compiler.app import CompiledApp
from engine.expression.sql import OF_NOBODY
from engine.storage import alter, differences, index_builds
from engine.storage.back import Back, MakeCallings
from engine.storage.changes import Rename, Replace, Step, Widen, find_steps
from engine.storage.filling import Filling, Parameters, Publisher
from engine.storage.fills import fill
from engine.storage.following import follow_names
from engine.storage.likenesses import find_likenesses
from engine.storage.physical import read_schema
from engine.storage.plan import Plan, PlanBlocked, PlanItem
from engine.storage.releases import find_current_id, find_next_id
from engine.storage.risks import find_risks
from engine.storage.store import LARGE_TABLE, Session
from engine.storage.tables import Tables, build_tables

_ANY_NUMBER = re.compile(r"\bIN \((?:(?:%\(\w+\)s|\?)(?:::\w+)?(?:, )?)+\)")
"""A list of parameters: how many records a batch holds is no part of what a person agrees to."""
_SHOWN = ("ALTER", "CREATE", "DROP", "UPDATE", "INSERT", "COMMENT")


@dataclass(frozen=True)
class Turn:
    """One release after another: ``old`` is the app of the current one, None when there is none.

    ``back`` says that ``new`` is an earlier release, which nobody can be asked about; ``by`` is whoever publishes, and
    ``session_of`` opens a session under one of the apps in the same transaction.
    ``callings`` says how records, people and departments are called, for values that lead to some or come to.
    ``ahead`` names the unique indexes of tables above ``large_table`` rows that were built before.
    """

    old: CompiledApp | None
    new: CompiledApp
    now: datetime
    back: Back | None = None
    by: Publisher | None = None
    session_of: Callable[[CompiledApp], Session] | None = None
    callings: MakeCallings | None = None
    large_table: int = LARGE_TABLE
    ahead: frozenset[str] = frozenset()


def plan(connection: Connection, turn: Turn) -> Plan:
    """Return what this turn would do; the database is left as it was.

    The connection must be writing, because the statements are run and rolled back.
    """
    with _recorded(connection) as statements:
        savepoint = connection.begin_nested()
        try:
            found = _migrate(connection, turn)
        finally:
            savepoint.rollback()
    return _plan(connection, turn, found, statements)


def apply(connection: Connection, turn: Turn) -> Plan:
    """Give the database the tables of the new app, within the caller's transaction, and return what was done.

    Raises ``PlanBlocked`` when records stand in the way; the caller rolls back.
    """
    with _recorded(connection) as statements:
        found = _migrate(connection, turn)
    blocked = tuple(item for item in found if item.kind == "blocked")
    if blocked:
        raise PlanBlocked(blocked)
    return _plan(connection, turn, found, statements)


def _plan(connection: Connection, turn: Turn, found: list[PlanItem], statements: Iterable[str]) -> Plan:
    items = differences.compare(turn.old, turn.new) + found
    return Plan(tuple(items), tuple(statements), find_current_id(connection), turn.new.digest)


def _migrate(connection: Connection, turn: Turn) -> list[PlanItem]:
    old, new, tables = turn.old, turn.new, build_tables(turn.new)
    schema = read_schema(connection)
    parameters, release_id = _parameters(new, turn.now), find_next_id(connection)
    filling = Filling(
        connection, old, new, tables, parameters, release_id, turn.by, turn.back, turn.session_of, turn.callings
    )
    steps = find_steps(schema, filling.former, old, new, tables, connection.dialect)
    ahead = index_builds.find_ahead(connection, schema, steps, new, tables, turn.large_table)
    # Renames first, indexes next: an index follows its column under a new name, and keeps a column from being changed.
    alter.run_steps(connection, [step for step in steps if isinstance(step, Rename)])
    alter.drop_indexes(connection, alter.find_outdated(read_schema(connection), tables, connection, _touched(steps)))
    alter.run_steps(connection, [step for step in steps if not isinstance(step, Rename)])
    follow_names(connection, old, new, tables, steps)
    items = [] if turn.back else find_likenesses(old, new, steps)
    items += fill(filling, steps)
    missing = _missing_indexes(connection, tables)
    items += find_risks(filling, missing)
    if not any(item.kind == "blocked" for item in items):
        items += _index(filling, turn, missing, () if turn.ahead else ahead)
    return items


def _index(filling: Filling, turn: Turn, missing: list[Index], ahead: Sequence[Index]) -> list[PlanItem]:
    """Make the indexes that are not left to a build of their own, and say which those are."""
    before = turn.ahead | {index.name or "" for index in ahead}
    mine = [index for index in missing if index not in ahead]
    now, later = index_builds.split(filling.connection, mine, turn.large_table)
    alter.create_indexes(filling.connection, now)
    index_builds.note(filling.connection, later, index_builds.WAITING)
    return list(index_builds.tell(turn.new, filling.tables, before, later))


def _touched(steps: list[Step]) -> set[str]:
    return {step.table for step in steps if isinstance(step, (Replace, Widen))}


def _missing_indexes(connection: Connection, tables: Tables) -> list[Index]:
    there = read_schema(connection).indexes
    wanted = [index for table in tables.metadata.tables.values() for index in table.indexes]
    return sorted((index for index in wanted if index.name not in there), key=lambda index: index.name or "")


def _parameters(app: CompiledApp, now: datetime) -> Parameters:
    local = now.astimezone(ZoneInfo(app.timezone))
    offset = local.utcoffset() or timedelta()
    return {**OF_NOBODY, "now": now, "today": local.date(), "utc_offset": offset // timedelta(seconds=1)}


@contextmanager
def _recorded(connection: Connection) -> Iterator[Mapping[str, None]]:
    """Collect the statements that change something, each text once: long work is done in batches."""
    statements: dict[str, None] = {}

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(_SHOWN):
            statements[_ANY_NUMBER.sub("IN (...)", statement.strip())] = None

    event.listen(connection, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", record)
