"""Who may do what, said plainly: the small model that every answer of an approval is compared with.

It reads how an approval stands and the people there are, and says of a deed whether it has effect or is refused. It
shares no rule with the engine: what follows from a deed is for the promises.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from fractions import Fraction

from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.state import ApprovalState, Step, Task
from tests.workflow.deeds import DECISIONS, ON_TASKS, Deed, Facing
from tests.workflow.office import ADMIN

LIVE = ("open", "waiting")
ANSWERED = ("approved", "refused", "returned", "done")


def may(facing: Facing, deed: Deed) -> bool:
    """Whether a deed has effect now."""
    if deed.name in ON_TASKS:
        task = facing.state.tasks[deed.task - 1] if 0 < deed.task <= len(facing.state.tasks) else None
        return task is not None and _ON_TASK.get(deed.name, _may_hand)(facing, deed, task)
    return _ON_APPROVAL[deed.name](facing, deed)


# ---- on the whole


def _may_withdraw(facing: Facing, deed: Deed) -> bool:
    """12: the starter, until somebody decided, unless the definition says otherwise."""
    state = facing.state
    decided = any(is_decision(task) for task in state.tasks)
    in_time = {"never": False, "any_time": True, "first_decision": not decided}[state.withdraw]
    return state.running and deed.by == state.starter.id and in_time


def _may_terminate(facing: Facing, deed: Deed) -> bool:
    return facing.state.running and deed.by == ADMIN and bool(deed.said)


def _may_urge(facing: Facing, deed: Deed) -> bool:
    state, office = facing.state, facing.world.office
    asked = [task.person.id for task in state.tasks if task.status == "open"]
    theirs = deed.by == state.starter.id or office.manages(deed.by, asked)
    rested = not state.urges or facing.at >= state.urges[-1].at + timedelta(hours=1)
    return state.running and theirs and bool(asked) and len(state.urges) < 2 and rested


def _may_revoke(facing: Facing, deed: Deed) -> bool:
    """Whoever submitted it, while it is approved, as long after as its definition says."""
    state = facing.state
    if "revoke" not in state.rules or state.status != "approved" or state.ended_at is None:
        return False
    return deed.by == state.starter.id and facing.at <= state.ended_at + timedelta(days=3)


def _may_reassign(facing: Facing, deed: Deed) -> bool:
    """An administrator gives an open task to the first who may have it: the one named, a manager above, the last."""
    state, office = facing.state, facing.world.office
    task = state.tasks[deed.task - 1]
    heirs = [*deed.people, *office.managers_of(deed.people[0]), *facing.world.find(state.empty)]
    free = any(_is_free(state, state.step(task.step), heir) for heir in heirs)
    return deed.by == ADMIN and task.status == "open" and free


# ---- on a task


def _may_answer(facing: Facing, deed: Deed, task: Task) -> bool:
    step = facing.state.step(task.step)
    if not _is_theirs(facing, deed, task, deed.name):
        return False
    if deed.name in step.plan.reason and not deed.said:
        return False
    if deed.name == "approve" and step.plan.signature and not deed.signed:
        return False
    if deed.name != "complete" and facing.content != facing.state.content:
        return False
    return deed.name != "return" or _may_return(facing.state, step, deed.to)


def _may_return(state: ApprovalState, step: Step, to: str) -> bool:
    """13: to the starter, or to a step before this one that people passed."""
    allowed = state.rules["return"]["to"]
    if to in ("", "starter"):
        return "starter" in allowed
    target = next((one for one in state.steps if one.key == to and not one.gone), None)
    if target is None or "done_step" not in allowed or target.status != "passed":
        return False
    return target.plan.kind in ("people", "work") and is_before(state, target, step)


def _may_hand(facing: Facing, deed: Deed, task: Task) -> bool:
    """Transfer, consult, add, copy, claim, answer."""
    state, step = facing.state, facing.state.step(task.step)
    action = {"copy": "cc"}.get(deed.name, deed.name)
    if not _is_theirs(facing, deed, task, action):
        return False
    if deed.name in ("consult", "answer") and not deed.said:
        return False
    if deed.name not in ("claim", "copy") and action in step.plan.reason and not deed.said:
        return False
    if deed.name == "consult":
        return deed.people[0] not in {deed.by, *_asked(state, step)}
    if deed.name in ("transfer", "add_before", "add_after"):
        return all(_is_free(state, step, one) for one in deed.people)
    return True


def _may_remove(facing: Facing, deed: Deed, task: Task) -> bool:
    """7: whoever added them, or an administrator; those who are left must be able to reach what is needed."""
    step = facing.state.step(task.step)
    added = task.person.why.note == "added" and task.person.why.name == str(deed.by)
    if task.kind == "consult" or task.status not in LIVE:
        return False
    if not (deed.by == ADMIN or (added and "remove" in step.plan.allow)):
        return False
    if "remove" in step.plan.reason and not deed.said:
        return False
    seats = set(_seats(facing.state, step))
    others = [one for one in facing.state.votes_of(step) if one.number != task.number and _sits(one)]
    left = {one.seat or one.number for one in others if one.status != "refused"} | (seats - {task.seat or task.number})
    size = len(left) + len(step.queue)
    return 0 < needed(step.plan, size) <= size


def _may_retract(facing: Facing, deed: Deed, task: Task) -> bool:
    """Their own answer that counts, that nobody beside them shares, while nothing was built on it."""
    state, step = facing.state, facing.state.step(task.step)
    mine = deed.by == task.person.id or task.person.id in facing.principals
    if not (state.running and mine and is_decision(task) and task.turn == step.turn and not step.gone):
        return False
    if step.status not in ("open", "passed") or task.status == "returned":
        return False
    if step.status == "passed" and task.status == "refused":
        return False
    for other in state.votes_of(step):
        beside = other.number != task.number and (other.seat or other.number) == (task.seat or task.number)
        if beside and not (other.status in ("transferred", "removed", "retracted") or other.closed_by == task.number):
            return False
    if not all(one.over for one in state.steps if not one.gone and is_before(state, one, step)):
        return False
    return not any(_builds_on(state, other, task) for other in state.tasks if is_decision(other))


def _builds_on(state: ApprovalState, other: Task, task: Task) -> bool:
    """Whether an answer came because of another one: in a later step, after it in order, or added after it."""
    step, there = state.step(task.step), state.step(other.step)
    if other.step == task.step:
        said = [(one.closed_at or one.opened_at, one.number) for one in (task, other)]
        in_order = step.plan.decide == "in_order" and said[1] > said[0]
        return other.number != task.number and other.turn == task.turn and (in_order or task.number in other.after)
    return not there.gone and is_before(state, step, there) and other.turn == there.turn


# ---- what several of them ask


def is_decision(task: Task) -> bool:
    """Whether a person decided it, themselves or through a deputy."""
    return task.kind != "consult" and task.status in ANSWERED and task.cites is None and not task.by_rule


def needed(plan: StepPlan, size: int) -> int:
    """How many of ``size`` votes must say yes."""
    if plan.decide == "any":
        return 1
    if plan.decide != "share":
        return max(1, size)
    part = Fraction(plan.share) if "/" in plan.share else Fraction(int(plan.share.rstrip("%")), 100)
    return max(1, -(-(part * size).numerator // (part * size).denominator))


def is_before(state: ApprovalState, one: Step, other: Step) -> bool:
    """Whether a step is over before another can begin: not when they stand in branches side by side."""
    for (row, at), (row_, at_) in zip(_path(state, one), _path(state, other), strict=False):
        if row != row_:
            return False
        if at != at_:
            return at < at_
    return False


def _path(state: ApprovalState, step: Step) -> list[tuple[str, int]]:
    """Where a step stands: in each row from the outmost to its own, and at which place of it."""
    row = [one.key for one in state.steps if one.plan.within == step.plan.within and not one.gone]
    here = (step.plan.within, row.index(step.key))
    if not step.plan.within:
        return [here]
    return [*_path(state, state.step(step.plan.within.rpartition(".")[0])), here]


def _is_theirs(facing: Facing, deed: Deed, task: Task, action: str) -> bool:
    """8 and 9: an open task of whoever acts, or of somebody they stand in for, in which this may be done."""
    state, step = facing.state, facing.state.step(task.step)
    deputy = deed.by != task.person.id
    if task.status != "open" or (deputy and task.person.id not in facing.principals):
        return False
    if action not in _offers(step, task):
        return False
    own = [one for one in state.votes_of(step) if one.person.id == deed.by and one.status != "closed"]
    return not deputy or (deed.by != state.starter.id and not own)


def _offers(step: Step, task: Task) -> set[str]:
    if task.kind == "consult":
        return {"answer"}
    if step.plan.claim and step.claimed is None:
        return {"claim"} | ({"transfer"} & set(step.plan.allow))
    if task.kind == "work":
        return {"complete"} | (set(step.plan.allow) - {"approve", "refuse"})
    return set(step.plan.allow)


def _is_free(state: ApprovalState, step: Step, one: int) -> bool:
    """Nobody is asked about their own, nor twice in one step."""
    return one not in _asked(state, step) and one != state.starter.id


def _asked(state: ApprovalState, step: Step) -> set[int]:
    """Who is asked in a step, was, or may be again."""
    back = ("returned", "retracted")
    votes = [other for other in state.votes_of(step) if _sits(other) or other.status in back or other.closed_by]
    advice = [other for other in state.tasks_of(step.key) if other.status == "open"]
    return {other.person.id for other in (*votes, *advice)} | {other.id for other in step.queue}


def _sits(task: Task) -> bool:
    return task.status in (*LIVE, "approved", "refused", "done")


def _seats(state: ApprovalState, step: Step) -> Iterator[int]:
    return (task.seat or task.number for task in state.votes_of(step) if _sits(task))


_ON_APPROVAL: Mapping[str, Callable[[Facing, Deed], bool]] = {
    "withdraw": _may_withdraw,
    "terminate": _may_terminate,
    "urge": _may_urge,
    "revoke": _may_revoke,
    "reassign": _may_reassign,
    "resume": lambda facing, deed: deed.by == ADMIN,
    "comment": lambda facing, deed: bool(deed.said),
}
_ON_TASK: Mapping[str, Callable[[Facing, Deed, Task], bool]] = {
    **dict.fromkeys(DECISIONS, _may_answer),
    "remove": _may_remove,
    "retract": _may_retract,
}
