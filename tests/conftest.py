"""Fixtures for every test: a clock that stands, an empty database of each kind, a store with a published template.

PostgreSQL is looked for at FORMWORK_TEST_POSTGRESQL (default: this machine, port 5432); tests that need it are skipped,
and say so, when it is not there. Each run has a database of its own there, dropped at the end, and each
test a schema there or a database of its own.

What pages and the API make of what the layers below answer is the same on both databases, and those layers are tested
on both. So a test of ``tests/web`` runs on one of the two, chosen by its name; half of them on each. It runs on both
where it is named on the command line, where its module says ``both_databases`` because of what databases do
differently (bounds of values, waiting for each other, counting statements), and with FORMWORK_TEST_BOTH=1.
"""

import gc
import os
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pytest
from argon2 import PasswordHasher

from engine.clock import SetClock
from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder, read_folder
from engine.people import passwords
from engine.records import rarity
from engine.storage import catalog
from engine.storage import database as databases
from engine.storage.database import Database, open_database
from engine.storage.store import Published, Store
from tests import prepared

ROOT = Path(__file__).parent.parent
SERVER = os.environ.get("FORMWORK_TEST_POSTGRESQL", "postgresql://127.0.0.1:5432/postgres")

Template = Path | str | Mapping[str, str]


class MakeStore(Protocol):
    """Publish a template, with its people or without."""

    def __call__(self, template: Template, people: Callable[[Store], object] | None = None) -> Store: ...


RELEASES_KEPT = 24
"""Apps for which tables and statements are kept: more would only fill the memory."""

FILLED = frozenset({"deals", "make_store", "site"})
"""Fixtures that fill the database of a test, so it need not exist before."""


def pytest_collection(session: pytest.Session) -> None:
    """Of several processes, let each import other tests first: what pytest makes of a module is kept for the others."""
    several = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if several == 1 or session.config.args != session.config.getini("testpaths"):
        return
    tests = sorted(path for path in ROOT.glob("tests/**/test_*.py") if "node_modules" not in path.parts)
    for path in tests[int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) :: several]:
        with suppress(Exception, pytest.skip.Exception):  # it is told when the module is collected
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of pages on the other database."""
    if os.environ.get("FORMWORK_TEST_BOTH") or any("::" in argument for argument in config.args):
        return
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if _is_run(item) else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def _is_run(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    database = given.params.get("database") if given else None
    if database is None or not item.nodeid.startswith("tests/web/") or item.get_closest_marker("both_databases"):
        return True
    test, _, cases = item.nodeid.partition("[")
    return database == ("sqlite", "postgresql")[zlib.crc32(f"{test} {cases.replace(database, '', 1)}".encode()) % 2]


def pytest_collection_finish() -> None:
    """Do not look through all that was imported and collected each time memory is tidied: it stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What commands remember stays out of the home of whoever runs the tests.

    Where Python may leave no compiled modules beside their sources, the processes that tests start leave them here, or
    each would compile everything anew.
    """
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("modules"))


@pytest.fixture
def clock() -> SetClock:
    """Monday 2 March 2026, 09:00 in Shanghai."""
    return SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a database for this run; skips when there is no server."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"PostgreSQL is not reachable (FORMWORK_TEST_POSTGRESQL): {str(error).splitlines()[0]}")
    name = f"formwork_test_{secrets.token_hex(6)}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
    server = psycopg.connect(SERVER, autocommit=True)
    yield SERVER.rpartition("/")[0] + "/" + name
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    database = open_database(f"sqlite:///{tmp_path / 'formwork.sqlite3'}")
    yield database
    prepared.let_work_end()
    database.close()


@pytest.fixture
def postgresql_database(request: pytest.FixtureRequest, postgresql_server: str) -> Iterator[Database]:
    """An empty PostgreSQL database: a schema of its own, or, where it will be filled, a whole database."""
    with (prepared.a_postgresql_database if FILLED & {*request.fixturenames} else open_schema)(
        postgresql_server
    ) as own:
        yield own


@contextmanager
def open_schema(server: str) -> Iterator[Database]:
    """An empty schema of a PostgreSQL database."""
    import psycopg

    schema = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    database = open_database(f"{server}?options=-csearch_path%3D{schema}")
    yield database
    prepared.let_work_end()
    database.close()


AnotherDatabase = Callable[[], AbstractContextManager[tuple[Database, Path]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def another_database(request: pytest.FixtureRequest, tmp_path: Path) -> AnotherDatabase:
    """One database after the other, each with a folder: for tests that play many games on each kind.

    Of a program that nobody has published anything in yet.
    """
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else ""

    @contextmanager
    def another() -> Iterator[tuple[Database, Path]]:
        folder = tmp_path / secrets.token_hex(6)
        folder.mkdir()
        try:
            if server:
                with prepared.a_postgresql_database(server) as database:
                    prepared.with_system_tables(database)
                    yield database, folder
            else:
                database = open_database(f"sqlite:///{folder / 'formwork.sqlite3'}")
                prepared.with_system_tables(database)
                yield database, folder
                prepared.let_work_end()
                database.close()
        finally:
            shutil.rmtree(folder)

    return another


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database; every test that uses it runs on both kinds."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash with the smallest parameters: what is tested is who gets in, not how long guessing takes."""
    careful = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    yield
    passwords._HASHER = careful


