"""Approvals as they lie in the database: the log of events is the truth, rows of approvals and tasks follow from it.

Enters: events decided by the pure core, inside a transaction that holds the approval's row. Leaves: the state folded
from the log. Must not decide anything. Task ``n`` of a state is the ``n``-th row of ``fw_tasks`` of its approval.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update

from engine.people.actor import Actor
from engine.storage.store import Session
from engine.storage.system_tables import approval_events, approvals, tasks, users
from engine.workflow.approval_state import ApprovalState, Event, Task, apply, fold


@dataclass(frozen=True)
class Kept:
    """One approval as stored: its address, its log, and the state the log leads to.

    ``actions`` holds, beside each event, the id of the action that began with it (None inside an action).
    """

    id: int
    entity: str
    record_id: int
    events: tuple[Event, ...]
    actions: tuple[str | None, ...]
    task_ids: tuple[int, ...]
    state: ApprovalState

    def task_number(self, task_id: int) -> int:
        """Return the number of a task by its row; 0 when it belongs to another approval."""
        return self.task_ids.index(task_id) + 1 if task_id in self.task_ids else 0


@dataclass(frozen=True)
class HeldTask:
    """A task of somebody: the approval it belongs to, and whether they are still enabled."""

    approval_id: int
    enabled: bool


def find_task(session: Session, task_id: int, *, holder: int) -> HeldTask | None:
    """Return where a task belongs, when it is this holder's."""

    def build() -> Any:
        own = (tasks.c.id == bindparam("task_id"), tasks.c.holder_id == bindparam("holder"))
        people = tasks.join(users, users.c.id == tasks.c.holder_id)
        return select(tasks.c.approval_id, users.c.disabled_at.is_(None)).select_from(people).where(*own)

    given = {"task_id": task_id, "holder": holder}
    row = session.prepared("approval of a task", build).fetch_one(session.connection, given)
    return None if row is None else HeldTask(int(row[0]), bool(row[1]))


def find_running(session: Session, entity: str, record_id: int) -> int | None:
    """Return the approval that is running for a record."""
    return _find_last(session, entity, record_id, "running", _RUNNING)


def find_latest(session: Session, entity: str, record_id: int) -> int | None:
    """Return the last approval of a record, running or ended."""
    return _find_last(session, entity, record_id, "latest")


def find_rounds(session: Session, entity: str, record_id: int) -> list[int]:
    """Return all approvals of a record, the oldest first."""
    own = (approvals.c.entity == entity, approvals.c.record_id == record_id)
    return list(session.connection.scalars(select(approvals.c.id).where(*own).order_by(approvals.c.id)))


def count_rounds(session: Session, approval: str, entity: str, record_id: int) -> int:
    """Return how often a record was submitted to this approval."""
    own = (approvals.c.entity == entity, approvals.c.record_id == record_id, approvals.c.approval == approval)
    return session.connection.scalar(select(func.count()).select_from(approvals).where(*own)) or 0


def lock(session: Session, approval_id: int) -> Kept | None:
    """Lock an approval until the transaction ends and return it as it is then; None when there is none."""
    return _read(session, approval_id, locked=True)


def read(session: Session, approval_id: int) -> Kept | None:
    """Return an approval; None when there is none."""
    return _read(session, approval_id, locked=False)


def find_answer(kept: Kept, action: str | None) -> ApprovalState | None:
    """Return the state this action led to, when it was done before."""
    if action is None or action not in kept.actions:
        return None
    first = kept.actions.index(action)
    later = [at for at, other in enumerate(kept.actions) if other is not None and at > first]
    return fold(kept.events[: later[0] if later else None])


def create(
    session: Session,
    entity: str,
    record_id: int,
    move: str,
    events: Sequence[Event],
    *,
    actor: Actor,
) -> Kept:
    """Write a new approval with its first events."""
    state = fold(events)
    row = {
        "approval": state.approval,
        "entity": entity,
        "record_id": record_id,
        "move": move,
        "release_id": session.release_id,
        "round": state.round,
        "started_by": state.starter.id,
        "started_at": session.now(),
        "content_hash": state.content,
        # What queues show, so that a page of them reads no logs.
        "plan": {
            "shown": state.origin.get("shown") or {},
            "steps": {step.key: dict(step.plan.label) for step in state.steps},
        },
        **_ending(session, state),
    }
    statement = session.prepared("insert approval", lambda: insert(approvals).returning(approvals.c.id), tuple(row))
    found = statement.fetch_one(session.connection, row)
    assert found is not None  # noqa: S101 - an insert returns its row
    kept = Kept(int(found[0]), entity, record_id, (), (), (), state)
    return _write(session, kept, events, state, (), actor, None)


def append(session: Session, kept: Kept, events: Sequence[Event], *, actor: Actor, action: str | None) -> Kept:
    """Write what follows to a locked approval: its events, its tasks, its row."""
    state = kept.state
    for event in events:
        state = apply(state, event)
    written = _write(session, kept, events, state, kept.state.tasks, actor, action)
    row = _ending(session, state) | {"approval_id": kept.id}
    session.prepared("update approval", _update_approval).execute(session.connection, row)
    return written


