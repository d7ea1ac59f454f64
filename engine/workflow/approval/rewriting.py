"""The row of an approval after it was moved to a newer release.

Enters: an approval whose events were just written. Leaves: its row and drafts brought to the state. Must not change
what the log says.
"""

from sqlalchemy import select, update

from engine.storage.approval_tables import approvals, tasks
from engine.storage.store import Session
from engine.workflow.approval.log import queue_plan
from engine.workflow.approval.state import Task
from engine.workflow.approval.task_rows import Kept


def rewrite(session: Session, kept: Kept) -> None:
    """Write to the row of an approval that was moved which release it follows now, and what queues show of it.

    Drafts of answers follow their holders into the tasks they were asked anew in.
    """
    state = kept.state
    row = {"release_id": session.release_id, "plan": queue_plan(state), "content_hash": state.content}
    session.connection.execute(update(approvals).where(approvals.c.id == kept.id).values(row))
    for task, id_ in zip(state.tasks, kept.task_ids, strict=True):
        before = [other for other in state.tasks[: task.number - 1] if _is_asked_anew(other, task)]
        if task.status == "open" and before:
            written = select(tasks.c.draft).where(tasks.c.id == kept.task_ids[before[-1].number - 1]).scalar_subquery()
            empty = (tasks.c.id == id_, tasks.c.draft.is_(None))
            session.connection.execute(update(tasks).where(*empty).values(draft=written))


def _is_asked_anew(before: Task, task: Task) -> bool:
    asked = (before.step, before.person.id, before.kind) == (task.step, task.person.id, task.kind)
    return asked and before.status == "closed" and before.closed_at == task.opened_at
