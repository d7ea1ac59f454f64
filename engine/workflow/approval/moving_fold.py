"""What an approval becomes when it is moved to the rules of a newer release: the fold of ``migrated``.

Enters: a state and the data of the event. Leaves: the next state. Must not judge what survives: the event says which
steps are asked again (``moving`` decided that), and this only carries it out.

A step of the newer release takes the place of the one with its key, or of the one that ``became`` it. What is asked
again keeps its ``turn``, so that entering it counts one further and none of its old votes counts again. A step there is
none of any more stays as history, outside every sequence.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.workflow.approval.changing import close_step, plan_anew, with_step, with_task
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.plan import StepPlan, read_plan
from engine.workflow.approval.state import ApprovalState, Step

Data = Mapping[str, Any]


def migrated(state: ApprovalState, data: Data) -> ApprovalState:
    """Return the state under the rules of the newer release."""
    at = datetime.fromisoformat(data["at"])
    state = _renamed(state, data["became"])
    plans = tuple(read_plan(item) for item in data["steps"])
    state = _without(state, {plan.key for plan in plans}, at)
    state = _with_plans(state, plans)
    for key in data["again"]:
        state = plan_anew(state, state.step(key), at)
    state = evolve(
        state,
        content=data["content"],
        self_=data["self"],
        duplicate=data["duplicate"],
        withdraw=data["withdraw"],
        empty=tuple(data["empty"]),
        origin=data["origin"],
        rules=data["rules"],
        moved_to=(*state.moved_to, data["release"]),
    )
    return _with_timers(state, data["tasks"])


def is_untouched(step: Step) -> bool:
    """Return whether nobody was asked in a step yet, so that another may take its place."""
    return step.status == "planned" and not step.turn


def _renamed(state: ApprovalState, became: Mapping[str, str]) -> ApprovalState:
    taken = {new for old, new in became.items() if old != new}
    left = (step for step in state.steps if not (step.key in taken and is_untouched(step)))
    steps = tuple(evolve(step, plan=evolve(step.plan, key=became.get(step.key, step.key))) for step in left)
    tasks = tuple(evolve(task, step=became.get(task.step, task.step)) for task in state.tasks)
    return evolve(state, steps=steps, tasks=tasks)


def _without(state: ApprovalState, keys: set[str], at: datetime) -> ApprovalState:
    """Close what the newer release does not have; what somebody was asked in stays as history."""
    for step in [step for step in state.steps if step.key not in keys and not step.gone]:
        state = close_step(state, step, "closed", step.closed_at or at)
        left = state.step(step.key)
        state = with_step(state, evolve(left, plan=evolve(left.plan, within="", branches=()), gone=True))
    kept = tuple(step for step in state.steps if not step.gone or step.turn)
    return evolve(state, steps=kept)


def _with_plans(state: ApprovalState, plans: tuple[StepPlan, ...]) -> ApprovalState:
    """Steps stand in the order of the newer release, those that are gone before them."""
    known = {step.key: step for step in state.steps}
    keys = {plan.key for plan in plans}
    gone = tuple(step for step in state.steps if step.key not in keys)
    return evolve(state, steps=(*gone, *(_with_plan(known.get(plan.key), plan) for plan in plans)))


def _with_plan(step: Step | None, plan: StepPlan) -> Step:
    if step is None:
        return Step(plan)
    if step.gone:  # it comes back: as it was, it is over
        return evolve(step, plan=plan, gone=False, status="planned", closed_at=None, why="", queue=())
    return evolve(step, plan=plan)


def _with_timers(state: ApprovalState, told: list[Data]) -> ApprovalState:
    for one in told:
        task = state.find_task(one["task"])
        if task is None:
            raise ValueError(f"there is no task {one['task']}")
        moments = tuple((rule, datetime.fromisoformat(moment)) for rule, moment in one["moments"])
        due = datetime.fromisoformat(one["due"]) if one["due"] else None
        fired = tuple(one["fired"])
        state = with_task(state, evolve(task, due=due, moments=moments, fired=fired, armed=task.armed + 1))
    return state