SQLITE_AS_SERVED = databases._set_up_sqlite


@pytest.fixture(scope="session", autouse=True)
def hurried_sqlite() -> Iterator[None]:
    """Do not wait for the disk after each commit: tests kill processes, they never pull the plug."""

    def set_up(connection: sqlite3.Connection, record: object) -> None:
        SQLITE_AS_SERVED(connection, record)
        connection.execute("PRAGMA synchronous=OFF").close()

    databases._set_up_sqlite = set_up
    yield
    databases._set_up_sqlite = SQLITE_AS_SERVED


@pytest.fixture(scope="session", autouse=True)
def patient_previews() -> Iterator[None]:
    """Let a form that is worked out while typing take its time: how long that is depends on the machine."""
    from web.pages import previews

    usual, previews.MOST_SECONDS = previews.MOST_SECONDS, 60.0
    yield
    previews.MOST_SECONDS = usual


@pytest.fixture(scope="session", autouse=True)
def releases_made_once() -> Iterator[None]:
    """Make the tables and statements of an app once for each kind of database, not anew for the stores of each test."""
    kept: dict[tuple[int, str], Published] = {}
    usual = Store._hold

    def hold(store: Store, app: CompiledApp, release_id: int, generation: int) -> Published:
        rarity.forget()  # what was counted elsewhere
        own = (id(app), store.database.dialect)
        if own not in kept:
            if len(kept) >= RELEASES_KEPT:
                del kept[next(iter(kept))]
            kept[own] = usual(store, app, release_id, generation)
        return replace(kept[own], release_id=release_id, generation=generation)

    Store._hold = hold  # type: ignore[method-assign]
    yield
    Store._hold = usual  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def prepared_databases() -> Iterator[None]:
    """What was kept to be copied goes at the end of the run."""
    yield
    prepared.forget()


@pytest.fixture
def make_store(database: Database, tmp_path: Path, clock: SetClock) -> MakeStore:
    """Publish a template (a folder, the name of a bundled one, or texts by path) and return its store.

    ``people`` come into it as it is published first.
    """

    def make(template: Template, people: Callable[[Store], object] | None = None) -> Store:
        folder = to_folder(template)

        def publish(database: Database) -> None:
            store = Store(database, tmp_path / "files", SetClock(clock.at))
            catalog.publish(store, folder, actor_id=None)
            if people is not None:
                people(store)

        prepared.fill(database, f"{folder.digest} {people and people.__qualname__}", publish)
        return Store(database, tmp_path / "files", clock)

    return make


def to_folder(template: Template) -> SourceFolder:
    """Read a folder, a bundled template by its name, or texts by path."""
    if isinstance(template, Mapping):
        return SourceFolder(template)
    return read_folder(ROOT / "templates" / template if isinstance(template, str) else template)
