"""A reading transaction is stopped where it asks too much: after so many statements, and in the midst of a slow one."""

import time

import pytest
from sqlalchemy import text

from engine.storage.bounds import TooMuch, bounded, stopped_unless
from engine.storage.database import Database, open_database
from engine.storage.faults import Unavailable
from engine.storage.store import Store
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP

SLOW = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up) SELECT max(n) FROM up",
}

LONG = "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 5000000) SELECT max(n) FROM up"


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


def test_only_so_many_statements_are_sent(store: Store) -> None:
    with store.read() as session:
        with pytest.raises(TooMuch), bounded(session.connection, statements=2, seconds=60):
            for _ in range(3):
                session.connection.execute(text("SELECT 1"))
        assert [session.connection.scalar(text("SELECT 1")) for _ in range(5)] == [1] * 5


def test_a_slow_statement_is_stopped_and_the_connection_goes_on(store: Store) -> None:
    begun = time.monotonic()
    with store.read() as session:
        with pytest.raises(TooMuch), bounded(session.connection, statements=10, seconds=0.3):
            session.connection.execute(text(SLOW[session.connection.dialect.name]))
        assert time.monotonic() - begun < 40
        assert session.connection.scalar(text("SELECT 1")) == 1


def test_a_statement_that_is_no_longer_wanted_is_stopped_and_the_connection_goes_on(store: Store) -> None:
    begun, asked = time.monotonic(), iter([True, False])
    with store.read() as session:
        with (
            pytest.raises(TooMuch),
            stopped_unless(session.connection, lambda: next(asked), every=0.1),
            bounded(session.connection, statements=10, seconds=60),
        ):
            session.connection.execute(text(SLOW[session.connection.dialect.name]))
        assert time.monotonic() - begun < 40
        assert session.connection.scalar(text("SELECT 1")) == 1
    assert next(asked, None) is None


def test_within_the_bounds_nothing_is_felt(store: Store) -> None:
    with store.read() as session, bounded(session.connection, statements=3, seconds=30):
        assert [session.connection.scalar(text("SELECT 1")) for _ in range(3)] == [1, 1, 1]


def test_a_statement_that_only_reads_is_stopped_and_one_that_writes_is_not(database: Database) -> None:
    watched = open_database(database.url.render_as_string(hide_password=False), longest_read=0.3)
    slow, once = SLOW[database.dialect], {"postgresql": "SELECT pg_sleep(0.6)", "sqlite": LONG}[database.dialect]
    try:
        begun = time.monotonic()
        for snapshot in (False, True):
            with pytest.raises(Unavailable) as stopped, watched.read(snapshot=snapshot) as connection:
                connection.execute(text(slow)).all()
            assert stopped.value.code == "storage.too_long"
        assert time.monotonic() - begun < 40
        with watched.read() as connection:
            assert [connection.scalar(text("SELECT 1")) for _ in range(3)] == [1, 1, 1]
            time.sleep(0.4)  # a pause between statements is no statement
            assert connection.scalar(text("SELECT 1")) == 1
            with pytest.raises(TooMuch), bounded(connection, statements=10, seconds=0.1):
                connection.execute(text(slow))
        with pytest.raises(Unavailable), watched.read() as connection:
            connection.execute(text(slow)).all()
        with watched.write() as connection:
            connection.execute(text(once)).all()
    finally:
        watched.close()
