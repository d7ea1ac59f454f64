"""A timer fires once, never before it is due, and after it whatever happens to clocks, processes and sweepers."""

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, event, select, text
from sqlalchemy.exc import IntegrityError

from engine.automation import jobs
from engine.automation import timers as sweeping
from engine.automation.timers import RETRY_AFTER, TimerKind, sweep
from engine.clock import SetClock
from engine.people import accounts
from engine.records.commands import create_record
from engine.records.rights import get_entity
from engine.records.writing import lock_record
from engine.storage import catalog
from engine.storage.journal import write_event
from engine.storage.stage_tables import timers
from engine.storage.store import Session, Store
from engine.storage.system_tables import outbox
from engine.storage.timers import Timer, arm_timer, drop_timers, list_timers
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.storage.workshop import WORKSHOP

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def note(session: Session, timer: Timer) -> None:
    """What the timers of these tests do: leave an event that says which one, and when it was due."""
    about = {"key": timer.key, "arming": timer.arming, "due": timer.due_at.isoformat()}
    write_event(session, "noted", timer.entity, timer.record_id, about)


NOTE = TimerKind(lock=lambda session, timer: timer.record_id != 666, fire=note)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("timers")
    with database_of(request, folder) as database:
        found = Store(database, folder / "files", SetClock(START))
        catalog.publish(found, to_folder(WORKSHOP), actor_id=None)
        yield found


