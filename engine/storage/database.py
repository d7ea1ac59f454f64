"""The database behind everything: SQLite by default, PostgreSQL when outgrown.

Enters: a URL. Leaves: transactions, as SQLAlchemy connections that read (and cannot write) or write (one at a time on
SQLite, in order). Must not know entities. Engines are made lazily in the process that uses them: a pool that crosses a
fork mixes up answers.
"""

import os
import select
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from engine.errors import NotPossibleNow
from engine.expression import sqlite_functions
from engine.storage.bounds import watched
from engine.storage.faults import translated
from engine.storage.gate import WriteGate
from engine.storage.kept_connections import KeptConnections
from engine.storage.prepared import begin_past

DialectName = Literal["sqlite", "postgresql"]

_OLDEST_SQLITE = (3, 35, 0)  # RETURNING
_BUSY_MS = 20_000
_PG_SESSION = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "client_encoding": "UTF8",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "5min",  # a process that hangs must not hold its locks for ever
    "jit": "off",  # compiling a statement takes longer than any page may
}
_PG_READER = {"default_transaction_read_only": "on"}
# Values are personal data: no error text and no log may carry them.
# The connection used last is used next: its statements are prepared and its pages are in memory.
# Most of them are kept beside the pool (``kept_connections``).
_POOL: dict[str, Any] = {"pool_size": 1, "max_overflow": 31, "pool_use_lifo": True, "hide_parameters": True}


@dataclass
class _Epoch:
    """Connections made in an earlier epoch are not used again."""

    number: int = 0


@dataclass(frozen=True)
class _Engines:
    """What one process holds open."""

    pid: int
    reader: Engine
    snapshots: Engine  # the reader's connections, all statements at one moment
    writer: Engine
    reading: KeptConnections
    writing: KeptConnections
    gate: AbstractContextManager[Any]
    epoch: _Epoch


class Database:
    """One database. Safe to share between threads, and to carry over a fork."""

    def __init__(self, url: URL, dialect: DialectName, *, longest_read: float | None = None) -> None:
        """Take seconds that a statement which reads may take; None lets it take as long as it likes."""
        self.url = url
        self.dialect = dialect
        self._longest_read = longest_read
        self._held: _Engines | None = None
        self._making = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine of this process that writes (SQLite: use ``write`` instead, it waits in order)."""
        return self._engines().writer

    @property
    def sql_dialect(self) -> Dialect:
        """The SQLAlchemy dialect, for compiling statements beforehand."""
        return self._engines().writer.dialect

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Give a connection that cannot write.

        On SQLite it sees one moment. On PostgreSQL each statement sees what is committed when it starts, which saves
        two round trips; with ``snapshot`` all statements see one moment there too.
        """
        engines = self._engines()
        if snapshot and self.dialect == "postgresql":
            with translated(), engines.snapshots.connect() as connection:
                yield connection
            return
        with translated(), engines.reading.lend() as connection:
            if self.dialect == "sqlite":
                connection.begin()
                begin_past(connection, "BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that commits at the end, or rolls back when an error passes through.

        Raises ``Unavailable`` when the database is busy for too long, full, read-only or gone.
        """
        engines = self._engines()
        with translated(), engines.gate, engines.writing.lend() as connection, connection.begin():
            if self.dialect == "sqlite":
                begin_past(connection, "BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def without_waiting_for_disk(self) -> Iterator[None]:
        """On SQLite, let commits inside not wait until the disk has them: after a power cut the last may be missing.

        None is ever half there. For what is written once and can be written again; for one thread at a time.
        """
        self._wait_for_disk("NORMAL")
        try:
            yield
        finally:
            self._wait_for_disk("FULL")

    def _wait_for_disk(self, how: str) -> None:
        if self.dialect != "sqlite":
            return
        engines = self._engines()
        with engines.gate, engines.writing.lend() as connection:  # the one that writes, with no transaction open
            connection.exec_driver_sql(f"PRAGMA synchronous={how}")

    def renew(self) -> None:
        """Use new connections from now on: PostgreSQL keeps prepared statements that a new release may invalidate."""
        self._engines().epoch.number += 1

    def close(self) -> None:
        """Close every connection of this process; the next use opens new ones."""
        with self._making:
            held, self._held = self._held, None
        if held is not None and held.pid == os.getpid():
            held.reading.close()
            held.writing.close()
            held.reader.dispose()
            held.writer.dispose()
            if isinstance(held.gate, WriteGate):
                held.gate.close()

    def _engines(self) -> _Engines:
        held = self._held
        if held is not None and held.pid == os.getpid():
            return held
        return self._make_engines()

    def _make_engines(self) -> _Engines:
        with self._making:
            held = self._held
            if held is not None and held.pid == os.getpid():
                return held
            if held is not None:  # made by the parent: forget its connections, do not close them
                held.reader.dispose(close=False)
                held.writer.dispose(close=False)
            open_ = _open_sqlite if self.dialect == "sqlite" else _open_postgresql
            made = open_(self.url, self._longest_read)
            self._held = made
            return made


def open_database(url: str, *, longest_read: float | None = None) -> Database:
    """Open ``sqlite:///file`` or ``postgresql+psycopg://...`` (``postgresql://`` is read as the latter).

    A statement of a transaction that reads is stopped after ``longest_read`` seconds (``Unavailable``); one that writes
    never is. Nothing is connected yet. Raises ``NotPossibleNow`` for another kind of database, a missing driver, or a
    SQLite library that is too old.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise NotPossibleNow("storage.bad_url") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return Database(_checked_sqlite(parsed), "sqlite", longest_read=longest_read)
    if kind in ("postgresql", "postgres"):
        return Database(_checked_postgresql(parsed), "postgresql", longest_read=longest_read)
    raise NotPossibleNow("storage.unknown_kind", kind=kind)


def _checked_sqlite(url: URL) -> URL:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise NotPossibleNow("storage.old_sqlite", version=sqlite3.sqlite_version)
    if not url.database or url.database == ":memory:":
        raise NotPossibleNow("storage.bad_url")
    path = Path(url.database).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return url.set(drivername="sqlite", database=str(path))


def _checked_postgresql(url: URL) -> URL:
    try:
        import psycopg  # noqa: F401 - an optional driver: say in words that it is missing
    except ImportError:
        raise NotPossibleNow("storage.no_driver") from None
    return url.set(drivername="postgresql+psycopg")


# ---- SQLite


def _open_sqlite(url: URL, longest_read: float | None) -> _Engines:
    path = Path(url.database or "")
    watching = {} if longest_read is None else {"factory": watched(longest_read)}
    reader = create_engine(url, connect_args=_SQLITE_ARGS | watching, **_POOL)
    writer = create_engine(url, connect_args=_SQLITE_ARGS, **_POOL)
    event.listen(reader, "connect", _set_up_sqlite_reader)
    event.listen(writer, "connect", _set_up_sqlite)
    kept = KeptConnections(reader), KeptConnections(writer)
    return _Engines(os.getpid(), reader, reader, writer, *kept, WriteGate(path), _Epoch())


# Python's driver would begin too late (not before DDL) and without IMMEDIATE: it is told to leave that to us, who begin
# in ``Database.read`` and ``write``. An engine nobody listens to saves each statement asking who does.
_SQLITE_ARGS = {"isolation_level": None, "timeout": _BUSY_MS / 1000, "cached_statements": 512}


_MAPPED = 2**31 - 2**16
"""Bytes of the file that readers see in the memory of the system: a page that is there costs no call. SQLite's most."""


_LOGGED = 4_000
"""Pages of the log after which it is copied into the file: a page written often is copied once. SQLite finds so many
of them through one block of its index."""


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    cursor = connection.cursor()
    mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise NotPossibleNow("storage.no_wal")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute("PRAGMA cache_size=-16000")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_LOGGED}")
    cursor.close()
    sqlite_functions.install(connection)


