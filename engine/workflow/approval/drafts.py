"""What somebody has written about a task and not sent yet (暂存).

Enters: a task of the actor, and what they wrote. Leaves: the draft, kept with the task until it is decided. Must not be
seen by anybody else, nor decide anything.
"""

from typing import Any

from sqlalchemy import select, update

from engine.people.actor import Actor
from engine.storage.approval_tables import tasks
from engine.storage.store import Session
from engine.workflow.approval.acting import lock_task
from engine.workflow.approval.decisions import already_done
from engine.workflow.refusals import checked_text, to_error


def save_draft(session: Session, task_id: int, text: str, *, actor: Actor) -> None:
    """Keep what the actor has written; raises ``NotFound``, and ``NotPossibleNow`` when the task is no longer open."""
    said = checked_text(text)
    kept, _ = lock_task(session, task_id, actor)
    task = kept.state.find_task(kept.task_number(task_id))
    if task is None or task.status != "open":
        raise to_error(session, already_done(kept.state, task, "draft")) if task is not None else KeyError(task_id)
    draft: dict[str, Any] | None = {"by": actor.id, "reason": said} if said else None
    session.connection.execute(update(tasks).where(tasks.c.id == task_id).values(draft=draft))


def find_draft(session: Session, task_id: int, *, actor: Actor) -> str:
    """Return what the actor wrote about an open task, "" when nothing."""
    own = (tasks.c.id == task_id, tasks.c.state == "open")
    row = session.connection.execute(select(tasks.c.draft).where(*own)).first()
    draft = row[0] if row is not None else None
    return str(draft["reason"]) if draft and draft.get("by") == actor.id else ""
