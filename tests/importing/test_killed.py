"""An import whose process is killed at any statement goes on where it was: each row comes in once, and back once."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, select

from engine.importing import batches, working
from engine.importing.batches import Import
from engine.storage.system_tables import history
from tests.importing.bringing import choose, counts, put, run, see
from tests.records.desk import Desk

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

EVERY = bool(os.environ.get("FORMWORK_TEST_EVERY_STATEMENT"))
CHUNK = 2


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "CHUNK", CHUNK)


def staged(desk: Desk) -> tuple[Import, list[str], list[Any]]:
    """Three records to change, four to make, one row that is wrong."""
    old = [desk.client(region="west") for _ in range(3)]
    fresh = [desk.name("新") for _ in range(4)]
    rows = [[one.values["name"], "东"] for one in old] + [[name, "东"] for name in fresh] + [[desk.name("错"), "南"]]
    found = choose(desk, put(desk, [["名称", "区域"], *rows]), mode="both", by="name")
    return found, fresh, old


def killed(desk: Desk, act: Callable[[], Any], when: str, number: int) -> bool:
    """Do it in a process that kills itself at a statement; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(*_: Any) -> None:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            writer = desk.store.database.engine
            event.listen(writer, "before_cursor_execute", lambda *_: None)  # prepared statements are heard too
            event.listen(writer, {"before": "before_cursor_execute", "commit": "commit"}[when], count)
            act()
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def gone_on_with(desk: Desk, found: Import) -> None:
    """Let workers look until it is ended: a server notices after a moment that whoever held it is gone."""
    until = time.monotonic() + 10
    while see(desk, found.id).state not in ("done", "undone") and time.monotonic() < until:
        working.work(desk.store)


def versions(desk: Desk, id_: int) -> list[tuple[int, str]]:
    with desk.store.read() as session:
        own = (history.c.entity == "client", history.c.record_id == id_)
        rows = session.connection.execute(
            select(history.c.version, history.c.action).where(*own).order_by(history.c.id)
        )
        return [(row[0], row[1]) for row in rows]


def points() -> list[tuple[str, int]]:
    """Statements and commits to die at: some of each chunk, and more than there are."""
    return [("before", at) for at in range(1, 220, 1 if EVERY else 23)] + [("commit", at) for at in range(1, 6)]


def test_a_run_killed_anywhere_is_gone_on_with_and_every_row_comes_in_once(desk: Desk) -> None:
    deaths = 0
    for when, number in points():
        found, fresh, old = staged(desk)
        with desk.store.write() as session:
            batches.start(session, found.id, actor=desk.actor("chief"))

        deaths += killed(desk, lambda found=found: working.go_on(desk.store, found.id), when, number)
        gone_on_with(desk, found)

        at = f"killed {when} {number}"
        assert (see(desk, found.id).state, counts(desk, found)) == ("done", {"created": 4, "updated": 3, "wrong": 1}), (
            at
        )
        for name in fresh:
            [record] = desk.page("chief", "client", text=name).records
            assert versions(desk, record.id) == [(1, "import")], at
        assert [versions(desk, one.id) for one in old] == [[(1, "create"), (2, "update")]] * 3, at
    assert deaths > len(points()) // 2


def test_an_undo_killed_anywhere_is_gone_on_with_and_every_row_goes_back_once(desk: Desk) -> None:
    deaths = 0
    for when, number in points():
        found, fresh, old = staged(desk)
        run(desk, found)
        with desk.store.write() as session:
            batches.start_undo(session, found.id, actor=desk.actor("chief"))

        deaths += killed(desk, lambda found=found: working.go_on(desk.store, found.id), when, number)
        gone_on_with(desk, found)

        at = f"killed {when} {number}"
        assert counts(desk, found) == {"undone": 7, "wrong": 1}, at
        assert [desk.count("chief", "client", text=name) for name in fresh] == [0] * 4, at
        assert [desk.get("chief", one).values["region"] for one in old] == ["west"] * 3, at
        assert [versions(desk, one.id)[1:] for one in old] == [[(2, "update"), (3, "update")]] * 3, at
    assert deaths > len(points()) // 2


def test_two_workers_at_one_import_bring_every_row_in_once(desk: Desk) -> None:
    names = [desk.name("俩") for _ in range(20)]
    found = choose(desk, put(desk, [["名称"], *([name] for name in names)]))
    with desk.store.write() as session:
        batches.start(session, found.id, actor=desk.actor("chief"))
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                working.work(desk.store)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    working.work(desk.store)

    assert counts(desk, found) == {"created": 20}
    assert [desk.count("chief", "client", text=name) for name in names] == [1] * 20
