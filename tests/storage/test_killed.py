"""A publish that is killed at any statement leaves the old release or the new one, whole, and can be done again.

Every statement is tried, before and after, with FORMWORK_TEST_EVERY_STATEMENT=1; otherwise a sample of them.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from engine.records.called import Called
from engine.records.settling import settle_after
from engine.storage import catalog
from engine.storage.index_builds import build_indexes
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.everything import AFTER, BEFORE, files_of, furnish, photograph
from tests.storage.living import assert_histories_replay, column, make, publish

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

EVERY = bool(os.environ.get("FORMWORK_TEST_EVERY_STATEMENT"))
SAMPLE = 9
"""Statements killed at in an ordinary run; each twice."""


@pytest.mark.parametrize("large_table", [50_000, 1], ids=["at_once", "built_beside"])
def test_a_publish_killed_anywhere_is_wholly_done_or_not_at_all(
    make_store: MakeStore, tmp_path: Path, large_table: int
) -> None:
    store = make_store(BEFORE)
    if store.database.dialect == "sqlite" and large_table == 1:
        pytest.skip("SQLite builds no index beside")
    store.large_table = large_table
    boss = furnish(store)
    old, kept = photograph(store), files_of(tmp_path / "files")
    points, died = 0, 0
    for when, number in _points(_count_statements(store)):
        killed = _publish_in_a_process(store, when, number)
        points, died = points + 1, died + killed
        assert killed, f"nothing was left to kill at {when} statement {number}"
        _look_after(store)
        found = photograph(store)
        if when == "committed":
            break
        assert found == old, f"half done when killed {when} statement {number}: {_difference(old, found)}"
        assert files_of(tmp_path / "files") == kept
    print(f"{store.database.dialect}: killed {died} of {points} times")
    store.reload()
    _assert_new(store)
    release = store.release_id
    publish(store, AFTER, boss)
    assert store.release_id == release, "publishing again made another release"
    assert_histories_replay(store)
    make(store, boss, "tool", name="C", tag="3", power="0.5", size=1)
    assert_histories_replay(store)


def _points(statements: int) -> Iterator[tuple[str, int]]:
    step = 1 if EVERY else max(1, statements // SAMPLE)
    for number in range(1, statements + 1, step):
        yield "before", number
        yield "after", number
    yield "before", statements
    yield "after", statements
    yield "committing", 1
    yield "committed", 1


def _look_after(store: Store) -> None:
    """What the next process does by itself: whatever was half built ahead of a release is taken away."""
    until = time.monotonic() + 60  # the server may take a while to notice that whoever built was killed
    while time.monotonic() < until:
        build_indexes(store)
        with store.read() as session:
            if not session.connection.exec_driver_sql("SELECT count(*) FROM fw_index_builds").scalar():
                return
        time.sleep(0.02)
    raise AssertionError("something is left to build")


def _assert_new(store: Store) -> None:
    folder = to_folder(AFTER)
    assert store.app.digest == folder.digest and catalog.plan(store, folder).is_empty
    assert column(store, "tool", "tag", "kind", "power", "size", "jobs") == [
        ("1", "sawing", 3, 3, 1),
        ("2", None, None, None, 0),
    ]
    assert column(store, "tool", "keeper", "maker") == [("boss", "north"), (None, None)]
    assert all(column(store, "tool", "number"))


def _count_statements(store: Store) -> int:
    """Return how many statements a publish is, by one that fails at its very end."""
    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1

    def fail(session: Any) -> None:
        settle_after(store.app)(session)
        raise _EnoughError

    event.listen(store.database.engine, "before_cursor_execute", count)
    try:
        with pytest.raises(_EnoughError):
            catalog.publish(store, to_folder(AFTER), actor_id=1, settle=fail, callings=Called)
    finally:
        event.remove(store.database.engine, "before_cursor_execute", count)
    _look_after(store)
    return seen[0]


class _EnoughError(Exception):
    pass


def _publish_in_a_process(store: Store, when: str, number: int) -> bool:
    """Publish in a process that kills itself; tell whether it did."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(store, when, number)
            catalog.publish(store, to_folder(AFTER), actor_id=1, settle=settle_after(store.app), callings=Called)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def _die_at(store: Store, when: str, number: int) -> None:
    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    if when == "committed":
        store.follow = lambda session: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    else:
        # Whoever listens before hears every statement, those past SQLAlchemy too.
        event.listen(store.database.engine, "before_cursor_execute", lambda *_: None)
        events = {"before": "before_cursor_execute", "after": "after_cursor_execute", "committing": "commit"}
        event.listen(store.database.engine, events[when], count)


def _difference(old: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [key for key in old.keys() | found.keys() if old.get(key) != found.get(key)]
