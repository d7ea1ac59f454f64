"""Indexes of large tables, built on PostgreSQL while everybody works.

Enters: the indexes a release wants. Leaves: those of small tables to the publish, and those of large ones to a build
that blocks nobody (``CREATE INDEX CONCURRENTLY``): unique ones before the release holds, those of lists after it does.
Must not build inside a transaction of others.

What is to be built stands in ``fw_index_builds``, so a build that was killed is found: the half-made index, which
PostgreSQL marks as invalid, is dropped and built again. One connection of an installation builds at a time.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Index, delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from engine.compiler.app import CompiledApp
from engine.storage.changes import CreateTables, Replace, Step, Widen
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.physical import Schema, read_schema, wanted_fingerprint
from engine.storage.plan import PlanItem
from engine.storage.store import Store
from engine.storage.system_tables import index_builds
from engine.storage.tables import Tables
from engine.storage.turns import take_turn

AHEAD, WAITING, FAILED = "ahead", "waiting", "failed"
"""Built before the release that wants it holds; to be built; given up until the next start asks again."""
MOST_ATTEMPTS = 5

_BUILDING = 0x496E6478  # "Indx"
_log = logging.getLogger("formwork.storage")


@dataclass(frozen=True)
class Build:
    """One index that is being built, or waits for it."""

    name: str
    table: str
    state: str
    error: str | None
    attempts: int


def is_large(connection: Connection, table: str, rows: int) -> bool:
    """Tell whether a table has more than ``rows`` rows; never on SQLite, where one writer builds in no time."""
    if connection.dialect.name != "postgresql":
        return False
    quoted = connection.dialect.identifier_preparer.quote(table)
    counted = f"SELECT count(*) FROM (SELECT FROM {quoted} LIMIT {rows + 1}) AS sample"  # noqa: S608 - own names
    return (connection.scalar(text(counted)) or 0) > rows


def find_ahead(
    connection: Connection, schema: Schema, steps: Sequence[Step], new: CompiledApp, tables: Tables, rows: int
) -> list[Index]:
    """Return the unique indexes that can and should be built before the release holds.

    Its columns must be there as they will be: what the publish itself makes, renames, converts or fills is indexed by
    the publish.
    """
    changed = {step.table for step in steps if isinstance(step, (Replace, Widen))}
    fresh = {table.name for step in steps if isinstance(step, CreateTables) for table in step.tables}
    return [
        index
        for index in _all_indexes(tables)
        if index.unique and index.table is not None and index.table.name in schema.tables
        and index.table.name not in changed | fresh
        and schema.indexes.get(index.name or "") != _kept(index, connection)
        and all(schema.has_column(index.table.name, column.name) for column in index.columns)
        and not _is_filled(new, tables, index)
        and is_large(connection, index.table.name, rows)
    ]  # fmt: skip


def split(connection: Connection, missing: Iterable[Index], rows: int) -> tuple[list[Index], list[Index]]:
    """Return the indexes a publish makes itself, and those of lists of large tables, which are built later."""
    now: list[Index] = []
    later: list[Index] = []
    for index in missing:
        large = not index.unique and index.table is not None and is_large(connection, index.table.name, rows)
        (later if large else now).append(index)
    return now, later


def note(connection: Connection, indexes: Iterable[Index], state: str) -> None:
    """Write down what is to be built; what was noted before begins anew."""
    for index in indexes:
        connection.execute(delete(index_builds).where(index_builds.c.name == index.name))
        row = {"name": index.name, "table": _table_of(index), "state": state, "attempts": 0}
        connection.execute(index_builds.insert().values(row))


def tell(app: CompiledApp, tables: Tables, ahead: Iterable[str], later: Iterable[Index]) -> Iterator[PlanItem]:
    """Yield what a person is told: which values are prepared to be unique, and how many indexes come afterwards."""
    for name in sorted(ahead):
        unique = tables.uniques[name]
        entity = app.entities[unique.entity]
        labels = [entity.fields[key].label for key in unique.fields if key in entity.fields]
        yield PlanItem("data", "index_ahead", "unique", (entity.label, *labels))
    owners = {table.name: key for key, table in tables.entity.items()}
    owners |= {table.name: key for (key, _), table in (*tables.lines.items(), *tables.entries.items())}
    for key, count in sorted(Counter(owners[_table_of(index)] for index in later).items()):
        yield PlanItem("data", "index_later", "entity", (app.entities[key].label,), params={"count": count})


def list_builds(connection: Connection) -> list[Build]:
    """Return what is being built or waits for it."""
    c = index_builds.c
    query = select(c.name, c.table, c.state, c.error, c.attempts).order_by(c.name)
    return [Build(*row) for row in connection.execute(query)]


@contextmanager
def built_ahead(store: Store, indexes: Sequence[Index]) -> Iterator[None]:
    """Build unique indexes, and keep them if the release that wants them is published within; else drop them again.

    A value that repeats leaves an index unbuilt: the publish then says which records those are.
    """
    if not indexes:
        yield
        return
    with _builder(store.database, wait=True):
        with store.database.write() as connection:
            note(connection, indexes, AHEAD)
        try:
            for index in indexes:
                _try_to_build(store.database, index)
            yield
        finally:
            _settle_ahead(store)


def build_indexes(store: Store) -> int:
    """Build what waits, and return how many indexes were built; a second sweeper has nothing to do meanwhile."""
    if store.database.dialect != "postgresql":
        return 0
    with store.read() as session:
        waiting = [build for build in list_builds(session.connection) if build.state != FAILED]
    if not waiting:
        return 0
    with _builder(store.database, wait=False) as mine:
        if not mine:
            return 0
        _settle_ahead(store)
        return sum(_build_waiting(store, build) for build in waiting if build.state == WAITING)


def _build_waiting(store: Store, build: Build) -> bool:
    """Build what the release that holds wants; the note goes once it is there as the release that holds then wants it.

    This process may not have noticed a release that was just published, and another may be published meanwhile.
    """
    store.reload()
    index = _wanted(store.tables).get(build.name)
    with store.database.read() as connection:
        missing = index is not None and not _stands(index, connection)
    error = _try_to_build(store.database, index) if index is not None and missing else None
    own = index_builds.c.name == build.name
    with store.write() as session:  # no release is published from here to the commit
        wanted = _wanted(session.tables).get(build.name)
        if error is not None:
            attempts = build.attempts + 1
            state = FAILED if attempts >= MOST_ATTEMPTS else WAITING
            session.connection.execute(
                update(index_builds).where(own).values(state=state, error=error, attempts=attempts)
            )
        elif wanted is None or _stands(wanted, session.connection):
            session.connection.execute(delete(index_builds).where(own))
    return missing and error is None


def _settle_ahead(store: Store) -> None:
    """Keep what was built for a release that holds now; drop what was built for one that was not published.

    While somebody else publishes nothing is settled: whoever builds next does it.
    """
    with suppress(Unavailable), store.database.write() as connection:
        take_turn(connection)
        store.reload()
        wanted = _wanted(store.tables)
        for name in [build.name for build in list_builds(connection) if build.state == AHEAD]:
            if name not in wanted:
                _run(store.database, f"DROP INDEX CONCURRENTLY IF EXISTS {_quoted(store.database, name)}")
            connection.execute(delete(index_builds).where(index_builds.c.name == name))


def _wanted(tables: Tables) -> Mapping[str, Index]:
    return {index.name or "": index for index in _all_indexes(tables)}


def _all_indexes(tables: Tables) -> Iterator[Index]:
    return (index for table in tables.metadata.tables.values() for index in table.indexes)


def _table_of(index: Index) -> str:
    assert index.table is not None  # noqa: S101 - every index here stands on a table
    return index.table.name


def _kept(index: Index, connection: Connection) -> tuple[str, str]:
    return _table_of(index), wanted_fingerprint(index, connection.dialect)


def _stands(index: Index, connection: Connection) -> bool:
    return read_schema(connection).indexes.get(index.name or "") == _kept(index, connection)


def _is_filled(new: CompiledApp, tables: Tables, index: Index) -> bool:
    unique = tables.uniques.get(index.name or "")
    fields = {} if unique is None else new.entities[unique.entity].fields
    told = [fields[column.name] for column in index.columns if column.name in fields]
    return any(field.migrate or field.convert or field.became or field.computed for field in told)


# ---- connections of their own: nothing here may run in a transaction


@contextmanager
def _builder(database: Database, *, wait: bool) -> Iterator[bool]:
    """Hold the right to build until the end; without ``wait`` tell whether it was free."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        try:
            got = connection.scalar(text(f"SELECT {name}({_BUILDING})"))
        except DBAPIError as error:
            raise Unavailable("storage.publishing") from error
        mine = wait or bool(got)
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text(f"SELECT pg_advisory_unlock({_BUILDING})"))


def _try_to_build(database: Database, index: Index) -> str | None:
    """Build an index anew and return None, or what went wrong."""
    name = _quoted(database, index.name or "")
    made = CreateIndex(index).compile(dialect=database.sql_dialect)
    written = str(made).replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
    fingerprint = wanted_fingerprint(index, database.sql_dialect)
    try:
        _run(database, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        _run(database, written)
        _run(database, f"COMMENT ON INDEX {name} IS '{fingerprint}'")
    except DBAPIError as error:
        _log.warning("Index %s could not be built: %s", index.name, getattr(error.orig, "sqlstate", None))
        _run(database, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        return str(getattr(error.orig, "sqlstate", None) or type(error.orig).__name__)
    return None


def _run(database: Database, statement: str) -> None:
    """Run a statement outside any transaction; it may wait for the transactions of others as long as they last."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET lock_timeout = 0")
        try:
            connection.exec_driver_sql(statement)
        finally:
            connection.invalidate()  # it waits without end: not for anybody else


def _quoted(database: Database, name: str) -> str:
    return database.sql_dialect.identifier_preparer.quote(name)
