"""The promises of approvals as they are checked over the rows of a database after every action, each by its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.storage.approval_tables import approvals, tasks
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.workflow.approval import log, task_rows
from engine.workflow.approval.planning import hash_submitted
from engine.workflow.approval.state import ApprovalState
from engine.workflow.approval.task_rows import Kept
from tests.workflow import promises


@dataclass(frozen=True)
class House:
    """All that is kept: every approval by its id, every record by its id."""

    approvals: Mapping[int, Kept]
    records: Mapping[int, Mapping[str, Any]]

    def children(self, of: int) -> list[Kept]:
        return [kept for kept in self.approvals.values() if kept.parent_id == of]


def read_house(session: Session) -> House:
    ids = session.connection.scalars(select(approvals.c.id).order_by(approvals.c.id))
    found = {id_: log.read(session, id_) for id_ in ids}
    table = session.tables.entity["thing"]
    rows = session.connection.execute(select(table).where(table.c.deleted_at.is_(None))).mappings()
    records = {row["id"]: _values(dict(row)) for row in rows}
    return House({id_: kept for id_, kept in found.items() if kept is not None}, records)


def _values(row: dict[str, Any]) -> dict[str, Any]:
    """The values of a record by the keys of its fields."""
    return {key.removesuffix("_id") if key in ("expert_id", "other_id") else key: value for key, value in row.items()}


def check(session: Session, house: House, before: House) -> None:
    for id_, kept in house.approvals.items():
        if id_ not in before.approvals or len(before.approvals[id_].events) != len(kept.events):
            promises.check(kept.events, kept.state)
    check_rows(session, house)
    check_timers(session, house)
    check_families(house)
    check_records(house)
    check_moves(house, before)


def check_rows(session: Session, house: House) -> None:
    """1: the rows of approvals and tasks say what the log leads to."""
    c = approvals.c
    rows = session.connection.execute(select(c.id, c.state, c.round, c.ended_at, c.content_hash, c.approval))
    for id_, state, round_, ended_at, content, approval in rows:
        kept = house.approvals[id_].state
        assert (state, round_, ended_at, approval) == (kept.status, kept.round, kept.ended_at, kept.approval)
        assert content is not None
    t = tasks.c
    told = {row.id: row for row in session.connection.execute(select(tasks).order_by(t.id))}
    assert set(told) == {id_ for kept in house.approvals.values() for id_ in kept.task_ids}
    for kept in house.approvals.values():
        for task, id_ in zip(kept.state.tasks, kept.task_ids, strict=True):
            row = told[id_]
            live = row.state if row.state in ("open", "waiting") else "over"
            assert live == (task.status if task.status in ("open", "waiting") else "over"), (task, row)
            assert (row.holder_id, row.step, row.due_at) == (task.person.id, task.step, task.due), (task, row)
            assert (row.kind, row.decided_at, row.round) == (task.kind, task.closed_at, kept.state.round), (task, row)
            assert row.decided_by == (task.decided_by.id if task.decided_by else None)


def check_timers(session: Session, house: House) -> None:
    """1, 5, 13 and 16: what is pending is what open tasks have still to wait for, once each, and never too soon."""
    pending = session.connection.execute(
        select(timers).where(timers.c.kind == task_rows.LATE, timers.c.state == "pending")
    )
    told = [(row.payload["task"], row.key) for row in pending]
    wanted = [
        (id_, rule)
        for kept in house.approvals.values()
        for task, id_ in zip(kept.state.tasks, kept.task_ids, strict=True)
        for rule, _ in task.moments
        if kept.state.running and task.status == "open" and rule not in task.fired
    ]
    assert sorted(told) == sorted(wanted)
    moments = {
        (id_, rule): moment
        for kept in house.approvals.values()
        for task, id_ in zip(kept.state.tasks, kept.task_ids, strict=True)
        for rule, moment in task.moments
    }
    for row in session.connection.execute(select(timers).where(timers.c.kind == task_rows.LATE)):
        if row.state == "pending":
            assert row.due_at >= moments[row.payload["task"], row.key]
        assert row.state != "fired" or row.ended_at >= row.due_at
        assert row.attempts == 0, f"a timer failed: {row.error}"


def check_families(house: House) -> None:
    """5 and 23: a step that waits for an approval has one that runs, and one that runs has a step that waits for it."""
    for id_, kept in house.approvals.items():
        running = sorted(
            child.state.parent["step"] for child in house.children(id_) if child.state.parent and child.state.running
        )
        assert running == waiting(kept.state), f"approval {id_}"


def waiting(state: ApprovalState) -> list[str]:
    """The steps of a running approval that wait for another."""
    return sorted(step.key for step in state.steps if step.plan.kind == "call" and step.status == "open")


def check_records(house: House) -> None:
    """14, 15 and 21: what runs holds its record in its stage, alone, and everybody decides about what is there."""
    held: dict[int, int] = {}
    for id_, kept in house.approvals.items():
        state = kept.state
        if not state.running:
            continue
        values = house.records[kept.record_id]
        assert hash_submitted(state.origin, values) == state.content, f"approval {id_}"
        if kept.parent_id is None:
            assert kept.record_id not in held, f"approvals {id_} and {held[kept.record_id]} at once"
            held[kept.record_id] = id_
            assert values["stage"] == state.origin["during"]
    for id_, values in house.records.items():
        assert values["stage"] != "review" or id_ in held, f"record {id_} is in nobody's hands"


def check_moves(house: House, before: House) -> None:
    """15 and 21: nothing comes into a stage past its gate; what ended leaves its record where it says, as it says."""
    for id_, values in house.records.items():
        stage = before.records[id_]["stage"] if id_ in before.records else "draft"
        if stage != values["stage"] == "done":
            assert values["note"], f"record {id_} is done without a note"
    for id_, kept in house.approvals.items():
        was = before.approvals.get(id_)
        ends_now = (was is None or was.state.running) and not kept.state.running
        if ends_now and kept.parent_id is None:
            _check_end(kept, house.records[kept.record_id])


def _check_end(kept: Kept, values: Mapping[str, Any]) -> None:
    state = kept.state
    to = {"approved": "to", "refused": "refused"}.get(state.status, "from")
    assert values["stage"] == state.origin[to]
    if state.status in ("refused", "withdrawn") and state.rules["restore"]:
        for key, value in (state.origin.get("snapshot") or {}).items():
            assert values[key] == value, f"{key} was not put back"
