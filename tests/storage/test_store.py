"""Sessions: one moment, one release, and what follows a commit."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from engine.clock import SetClock
from engine.storage import catalog
from engine.storage import store as store_module
from engine.storage.database import Database
from engine.storage.faults import Unavailable
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.workshop import WORKSHOP, add_machines, edited, with_field

CHANGED = with_field("remark: {type: text, label: 备注}")


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    import time

    now = time.monotonic()
    monkeypatch.setattr(store_module.time, "monotonic", lambda: now + seconds)


def test_before_the_first_publish_there_are_no_entities(database: Database, tmp_path: Path, clock: SetClock) -> None:
    store = Store(database, tmp_path, clock)
    with store.write() as session:
        assert session.release_id is None and not session.app.entities


def test_a_release_published_by_another_process_is_picked_up_within_a_second(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(WORKSHOP)
    other = Store(database, tmp_path, clock)
    catalog.publish(other, to_folder(CHANGED), actor_id=None)
    _later(monkeypatch, 1.1)
    with store.read() as session:
        assert session.release_id == other.release_id
        assert "remark" in session.tables.entity["machine"].c


def test_the_current_release_is_asked_for_at_most_once_a_second(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(WORKSHOP)
    before = store.release_id
    _later(monkeypatch, 0)
    catalog.publish(Store(database, tmp_path, clock), to_folder(CHANGED), actor_id=None)
    store.refresh()
    assert store.release_id == before


def test_a_session_keeps_the_release_it_started_with(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock
) -> None:
    store = make_store(WORKSHOP)
    with store.read() as session:
        catalog.publish(Store(database, tmp_path, clock), to_folder(CHANGED), actor_id=None)
        store.reload()
        assert "remark" not in session.app.entities["machine"].fields
    assert "remark" in store.app.entities["machine"].fields


def test_a_release_that_cannot_be_loaded_leaves_the_one_before_in_use(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.errors import DefinitionError

    store = make_store(WORKSHOP)
    before = store.app

    def refuse(folder: object) -> object:
        raise DefinitionError([])

    monkeypatch.setattr(store, "_load", refuse)
    catalog.publish(Store(database, tmp_path, clock), to_folder(CHANGED), actor_id=None)
    _later(monkeypatch, 1.1)
    with store.read() as session:
        assert session.app is before
    if database.dialect == "sqlite":
        with pytest.raises(Unavailable) as refused, store.write():
            pass
        assert refused.value.code == "storage.unreadable_release"


def test_a_session_has_one_moment(make_store: MakeStore, clock: SetClock) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        first = session.now()
        clock.advance(timedelta(seconds=5))
        assert session.now() == first
    with store.read() as session:
        assert session.now() == first + timedelta(seconds=5)


def test_what_follows_a_commit_comes_after_it_and_never_after_a_failure(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    rung: list[str] = []
    with store.write() as session:
        session.after_commit(lambda: rung.append("kept"))
        assert rung == []
    with pytest.raises(ZeroDivisionError), store.write() as session:
        session.after_commit(lambda: rung.append("lost"))
        _ = 1 / 0
    assert rung == ["kept"]


def test_a_failing_doorbell_does_not_fail_the_write(make_store: MakeStore, caplog: pytest.LogCaptureFixture) -> None:
    store = make_store(WORKSHOP)

    def fail() -> None:
        raise ConnectionError("no redis")

    rung: list[int] = []
    with store.write() as session:
        session.after_commit(fail)
        session.after_commit(lambda: rung.append(1))
    assert rung == [1] and "no redis" in caplog.text


def test_a_reading_session_has_no_commit_to_follow(make_store: MakeStore) -> None:
    with make_store(WORKSHOP).read() as session, pytest.raises(RuntimeError):
        session.after_commit(lambda: None)


def test_statements_are_prepared_once_for_a_release(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    made: list[int] = []

    def make() -> object:
        made.append(1)
        return select(store.tables.entity["machine"].c.id)

    for _ in range(3):
        with store.read() as session:
            assert session.prepared("machines", make).fetch_all(session.connection, {}) == []
    assert made == [1]


def test_a_writer_that_has_not_heard_of_a_new_scale_stores_the_right_amount(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(WORKSHOP)
    _later(monkeypatch, 0)
    finer = edited(("machine/entity.yaml", "price:  {type: money,", "price:  {type: money, scale: 4,"))
    catalog.publish(Store(database, tmp_path, clock), to_folder(finer), actor_id=None)
    add_machines(store, {"name": "A", "price": Decimal("12.34")})
    store.reload()
    with store.read() as session:
        price = session.tables.entity["machine"].c.price
        assert session.connection.scalars(select(price)).all() == [Decimal("12.3400")]


def test_a_process_that_has_not_heard_of_a_rename_is_asked_to_try_again(
    make_store: MakeStore, database: Database, tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(WORKSHOP)
    _later(monkeypatch, 0)
    renamed = edited(("machine/entity.yaml", "size:   {type: text", "extent: {was: size, type: text"))
    catalog.publish(Store(database, tmp_path, clock), to_folder(renamed), actor_id=None)
    if database.dialect == "sqlite":  # asks in the transaction that reads, and so knows at once
        with store.read() as session:
            assert "extent" in session.tables.entity["machine"].c
    else:
        with pytest.raises(Unavailable) as refused, store.read() as session:
            session.connection.execute(select(session.tables.entity["machine"].c.size))
        assert refused.value.code == "storage.renewed"
    add_machines(store, {"name": "A", "extent": "大"})


def test_an_error_of_our_own_stays_what_it_is(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with pytest.raises(DBAPIError), store.read() as session:
        session.connection.execute(text("SELECT nonsense FROM e_machine"))
