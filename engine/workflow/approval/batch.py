"""Deciding many tasks at once (批量): each by the very command that decides one.

Enters: tasks of the actor and one decision. Leaves: an outcome for each, in the order they were named. Must not skip
what one decision needs: a task that asks for a reason, a field or a signature is refused and stays open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.errors import FieldError, FormworkError, InvalidValues
from engine.people.actor import Actor
from engine.storage.store import Session
from engine.workflow.approval.acting import read_task
from engine.workflow.approval.commands import decide
from engine.workflow.approval.state import ApprovalState

MOST = 100
_NO_REASONS: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True)
class Decided:
    """What became of one task: how its approval stands now, or why it was ``refused``."""

    task: int
    state: ApprovalState | None = None
    refused: FormworkError | None = None


def find_unreasoned(session: Session, task_ids: Sequence[int], decision: str, *, actor: Actor) -> list[int]:
    """Return those of the actor's open tasks whose step asks for a reason with this decision; nothing is decided."""
    found = []
    for task_id in dict.fromkeys(task_ids[:MOST]):
        try:
            kept, _ = read_task(session, task_id, actor)
        except FormworkError:
            continue  # the decision itself says what is wrong with it
        task = kept.state.find_task(kept.task_number(task_id))
        if task is not None and task.status == "open" and decision in kept.state.step(task.step).plan.reason:
            found.append(task_id)
    return found


def decide_many(
    session: Session,
    task_ids: Sequence[int],
    decision: str,
    *,
    reason: str | None = None,
    reasons: Mapping[int, str] = _NO_REASONS,
    action_id: str | None = None,
    actor: Actor,
) -> list[Decided]:
    """Approve or refuse many tasks, each in a part of the transaction that is undone alone when it is refused.

    ``reasons`` says by task what is written to it in place of ``reason``.
    """
    if len(task_ids) > MOST:
        raise InvalidValues([FieldError("tasks", "record.too_many", {"max": MOST})])
    if decision not in ("approve", "refuse"):
        raise InvalidValues([FieldError("decision", "approval.unknown_decision")])
    done = {
        task: _one(session, task, decision, reasons.get(task) or reason, action_id, actor)
        for task in sorted(set(task_ids))
    }
    return [done[task] for task in dict.fromkeys(task_ids)]


def _one(
    session: Session, task: int, decision: str, reason: str | None, action_id: str | None, actor: Actor
) -> Decided:
    click = f"{action_id}-{task}" if action_id else None
    with session.attempt() as attempt:
        try:
            return Decided(task, decide(session, task, decision, reason=reason, action_id=click, actor=actor))
        except FormworkError as refused:
            attempt.undo()
            return Decided(task, refused=refused)
