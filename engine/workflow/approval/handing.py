"""Bringing other people in: hand over, ask for advice, add before and after, remove, take from a pool, remark, urge.

Enters and leaves as in ``decisions``: a state and who acts; events, or ``Refusal``. Must not read a clock or a
database.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.workflow.approval.decisions import already_done, already_ended, require_reason, require_task
from engine.workflow.approval.draft import Draft
from engine.workflow.approval.plan import Person
from engine.workflow.approval.state import ApprovalState, Event, Step, Task
from engine.workflow.approval.votes import count_needed, seat_of, size_of, stands_in
from engine.workflow.approval.world import Acting, Refusal, World

MOST_ADDED = 10


def transfer(
    state: ApprovalState, *, task: int, by: Acting, to: Person, reason: str, at: datetime
) -> tuple[Event, ...]:
    """Return the events that hand a task over for good (转交)."""
    mine = require_task(state, task, by, "transfer")
    require_reason(state.step(mine.step), "transfer", reason)
    _require_free(state, mine, to)
    draft = Draft(state)
    _hand_over(draft, mine, to, reason.strip(), at)
    return draft.made()


def reassign(
    state: ApprovalState, *, task: int, heirs: Sequence[Person], reason: str, at: datetime
) -> tuple[Event, ...]:
    """Return the events that give an open task to the first of ``heirs`` who may hold it: an administrator's command.

    It needs no permission of the step: its holder is leaving.
    """
    theirs = state.find_task(task)
    if theirs is None or theirs.status != "open":
        raise Refusal("absent", "approval.no_such_task")
    asked = asked_people(state, state.step(theirs.step))
    free = [heir for heir in heirs if heir.id != state.starter.id and heir.id not in asked]
    if not free:
        raise Refusal("invalid", "leaving.no_heir", who=theirs.person.name)
    draft = Draft(state)
    _hand_over(draft, theirs, free[0], reason.strip(), at)
    return draft.made()


def consult(
    state: ApprovalState, *, task: int, by: Acting, to: Person, question: str, at: datetime
) -> tuple[Event, ...]:
    """Return the events that ask somebody for advice; the task stays with its holder (征询)."""
    mine = require_task(state, task, by, "consult")
    if not question.strip():
        raise Refusal("invalid", "approval.question_empty")
    if to.id == by.id:
        raise Refusal("invalid", "approval.person_is_you")
    if to.id in asked_people(state, state.step(mine.step)):
        raise Refusal("invalid", "approval.person_asked", who=to.name)
    draft = Draft(state)
    number = len(state.tasks) + 1
    draft.add("consulted", at, **{"from": mine.number}, task=number, person=to.to_data(), question=question.strip())
    return draft.made()


def answer(state: ApprovalState, *, task: int, by: Acting, text: str, at: datetime) -> tuple[Event, ...]:
    """Return the event of an answer to a consultation; it decides nothing."""
    mine = require_task(state, task, by, "answer")
    if not text.strip():
        raise Refusal("invalid", "approval.comment_empty")
    draft = Draft(state)
    draft.add("answered", at, task=mine.number, text=text.strip())
    return draft.made()


def add(
    state: ApprovalState, *, task: int, by: Acting, people: Sequence[Person], where: str, reason: str, at: datetime
) -> tuple[Event, ...]:
    """Return the event that adds people ``before`` or ``after`` a task (加签); all of them are one vote with it."""
    mine = require_task(state, task, by, f"add_{where}")
    require_reason(state.step(mine.step), f"add_{where}", reason)
    if not people:
        raise Refusal("invalid", "approval.nobody_chosen")
    if len(people) > MOST_ADDED:
        raise Refusal("invalid", "approval.too_many", most=MOST_ADDED)
    for person in people:
        _require_free(state, mine, person)
    first = len(state.tasks) + 1
    tasks = [{"task": first + at_, "person": person.to_data()} for at_, person in enumerate(people)]
    draft = Draft(state)
    draft.add("added", at, to=mine.number, where=where, tasks=tasks, reason=reason.strip())
    return draft.made()


def remove(
    state: ApprovalState, world: World, *, task: int, by: Person, is_admin: bool, reason: str, at: datetime
) -> tuple[Event, ...]:
    """Return the events that take somebody out of a step (减签), who has not decided yet.

    Whoever added them may, where the step allows ``remove``, and an administrator. The need is counted anew, never
    below 1; the last one of a step cannot be removed.
    """
    theirs = state.find_task(task)
    if theirs is None or theirs.kind == "consult":
        raise Refusal("absent", "approval.no_such_task")
    if theirs.status not in ("open", "waiting"):
        raise already_done(state, theirs, "remove")
    step = state.step(theirs.step)
    if not (is_admin or ("remove" in step.plan.allow and _was_added_by(theirs, by))):
        raise Refusal("forbidden", "approval.no_remove")
    require_reason(step, "remove", reason)
    need = _need_without(state, step, theirs)
    if need is None:
        raise Refusal("invalid", "approval.last_one", who=theirs.person.name)
    draft = Draft(state)
    heir = next((other.number for other in _beside(state, theirs) if stands_in(other, theirs)), None)
    draft.add("removed", at, task=theirs.number, by=by.to_data(), reason=reason.strip(), need=need, heir=heir)
    draft.go_on(step.key, world, at)
    return draft.made()


def claim(state: ApprovalState, *, task: int, by: Acting, at: datetime) -> tuple[Event, ...]:
    """Return the event that takes a task out of the pool (认领)."""
    mine = state.find_task(task)
    if mine is not None and by.may_act_for(mine.person.id) and mine.status == "closed" and state.running:
        taken = _claimer(state, state.step(mine.step))
        if taken is not None:
            raise Refusal("late", "approval.already_claimed", who=taken.person.name)
    mine = require_task(state, task, by, "claim")
    draft = Draft(state)
    draft.add("claimed", at, task=mine.number)
    return draft.made()


def comment(
    state: ApprovalState, *, by: Person, text: str, at: datetime, mentions: Sequence[Person] = ()
) -> tuple[Event, ...]:
    """Return the event of a remark; it decides nothing and is possible after the end as well."""
    if not text.strip():
        raise Refusal("invalid", "approval.comment_empty")
    data: dict[str, Any] = {"person": by.to_data(), "text": text.strip(), "at": at.isoformat()}
    if mentions:
        data["mentions"] = [person.to_data() for person in mentions]
    return (Event("commented", data),)


def copy(state: ApprovalState, *, by: Person, people: Sequence[Person], at: datetime) -> tuple[Event, ...]:
    """Return the event that sends a copy by hand (抄送)."""
    had = {copy.person.id for copy in state.copies}
    new = [person for person in people if person.id not in had]
    if not people:
        raise Refusal("invalid", "approval.nobody_chosen")
    if not new:
        return ()
    named = [person.to_data() for person in new]
    return (Event("copied", {"point": "by hand", "people": named, "by": by.to_data(), "at": at.isoformat()}),)


def urge(state: ApprovalState, world: World, *, by: Person, at: datetime, manages: bool = False) -> tuple[Event, ...]:
    """Return the event that reminds whoever has it now (催办), as often as the approval allows.

    Whoever submitted may, and whoever ``manages`` somebody who has it.
    """
    if not state.running:
        raise already_ended(state, "urge")
    if by.id != state.starter.id and not manages:
        raise Refusal("forbidden", "approval.urge_not_yours", who=state.starter.name)
    _require_not_urged(state, world, at)
    if not state.open_tasks:
        raise Refusal("late", "approval.urge_nobody")
    draft = Draft(state)
    draft.add("urged", at, person=by.to_data())
    return draft.made()


def can_urge(state: ApprovalState, world: World, *, by: int, at: datetime, manages: bool) -> bool:
    """Return whether somebody may remind whoever has it now."""
    if not state.running or not state.open_tasks or not (manages or by == state.starter.id):
        return False
    try:
        _require_not_urged(state, world, at)
    except Refusal:
        return False
    return True


def urge_limits(rules: Mapping[str, Any]) -> tuple[int, str]:
    """Return how often at most, and after what time again, an approval with these ``rules.urge`` may be urged."""
    return rules.get("at_most", 3), rules.get("every", "4wh")


def can_remove(state: ApprovalState, task: Task, by: int, *, is_admin: bool) -> bool:
    """Return whether somebody may take a task out of its step now."""
    if task.status not in ("open", "waiting") or task.kind == "consult" or not state.running:
        return False
    step = state.step(task.step)
    added = "remove" in step.plan.allow and _was_added_by(task, Person(by, ""))
    return (is_admin or added) and _need_without(state, step, task) is not None


def _require_not_urged(state: ApprovalState, world: World, at: datetime) -> None:
    """Raise ``Refusal`` when it was urged as often as it may be, or not long enough ago."""
    most, every = urge_limits(state.rules.get("urge") or {})
    if len(state.urges) >= most:
        raise Refusal("late", "approval.urge_enough", most=most)
    if state.urges:
        free = world.later(every, state.urges[-1].at)
        if at < free:
            raise Refusal("late", "approval.urge_soon", at=free)


def _hand_over(draft: Draft, task: Task, to: Person, reason: str, at: datetime) -> None:
    number = len(draft.state.tasks) + 1
    more = {"asked_by": task.asked_by, "question": task.question} if task.kind == "consult" else {}
    draft.add("transferred", at, **{"from": task.number}, task=number, person=to.to_data(), reason=reason, **more)


def _require_free(state: ApprovalState, task: Task, to: Person) -> None:
    """Nobody decides their own submission, nor twice in one step."""
    if to.id == state.starter.id:
        raise Refusal("invalid", "approval.transfer_to_starter", who=to.name)
    if to.id in asked_people(state, state.step(task.step)):
        raise Refusal("invalid", "approval.transfer_to_asked", who=to.name)


def asked_people(state: ApprovalState, step: Step) -> frozenset[int]:
    """Return who is asked in the present turn of a step, or may be again when a refusal is taken back."""
    asked = {other.person.id for other in state.votes_of(step) if _may_be_asked(other)}
    advice = {other.person.id for other in state.open_tasks if other.step == step.key}
    return frozenset(asked | advice | {person.id for person in step.queue})


def _may_be_asked(task: Task) -> bool:
    return task.status not in ("transferred", "removed", "closed") or task.closed_by is not None


def _was_added_by(task: Task, by: Person) -> bool:
    return task.person.why.note == "added" and task.person.why.name == str(by.id)


def _need_without(state: ApprovalState, step: Step, task: Task) -> int | None:
    """Return the need without a task, counted over the seats left; None when too few would be left."""
    size = size_of(state, step) - (0 if any(_beside(state, task)) else 1)
    need = count_needed(step.plan, size)
    return need if 0 < need <= size else None


def _beside(state: ApprovalState, task: Task) -> Iterator[Task]:
    """Yield the other tasks that keep a task's seat when it goes: still asked, or answered with yes."""
    for other in state.votes_of(state.step(task.step)):
        stays = other.status in ("open", "waiting", "approved", "done")
        if stays and other.number != task.number and seat_of(other) == seat_of(task):
            yield other


def _claimer(state: ApprovalState, step: Step) -> Task | None:
    return next((task for task in state.votes_of(step) if (task.seat or task.number) == step.claimed), None)