def _write(
    session: Session,
    kept: Kept,
    events: Sequence[Event],
    state: ApprovalState,
    before: Sequence[Task],
    actor: Actor,
    action: str | None,
) -> Kept:
    # Every action has an id, so that the answer to a repeated one can be told from what came after it.
    actions = [action or secrets.token_hex(16), *([None] * (len(events) - 1))][: len(events)]
    rows = [
        {
            "approval_id": kept.id,
            "seq": len(kept.events) + at,
            "at": session.now(),
            "actor_id": actor.id,
            "type": event.type,
            "data": event.data,
            "action_id": named,
        }
        for at, (event, named) in enumerate(zip(events, actions, strict=True), start=1)
    ]
    if rows:
        statement = session.prepared("insert approval events", lambda: insert(approval_events).inline(), tuple(rows[0]))
        statement.execute_many(session.connection, rows)
    task_ids = _write_tasks(session, kept, before, state)
    return replace(
        kept, events=(*kept.events, *events), actions=(*kept.actions, *actions), task_ids=task_ids, state=state
    )


def _write_tasks(session: Session, kept: Kept, before: Sequence[Task], state: ApprovalState) -> tuple[int, ...]:
    """Bring the rows of tasks to the state; only those that differ are touched."""
    ids = list(kept.task_ids)
    for task, old, id_ in zip(state.tasks, before, kept.task_ids, strict=False):
        if task != old:
            row = _task_row(task) | {"task_id": id_}
            session.prepared("update approval task", _update_task).execute(session.connection, row)
    for task in state.tasks[len(before) :]:
        row = _task_row(task) | {
            "approval_id": kept.id,
            "round": state.round,
            "step": task.step,
            "holder_id": task.person.id,
            "opened_at": task.opened_at,
            "due_at": task.due,
        }
        statement = session.prepared("insert approval task", lambda: insert(tasks).returning(tasks.c.id), tuple(row))
        found = statement.fetch_one(session.connection, row)
        assert found is not None  # noqa: S101 - an insert returns its row
        ids.append(int(found[0]))
    return tuple(ids)


def _task_row(task: Task) -> dict[str, Any]:
    """``done`` is what its holder decided; ``closed`` what others, or an earlier approval, decided for them."""
    done = task.decided or task.status == "transferred"
    state = "open" if task.status == "open" else "done" if done else "closed"
    decision = _DECISIONS.get(task.status) if task.cites is None else "cite"
    return {"state": state, "decided_at": task.closed_at, "decision": decision, "reason": task.reason or None}


def _ending(session: Session, state: ApprovalState) -> dict[str, Any]:
    return {"state": state.status, "ended_at": state.ended_at}


def _find_last(
    session: Session, entity: str, record_id: int, name: str, *conditions: ColumnElement[bool]
) -> int | None:
    def build() -> Any:
        own = (approvals.c.entity == bindparam("entity"), approvals.c.record_id == bindparam("record_id"))
        return select(approvals.c.id).where(*own, *conditions).order_by(approvals.c.id.desc()).limit(1)

    given = {"entity": entity, "record_id": record_id}
    row = session.prepared(f"{name} approval", build).fetch_one(session.connection, given)
    return None if row is None else int(row[0])


def _read(session: Session, approval_id: int, *, locked: bool) -> Kept | None:
    def build() -> Any:
        found = select(approvals.c.entity, approvals.c.record_id).where(approvals.c.id == bindparam("approval_id"))
        return found.with_for_update() if locked else found

    given = {"approval_id": approval_id}
    row = session.prepared(("approval", locked), build).fetch_one(session.connection, given)
    if row is None:
        return None
    log = session.prepared("approval events", _select_events).fetch_all(session.connection, given)
    ids = session.prepared("approval tasks", _select_tasks).fetch_all(session.connection, given)
    events = tuple(Event(type_, data) for type_, data, _ in log)
    actions = tuple(action for _, _, action in log)
    return Kept(approval_id, row[0], row[1], events, actions, tuple(int(id_) for (id_,) in ids), fold(events))


def _select_events() -> Any:
    c = approval_events.c
    own = c.approval_id == bindparam("approval_id")
    return select(c.type, c.data, c.action_id).where(own).order_by(c.seq)


def _select_tasks() -> Any:
    return select(tasks.c.id).where(tasks.c.approval_id == bindparam("approval_id")).order_by(tasks.c.id)


def _update_approval() -> Any:
    row = {
        "state": bindparam("state", type_=approvals.c.state.type),
        "ended_at": bindparam("ended_at", type_=approvals.c.ended_at.type),
        "version": approvals.c.version + 1,
    }
    return update(approvals).where(approvals.c.id == bindparam("approval_id")).values(row)


def _update_task() -> Any:
    changed = ("state", "decided_at", "decision", "reason")
    row = {key: bindparam(key, type_=tasks.c[key].type) for key in changed}
    return update(tasks).where(tasks.c.id == bindparam("task_id")).values(row)


_RUNNING = approvals.c.state == "running"
_DECISIONS: Mapping[str, str] = {
    "approved": "approve",
    "refused": "refuse",
    "returned": "return",
    "transferred": "transfer",
}
