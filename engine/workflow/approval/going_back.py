"""Taking an answer back, undoing what was approved, and what happens when nobody answers in time.

Enters and leaves as in ``decisions``: a state and who acts; events, or ``Refusal``. Must not read a clock or a
database.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.workflow.approval import flow
from engine.workflow.approval.decisions import already_ended
from engine.workflow.approval.draft import Draft
from engine.workflow.approval.handing import asked_people
from engine.workflow.approval.plan import LatePlan, Person
from engine.workflow.approval.state import ANSWERS, ApprovalState, Event, Step, Task
from engine.workflow.approval.votes import seat_of, stands_in
from engine.workflow.approval.world import Acting, Refusal, World


def retract(
    state: ApprovalState, world: World, *, task: int, by: Acting, reason: str, at: datetime
) -> tuple[Event, ...]:
    """Return the events of somebody taking their own last answer back, while nobody has answered after it (拿回).

    Whoever was not asked any more because of that answer is asked again.
    """
    mine = state.find_task(task)
    if mine is None or not by.may_act_for(mine.person.id) or mine.kind == "consult":
        raise Refusal("absent", "approval.no_such_task")
    later = later_answer(state, mine)
    if later is not None:
        raise Refusal("late", "approval.retract_late", who=(later.decided_by or later.person).name, at=later.closed_at)
    if not state.running:
        raise already_ended(state, "retract")
    if not _is_retractable(state, mine):
        raise Refusal("late", "approval.retract_nothing")
    draft = Draft(state)
    draft.add("retracted", at, task=mine.number, reason=reason.strip())
    step = state.step(mine.step)
    draft.add("reopened", at, step=mine.step, **_later_in_order(state, step, mine))
    for other in [mine, *_asked_again(state, step, mine)]:
        draft.open_task(draft.state.step(mine.step), other.person, world, at, again=other)
    draft.ask_waiting(mine.step, at)
    return draft.made()


def can_retract(state: ApprovalState, task: Task) -> bool:
    """Return whether the holder of a task may take its answer back now."""
    return state.running and _is_retractable(state, task) and later_answer(state, task) is None


def later_answer(state: ApprovalState, task: Task) -> Task | None:
    """Return an answer that builds on this one: of a later step, of whoever came after it in its own."""
    later = {step.key for step in flow.steps_after(state, task.step)}
    step = state.step(task.step)
    for other in state.tasks:
        if not other.decided or other.number == task.number:
            continue
        if other.step in later and other.turn == state.step(other.step).turn and state.step(other.step).turn:
            return other
        same_turn = other.step == task.step and other.turn == task.turn
        follows = step.plan.decide == "in_order" and _is_after(other, task)
        if same_turn and (follows or task.number in other.after):
            return other
    return None


def revoke(state: ApprovalState, world: World, *, by: int, at: datetime) -> None:
    """Raise ``Refusal`` unless ``by`` may ask now to undo what was approved (撤销), through its own approval."""
    rule = state.rules.get("revoke") or {}
    if not rule:
        raise Refusal("late", "approval.revoke_never")
    if by != state.starter.id:
        raise Refusal("forbidden", "approval.revoke_not_yours", who=state.starter.name)
    if state.status != "approved" or state.ended_at is None:
        raise Refusal("late", "approval.revoke_not_approved") if state.running else already_ended(state, "revoke")
    if rule.get("within") and at > world.later(rule["within"], state.ended_at):
        raise Refusal("late", "approval.revoke_late", at=world.later(rule["within"], state.ended_at))


def run_late(state: ApprovalState, world: World, *, task: int, rule: str, at: datetime) -> tuple[Event, ...]:
    """Return the events of a late rule that is due; none when it has fired, is not due, or the task is not open."""
    theirs = state.find_task(task)
    if theirs is None or theirs.status != "open" or not state.running or rule in theirs.fired:
        return ()
    plan = next((late for late in state.step(theirs.step).plan.late if late.key == rule), None)
    due = dict(theirs.moments).get(rule)
    if plan is None or due is None or at < due:
        return ()
    draft = Draft(state)
    draft.add("late_fired", at, task=theirs.number, rule=rule)
    for action in plan.do:
        _do_late(draft, world, theirs.number, plan, action, at)
    return draft.made()


def reminded(state: ApprovalState, world: World, task: Task, rule: str) -> tuple[Person, ...]:
    """Return who gets a notice when a late rule fires."""
    plan = next((late for late in state.step(task.step).plan.late if late.key == rule), None)
    rules = [one for action in (plan.do if plan is not None else ()) for one in action.get("remind", ())]
    return world.people(rules, task.person.id) if rules else ()


def _do_late(draft: Draft, world: World, number: int, plan: LatePlan, action: object, at: datetime) -> None:
    task = draft.state.find_task(number)
    if task is None or task.status != "open" or not isinstance(action, dict):
        return
    if action.get("pass"):
        draft.decide(task, "approve", "", at, rule=plan.key)
        draft.go_on(task.step, world, at)
    elif "escalate" in action:
        for person in _free(draft.state, task, world.people(action["escalate"], task.person.id)):
            new = len(draft.state.tasks) + 1
            draft.add("escalated", at, **{"from": number}, task=new, person=person.to_data(), rule=plan.key)
    elif "hand_over" in action:
        heirs = _free(draft.state, task, world.people(action["hand_over"], task.person.id))
        if heirs:
            new = len(draft.state.tasks) + 1
            draft.add("transferred", at, **{"from": number}, task=new, person=heirs[0].to_data(), reason="")


def _free(state: ApprovalState, task: Task, people: Sequence[Person]) -> list[Person]:
    """Of those a late rule names, who may be asked: not the starter, nor somebody who is asked anyway."""
    asked = asked_people(state, state.step(task.step))
    return [person for person in people if person.id != state.starter.id and person.id not in asked]


def _is_retractable(state: ApprovalState, task: Task) -> bool:
    """An answer that counts now, and that nobody shares: who was added or asked as well has been told of it."""
    step = state.step(task.step)
    counted = {"open": ("approved", "refused", "done"), "passed": ("approved", "done")}.get(step.status, ())
    beside = [other for other in state.votes_of(step) if seat_of(other) == seat_of(task) and other != task]
    alone = all(
        other.status in ("transferred", "removed", "retracted") or other.closed_by == task.number for other in beside
    )
    here = all(one.over for one in flow.steps_before(state, step.key))  # what came before may be asked again by now
    counts = task.status in counted and task.turn == step.turn and not step.gone
    return task.decided and counts and alone and here


def _later_in_order(state: ApprovalState, step: Step, mine: Task) -> dict[str, Any]:
    """Return who of a step in order is asked only after ``mine``: whom to ask no more, and the queue as it is then."""
    if step.plan.decide != "in_order":
        return {}
    votes = state.votes_of(step)
    after = [task for task in votes if task.status in ("open", "waiting") and seat_of(task) != seat_of(mine)]
    seats = {seat_of(task): _holder(votes, seat_of(task)) or task.person for task in after}
    asked = {task.number for task in after}
    advice = [task.number for task in state.open_tasks if task.asked_by in asked]
    queue = [person.to_data() for person in (*seats.values(), *step.queue)]
    return {"closes": [*sorted(asked), *advice], "queue": queue}


def _holder(votes: Sequence[Task], seat: int) -> Person | None:
    """Return whoever has the first task of a seat by now, if it was not taken from everybody."""
    task = next((one for one in votes if one.number == seat), None)
    while task is not None and task.status == "transferred":
        task = next((one for one in votes if one.came_from == task.number), None)
    return task.person if task is not None and task.status in ("open", "waiting") else None


def _asked_again(state: ApprovalState, step: Step, mine: Task) -> list[Task]:
    """Whose task was closed by the answer that is taken back; not of a seat that refused, of a pool only who took it.

    Of those who may decide in each other's place only one: the first asked, if they are still of the step.
    """
    if step.status != "passed" or step.plan.decide == "in_order":  # in order nobody was left to ask
        return []
    votes = state.votes_of(step)
    refused = {seat_of(task) for task in votes if task.status == "refused"}
    replaced = {task.again for task in votes}
    closed = [task for task in votes if task.status == "closed" and task.number not in replaced]
    closed = [task for task in closed if seat_of(task) not in refused]
    if step.claimed is not None:
        closed = [task for task in closed if (task.seat or task.number) == step.claimed]
    answered = [task for task in votes if task.status in ANSWERS]
    again: list[Task] = []
    for task in sorted(closed, key=lambda one: one.instead is not None):
        if not any(stands_in(other, task) for other in (*answered, *again)):
            again.append(task)
    return sorted(again, key=lambda one: one.number)


def _is_after(other: Task, task: Task) -> bool:
    return (other.closed_at or other.opened_at, other.number) > (task.closed_at or task.opened_at, task.number)
