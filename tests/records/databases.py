"""A database for a whole module of tests: publishing once for each test would take most of the time."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.storage.database import Database, open_database


@contextmanager
def database_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """An empty database of the kind the fixture is asked for."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{folder / 'formwork.sqlite3'}")
    else:
        database = _postgresql(request.getfixturevalue("postgresql_server"))
    try:
        yield database
    finally:
        database.close()


def _postgresql(server: str) -> Database:
    import psycopg

    schema = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return open_database(f"{server}?options=-csearch_path%3D{schema}")
