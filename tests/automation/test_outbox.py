"""Each event takes effect once, however many deliver it and whoever dies doing so; Redis only rings."""

import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from engine.automation import outbox as delivery
from engine.automation import reactions
from engine.automation.jobs import RedisDoorbell, queue_name, work
from engine.clock import SetClock
from engine.people import accounts
from engine.storage import catalog
from engine.storage.journal import write_event
from engine.storage.store import Store
from engine.storage.system_tables import notices, outbox
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.storage.workshop import WORKSHOP


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on each database with one person, whose id is 1."""
    folder = tmp_path_factory.mktemp("outbox")
    with database_of(request, folder) as database:
        found = Store(database, folder / "files", SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC)))
        catalog.publish(found, to_folder(WORKSHOP), actor_id=None)
        with found.write() as session:
            accounts.create_user(session, login="anna", name="Anna", password=None, roles=["admin"], actor=None)
        yield found


@pytest.fixture
def store(shared: Store) -> Store:
    """The store with nothing waiting and nobody told."""
    shared.bell = None
    with shared.write() as session:
        session.connection.execute(delete(outbox))
        session.connection.execute(delete(notices))
    return shared


@pytest.fixture
def clock(store: Store) -> SetClock:
    """The clock of the store."""
    assert isinstance(store.clock, SetClock)
    return store.clock


def ask(store: Store, *tasks: int) -> None:
    """Leave an event for each task: somebody was asked to decide."""
    with store.write() as session:
        for task in tasks:
            payload = {"tasks": [{"user": 1, "task": task}]}
            write_event(session, "approval.asked", "machine", 1, payload)


def told(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(session.connection.scalars(select(notices.c.key)))


def states(store: Store) -> list[tuple[int, bool, str | None]]:
    """For each event about tasks: attempts, whether it is done, and its last mistake."""
    with store.read() as session:
        asked = select(outbox).where(outbox.c.type == "approval.asked").order_by(outbox.c.id)
        rows = session.connection.execute(asked).all()
    return [(row.attempts, row.done_at is not None, row.error) for row in rows]


def test_two_drains_at_once_tell_each_person_once(store: Store) -> None:
    ask(store, *range(40))
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait(120)
        delivery.drain(store)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    delivery.drain(store)

    assert told(store) == sorted(f"task-{task}-1" for task in range(40))
    assert all(done for _, done, _ in states(store))


def test_a_delivery_that_dies_midway_leaves_nothing_and_is_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(store, 1, 2)

    class Killed(BaseException):
        """What a process that ends looks like from inside."""

    def tell_and_die(batch: reactions.Batch, event: Any) -> None:
        delivery_of(batch, event)
        if event.payload["tasks"][0]["task"] == 2:
            raise Killed

    delivery_of = reactions.REACTIONS["approval.asked"]
    with monkeypatch.context() as patched:
        patched.setattr(reactions, "REACTIONS", {"approval.asked": tell_and_die})
        with pytest.raises(Killed):
            delivery.drain(store)
    assert (told(store), [done for _, done, _ in states(store)]) == ([], [False, False])

    delivery.drain(store)

    assert told(store) == ["task-1-1", "task-2-1"]


def test_a_reaction_that_raises_is_tried_again_when_its_time_has_come(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(store, 1)
    tries = []

    def fail(batch: reactions.Batch, event: Any) -> None:
        row = {"user_id": 1, "key": f"half-{len(tries)}", "kind": "x", "at": batch.session.now()}
        batch.session.connection.execute(insert(notices).values(**row))
        tries.append(clock.at)
        raise RuntimeError("no paper")

    with monkeypatch.context() as patched:
        patched.setattr(reactions, "REACTIONS", {"approval.asked": fail})
        delivery.drain(store)
        began = len(tries)
        delivery.drain(store)
        assert len(tries) == began  # not before its time
        assert states(store) == [(1, False, "no paper")]
        for wait in delivery.RETRY_AFTER:
            clock.advance(wait)
            delivery.drain(store)
    assert told(store) == []  # what a failing reaction wrote is gone with it
    assert states(store) == [(len(delivery.RETRY_AFTER) + 1, False, "no paper")]

    clock.advance(timedelta(days=30))
    delivery.drain(store)
    assert told(store) == []  # parked: a person looks at it
    with store.read() as session:
        assert delivery.count_waiting(session) == {"waiting": 0, "parked": 1}


def test_an_event_put_off_by_one_is_not_taken_by_another_who_saw_it_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(store, 1)
    seen_by_another = delivery._waiting(store, 10)

    def fail(batch: reactions.Batch, event: Any) -> None:
        raise RuntimeError("no paper")

    with monkeypatch.context() as patched:
        patched.setattr(reactions, "REACTIONS", {"approval.asked": fail})
        delivery.drain(store)
    monkeypatch.setattr(delivery, "_waiting", lambda store, most: seen_by_another)
    delivery._deliver_batch(store, 10)

    assert (told(store), states(store)) == ([], [(1, False, "no paper")])


def test_an_event_without_a_reaction_is_done_at_once(store: Store) -> None:
    with store.write() as session:
        write_event(session, "machine.painted", "machine", 1, {})

    assert delivery.drain(store) == 1

    with store.read() as session:
        waiting = select(func.count()).select_from(outbox).where(outbox.c.done_at.is_(None))
        assert session.connection.scalar(waiting) == 0


def test_an_event_about_a_thing_that_is_no_more_is_delivered(store: Store) -> None:
    with store.write() as session:
        write_event(session, "approval.asked", "unicorn", 5, {"tasks": [{"user": 1, "task": 1}]})
        write_event(session, "approval.asked", "machine", 4711, {"tasks": [{"user": 1, "task": 2}]})

    delivery.drain(store)

    assert told(store) == ["task-1-1", "task-2-1"]


# ---- the doorbell


@pytest.fixture
def installed(store: Store, tmp_path: Path) -> tuple[str, str]:
    """Where the store is: its database and its files."""
    return store.database.url.render_as_string(hide_password=False), str(tmp_path / "files")


def queue_of(redis_url: str, database_url: str) -> Any:
    import redis
    from rq import Queue
    from rq.serializers import JSONSerializer

    return Queue(queue_name(database_url), connection=redis.Redis.from_url(redis_url), serializer=JSONSerializer)


def test_a_worker_that_is_rung_delivers_what_waits(redis_url: str, store: Store, installed: tuple[str, str]) -> None:
    ask(store, 1, 2)

    RedisDoorbell(redis_url, *installed).ring()
    work(redis_url, *installed, burst=True)

    assert told(store) == ["task-1-1", "task-2-1"]
    queue = queue_of(redis_url, installed[0])
    assert (len(queue), queue.failed_job_registry.count) == (0, 0)


def test_a_worker_that_ends_holds_no_connection_any_more(
    redis_url: str, store: Store, installed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    def build_slowly(worker: Store) -> None:
        with worker.read():
            threading.Event().wait(0.3)
            held.append(worker)
        held.remove(worker)

    monkeypatch.setattr("engine.automation.jobs.build_indexes", build_slowly)
    ask(store, 1)
    work(redis_url, *installed, burst=True)

    assert held == []
    assert told(store) == ["task-1-1"]


def test_the_address_of_the_database_never_goes_to_redis(redis_url: str) -> None:
    import redis

    password = secrets.token_hex(8)
    address = f"postgresql://formwork:{password}@127.0.0.1/test"
    connection = redis.Redis.from_url(redis_url)
    RedisDoorbell(redis_url, address, "/nowhere").ring()
    queue = f"rq:queue:{queue_name(address)}"
    jobs = connection.lrange(queue, 0, -1)
    kept = [connection.hgetall(f"rq:job:{job.decode()}") for job in jobs]

    assert len(kept) == 1
    assert password not in str(kept) + queue
    connection.delete(queue, *(f"rq:job:{job.decode()}" for job in jobs))


def test_a_job_that_names_another_function_only_rings(
    redis_url: str, store: Store, installed: tuple[str, str], tmp_path: Path
) -> None:
    ask(store, 1)
    marker = f"hacked-{secrets.token_hex(4)}"
    queue = queue_of(redis_url, installed[0])
    queue.enqueue("os.putenv", marker, "1", result_ttl=0)
    queue.enqueue("os.mkdir", str(tmp_path / marker), result_ttl=0)

    work(redis_url, *installed, burst=True)

    assert told(store) == ["task-1-1"]
    assert not (tmp_path / marker).exists()


def test_a_redis_that_is_down_is_no_error_for_who_saves(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("redis", reason="redis is not installed")
    store.bell = RedisDoorbell("redis://127.0.0.1:1/0", "sqlite:///x", "/nowhere").ring

    ask(store, 1)

    assert "Redis did not take the doorbell" in caplog.text
    delivery.drain(store)
    assert told(store) == ["task-1-1"]