def _set_up_sqlite_reader(connection: sqlite3.Connection, record: object) -> None:
    _set_up_sqlite(connection, record)
    connection.execute("PRAGMA query_only=ON").close()
    connection.execute(f"PRAGMA mmap_size={_MAPPED}").close()


# ---- PostgreSQL


def _open_postgresql(url: URL, longest_read: float | None) -> _Engines:
    from engine.storage.whole_numbers import send_alike  # of the optional driver

    bound = {} if longest_read is None else {"statement_timeout": str(max(1, int(longest_read * 1000)))}
    reading, writing = (_pg_args(url, settings) for settings in (_PG_SESSION | _PG_READER | bound, _PG_SESSION))
    reader = create_engine(
        url, connect_args=reading, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **_POOL
    )
    writer = create_engine(url, connect_args=writing, **_POOL)
    epoch = _Epoch()

    def mark(connection: Any, record: Any) -> None:
        record.info["epoch"] = epoch.number
        send_alike(connection)

    def is_good(connection: Any, info: Any) -> bool:
        return info["epoch"] == epoch.number and not (connection.closed or _is_dead(connection))

    def check(connection: Any, record: Any, proxy: object) -> None:
        if not is_good(connection, record.info):
            raise DisconnectionError()

    for engine in (reader, writer):
        event.listen(engine, "connect", mark)
        event.listen(engine, "checkout", check)
    snapshots = reader.execution_options(isolation_level="REPEATABLE READ")

    def is_usable(used: Connection) -> bool:
        return is_good(used.connection.driver_connection, used.info)

    kept = KeptConnections(reader, is_usable), KeptConnections(writer, is_usable)
    return _Engines(os.getpid(), reader, snapshots, writer, *kept, nullcontext(), epoch)


def _pg_args(url: URL, settings: dict[str, str]) -> dict[str, str]:
    given = url.query.get("options", "")
    said = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {"options": f"{said} {given}".strip(), "application_name": "formwork", "connect_timeout": "5"}


def _is_dead(connection: Any) -> bool:
    """Notice a server that went away, without asking it: an idle connection with something to read was closed."""
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection.fileno()], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
