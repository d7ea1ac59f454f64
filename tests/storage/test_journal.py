"""History, outbox and audit are part of the transaction they speak of."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from engine.storage.journal import event_row, history_row, write_audit, write_event, write_history, write_many
from engine.storage.system_tables import audit, history, outbox
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP


@dataclass(frozen=True)
class Someone:
    id: int = 7
    via: str = "web"


def test_history_says_what_who_when_how_and_under_which_release(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        changes = {"price": [None, Decimal("1.50")]}
        write_history(session, "machine", 3, 1, "create", changes, actor=Someone(), note="首次建档")
    with store.read() as session:
        row = session.connection.execute(select(history)).one()
    assert (row.entity, row.record_id, row.version, row.action, row.note) == ("machine", 3, 1, "create", "首次建档")
    assert (row.actor_id, row.via, row.release_id, row.at) == (7, "web", store.release_id, session.now())
    assert row.changes == {"price": [None, "1.50"]}


def test_events_wait_until_they_are_due(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        later = session.now() + timedelta(hours=1)
        write_event(session, "machine.created", "machine", 3, {"a": 1})
        write_event(session, "machine.check", "machine", 3, available_at=later)
    with store.read() as session:
        rows = session.connection.execute(select(outbox).order_by(outbox.c.id)).all()
    assert [(row.type, row.payload, row.available_at, row.attempts, row.done_at) for row in rows] == [
        ("machine.created", {"a": 1}, session.now(), 0, None),
        ("machine.check", None, later, 0, None),
    ]


def test_audit_keeps_details_and_address(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        write_audit(session, "sign_in", "user:7", {"agent": "x"}, actor=None, ip="10.0.0.1")
    with store.read() as session:
        row = session.connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    assert (row.action, row.subject, row.details, row.actor_id, row.ip) == (
        "sign_in", "user:7", {"agent": "x"}, None, "10.0.0.1",
    )  # fmt: skip


def test_many_rows_are_written_at_once(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with store.write() as session:
        ids = range(1, 501)
        histories = [history_row(session, "machine", id_, 1, "import", {}, actor=Someone()) for id_ in ids]
        write_many(session, histories, [event_row(session, "machine.created", "machine", id_) for id_ in ids])
        write_many(session, [], [])
    with store.read() as session:
        for table in (history, outbox):
            assert session.connection.scalar(select(func.count(table.c.record_id.distinct()))) == 500


def test_nothing_is_told_of_what_did_not_happen(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    with pytest.raises(ZeroDivisionError), store.write() as session:
        write_history(session, "machine", 3, 1, "create", {}, actor=None)
        write_event(session, "machine.created", "machine", 3)
        _ = 1 / 0
    with store.read() as session:
        assert session.connection.scalar(select(func.count()).select_from(history)) == 0
        assert session.connection.scalar(select(func.count()).select_from(outbox)) == 0
