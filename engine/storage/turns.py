"""Whose turn it is: publishers one after another, and writers kept out while what is stored changes its meaning.

Enters: a connection in a transaction. Leaves: advisory locks of PostgreSQL, held until the transaction ends; SQLite has
one writer at a time anyway. Must not alter anything.

A writer takes a shared lock and is told the generation of the release in the same round trip; a publisher takes it
alone. So no writer of the release before is under way while a publish fills a roll-up, and whoever waited for the
publish reads the new generation before anything else. A publisher waits briefly only, and lets go of everything in
between: writers and readers queue behind whoever waits.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotPossibleNow
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.prepared import run_past

T = TypeVar("T")

_OLDEST_POSTGRESQL = (13,)
_PUBLISHING = 0x466F726D  # "Form": one process alters tables, the others wait
_WRITING = 0x57726974  # "Writ": shared by writers, taken alone by a publisher
_HELD = ("55P03", "40P01")  # lock timeout, deadlock

_GENERATION = "SELECT generation FROM fw_current_release"
# Two statements, one message: the second is worked out after the first got its lock, and so sees what was published.
_ENTER = f"SELECT pg_advisory_xact_lock_shared({_WRITING}); {_GENERATION}"


@dataclass(frozen=True)
class Patience:
    """How a publish waits on PostgreSQL: each time for ``lock``, in all for ``whole``; then it says who holds it up."""

    lock: timedelta = timedelta(seconds=2)
    whole: timedelta = timedelta(seconds=60)


def enter_to_write(connection: Connection) -> int | None:
    """Begin to write: wait for a publish under way, and return the generation of the release that holds now."""
    if connection.dialect.name != "postgresql":
        return find_generation(connection)
    entered: Any = run_past(connection, _ENTER)
    cursor = entered.cursor if isinstance(entered, CursorResult) else entered
    cursor.nextset()
    row = cursor.fetchone()
    entered.close()
    return None if row is None else int(row[0])


def find_generation(connection: Connection) -> int | None:
    """Return the generation of the release that holds now, None before the first publish."""
    row = run_past(connection, _GENERATION).fetchone()
    return None if row is None else int(row[0])


def take_turn(connection: Connection) -> None:
    """Wait until nobody else alters tables. Holds until the transaction ends."""
    if connection.dialect.name != "postgresql":
        return
    info = connection.dialect.server_version_info or ()
    if info < _OLDEST_POSTGRESQL:
        raise NotPossibleNow("storage.old_postgresql", version=".".join(str(part) for part in info))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLISHING})
    except DBAPIError as error:
        if _is_held(error):
            raise Unavailable("storage.publishing") from error
        raise


def keep_writers_out(connection: Connection, patience: Patience) -> None:
    """Wait until no writer is under way, and let none begin until the transaction ends."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text(f"SET LOCAL lock_timeout = '{round(patience.lock.total_seconds() * 1000)}ms'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITING})


@contextmanager
def alone(database: Database, patience: Patience) -> Iterator[Connection]:
    """Give a transaction in which nobody else publishes or writes; call it by way of ``patiently``.

    The turn comes first, the place of the writers next: whoever took them the other way round and a publisher would
    wait for each other.
    """
    with database.write() as connection:
        take_turn(connection)
        keep_writers_out(connection, patience)
        yield connection


def patiently(database: Database, patience: Patience, attempt: Callable[[], T]) -> T:
    """Call ``attempt``, a transaction, again while a lock keeps it from its work; what it did was rolled back.

    Raises ``Unavailable`` with who holds it up when ``patience`` is at its end.
    """
    until, pause = time.monotonic() + patience.whole.total_seconds(), patience.lock.total_seconds() / 4
    while True:
        try:
            return attempt()
        except Unavailable as error:
            if not isinstance(error.__cause__, DBAPIError) or not _is_held(error.__cause__):
                raise
            if time.monotonic() > until:
                raise Unavailable("storage.held_up", who=_find_holder(database)) from error
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - two that wait must not wait in step


def _is_held(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _HELD


def _find_holder(database: Database) -> str:
    with database.read() as connection:
        row = connection.execute(text(_HOLDER), {"key": _WRITING}).first()
    return "-" if row is None else f"{row.application or row.person} (pid {row.pid}, {row.seconds} s)"


_HOLDER = """
    SELECT a.pid, a.application_name AS application, a.usename AS person,
           extract(epoch FROM clock_timestamp() - a.xact_start)::bigint AS seconds
    FROM pg_stat_activity AS a
    WHERE a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid() AND EXISTS (
        SELECT FROM pg_locks AS l LEFT JOIN pg_class AS c ON c.oid = l.relation
        WHERE l.pid = a.pid AND l.granted AND (
            (l.locktype = 'advisory' AND l.objid = :key)
            OR (c.relname LIKE 'e\\_%' AND c.relnamespace = current_schema()::regnamespace)
        )
    )
    ORDER BY a.xact_start LIMIT 1
"""
