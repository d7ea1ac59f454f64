"""How much a reading transaction may ask of the database before it is stopped.

Enters: a connection, the most statements, the most seconds; or, for whole connections, the seconds of one statement.
Leaves: ``TooMuch`` where either is passed, in the midst of a statement too; the driver's own error in the second case.
Must not be put around anything that writes: what was done so far is not taken back.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotPossibleNow

_CANCELLED = "57014"
_STEPS = 2_000
"""Steps of SQLite's machine between two looks at the clock."""
_RARELY = 100_000
"""The same, where it is about seconds."""


class TooMuch(NotPossibleNow):
    """What was asked needs more statements or more time than it is given."""

    def __init__(self) -> None:
        super().__init__("storage.too_much")


@contextmanager
def bounded(connection: Connection, *, statements: int, seconds: float) -> Iterator[None]:
    """Let what happens inside send ``statements`` and take ``seconds``; raises ``TooMuch`` beyond that."""
    until, left = time.monotonic() + seconds, statements

    def note(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0 or time.monotonic() > until:
            raise TooMuch

    with _interrupted(connection, until, seconds):
        event.listen(connection, "before_cursor_execute", note)
        try:
            yield
        except DBAPIError as error:
            if not _is_interrupted(error):
                raise
            raise TooMuch from error
        finally:
            event.remove(connection, "before_cursor_execute", note)


@contextmanager
def stopped_unless(connection: Connection, wanted: Callable[[], bool], *, every: float = 1.0) -> Iterator[None]:
    """Stop the statement at work once it is no longer wanted; ``bounded`` within it says so as ``TooMuch``.

    ``wanted`` is asked by a thread of its own.
    """
    raw: Any = connection.connection.driver_connection
    stop = raw.cancel if connection.dialect.name == "postgresql" else raw.interrupt
    over = Event()

    def watch() -> None:
        while not over.wait(every):
            if not wanted():
                stop()
                return

    thread = Thread(target=watch, name="wanted", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _WatchedCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> "_WatchedCursor":
        watched: Any = self.connection
        watched.until = time.monotonic() + watched.longest
        return super().execute(sql, parameters)


class WatchedConnection(sqlite3.Connection):
    """A connection to SQLite, no statement of which runs longer than ``longest`` seconds.

    The driver's own classes are asked for the time, not listeners of SQLAlchemy: with one of those, every statement
    would be announced, and none could be run past it (``prepared``).
    """

    longest = until = float("inf")

    def cursor(self, factory: Any = _WatchedCursor) -> Any:
        """Return a cursor that notes when a statement begins."""
        return super().cursor(factory)

    def watch(self) -> None:
        """Look at the clock from time to time."""
        self.set_progress_handler(lambda: time.monotonic() > self.until, _RARELY)


def watched(seconds: float) -> Callable[..., WatchedConnection]:
    """Return what connects to SQLite so; PostgreSQL has a setting for that."""

    def connect(*args: Any, **options: Any) -> WatchedConnection:
        connection = WatchedConnection(*args, **options)
        connection.longest = seconds
        connection.watch()
        return connection

    return connect


@contextmanager
def _interrupted(connection: Connection, until: float, seconds: float) -> Iterator[None]:
    """Let the database itself stop a statement that runs on."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET statement_timeout = {max(1, int(seconds * 1000))}"))
        try:
            yield
        finally:
            connection.execute(text("RESET statement_timeout"))
        return
    raw: Any = connection.connection.driver_connection
    raw.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        yield
    finally:
        if isinstance(raw, WatchedConnection):
            raw.watch()
        else:
            raw.set_progress_handler(None, 0)


def _is_interrupted(error: DBAPIError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", None)
    return getattr(error.orig, "sqlstate", None) == _CANCELLED or name == "SQLITE_INTERRUPT"
