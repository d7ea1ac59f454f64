"""Fixtures for every test: a clock that stands, an empty database of each kind, a store with a published template.

PostgreSQL is looked for at FORMWORK_TEST_POSTGRESQL (default: this machine, port 5432); tests that need it are skipped,
and say so, when it is not there. Each run has a database of its own there, dropped at the end, and each test a schema.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from engine.clock import SetClock
from engine.definition.source import SourceFolder, read_folder
from engine.people import passwords
from engine.storage import catalog
from engine.storage.database import Database, open_database
from engine.storage.store import Store

ROOT = Path(__file__).parent.parent
SERVER = os.environ.get("FORMWORK_TEST_POSTGRESQL", "postgresql://127.0.0.1:5432/postgres")

MakeStore = Callable[[Path | str | Mapping[str, str]], Store]


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
    database.close()


@pytest.fixture
def postgresql_database(postgresql_server: str) -> Iterator[Database]:
    """An empty PostgreSQL database: a schema of its own."""
    import psycopg

    schema = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    database = open_database(f"{postgresql_server}?options=-csearch_path%3D{schema}")
    yield database
    database.close()


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


@pytest.fixture(scope="session")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SourceFolder], Path]:
    """Return a SQLite file in which a folder is published, made once in a run for each folder."""
    made: dict[str, Path] = {}

    def find(folder: SourceFolder) -> Path:
        if folder.digest not in made:
            path = tmp_path_factory.mktemp("published") / "formwork.sqlite3"
            database = open_database(f"sqlite:///{path}")
            monday = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
            catalog.publish(Store(database, path.parent, monday), folder, actor_id=None)
            database.close()
            made[folder.digest] = path
        return made[folder.digest]

    return find


@pytest.fixture
def make_store(
    database: Database, tmp_path: Path, clock: SetClock, published_file: Callable[[SourceFolder], Path]
) -> MakeStore:
    """Publish a template (a folder, the name of a bundled one, or texts by path) and return its store."""

    def make(template: Path | str | Mapping[str, str]) -> Store:
        folder = to_folder(template)
        place = Path(database.url.database or "")
        if database.dialect == "sqlite" and not place.exists():
            shutil.copyfile(published_file(folder), place)  # closed when it was made: no journal is left beside it
        store = Store(database, tmp_path / "files", clock)
        catalog.publish(store, folder, actor_id=None)
        return store

    return make


def to_folder(template: Path | str | Mapping[str, str]) -> SourceFolder:
    """Read a folder, a bundled template by its name, or texts by path."""
    if isinstance(template, Mapping):
        return SourceFolder(template)
    return read_folder(ROOT / "templates" / template if isinstance(template, str) else template)
