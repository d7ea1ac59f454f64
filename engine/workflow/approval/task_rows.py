"""The rows of tasks, their timers and copies, as the state of an approval asks for them.

Enters: an approval as it is kept, and its tasks before and after. Leaves: rows of ``fw_tasks`` and
``fw_approval_copies``, and timers. Must not decide anything, nor read what it wrote. Task ``n`` of a state is the
``n``-th row of ``fw_tasks`` of its approval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, update

from engine.records.sql import insert_into
from engine.storage.approval_tables import approval_copies, tasks
from engine.storage.store import Session
from engine.storage.timers import arm_timer, drop_timers
from engine.workflow.approval.state import ApprovalState, Event, Task


@dataclass(frozen=True)
class Kept:
    """One approval as stored: its address, its log, and the state the log leads to.

    ``actions`` holds, beside each event, the id of the action that began with it (None inside an action). ``others``
    tells whether other approvals run about the same record, as was seen under locks that keep it so; None: not known.
    """

    id: int
    entity: str
    record_id: int
    parent_id: int | None
    events: tuple[Event, ...]
    actions: tuple[str | None, ...]
    task_ids: tuple[int, ...]
    state: ApprovalState
    others: bool | None = None

    def task_number(self, task_id: int) -> int:
        """Return the number of a task by its row; 0 when it belongs to another approval."""
        return self.task_ids.index(task_id) + 1 if task_id in self.task_ids else 0


def follow_task(session: Session, kept: Kept, task: Task, old: Task, id_: int, log: Sequence[Event]) -> None:
    """Keep the timers of a task that changed in step with it, and the step and the due time of one that was moved."""
    if old.moments and old.status == "open" and (task.status != "open" or task.armed != old.armed):
        drop_timers(session, kept.entity, kept.record_id, LATE, arming=_arming(id_, old, kept.events))
    if (task.step, task.armed) != (old.step, old.armed):
        moved = update(tasks).where(tasks.c.id == id_).values(step=task.step, due_at=task.due)
        session.connection.execute(moved)
    if old.status != "open" or task.armed != old.armed:
        _arm(session, kept, task, id_, log)


def open_task(session: Session, kept: Kept, state: ApprovalState, task: Task, events: Sequence[Event]) -> int:
    """Write the row of a task that opens, and arm its timers; return its id."""
    row = task_row(task) | {
        "approval_id": kept.id,
        "round": state.round,
        "step": task.step,
        "holder_id": task.person.id,
        "opened_at": task.opened_at,
        "due_at": task.due,
        "kind": task.kind,
    }
    statement = session.prepared("insert approval task", lambda: insert(tasks).returning(tasks.c.id), tuple(row))
    found = statement.fetch_one(session.connection, row)
    assert found is not None  # noqa: S101 - an insert returns its row
    _arm(session, kept, task, int(found[0]), events)
    return int(found[0])


def _arm(session: Session, kept: Kept, task: Task, id_: int, log: Sequence[Event]) -> None:
    """Arm a timer for each late rule that has not fired of a task that is open, for the first time or again."""
    if task.status != "open":
        return
    for rule, at in task.moments:
        if rule not in task.fired:
            told = {"approval": kept.id, "task": id_}
            due_at = max(at, session.now())
            arming = _arming(id_, task, log)
            arm_timer(session, kept.entity, kept.record_id, LATE, rule, arming=arming, due_at=due_at, payload=told)


def _arming(id_: int, task: Task, log: Sequence[Event]) -> str:
    """Return the occasion a task's timers are armed for: it was opened, asked again after it waited for others, or its
    approval was moved to a newer release."""
    again = task.armed + sum(event.type == "asked" and event.data["task"] == task.number for event in log)
    return f"task-{id_}-{again}" if again else f"task-{id_}"


def write_copies(session: Session, kept: Kept, events: Sequence[Event]) -> None:
    """Write who gets a copy, each once."""

    def build() -> Any:
        names = ("approval_id", "user_id", "at", "point")
        row = {name: bindparam(name, type_=approval_copies.c[name].type) for name in names}
        written = insert_into(approval_copies, session.connection.dialect).values(row)
        return written.on_conflict_do_nothing(index_elements=["approval_id", "user_id"])

    for event in events:
        if event.type == "copied":
            for person in event.data["people"]:
                row = {"approval_id": kept.id, "user_id": person["id"], "point": event.data["point"]}
                statement = session.prepared("approval copy", build)
                statement.execute(session.connection, row | {"at": session.now()})


def task_row(task: Task) -> dict[str, Any]:
    """``done`` is what its holder decided; ``closed`` what others, or an earlier approval, decided for them."""
    answered = task.kind == "consult" and task.status == "done"
    done = task.decided or answered or task.status == "transferred"
    state = task.status if task.status in ("open", "waiting") else "done" if done else "closed"
    decision = "answer" if answered else _DECISIONS.get(task.status)
    return {
        "state": state,
        "decided_at": task.closed_at,
        "decision": "cite" if task.cites is not None else "rule" if task.by_rule else decision,
        "reason": task.reason or None,
        "decided_by": task.decided_by.id if task.decided_by else None,
    }


def update_task(begin: str = "") -> Any:
    """Return what writes a ``task_row`` over a task; its parameters begin with ``begin``."""
    changed = ("state", "decided_at", "decision", "reason", "decided_by")
    row = {key: bindparam(f"{begin}{key}", type_=tasks.c[key].type) for key in changed}
    return update(tasks).where(tasks.c.id == bindparam(f"{begin}task_id")).values(row)


LATE = "approval_late"
"""The kind of the timers of late rules."""

_DECISIONS: Mapping[str, str] = {
    "approved": "approve",
    "refused": "refuse",
    "returned": "return",
    "done": "complete",
    "transferred": "transfer",
}
