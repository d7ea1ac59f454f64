"""Events are delivered many at once, and one that fails holds up no other."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.automation import outbox as delivery
from engine.automation.jobs import WorkerThread
from engine.clock import SetClock
from engine.people import accounts
from engine.storage.journal import write_event
from engine.storage.store import Store
from engine.storage.system_tables import notices, outbox
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP


@pytest.fixture
def store(make_store: MakeStore) -> Iterator[Store]:
    """A store with one person, whose id is 1."""
    found = make_store(WORKSHOP)
    with found.write() as session:
        accounts.create_user(session, login="anna", name="Anna", password=None, roles=["admin"], actor=None)
    delivery.drain(found)
    yield found


def _end(store: Store, approval: int, starter: Any = 1) -> None:
    with store.write() as session:
        payload = {"approval": approval, "status": "approved", "starter": starter}
        write_event(session, "approval.ended", "machine", 1, payload)
        write_event(session, "machine.moved", "machine", 1, {"version": 2})


def _count_notices(store: Store) -> int:
    with store.read() as session:
        return session.connection.scalar(select(func.count()).select_from(notices)) or 0


def _waiting(store: Store) -> dict[str, int]:
    with store.read() as session:
        return delivery.count_waiting(session)


def test_what_waits_is_delivered_once(store: Store) -> None:
    for approval in range(5):
        _end(store, approval)
    assert delivery.drain(store) == 10
    assert delivery.drain(store) == 0
    assert _count_notices(store) == 5
    assert _waiting(store) == {"waiting": 0, "parked": 0}


def test_an_event_that_fails_holds_up_no_other(store: Store, clock: SetClock) -> None:
    _end(store, 1)
    _end(store, 2, starter=4711)  # nobody: the notice cannot be written
    _end(store, 3)
    delivery.drain(store)
    assert _count_notices(store) == 2
    assert _waiting(store) == {"waiting": 1, "parked": 0}
    with store.read() as session:
        left = session.connection.execute(select(outbox).where(outbox.c.done_at.is_(None))).one()
    assert (left.attempts, left.available_at) == (1, clock.now() + delivery.RETRY_AFTER[0])


def test_a_failing_event_is_parked_in_the_end(store: Store, clock: SetClock) -> None:
    _end(store, 1, starter=4711)
    for _ in range(len(delivery.RETRY_AFTER) + 2):
        delivery.drain(store)
        clock.advance(timedelta(hours=3))
    assert _waiting(store) == {"waiting": 0, "parked": 1}
    assert delivery.drain(store) == 0


def test_a_ring_is_answered_before_the_next_sweep(store: Store) -> None:
    worker = WorkerThread(store, every=3600)
    worker.start()
    _end(store, 1)
    worker.ring()
    worker.stop()  # finishes what was rung for
    assert _count_notices(store) == 1
