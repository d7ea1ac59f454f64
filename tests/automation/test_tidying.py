"""What happened behind the pages is kept as long as ``keep:`` says, and not longer; what nobody looked at stays."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from engine.automation import jobs
from engine.changing.nightly import keep_nightly
from engine.clock import SetClock
from engine.people import accounts
from engine.records import commands
from engine.storage.store import Store
from tests.automation.helpdesk import with_rules
from tests.conftest import MakeStore

RULES = """
told:   {label: 通知, on: {created: true},
  do: [{notify: [{role: admin}], text: "{title}"}, {mail: "'a@example.com'", text: x}]}
never:  {label: 从不, on: {created: true}, when: "amount > 5", do: [{set: {mark: "'x'"}}]}
broken: {label: 失败, on: {created: true}, do: [{move: close}]}
"""
TABLES = ("fw_outbox", "fw_runs", "fw_deliveries", "fw_timers")


def count(store: Store, where: str = "1 = 1") -> dict[str, int]:
    with store.read() as session:
        return {
            name: session.connection.scalar(text(f"SELECT count(*) FROM {name} WHERE {where}")) or 0 for name in TABLES
        }


def nights(store: Store, clock: SetClock, days: int) -> None:
    for _ in range(days):
        clock.advance(timedelta(days=1))
        jobs.look(store)
    jobs.look(store)


def test_what_is_old_is_forgotten_and_what_somebody_is_to_look_at_is_not(
    make_store: MakeStore, clock: SetClock
) -> None:
    files: dict[str, Any] = with_rules(RULES)
    files["app.yaml"] = files["app.yaml"] + "keep: {runs: 10d, messages: 5d, events: 2d}\n"

    def let_in(store: Store) -> None:
        with store.write() as session:
            accounts.create_user(session, login="root", name="Root", password=None, roles=["admin"], actor=None)

    store = make_store(files, let_in)
    keep_nightly(store)
    with store.write() as session:
        for number in range(3):
            commands.create_record(
                session, "ticket", {"title": str(number)}, actor=accounts.get_actor(session.connection, 1)
            )
    jobs.look(store)
    with store.write() as session:
        sent = "UPDATE fw_deliveries SET state = 'sent', ended_at = at WHERE id < (SELECT max(id) FROM fw_deliveries)"
        session.connection.execute(text(sent))
    first = count(store)
    assert (first["fw_runs"], first["fw_deliveries"]) == (9, 3)

    nights(store, clock, 4)
    assert count(store, "id <= 3")["fw_outbox"] == 0
    assert (count(store)["fw_runs"], count(store)["fw_deliveries"]) == (9, 3)

    nights(store, clock, 4)
    now = count(store)
    assert (now["fw_runs"], now["fw_deliveries"]) == (6, 1), "what came to nothing, what was sent"

    nights(store, clock, 30)
    with store.read() as session:
        left = session.connection.execute(text("SELECT state FROM fw_runs")).scalars().all()
        waiting = session.connection.scalar(text("SELECT count(*) FROM fw_outbox WHERE done_at IS NULL"))
        last = session.connection.scalar(text("SELECT max(id) FROM fw_outbox")) or 0
    assert (left, waiting, count(store)["fw_deliveries"]) == (["failed"] * 3, 0, 1)
    assert 0 < count(store)["fw_outbox"] < 12 and count(store)["fw_timers"] < 15
    with store.write() as session:
        commands.create_record(session, "ticket", {"title": "x"}, actor=accounts.get_actor(session.connection, 1))
    with store.read() as session:
        assert (session.connection.scalar(text("SELECT max(id) FROM fw_outbox")) or 0) > last
