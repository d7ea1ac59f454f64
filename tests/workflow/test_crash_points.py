"""18: a command on an approval that is killed at any statement is wholly done or not at all, and can be sent again.

Every command of the vocabulary is killed before and after a statement, in a process of its own, on each database. A
sample of the statements is tried; every one with FORMWORK_TEST_EVERY_STATEMENT=1.

2, 3, 4 and 8 hold between processes too: of several at once on one task exactly one has an effect.
"""

import contextlib
import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from engine.automation import timers
from engine.errors import NotPossibleNow
from engine.people import accounts
from engine.records.record import Record
from engine.storage.approval_tables import approval_events, tasks
from engine.storage.database import Database
from engine.storage.system_tables import history, outbox
from engine.storage.timers import list_timers
from engine.workflow.approval import batch, involving, log
from engine.workflow.approval import commands as approvals
from tests.racing import DONE, REFUSED, in_processes
from tests.workflow.site import Site
from tests.workflow.vocabulary import do, open_task, open_vocabulary

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

EVERY = bool(os.environ.get("FORMWORK_TEST_EVERY_STATEMENT"))
SAMPLE = 3
"""Statements killed at in an ordinary run; each twice."""

Act = Callable[[], Any]
Scene = Callable[[Site], tuple[Record, Act]]


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_vocabulary(database, tmp_path)


# ---- the commands, each on a record of its own


def _submit(site: Site) -> tuple[Record, Act]:
    record = site.create(price=20_000)
    return record, lambda: site.move("clerk", record, "submit", version=record.version)


def _decision(login: str, decision: str, move: str = "rich", **given: Any) -> Scene:
    def scene(site: Site) -> tuple[Record, Act]:
        record = site.submitted(move, price=500)
        task = site.task(login, record)
        return record, lambda: site.decide(login, record, decision, task=task, action_id="once", **given)

    return scene


def _on_task(login: str, command: Callable[..., Any], move: str = "rich", **given: Any) -> Scene:
    """A command on the open task of somebody; names among what is given stand for people."""

    def scene(site: Site) -> tuple[Record, Act]:
        record = site.submitted(move)
        task = open_task(site, login, record)
        people = {key: _people(site, value) for key, value in given.items()}
        return record, lambda: do(site, login, command, task, action_id="once", **people)

    return scene


def _on_approval(login: str, command: Callable[..., Any], **given: Any) -> Scene:
    def scene(site: Site) -> tuple[Record, Act]:
        record = site.submitted("rich")
        approval = site.approval(record)
        return record, lambda: do(site, login, command, approval, action_id="once", **given)

    return scene


def _people(site: Site, value: Any) -> Any:
    if isinstance(value, list):
        return [site.people[login] for login in value]
    return site.people.get(value, value)


def _answer(site: Site) -> tuple[Record, Act]:
    record = site.submitted("rich")
    do(site, "manager", involving.consult, open_task(site, "manager", record), site.people["money"], "贵吗？")
    task = open_task(site, "money", record)
    return record, lambda: do(site, "money", involving.answer, task, "不贵", action_id="once")


def _retract(site: Site) -> tuple[Record, Act]:
    record = site.submitted("rich")
    task = open_task(site, "manager", record)
    site.decide("manager", record, task=task)
    return record, lambda: do(site, "manager", approvals.retract, task, action_id="once")


def _remove(site: Site) -> tuple[Record, Act]:
    record = site.submitted("rich")
    own = open_task(site, "manager", record)
    do(site, "manager", involving.add, own, [site.people["money"]], where="before")
    task = open_task(site, "money", record)
    return record, lambda: do(site, "admin", involving.remove, task, reason="放错了", action_id="once")


def _last(site: Site) -> tuple[Record, Act]:
    record = site.submitted("called")
    with site.store.read() as session:
        [task] = session.connection.scalars(select(tasks.c.id).where(tasks.c.state == "open"))[-1:]
    return record, lambda: do(site, "manager", approvals.decide, task, "approve", action_id="once")