@pytest.fixture
def store(shared: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store at the start, with no timer, and kind ``note`` known."""
    monkeypatch.setattr(sweeping, "KINDS", {"note": NOTE})
    empty(shared)
    return shared


@pytest.fixture
def clock(store: Store) -> SetClock:
    assert isinstance(store.clock, SetClock)
    return store.clock


def empty(store: Store) -> None:
    assert isinstance(store.clock, SetClock)
    store.clock.at = START
    with store.write() as session:
        session.connection.execute(delete(outbox))
        session.connection.execute(delete(timers))


def arm(store: Store, *, after: timedelta, record: int = 1, key: str = "a", arming: str = "1") -> None:
    with store.write() as session:
        arm_timer(session, "machine", record, "note", key, arming=arming, due_at=session.now() + after)


def noted(store: Store) -> list[tuple[int, str, str]]:
    """What fired: record, key and arming."""
    with store.read() as session:
        rows = session.connection.execute(select(outbox).where(outbox.c.type == "noted").order_by(outbox.c.id)).all()
    return [(row.record_id, row.payload["key"], row.payload["arming"]) for row in rows]


def states(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.connection.scalars(select(timers.c.state).order_by(timers.c.id)))


def test_a_timer_fires_at_its_moment_not_before_and_once(store: Store, clock: SetClock) -> None:
    arm(store, after=HOUR)

    clock.advance(HOUR - timedelta(microseconds=1))
    assert (sweep(store), noted(store)) == (0, [])
    clock.advance(timedelta(microseconds=1))
    assert (sweep(store), noted(store)) == (1, [(1, "a", "1")])
    clock.advance(timedelta(days=30))
    assert (sweep(store), len(noted(store))) == (0, 1)


def test_what_was_due_during_a_standstill_fires_once_each_in_order(store: Store, clock: SetClock) -> None:
    for hours in (5, 1, 3):
        arm(store, after=hours * HOUR, key=f"after_{hours}")

    clock.advance(timedelta(days=2))
    sweep(store)

    assert [key for _, key, _ in noted(store)] == ["after_1", "after_3", "after_5"]


def test_a_clock_that_jumps_back_neither_fires_early_nor_again(store: Store, clock: SetClock) -> None:
    arm(store, after=HOUR)
    arm(store, after=3 * HOUR, key="later")
    clock.advance(2 * HOUR)
    sweep(store)

    clock.advance(-10 * HOUR)
    assert sweep(store) == 0
    clock.advance(10 * HOUR)
    assert sweep(store) == 0
    clock.advance(HOUR)
    sweep(store)

    assert [key for _, key, _ in noted(store)] == ["a", "later"]


def test_a_timer_is_dropped_with_what_armed_it_and_armed_anew(store: Store, clock: SetClock) -> None:
    arm(store, after=HOUR, arming="1")
    arm(store, after=HOUR, record=2)
    with store.write() as session:
        drop_timers(session, "machine", 1, "note")
    arm(store, after=2 * HOUR, arming="2")

    clock.advance(5 * HOUR)
    sweep(store)

    assert sorted(noted(store)) == [(1, "a", "2"), (2, "a", "1")]


def test_only_one_occasion_is_dropped_when_it_is_named(store: Store) -> None:
    arm(store, after=HOUR, arming="1")
    arm(store, after=HOUR, arming="2")
    with store.write() as session:
        drop_timers(session, "machine", 1, "note", arming="1")
        assert [timer.arming for timer in list_timers(session, "machine", 1)] == ["2"]


def test_a_timer_whose_owner_is_gone_when_it_is_due_does_nothing(store: Store, clock: SetClock) -> None:
    arm(store, after=HOUR, record=666)
    clock.advance(HOUR)

    assert (sweep(store), noted(store), states(store)) == (1, [], ["dropped"])


def test_the_database_refuses_a_second_timer_for_one_occasion(store: Store) -> None:
    arm(store, after=HOUR)
    with pytest.raises(IntegrityError):
        arm(store, after=2 * HOUR)


def test_a_kind_that_fails_holds_up_no_other_and_is_tried_again(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: Session, timer: Timer) -> None:
        note(session, timer)
        if timer.record_id == 1:
            raise RuntimeError("no paper")

    arm(store, after=HOUR)
    arm(store, after=HOUR, record=2)
    clock.advance(HOUR)
    with monkeypatch.context() as patched:
        patched.setattr(sweeping, "KINDS", {"note": TimerKind(NOTE.lock, fail)})
        sweep(store)
        assert noted(store) == [(2, "a", "1")]
        for wait in RETRY_AFTER[:2]:
            sweep(store)  # not before its next try
            clock.advance(wait)
            sweep(store)
    clock.advance(RETRY_AFTER[2])
    sweep(store)

    assert sorted(noted(store)) == [(1, "a", "1"), (2, "a", "1")]


def test_a_kind_that_always_fails_is_parked_for_a_person(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: Session, timer: Timer) -> None:
        raise RuntimeError("no paper")

    arm(store, after=HOUR)
    clock.advance(HOUR)
    monkeypatch.setattr(sweeping, "KINDS", {"note": TimerKind(NOTE.lock, fail)})
    for wait in (*RETRY_AFTER, HOUR, HOUR):
        sweep(store)
        clock.advance(wait)

    assert states(store) == ["parked"]
    with store.write() as session:
        drop_timers(session, "machine", 1, "note")
    assert states(store) == ["dropped"]


def test_the_worker_thread_fires_and_delivers_without_being_rung(store: Store, clock: SetClock) -> None:
    arm(store, after=HOUR)
    clock.advance(HOUR)
    worker = jobs.WorkerThread(store, every=0.05)
    worker.start()
    try:
        for _ in range(1200):
            with store.read() as session:
                done = session.connection.scalar(select(outbox.c.done_at).where(outbox.c.type == "noted"))
            if done is not None:
                break
            threading.Event().wait(0.05)
    finally:
        worker.stop()
    assert done is not None and len(noted(store)) == 1


# ---- several at once


def test_two_sweepers_at_once_fire_each_timer_once(store: Store, clock: SetClock, tmp_path: Path) -> None:
    for record in range(1, 61):
        arm(store, after=HOUR, record=record)
    clock.advance(HOUR)
    other = Store(store.database, tmp_path, clock)
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def run(one: Store) -> None:
        try:
            barrier.wait(120)
            sweep(one)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sweep(store)

    assert not failures
    assert Counter(noted(store)) == Counter((record, "a", "1") for record in range(1, 61))


def test_a_command_that_drops_timers_and_a_sweeper_never_wait_for_one_another(
    store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move locks its record and drops its timers; the sweeper meanwhile wants the record of the same timer."""
    with store.write() as session:
        admin = accounts.create_user(session, login="anna", name="Anna", password=None, roles=["admin"], actor=None)
        actor = accounts.get_actor(session.connection, admin, via="web")
        record = create_record(session, "machine", {"name": "M1"}, actor=actor).id
    entity = get_entity(store.app, "machine")

    def lock(session: Session, timer: Timer) -> bool:
        waiting.set()
        lock_record(session, entity, timer.record_id, actor=None)
        return True

    waiting = threading.Event()
    monkeypatch.setattr(sweeping, "KINDS", {"note": TimerKind(lock, note)})
    arm(store, after=HOUR, record=record)
    clock.advance(HOUR)
    sweeper = threading.Thread(target=sweep, args=(store,))
    with store.write() as session:
        lock_record(session, entity, record, actor=None)
        sweeper.start()
        waiting.wait(0.5)  # on SQLite it waits for its turn before that
        drop_timers(session, "machine", record, "note")
    sweeper.join(30)

    assert not sweeper.is_alive()
    assert (noted(store), states(store)) == ([], ["dropped"])


# ---- killed


def sweep_until_killed(store: Store, after: int) -> int:
    """Sweep in a process of its own that is killed at its ``after``-th step; return how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = itertools.count(1)

    def step(*given: Any) -> None:
        if next(steps) == after:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(store.database.engine, moment, step)
        sweep(store)
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_a_sweeper_killed_before_or_after_any_statement_loses_and_repeats_nothing(
    store: Store, clock: SetClock
) -> None:
    for after in range(1, 60):
        empty(store)
        arm(store, after=HOUR)
        arm(store, after=2 * HOUR, record=2)
        clock.advance(2 * HOUR)

        ended = sweep_until_killed(store, after)

        for _ in range(600):  # a server needs a moment to notice that a client died
            sweep(store)
            if len(noted(store)) == 2:
                break
            threading.Event().wait(0.05)
        # in any order: what the dead client still holds is passed over, and the other fires first
        assert sorted(noted(store)) == [(1, "a", "1"), (2, "a", "1")], f"killed at step {after}"
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert after > 10  # several statements of both timers were killed


# ---- fast


def test_a_standstill_of_hundreds_of_timers_is_caught_up_at_more_than_fifty_a_second(
    store: Store, clock: SetClock
) -> None:
    with store.write() as session:
        for record in range(1, 301):
            arm_timer(session, "machine", record, "note", "a", arming="1", due_at=session.now() + HOUR)
    clock.advance(timedelta(days=1))
    began = os.times().elapsed

    assert sweep(store) == 300
    assert 300 / (os.times().elapsed - began) >= 50


def test_what_is_due_is_found_through_the_index_of_what_is_pending(store: Store) -> None:
    asked: list[tuple[str, Any]] = []
    with store.read() as session:
        engine = session.connection.engine

    def listen(connection: Any, cursor: Any, sql: str, parameters: Any, *more: Any) -> None:
        if "fw_timers" in sql:
            asked.append((sql, parameters))

    event.listen(engine, "before_cursor_execute", listen)
    try:
        sweep(store)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    [(sql, parameters)] = asked

    sqlite = store.database.dialect == "sqlite"
    with store.read() as session:
        if not sqlite:
            session.connection.execute(text("SET enable_seqscan = off"))  # an empty table needs no index
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        plan = str(session.connection.exec_driver_sql(explain + sql, parameters).all())
    assert "ix_fw_timers_pending" in plan and "TEMP B-TREE" not in plan and "Sort" not in plan


# ---- any order of events


class TimersOverTime(RuleBasedStateMachine):
    """A small pure model beside the table: what must have fired, and what must not have."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        empty(self.store)
        self.clock = self.store.clock
        assert isinstance(self.clock, SetClock)
        self.pending: dict[tuple[int, str, str], datetime] = {}
        self.fired: Counter[tuple[int, str, str]] = Counter()
        self.armed = 0

    @rule(record=st.integers(1, 3), key=st.sampled_from("ab"), minutes=st.integers(0, 300))
    def arm(self, record: int, key: str, minutes: int) -> None:
        self.armed += 1
        arm(self.store, after=timedelta(minutes=minutes), record=record, key=key, arming=str(self.armed))
        self.pending[record, key, str(self.armed)] = self.clock.now() + timedelta(minutes=minutes)

    @rule(record=st.integers(1, 3))
    def end_owner(self, record: int) -> None:
        with self.store.write() as session:
            drop_timers(session, "machine", record, "note")
        self.pending = {one: due for one, due in self.pending.items() if one[0] != record}

    @rule(minutes=st.integers(1, 600))
    def time_passes(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @rule(minutes=st.integers(1, 600))
    def clock_is_set_back(self, minutes: int) -> None:
        self.clock.at -= timedelta(minutes=minutes)

    @rule()
    def look(self) -> None:
        sweep(self.store)
        due = [one for one, at in self.pending.items() if at <= self.clock.now()]
        self.fired.update(due)
        for one in due:
            del self.pending[one]

    @invariant()
    def exactly_what_the_model_says_has_fired(self) -> None:
        assert Counter(noted(self.store)) == self.fired


def test_timers_keep_their_promise_in_any_order_of_events(store: Store) -> None:
    TimersOverTime.store = store
    quick = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(TimersOverTime, settings=quick)
