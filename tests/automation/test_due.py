"""One statement tells what there is to do behind the pages, and a look with nothing to do asks no more."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from engine.automation import jobs
from engine.automation.due import EVENTS, FIGURES, FILES, MESSAGES, TIMERS, find_work
from engine.clock import SetClock
from engine.people import accounts
from engine.storage.count_tables import counts
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.import_tables import imports
from engine.storage.journal import write_event
from engine.storage.store import Session, Store
from engine.storage.timers import arm_timer
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP


@pytest.fixture
def store(make_store: MakeStore) -> Iterator[Store]:
    """A store with nothing left to do."""
    found = make_store(WORKSHOP)
    jobs.attend(found)
    yield found


def _timer(session: Session) -> None:
    arm_timer(session, "", 0, "nightly", "x", arming="1", due_at=session.now() + timedelta(hours=1))


def test_nothing_is_to_be_done_at_first(store: Store) -> None:
    assert find_work(store) == frozenset()


def test_an_event_is_to_be_delivered_once(store: Store) -> None:
    with store.write() as session:
        write_event(session, "machine.moved", "machine", 1, {"version": 2})
        write_event(session, "machine.moved", "machine", 1, {"version": 3}, available_at=session.now() + timedelta(1))
    assert find_work(store) == {EVENTS}
    assert jobs.attend(store) == 1
    assert find_work(store) == frozenset()


def test_a_timer_is_to_be_fired_when_it_is_due(store: Store, clock: SetClock) -> None:
    with store.write() as session:
        _timer(session)
    assert find_work(store) == frozenset()
    clock.advance(timedelta(hours=2))
    assert find_work(store) == {TIMERS}


def test_figures_messages_and_files_are_found(store: Store) -> None:
    with store.write() as session:
        user = accounts.create_user(session, login="anna", name="Anna", password=None, roles=["admin"], actor=None)
    jobs.attend(store)
    with store.write() as session:
        connection, now = session.connection, session.now()
        figure = {"key": "k", "asked": {}, "user_id": user, "state": "waiting", "asked_at": now, "seen_at": now}
        connection.execute(insert(counts).values(**figure, attempts=0))
    assert find_work(store) == {FIGURES}
    with store.write() as session:
        file = {"entity": "machine", "user_id": user, "created_at": now, "name": "x", "sha256": "x", "size": 1}
        read = {"header_row": 1, "columns": [], "mode": "create", "reminds": 0, "state": "running", "total": 1}
        session.connection.execute(insert(imports).values(**file, **read))
    assert find_work(store) == {FIGURES, FILES}
    with store.write() as session:
        to = {"name": "mail", "kind": "email", "host": "x", "address": "x", "options": {}, "created_at": now}
        session.connection.execute(insert(channels).values(**to))
        sent = {"message_id": "m", "key": "m", "at": now, "kind": "report", "channel": "mail", "message": {}}
        session.connection.execute(insert(deliveries).values(**sent, priority=1, state="waiting", due_at=now))
    assert find_work(store) == {FIGURES, FILES, MESSAGES}


def test_a_look_with_nothing_to_do_is_one_statement(store: Store) -> None:
    jobs.attend(store)
    store.reload()
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement)

    with store.database.read() as connection:
        reader = connection.engine
    event.listen(reader, "before_cursor_execute", note)
    try:
        assert find_work(store) == frozenset()
    finally:
        event.remove(reader, "before_cursor_execute", note)
    assert len([one for one in said if "EXISTS" in one]) == 1