def _late(site: Site) -> tuple[Record, Act]:
    record = site.submitted("late")
    due = site.clock.at + timedelta(hours=4)
    site.clock.at += timedelta(hours=2)
    timers.sweep(site.store)

    def act() -> None:
        site.clock.at = due
        timers.sweep(site.store)

    return record, act


def _revoke(site: Site) -> tuple[Record, Act]:
    record = site.submitted("free")
    site.decide("manager", record)
    approval = site.approval(record)
    return record, lambda: do(site, "clerk", approvals.revoke, approval, reason="客户改单")


def _resume(site: Site) -> tuple[Record, Act]:
    """What found nobody goes on once its people are back."""
    record, legal = site.create(), site.people["other"]
    with site.store.write() as session:
        accounts.set_roles(session, legal, ["legal", "guest"], actor=None)
        accounts.enable_user(session, legal, actor=None)
    site.move("clerk", record, "nobody")
    with site.store.write() as session:
        for login in ("chair", "other"):
            accounts.disable_user(session, site.people[login], actor=None)
    site.decide("manager", record)
    with site.store.write() as session:
        accounts.enable_user(session, legal, actor=None)
    approval = site.approval(record)
    return record, lambda: do(site, "admin", approvals.resume, approval)


def _many(site: Site) -> tuple[Record, Act]:
    record = site.submitted("free")
    task = open_task(site, "manager", record)
    return record, lambda: do(site, "manager", batch.decide_many, [task], "approve", action_id="once")


