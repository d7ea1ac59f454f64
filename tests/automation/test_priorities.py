"""What somebody waits for comes first: an import, however long, holds up no decision."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.automation import outbox as delivery
from engine.automation import runs
from engine.automation.jobs import RedisDoorbell
from engine.importing import batches
from engine.people import accounts
from engine.people.actor import Actor
from engine.storage.journal import write_event
from engine.storage.priorities import LATER, USUAL
from engine.storage.store import Store
from engine.storage.system_tables import notices, outbox
from tests.automation.helpdesk import with_rules
from tests.conftest import ROOT, MakeStore
from tests.importing.bringing import choose, put, see

RULES = """
count: {label: 计数, on: {created: true}, do: [{set: {count: "default(count, 0) + 1"}}]}
"""


@dataclass
class House:
    """A store with one person, whose id is 1."""

    store: Store

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            return accounts.get_actor(session.connection, 1)

    def ask(self, task: int) -> None:
        """Leave an event: somebody was asked to decide."""
        with self.store.write() as session:
            write_event(session, "approval.asked", "ticket", 1, {"tasks": [{"user": 1, "task": task}]})

    def told(self) -> set[str]:
        with self.store.read() as session:
            return set(session.connection.scalars(select(notices.c.key)))

    def waiting(self, *priorities: int) -> int:
        own = (outbox.c.done_at.is_(None), *((outbox.c.priority.in_(priorities),) if priorities else ()))
        with self.store.read() as session:
            return session.connection.scalar(select(func.count()).select_from(outbox).where(*own)) or 0


@pytest.fixture
def house(make_store: MakeStore) -> House:
    def let_in(store: Store) -> None:
        with store.write() as session:
            accounts.create_user(session, login="anna", name="Anna", password=None, roles=["admin"], actor=None)

    return House(make_store(with_rules(RULES), let_in))


def test_what_somebody_waits_for_is_delivered_before_what_an_import_brought_about(house: House) -> None:
    delivery.drain(house.store)
    with house.store.write() as session:
        session.priority = LATER
        for number in range(1, 301):
            write_event(session, "ticket.created", "ticket", number, {"version": 1})
    house.ask(1)
    with house.store.write() as session:
        write_event(session, "ticket.created", "ticket", 301, {"version": 1})

    assert delivery.drain(house.store, most=2) == 2

    assert (house.told(), house.waiting(USUAL), house.waiting(LATER)) == ({"task-1-1"}, 0, 300)
    delivery.drain(house.store)
    with house.store.read() as session:
        first, *others = (runs.get_run(session, id_) for id_ in runs.find_due(session, most=1000))
    assert first is not None and (first.record_id, first.priority) == (301, USUAL)
    assert {one.priority for one in others if one is not None} == {LATER}


@contextmanager
def working(store: Store, redis_url: str, files: Path) -> Iterator[Any]:
    """Let one worker work that looks when it is rung, and never by itself."""
    installed = (store.database.url.render_as_string(hide_password=False), str(files))
    store.bell = RedisDoorbell(redis_url, *installed).ring
    code = f"from engine.automation.jobs import work; work({redis_url!r}, *{installed!r}, every=3600)"
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0


def test_a_worker_in_the_middle_of_an_import_goes_on_answering(house: House, redis_url: str, tmp_path: Path) -> None:
    rows = [["标题"], *([f"漏水 {number}"] for number in range(2_000))]
    found = choose(house, put(house, rows, entity="ticket"))  # type: ignore[arg-type]
    with house.store.write() as session:
        batches.start(session, found.id, actor=house.actor("anna"))
    asked = 0
    with working(house.store, redis_url, tmp_path / "files"):
        house.ask(0)
        while see(house, found.id).state == "running" or house.waiting():  # type: ignore[arg-type]
            asked, until = asked + 1, time.monotonic() + 90
            house.ask(asked)
            while f"task-{asked}-1" not in house.told():
                assert time.monotonic() < until, "nobody was told"
                time.sleep(0.02)
    assert asked > 3, "who asked was told no sooner than a third of the import later, or it was over before"
