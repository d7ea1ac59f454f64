"""How much a reading transaction may ask of the database before it is stopped.

Enters: a connection, the most statements, the most seconds; or an engine that reads, and the seconds of one statement.
Leaves: ``TooMuch`` where either is passed, in the midst of a statement too; the driver's own error in the second case.
Must not be put around anything that writes: what was done so far is not taken back.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotPossibleNow

_CANCELLED = "57014"
_STEPS = 2_000
"""Steps of SQLite's machine between two looks at the clock."""
_RARELY = 100_000
"""The same, where it is about seconds."""
_WATCH = "watch"


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


def watch_reads(engine: Engine, seconds: float) -> None:
    """Let no statement of an engine for SQLite run longer; PostgreSQL has a setting for that."""

    def connect(raw: Any, record: Any) -> None:
        info = record.info
        info[_WATCH] = lambda: time.monotonic() > info.get("until", float("inf"))
        raw.set_progress_handler(info[_WATCH], _RARELY)

    def start(connection: Connection, *_: Any) -> None:
        connection.info["until"] = time.monotonic() + seconds

    event.listen(engine, "connect", connect)
    event.listen(engine, "before_cursor_execute", start)


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
        raw.set_progress_handler(connection.info.get(_WATCH), _RARELY)


def _is_interrupted(error: DBAPIError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", None)
    return getattr(error.orig, "sqlstate", None) == _CANCELLED or name == "SQLITE_INTERRUPT"
