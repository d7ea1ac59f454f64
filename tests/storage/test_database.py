"""Transactions, waiting in order, and what is said when the database cannot."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from engine.errors import NotPossibleNow
from engine.storage import database as databases
from engine.storage import gate
from engine.storage.database import Database, open_database
from engine.storage.faults import Unavailable
from engine.storage.system_tables import settings
from engine.storage.upgrading import upgrade
from tests.conftest import SQLITE_AS_SERVED

# Python 3.12 warns that a fork may carry over locks; here that is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def ready(database: Database) -> Database:
    """A database with the system tables."""
    upgrade(database)
    return database


def _put(database: Database, key: str) -> None:
    with database.write() as connection:
        connection.execute(insert(settings).values(key=key, value=key))


def _count(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(settings)) or 0


def test_a_write_is_kept_and_a_failed_one_leaves_nothing(ready: Database) -> None:
    _put(ready, "kept")
    with pytest.raises(ZeroDivisionError), ready.write() as connection:
        connection.execute(insert(settings).values(key="lost", value=1))
        _ = 1 / 0
    assert _count(ready) == 1


def test_a_reading_connection_cannot_write(ready: Database) -> None:
    with pytest.raises(Unavailable) as refused, ready.read() as connection:
        connection.execute(insert(settings).values(key="a", value=1))
    assert refused.value.code == "storage.read_only"


def test_a_reader_sees_one_moment_while_others_write(ready: Database) -> None:
    with ready.read(snapshot=True) as connection:
        before = connection.scalar(select(func.count()).select_from(settings))
        _put(ready, "later")
        assert connection.scalar(select(func.count()).select_from(settings)) == before
    assert _count(ready) == 1


def test_a_write_inside_a_write_is_our_mistake_on_sqlite(sqlite_database: Database) -> None:
    with pytest.raises(RuntimeError), sqlite_database.write(), sqlite_database.write():
        pass
    _in_thread(lambda: upgrade(sqlite_database))  # and the gate is free again


def test_many_writers_all_get_through(ready: Database) -> None:
    threads = [threading.Thread(target=_put, args=(ready, f"k{number}")) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert _count(ready) == 24


def test_whoever_waits_longest_writes_next() -> None:
    lock, order, threads = gate.FairLock(), [], []

    def work(number: int) -> None:
        assert lock.acquire()
        order.append(number)
        lock.release()

    assert lock.acquire()
    for number in range(8):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        _wait_until(lambda wanted=number + 1: len(lock._waiting) == wanted)
        threads.append(thread)
    lock.release()
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))


def test_waiting_ends_with_a_sentence(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.05)
    upgrade(sqlite_database)
    with sqlite_database.write():
        said = _in_thread(lambda: _put(sqlite_database, "x"))
    assert isinstance(said, Unavailable) and said.code == "storage.busy"
    _put(sqlite_database, "y")


def test_processes_take_turns_at_one_sqlite_file(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(sqlite_database)
    other = open_database(str(sqlite_database.url))
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    child = os.fork()
    if child == 0:
        with other.write() as connection:
            connection.execute(insert(settings).values(key="child", value=1))
            os.write(ready_write, b"x")
            os.read(go_read, 1)
        os._exit(0)
    os.read(ready_read, 1)
    monkeypatch.setattr(gate, "PATIENCE", 0.05)
    with pytest.raises(Unavailable):
        _put(sqlite_database, "parent")
    os.write(go_write, b"x")
    assert os.waitpid(child, 0)[1] == 0
    _put(sqlite_database, "parent")
    assert _count(sqlite_database) == 2


def test_a_killed_writer_does_not_keep_others_waiting(sqlite_database: Database) -> None:
    upgrade(sqlite_database)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with open_database(str(sqlite_database.url)).write() as connection:
            connection.execute(insert(settings).values(key="child", value=1))
            os.write(write, b"x")
            time.sleep(60)
    os.read(read, 1)
    os.kill(child, 9)
    os.waitpid(child, 0)
    _put(sqlite_database, "parent")
    assert _count(sqlite_database) == 1


def test_a_forked_child_has_connections_of_its_own(ready: Database) -> None:
    _put(ready, "parent")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _put(ready, "child")
            code = 0 if _count(ready) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _count(ready) == 2


def test_sqlite_is_opened_for_safety(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_set_up_sqlite", SQLITE_AS_SERVED)
    with sqlite_database.write() as connection:
        found = {
            name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_commits_wait_for_the_disk_again_after_what_can_be_written_again(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_set_up_sqlite", SQLITE_AS_SERVED)

    def waits() -> int:
        with sqlite_database.write() as connection:
            return int(connection.scalar(text("PRAGMA synchronous")) or 0)

    with sqlite_database.without_waiting_for_disk():
        assert waits() == 1
    assert waits() == 2
    for failing in (sqlite_database.without_waiting_for_disk, sqlite_database.write):
        with pytest.raises(KeyError), sqlite_database.without_waiting_for_disk(), failing():
            raise KeyError
        assert waits() == 2


def test_postgresql_is_opened_for_safety(postgresql_database: Database) -> None:
    with postgresql_database.write() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert connection.scalar(text("SHOW timezone")) == "UTC"
    with postgresql_database.read(snapshot=True) as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    with postgresql_database.read() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_a_whole_number_is_sent_as_64_bits_whatever_its_value(postgresql_database: Database) -> None:
    with postgresql_database.read() as connection:
        sizes = [
            connection.exec_driver_sql("SELECT pg_typeof(%s)::text", (number,)).scalar_one() for number in _NUMBERS
        ]
        sent = [connection.exec_driver_sql("SELECT %s", (number,)).scalar_one() for number in _NUMBERS]
    assert sizes == ["bigint"] * 6 + ["numeric"] * 3
    assert sent == _NUMBERS


_NUMBERS = [0, -1, 2**15, 2**31, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**30]


def test_a_statement_is_prepared_once_for_numbers_of_every_size(postgresql_database: Database) -> None:
    with postgresql_database.read() as connection:
        for number in _NUMBERS[:6] * 6:
            connection.exec_driver_sql("SELECT %s + 0.5 AS once", (number,))
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%% AS once'"
        assert connection.exec_driver_sql(prepared).scalar_one() == 1


def test_a_number_beyond_64_bits_is_like_none_that_is_kept(postgresql_database: Database) -> None:
    with postgresql_database.read() as connection:
        found = connection.exec_driver_sql("SELECT 1 FROM pg_class WHERE relpages >= %s", (2**63,)).all()
    assert found == []


def test_a_connection_the_server_closed_is_replaced_unnoticed(postgresql_database: Database) -> None:
    with postgresql_database.read() as connection:
        first = connection.scalar(text("SELECT pg_backend_pid()"))
    with postgresql_database.write() as connection:
        connection.execute(text("SELECT pg_terminate_backend(CAST(:pid AS integer))"), {"pid": first})

    def is_gone() -> bool:  # a transaction sees who is there as it first saw it
        there = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        with postgresql_database.write() as connection:
            return connection.scalar(there, {"pid": first}) == 0

    _wait_until(is_gone)
    with postgresql_database.read() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != first


def test_a_full_disk_is_said_and_the_database_survives(sqlite_database: Database) -> None:
    upgrade(sqlite_database)
    with sqlite_database.write() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count={pages + 2}"))
    with pytest.raises(Unavailable) as refused, sqlite_database.write() as connection:
        connection.execute(insert(settings).values(key="big", value="x" * 100_000))
    assert refused.value.code == "storage.full"
    _put(sqlite_database, "small")
    assert _count(sqlite_database) == 1


def test_an_unreachable_server_is_said() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable) as refused, open_database("postgresql://127.0.0.1:1/none").read() as connection:
        connection.execute(text("SELECT 1"))
    assert refused.value.code == "storage.gone"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", "storage.bad_url"),
        ("sqlite://", "storage.bad_url"),
        ("sqlite:///:memory:", "storage.bad_url"),
        ("mysql://root@localhost/x", "storage.unknown_kind"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_a_sentence(url: str, code: str) -> None:
    with pytest.raises(NotPossibleNow) as refused:
        open_database(url)
    assert refused.value.code == code and refused.value.text("zh") and refused.value.text("en")


def test_an_old_sqlite_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 0))
    with pytest.raises(NotPossibleNow) as refused:
        open_database(f"sqlite:///{tmp_path}/x.sqlite3")
    assert refused.value.code == "storage.old_sqlite"


def _in_thread(work: Callable[[], object]) -> BaseException | None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    return caught[0] if caught else None


def _wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)
