"""A store with the system tables and a few roles, on SQLite and, when there is one, on PostgreSQL."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from engine.clock import SetClock
from engine.compiler.app import Role
from engine.storage import store as stores
from engine.storage.database import open_database
from engine.storage.store import Store

POSTGRESQL = os.environ.get("FORMWORK_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/test")
ROLES = ("rep", "manager", "director", "finance", "admin")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 2, 1, 0, tzinfo=UTC))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    nothing = stores._nothing

    def with_roles() -> stores.Published:
        published = nothing()
        roles = {key: Role(key, {"zh": key}) for key in ROLES}
        published.app.__dict__["roles"] = roles
        return published

    monkeypatch.setattr(stores, "_nothing", with_roles)
    with _url(request.param, tmp_path) as url:
        database = open_database(url)
        yield Store(database, tmp_path / "files", clock)
        database.close()


class _url:
    """The address of an empty database of one kind; a schema of its own on PostgreSQL."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder, self.schema = kind, folder, f"t_{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> str:
        if self.kind == "sqlite":
            return f"sqlite:///{self.folder / 'test.sqlite3'}"
        self.engine = sqlalchemy.create_engine(POSTGRESQL)
        try:
            with self.engine.begin() as connection:
                connection.exec_driver_sql(f"CREATE SCHEMA {self.schema}")
        except sqlalchemy.exc.OperationalError:
            self.engine.dispose()
            pytest.skip("no PostgreSQL at " + POSTGRESQL)
        url = make_url(POSTGRESQL).update_query_dict({"options": f"-c search_path={self.schema}"})
        return url.render_as_string(hide_password=False)

    def __exit__(self, *error: object) -> None:
        if self.kind == "postgresql":
            with self.engine.begin() as connection:
                connection.exec_driver_sql(f"DROP SCHEMA {self.schema} CASCADE")
            self.engine.dispose()