COMMANDS: dict[str, Scene] = {
    "submit": _submit,
    "approve one of several steps": _decision("manager", "approve"),
    "approve the last step": _decision("manager", "approve", "free"),
    "refuse": _decision("manager", "refuse"),
    "return": _decision("manager", "return"),
    "complete work": _decision("manager", "complete", "worked", values={"margin": "10%"}),
    "transfer": _on_task("manager", involving.transfer, to="money", reason="出差"),
    "consult": _on_task("manager", involving.consult, to="money", question="贵吗？"),
    "answer": _answer,
    "add before": _on_task("manager", involving.add, people=["money", "money2"], where="before"),
    "add after": _on_task("manager", involving.add, people=["money"], where="after"),
    "remove": _remove,
    "copy": _on_task("manager", involving.copy, people=["money"]),
    "claim": _on_task("money", involving.claim, "pooled"),
    "retract": _retract,
    "withdraw": _on_approval("clerk", approvals.withdraw),
    "terminate": _on_approval("admin", approvals.terminate, reason="作废"),
    "comment": _on_approval("clerk", involving.comment, text="请快"),
    "urge": _on_approval("clerk", involving.urge),
    "a late rule": _late,
    "revoke": _revoke,
    "resume": _resume,
    "decide many at once": _many,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_statement_is_done_wholly_or_not_and_can_be_sent_again(site: Site, name: str) -> None:
    moment = site.clock.at
    site.submitted("free")  # what is asked once for a release is known
    record, act = COMMANDS[name](site)
    statements = _count_statements(site, act)
    done = photograph(site, record)
    points = _points(statements)
    for when, number in points:
        site.clock.at = moment
        record, act = COMMANDS[name](site)
        before, written = photograph(site, record), site.rows()
        assert before != done

        killed = _run_killed(site, act, when, number)

        assert killed, f"{name}: nothing was left to kill {when} statement {number} of {statements}"
        assert _settled(site, record) == before, f"{name}: half done when killed {when} statement {number}"
        assert site.rows() == written
        for _ in range(2):  # sent again by an impatient person: one effect
            with contextlib.suppress(NotPossibleNow):  # a move that was made is not made again, and says so
                act()
            assert photograph(site, record) == done, f"{name}: not the same when sent again after {when} {number}"


def _points(statements: int) -> list[tuple[str, int]]:
    step = 1 if EVERY else max(1, statements // SAMPLE)
    numbers = [*range(1, statements, step), statements]
    return [(when, number) for number in numbers for when in ("before", "after")] + [("committing", 1)]


@pytest.mark.parametrize("seed", range(3))
def test_of_several_processes_at_one_task_exactly_one_takes_effect(site: Site, seed: int) -> None:
    record = site.submitted("free")
    task, approval = site.task("manager", record), site.approval(record)
    acts: list[Act] = [
        *(partial(site.decide, "manager", record, said, task=task) for said in ("approve", "refuse", "return")),
        partial(site.withdraw, "clerk", record),
        partial(do, site, "admin", approvals.terminate, approval, reason="作废"),
    ]
    random.Random(seed).shuffle(acts)

    ended = in_processes(acts)

    assert sorted(ended) == [DONE, REFUSED, REFUSED, REFUSED, REFUSED], f"seed {seed}"
    state = site.state(record)
    assert not state.running
    assert sum(task.decided for task in state.tasks) == (state.status in ("approved", "refused", "returned"))


def test_one_click_sent_by_many_processes_is_one_decision_and_the_same_answer(site: Site) -> None:
    record = site.submitted("rich")
    click = partial(site.decide, "manager", record, task=site.task("manager", record), action_id="once")
    version = site.record(record.id).version

    assert in_processes([click] * 8) == [DONE] * 8
    assert _approval_of(site, site.approval(record))["events"].count("decided") == 1
    assert [row.action for row in site.history(record)].count("approve") == 1
    assert site.record(record.id).version == version


def _count_statements(site: Site, act: Act) -> int:
    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1

    writer = site.store.database.engine
    event.listen(writer, "before_cursor_execute", count)
    try:
        act()
    finally:
        event.remove(writer, "before_cursor_execute", count)
    return seen[0]


def _run_killed(site: Site, act: Act, when: str, number: int) -> bool:
    """Run a command in a process that kills itself at a statement of its writing; tell whether it did."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(*_: Any) -> None:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            writer = site.store.database.engine
            event.listen(
                writer, "before_cursor_execute", lambda *_: None
            )  # every statement is heard, prepared ones too
            events = {"before": "before_cursor_execute", "after": "after_cursor_execute", "committing": "commit"}
            event.listen(writer, events[when], count)
            act()
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def _settled(site: Site, record: Record) -> dict[str, Any]:
    """What is there once the server has noticed that its client died: whoever writes next waits for that."""
    with site.store.write() as session:
        log.lock(session, _find(site, record) or 0)
    return photograph(site, record)


def _find(site: Site, record: Record) -> int | None:
    with site.store.read() as session:
        return log.find_latest(session, "payment", record.id)


def photograph(site: Site, record: Record) -> dict[str, Any]:
    """All that a command may change about a record, without the ids that differ from record to record."""
    seen = site.record(record.id)
    own = (history.c.entity == "payment") & (history.c.record_id == record.id)
    with site.store.read() as session:
        told = session.connection.execute(
            select(history.c.version, history.c.action, history.c.note, history.c.actor_id)
            .where(own)
            .order_by(history.c.id)
        ).all()
        sent = session.connection.scalars(
            select(outbox.c.type).where(outbox.c.record_id == record.id).order_by(outbox.c.id)
        ).all()
        due = [(timer.key, timer.due_at) for timer in list_timers(session, "payment", record.id)]
    approval = _find(site, record)
    return {
        "values": {key: value for key, value in seen.values.items() if key not in ("id", "number", "items")},
        "version": seen.version,
        "history": told,
        "outbox": sent,
        "timers": sorted(due),
        **(_approval_of(site, approval) if approval else {}),
    }


def _approval_of(site: Site, approval: int) -> dict[str, Any]:
    with site.store.read() as session:
        kept = log.read(session, approval)
        events = session.connection.scalars(
            select(approval_events.c.type)
            .where(approval_events.c.approval_id == approval)
            .order_by(approval_events.c.id)
        ).all()
        rows = session.connection.execute(
            select(tasks.c.holder_id, tasks.c.state, tasks.c.decision)
            .where(tasks.c.approval_id == approval)
            .order_by(tasks.c.id)
        ).all()
    assert kept is not None
    origin = {key: value for key, value in kept.state.origin.items() if key != "revokes"}  # the id of another approval
    return {"events": events, "tasks": rows, "state": replace(kept.state, content="", origin=origin)}
