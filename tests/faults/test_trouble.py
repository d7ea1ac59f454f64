"""Redis stopped or flushed, a receiver that hangs, ten thousand things due at once, two at the same work.

Nothing is lost, nothing happens twice, and nobody who waits for a decision is held up. ``FORMWORK_KILLS=300 pytest
tests/faults`` makes it ten thousand.
"""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.automation import jobs
from engine.clock import SetClock
from engine.people import accounts
from engine.people.actor import Actor
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.journal import write_event
from engine.storage.store import Store
from tests.automation.helpdesk import with_rules
from tests.channels.receivers import http_receiver
from tests.conftest import to_folder
from tests.faults.house import FORMWORK, HOST, House, a_house, free_port, token_for
from tests.faults.test_killed import KILLS, RULES, rows, settle
from tests.importing.bringing import choose, put, run
from tests.records.databases import database_of

MANY = int(os.environ.get("FORMWORK_DUE", "10000" if KILLS >= 100 else "100"))
TELLS = """
erp: {label: 告知ERP, on: {created: true}, when: "level = 'high'", do: [{call: erp, with: {title: title}}]}
"""
REMINDS = """\
  open:
    label: 待处理
    due: 3d
"""
TIMERS = """
timers:
  overdue: {after: due, do: [{remind: [owner]}]}
"""


def definition() -> dict[str, str]:
    files = with_rules(RULES + TELLS)
    flow = files["ticket/workflow.yaml"].replace("  open: {label: 待处理}\n", REMINDS) + TIMERS.lstrip("\n")
    return {**files, "ticket/workflow.yaml": flow}


