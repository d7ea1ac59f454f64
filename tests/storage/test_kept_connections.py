"""Connections that are used again: whole, one user at a time, and never by a release that is over."""

import threading
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, text

from engine.storage.database import Database
from engine.storage.kept_connections import MOST


def _used(database: Database) -> Connection:
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    return connection


def test_a_connection_is_used_again_with_nothing_open(database: Database) -> None:
    first = _used(database)
    assert not first.in_transaction() and not first.closed
    assert _used(database) is first
    with database.write() as one:
        one.execute(text("CREATE TABLE kept (n INTEGER)"))
    with database.write() as other:
        assert other is one
        other.execute(text("INSERT INTO kept VALUES (1)"))
    with database.read() as reader:
        assert reader.execute(text("SELECT n FROM kept")).all() == [(1,)]


def test_readers_at_once_have_a_connection_each(database: Database) -> None:
    with database.read() as one, database.read() as other:
        assert one is not other


def test_whoever_waits_for_a_connection_gets_the_next_that_is_given_back(database: Database) -> None:
    def read() -> None:
        barrier.wait(60)
        for _ in range(3):
            _used(database)
        done.append(1)

    many, done = 60, list[int]()
    barrier = threading.Barrier(many)
    threads = [threading.Thread(target=read) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)  # who waits in vain is told so after thirty seconds
    assert len(done) == many


def test_no_more_are_kept_than_are_usually_needed(database: Database) -> None:
    with ExitStack() as stack:
        used = [stack.enter_context(database.read()) for _ in range(MOST + 4)]
    assert sum(not connection.closed for connection in used) == MOST


def test_one_on_which_something_failed_is_not_used_again(database: Database) -> None:
    for opened in (database.read, database.write):
        with pytest.raises(ZeroDivisionError), opened() as failed:
            failed.execute(text("SELECT 1"))
            _ = 1 / 0
        assert failed.closed
        with opened() as next_:
            assert next_ is not failed
            assert next_.execute(text("SELECT 1")).scalar_one() == 1


def test_a_read_that_asked_nothing_leaves_nothing_open(database: Database) -> None:
    for _ in range(2):
        with database.read():
            pass
    _used(database)


def test_nothing_is_kept_of_a_database_that_was_closed(database: Database) -> None:
    inside, go_on = threading.Event(), threading.Event()
    given_back: list[Connection] = []

    def read() -> None:
        with database.read() as connection:
            given_back.append(connection)
            inside.set()
            go_on.wait(30)

    kept, thread = _used(database), threading.Thread(target=read)
    thread.start()
    assert inside.wait(30)
    with database.read() as unused:
        pass
    database.close()
    go_on.set()
    thread.join(30)
    assert kept.closed and unused.closed and given_back[0].closed
    assert not _used(database).closed, "the next use opens another"


def test_a_new_release_has_connections_of_its_own(postgresql_database: Database) -> None:
    def server_of(connection: Connection) -> object:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    with postgresql_database.write() as connection:
        before = server_of(connection)
    postgresql_database.renew()
    with postgresql_database.write() as connection:
        assert server_of(connection) != before
