"""Submitting, deciding and taking back, decided without reading anything: events in, events out.

Enters: the state, who acts, what they want, the present moment, and a ``World`` that answers who holds a step. Leaves:
the events to write, or ``Refusal`` saying why nothing happens. Must not read a clock or a database, nor know records.

The commands in ``commands.py`` call these under the lock of the approval's row, so of two people who act at the same
time the second sees the state the first left, and is refused with who was first and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.workflow.approval import flow
from engine.workflow.approval.draft import Draft
from engine.workflow.approval.plan import Person
from engine.workflow.approval.state import ApprovalState, Decision, Event, Step, Task
from engine.workflow.approval.world import Acting, Refusal, Submission, World


@dataclass(frozen=True)
class Answer:
    """What somebody says to a task. ``to`` is the step a return leads to, "" for the starter; ``content`` the hash of
    the guarded fields as they are now."""

    decision: Decision
    reason: str
    content: str
    to: str = ""
    signature: Mapping[str, Any] | None = None
    applies: Mapping[str, bool] | None = None  # of steps and branches to come, read again after work was done


def start(submission: Submission, world: World, *, at: datetime) -> tuple[Event, ...]:
    """Return the events of a submission, up to the first people asked (or to its end, when nobody is to be asked)."""
    draft = Draft.of_submission(submission, at)
    draft.copy("started", draft.state.rules.get("cc", {}).get("started", ()), world, at)
    if submission.auto_note is not None:
        draft.add("auto_passed", at, note=dict(submission.auto_note))
        draft.end("approved", at, world=world)
        return draft.made()
    for step in submission.steps:
        if step.key in submission.passed:
            draft.add("step_skipped", at, step=step.key, why="jump")
    draft.advance(world, at)
    return draft.made()


def decide(
    state: ApprovalState, world: World, *, task: int, by: Acting, answer: Answer, at: datetime
) -> tuple[Event, ...]:
    """Return the events of one person's decision and of all that follows from it.

    Raises ``Refusal`` when the task is not theirs, was decided already, does not offer this decision, needs a reason
    or a signature, or is about something that has changed since.
    """
    mine = require_task(state, task, by, answer.decision)
    step = state.step(mine.step)
    require_reason(step, answer.decision, answer.reason)
    if answer.decision == "approve" and step.plan.signature and not answer.signature:
        raise Refusal("invalid", "approval.signature_required")
    draft = Draft(state)
    if answer.content != state.content:
        if answer.decision != "complete":
            raise Refusal("late", "approval.content_changed")
        draft.add("content_changed", at, content=answer.content)
    back_to = _require_target(state, step, answer) if answer.decision == "return" else ""
    _say(draft, mine, by, answer, at)
    if answer.applies:
        draft.add("replanned", at, applies=dict(answer.applies))
    if answer.decision != "return":
        draft.go_on(mine.step, world, at)
        if answer.decision == "complete":
            draft.advance(world, at)
    elif not back_to:
        draft.end("returned", at, by=by.person, reason=answer.reason.strip(), step=mine.step, world=world)
    else:
        then = state.rules.get("return", {}).get("then", "replay")
        draft.add("went_back", at, step=back_to, **{"from": mine.step}, then=then)
        draft.advance(world, at)
    return draft.made()


def withdraw(state: ApprovalState, *, by: int, reason: str, at: datetime) -> tuple[Event, ...]:
    """Return the events of the starter taking the submission back."""
    if by != state.starter.id:
        raise Refusal("forbidden", "approval.withdraw_not_yours", who=state.starter.name)
    if not state.running:
        raise already_ended(state, "withdraw")
    first = next((task for task in state.tasks if task.decided), None)
    if state.withdraw == "never":
        raise Refusal("late", "approval.withdraw_never")
    if state.withdraw == "first_decision" and first is not None:
        raise Refusal("late", "approval.withdraw_late", who=_who(first).name, at=first.closed_at)
    draft = Draft(state)
    draft.end("withdrawn", at, by=state.starter, reason=reason.strip())
    return draft.made()


def terminate(state: ApprovalState, *, by: Person, reason: str, at: datetime) -> tuple[Event, ...]:
    """Return the events of an administrator ending the approval (终止)."""
    if not state.running:
        raise already_ended(state, "terminate")
    if not reason.strip():
        raise Refusal("invalid", "approval.reason_required")
    draft = Draft(state)
    draft.end("terminated", at, by=by, reason=reason.strip())
    return draft.made()


def resume(state: ApprovalState, world: World, *, at: datetime) -> tuple[Event, ...]:
    """Return the events that let a stranded approval go on, now that somebody can be found."""
    draft = Draft(state)
    if state.stranded is not None:
        draft.advance(world, at)
    return draft.made()


def settle_call(state: ApprovalState, world: World, *, step: str, passed: bool, at: datetime) -> tuple[Event, ...]:
    """Return the events of the end of an approval that a step waited for; none when it no longer waits."""
    if not state.running or state.step(step).status != "open":
        return ()
    draft = Draft(state)
    draft.settle_call(step, passed, world, at)
    return draft.made()


def return_targets(state: ApprovalState, key: str) -> tuple[Step, ...]:
    """Return the done steps a task of a step may be returned to, the nearest last."""
    to = state.rules.get("return", {}).get("to", ["starter"])
    if "done_step" not in to:
        return ()
    kinds = ("people", "work")
    return tuple(step for step in flow.steps_before(state, key) if step.status == "passed" and step.plan.kind in kinds)


def can_withdraw(state: ApprovalState, by: int) -> bool:
    """Return whether ``by`` may take the submission back now."""
    decided = any(task.decided for task in state.tasks)
    allowed = state.withdraw == "any_time" or (state.withdraw == "first_decision" and not decided)
    return state.running and by == state.starter.id and allowed


def already_ended(state: ApprovalState, wanted: str) -> Refusal:
    """Return the refusal that says how, when and by whom the approval ended, to somebody who ``wanted`` something."""
    return _late(wanted, state.status, state.ended_by or state.starter, state.ended_at)


def _late(wanted: str, done: str, who: Person, at: datetime | None) -> Refusal:
    """Say what was done and whether that is what was wanted: nobody is to believe that theirs was done as well."""
    sides = (_SIDES.get(wanted), _SIDES.get(done))
    opposite = None not in sides and sides[0] != sides[1]
    verdict = "same" if _SAYS.get(wanted) == done else "opposite" if opposite else "other"
    return Refusal("late", f"approval.already_{done}", who=who.name, at=at, verdict=verdict)


def require_task(state: ApprovalState, number: int, by: Acting, action: str) -> Task:
    """Return an open task of whoever acts that offers ``action``, else raise ``Refusal``."""
    task = state.find_task(number)
    if task is None or not by.may_act_for(task.person.id):
        raise Refusal("absent", "approval.no_such_task")
    if task.status != "open":
        raise already_done(state, task, action)
    if action not in _offered(state, task):
        _require_claimed(state, task)
        raise Refusal("forbidden", f"approval.no_{action}")
    if by.deputy_of(task.person.id) is not None:
        _require_deputy(state, task, by)
    return task


def require_reason(step: Step, action: str, reason: str) -> None:
    """Raise ``Refusal`` when this action needs a reason here and none is given."""
    if action in step.plan.reason and not reason.strip():
        raise Refusal("invalid", "approval.reason_required")


def offered(state: ApprovalState, task: Task) -> tuple[str, ...]:
    """Return what the holder of an open task may do with it now."""
    return tuple(_offered(state, task)) if task.status == "open" else ()


def already_done(state: ApprovalState, task: Task, wanted: str) -> Refusal:
    """Return who was first: the holder, a colleague of the same step, or whoever ended it all; and what they did, to
    somebody who ``wanted`` something."""
    if task.status in ("transferred", "removed"):
        return Refusal("late", f"approval.already_{task.status}", who=task.went_to, at=task.closed_at)
    if task.status == "waiting":
        names = "、".join(other.person.name for other in state.open_tasks if other.number in task.after)
        return Refusal("late", "approval.waits_for", who=names or "—")
    if task.status != "closed":
        return _late(wanted, task.status, _who(task), task.closed_at)
    other = state.find_task(task.closed_by or 0) or _decided_instead(state, task)
    if other is not None:
        return _late(wanted, other.status, _who(other), other.closed_at)
    if state.running:
        return Refusal("late", "approval.no_longer_asked", at=task.closed_at)
    return already_ended(state, wanted)


def _decided_instead(state: ApprovalState, task: Task) -> Task | None:
    """Return the answer that made a task superfluous: of whoever could decide it too, took it, or decided its step."""
    beside = [other for other in state.tasks_of(task.step) if other.turn == task.turn and other.status != "closed"]
    group = task.instead or task.number
    stands_in = [other for other in beside if group in (other.number, other.instead) and other.closed_at]
    if stands_in:
        return stands_in[0]
    step = state.step(task.step)
    approved = [other for other in beside if other.status in ("approved", "done")]
    if step.turn == task.turn and step.status == "passed" and approved:
        return max(approved, key=lambda other: (other.closed_at or other.opened_at, other.number))
    returned = [other for other in state.tasks if other.status == "returned" and other.closed_at == task.closed_at]
    return returned[0] if returned and state.running else None


def _say(draft: Draft, task: Task, by: Acting, answer: Answer, at: datetime) -> None:
    deputy = by.deputy_of(task.person.id)
    signature = dict(answer.signature) if answer.signature else None
    named = deputy.to_data() if deputy else None
    draft.decide(task, answer.decision, answer.reason.strip(), at, by=named, signature=signature)


def _offered(state: ApprovalState, task: Task) -> list[str]:
    step = state.step(task.step)
    if task.kind == "consult":
        return ["answer", "comment"]
    if _is_in_pool(step):
        return ["claim", *(action for action in step.plan.allow if action in ("transfer", "comment"))]
    votes = ("approve", "refuse") if task.kind == "work" else ("complete",)
    more = ["complete"] if task.kind == "work" else []
    return more + [action for action in step.plan.allow if action not in votes]


def _require_deputy(state: ApprovalState, task: Task, by: Acting) -> None:
    """A deputy decides for their principal, never their own submission, and never beside their own vote."""
    if by.id == state.starter.id:
        raise Refusal("forbidden", "approval.deputy_is_starter", who=task.person.name)
    own = [other for other in state.votes_of(state.step(task.step)) if other.person.id == by.id]
    if any(other.status != "closed" for other in own):
        raise Refusal("forbidden", "approval.deputy_is_asked", who=task.person.name)


def _require_claimed(state: ApprovalState, task: Task) -> None:
    if task.kind != "consult" and _is_in_pool(state.step(task.step)):
        raise Refusal("late", "approval.claim_first")


def _is_in_pool(step: Step) -> bool:
    return step.plan.claim and step.claimed is None


def _require_target(state: ApprovalState, step: Step, answer: Answer) -> str:
    to = state.rules.get("return", {}).get("to", ["starter"])
    if answer.to in ("", "starter"):
        if "starter" not in to:
            raise Refusal("invalid", "approval.return_not_starter")
        return ""
    if answer.to not in {target.key for target in return_targets(state, step.key)}:
        raise Refusal("invalid", "approval.return_not_there")
    return answer.to


def _who(task: Task) -> Person:
    return task.decided_by or task.person


_SAYS: Mapping[str, str] = {
    "approve": "approved", "complete": "done", "refuse": "refused", "return": "returned", "answer": "done",
}  # fmt: skip
_SIDES: Mapping[str, bool] = {
    "approve": True, "complete": True, "refuse": False, "return": False,
    "approved": True, "done": True, "refused": False, "returned": False,
}  # fmt: skip
