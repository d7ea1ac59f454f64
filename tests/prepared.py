"""Databases filled once in a run, and copied for the tests after: publishing an app takes longer than most tests.

Enters: a database that does not exist yet, and what fills it. Leaves: the database, filled. A copy is the file (SQLite)
or ``CREATE DATABASE ... TEMPLATE`` (PostgreSQL), so it is in every byte what filling had made. Such a copy takes
PostgreSQL longer than most tests as well: one that a test is done with gets its rows back (``restoring``) and serves
the next test that asks for the same. Must not be asked by tests of publishing itself to publish twice: a database that
exists is filled, never replaced.
"""

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from engine.storage.database import Database, open_database
from engine.storage.upgrading import upgrade
from tests import restoring

Fill = Callable[[Database], object]

_SYSTEM = "the tables of the engine"
_asked: set[tuple[str, str]] = set()
_made: dict[tuple[str, str], URL] = {}
_folders: list[Path] = []
_lent: dict[str, str] = {}
"""The key of each PostgreSQL database that a test has as a copy, by its name."""
_spare: dict[str, list[str]] = {}
"""The names of those that a test gave back, by their key."""
_gone: list[str] = []
"""The names of those that are to be dropped."""
_MOST_GONE = 25
_PATIENCE = 5.0


def fill(database: Database, key: str, fill: Fill) -> None:
    """Call ``fill`` with the database, or make it a copy of one that was filled under the same ``key``.

    The first database of a key is filled itself, since most keys are asked for once.
    """
    own = (database.dialect, key)
    if _exists(database.url):
        fill(database)
    elif own in _asked:
        _lend(_find(database.url, database.dialect, key, fill), database.url, key)
    else:
        _asked.add(own)
        with_system_tables(database)
        fill(database)


def with_system_tables(database: Database) -> None:
    """Give a database that does not exist yet the tables of the engine."""
    _copy(_find(database.url, database.dialect, _SYSTEM, upgrade), database.url)


@contextmanager
def a_postgresql_database(server: str) -> Iterator[Database]:
    """A database that does not exist until it is filled, gone at the end."""
    name = _new_name()
    database = open_database(server.rpartition("/")[0] + "/" + name)
    try:
        yield database
    finally:
        let_work_end()
        database.close()
        _take_back(database.url)


def let_work_end() -> None:
    """Wait for what was begun beside a test (``jobs.look``): closing a database closes no connection that is in use."""
    for thread in threading.enumerate():
        if thread.name in ("formwork-aside", "formwork-sending"):
            thread.join(60)


def forget() -> None:
    """Remove what was kept to be copied."""
    for (dialect, key), url in _made.items():
        if dialect == "postgresql":
            _drop(url, [*_gone, *_spare.get(key, ()), str(url.database)])
            _gone.clear()
    for folder in _folders:
        shutil.rmtree(folder)
    for connection in _connections.values():
        connection.close()
    for kept in (_asked, _made, _folders, _lent, _spare, _gone, _connections):
        kept.clear()


def _find(beside: URL, dialect: str, key: str, fill: Fill) -> URL:
    """Return where a database filled under ``key`` lies, of the kind and on the server of another."""
    own = (dialect, key)
    if own not in _made:
        url = beside.set(database=_new_name() if dialect == "postgresql" else str(_folder() / secrets.token_hex(6)))
        database = open_database(url.render_as_string(hide_password=False))
        if key == _SYSTEM:
            if dialect == "postgresql":
                _command(url, f"CREATE DATABASE {url.database}")
        else:
            with_system_tables(database)
        fill(database)
        database.close()  # no journal is left beside a file, and nobody is connected to what is a template
        _made[own] = url
    return _made[own]


def _lend(url: URL, to: URL, key: str) -> None:
    """Make ``to`` a copy of what was filled under a key: one that another test gave back, or a new one."""
    if to.get_backend_name() == "sqlite":
        _copy(url, to)
        return
    spare = _spare.get(key)
    if spare:
        name = spare.pop()
        _wait_until_alone(to, name)
        _command(to, f"ALTER DATABASE {name} RENAME TO {to.database}")
    else:
        _copy(url, to)
    _lent[str(to.database)] = key


def _take_back(url: URL) -> None:
    """Keep a copy for the next test, or drop the database when it is none or was changed too far."""
    name = str(url.database)
    key = _lent.pop(name, None)
    if (
        key is not None
        and _wait_until_alone(url, name)
        and restoring.restore(_address(url), _address(_made["postgresql", key]))
    ):
        _spare.setdefault(key, []).append(name)
    else:
        _gone.append(name)
        if len(_gone) >= _MOST_GONE:
            _drop(url, _gone)


def _drop(url: URL, names: list[str]) -> None:
    """Drop databases, many at once: each time PostgreSQL first writes down all that is new in any of them."""
    for name in names:
        _command(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    names.clear()


def _wait_until_alone(url: URL, name: str) -> bool:
    """Wait for the connections to a database that were closed a moment ago; tell whether there are none."""
    until = time.monotonic() + _PATIENCE
    while _command(url, f"SELECT FROM pg_stat_activity WHERE datname = '{name}'").rowcount:
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def _copy(url: URL, to: URL) -> None:
    if to.get_backend_name() == "sqlite":
        shutil.copyfile(str(url.database), str(to.database))
    else:
        _command(to, f"CREATE DATABASE {to.database} TEMPLATE {url.database}")


def _exists(url: URL) -> bool:
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).exists()
    return bool(_command(url, f"SELECT FROM pg_database WHERE datname = '{url.database}'").rowcount)


_connections: dict[str, Any] = {}


def _command(url: URL, text: str) -> Any:
    """Run a statement on the server of an address, outside of any database of a test."""
    import psycopg

    address = _address(url.set(database="postgres"))
    if address not in _connections:
        _connections[address] = psycopg.connect(address, autocommit=True)
    return _connections[address].execute(text)


def _address(url: URL) -> str:
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=False)


def _new_name() -> str:
    return f"formwork_test_{secrets.token_hex(6)}"


def _folder() -> Path:
    if not _folders:
        _folders.append(Path(tempfile.mkdtemp(prefix="formwork-test-")))
    return _folders[0]