@dataclass
class Redis:
    """A Redis of one's own, that is stopped and started."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        words = [
            "redis-server",
            "--port",
            str(self.port),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def flush(self) -> None:
        import redis

        redis.Redis.from_url(self.url).flushall()


@pytest.fixture
def redis(tmp_path: Path, redis_server: str) -> Iterator[Redis]:
    found = Redis(tmp_path)
    try:
        found.start()
    except FileNotFoundError:
        pytest.skip("redis-server is not installed")
    yield found
    found.kill()


def create(house: House, token: str, *titles: str, **more: str) -> None:
    for title in titles:
        status, said = house.ask("POST", "/ticket", token, {"title": title, **more})
        assert status == 201, said


def once_each(address: str, titles: set[str]) -> None:
    """Look from outside whether each was counted and told of once."""
    settle(address)
    told = "SELECT t.title, count(n.id) FROM e_ticket t LEFT JOIN fw_notices n ON n.record_id = t.id GROUP BY t.title"
    assert dict(rows(address, "SELECT title, count FROM e_ticket")) == dict.fromkeys(titles, 1)
    assert dict(rows(address, told)) == dict.fromkeys(titles, 1)


def wait_for(address: str, sql: str, wanted: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while rows(address, sql) != wanted:
        assert time.monotonic() < until, (sql, rows(address, sql))
        time.sleep(0.1)


def test_redis_flushed_and_stopped_and_a_receiver_that_hangs(
    tmp_path: Path, postgresql_site: str, redis: Redis
) -> None:
    address = postgresql_site
    with http_receiver() as erp, a_house(tmp_path, definition(), address, redis.url, workers=2) as house:
        token = token_for(house, "desk", "agent")
        token_for(house, "chief", "boss")
        add = [FORMWORK, "channel", "add", "erp", "webhook", "--inside"]
        subprocess.run(add, input=f"{erp.url}\n\n".encode(), cwd=house.folder, env=house.environ, check=True)

        create(house, token, "before")
        redis.flush()
        create(house, token, "flushed")
        redis.kill()
        create(house, token, "stopped 1", "stopped 2")
        redis.start()
        create(house, token, "started")
        once_each(address, {"before", "flushed", "stopped 1", "stopped 2", "started"})

        erp.replies.append("hang")
        create(house, token, "hangs", level="high")
        wait_for(address, "SELECT state FROM fw_deliveries", [("sending",)], 20)
        create(house, token, "meanwhile")
        wait_for(address, "SELECT count FROM e_ticket WHERE title = 'meanwhile'", [(1,)], 10)
        assert rows(address, "SELECT state FROM fw_deliveries") == [("sending",)], "the others did not wait for it"
        wait_for(address, "SELECT state, attempts FROM fw_deliveries", [("waiting", 1)], 40)
        engine = _engine(address)
        with engine.begin() as connection:
            connection.execute(text("UPDATE fw_channels SET paused_until = NULL"))
            connection.execute(text("UPDATE fw_deliveries SET due_at = at"))
        engine.dispose()
        wait_for(address, "SELECT state FROM fw_deliveries", [("sent",)], 20)
        assert [one.json["data"]["title"] for one in erp.got] == ["hangs"] * 2
        assert len({one.headers["webhook-id"] for one in erp.got}) == 1, (
            "the receiver could not tell that it is the same"
        )


def _engine(address: str) -> Any:
    from sqlalchemy import create_engine

    return create_engine(address.replace("postgresql://", "postgresql+psycopg://"))


# ---- many things due at once, and two at the same work


@dataclass
class Desk:
    """A store whose clock is set, and whoever imports."""

    store: Store
    clock: SetClock

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            return accounts.get_actor(session.connection, 1)

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        with self.store.read() as session:
            return [tuple(row) for row in session.connection.execute(text(sql))]


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    clock = SetClock(datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    with database_of(request, tmp_path) as database:
        store = Store(database, tmp_path / "files", clock)
        catalog.publish(store, to_folder(definition()), actor_id=None)
        with store.write() as session:
            accounts.create_user(session, login="chief", name="Chief", password=None, roles=["boss"], actor=None)
        yield Desk(store, clock)


def test_what_is_due_at_once_is_done_once_by_two_and_holds_up_no_decision(desk: Desk, tmp_path: Path) -> None:
    found = choose(desk, put(desk, [["标题"], *([f"{n}"] for n in range(MANY))], entity="ticket"), reminds=True)  # type: ignore[arg-type]
    run(desk, found)  # type: ignore[arg-type]
    while jobs.attend(desk.store):
        pass
    pending = "SELECT (SELECT count(*) FROM fw_timers WHERE state = 'pending' AND kind <> 'nightly')"
    assert desk.look(f"{pending}, (SELECT count(*) FROM fw_runs WHERE state = 'pending')") == [(MANY, MANY)]

    desk.clock.advance(timedelta(days=4))
    other = Store(open_database(desk.store.database.url.render_as_string(hide_password=False)), tmp_path, desk.clock)
    began = time.monotonic()
    with desk.store.write() as session:
        asked = {"tasks": [{"user": 1, "task": 7}]}
        write_event(session, "approval.asked", "ticket", 1, asked)
    sweepers = [threading.Thread(target=_work, args=(store,)) for store in (desk.store, other)]
    for one in sweepers:
        one.start()
    while not desk.look("SELECT id FROM fw_notices WHERE key = 'task-7-1'"):
        assert time.monotonic() - began < 60
        time.sleep(0.02)
    waited = time.monotonic() - began
    left = desk.look("SELECT count(*) FROM fw_timers WHERE state = 'pending' AND kind <> 'nightly'")[0][0]
    for one in sweepers:
        one.join()
    other.database.close()
    took = time.monotonic() - began
    print(f"{2 * MANY} due at once: {2 * MANY / took:.0f} a second, a decision waited {waited:.1f} s")

    assert left > 0 or waited < 5, "the decision came last"
    assert desk.look("SELECT DISTINCT count, mark FROM e_ticket") == [(1, "到")]
    reminded = Counter(record for (record,) in desk.look("SELECT record_id FROM fw_notices WHERE kind = 'stage_late'"))
    assert set(reminded.values()) == {1} and len(reminded) == MANY
    fired = "SELECT DISTINCT state FROM fw_timers WHERE kind <> 'nightly'"
    assert desk.look(fired) == [("fired",)]
    early = "SELECT count(*) FROM fw_timers WHERE ended_at < due_at"
    assert desk.look(early) == [(0,)]


def _work(store: Store) -> None:
    while jobs.attend(store):
        pass
