"""What people do with an approval: drawn at random, and done by the pure core.

The same deeds are played on the core alone and through the commands on real databases.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.workflow.approval import going_back, handing
from engine.workflow.approval.decisions import Answer, decide, require_task, resume, return_targets, terminate, withdraw
from engine.workflow.approval.state import ApprovalState, Event, Task
from engine.workflow.approval.world import Acting, Refusal
from tests.workflow.office import ADMIN, PEOPLE, Case
from tests.workflow.people_world import person
from tests.workflow.random_definitions import Definition

COSTS = (5, 8, 20, 30)
DECISIONS = ("approve", "refuse", "return", "complete")
ON_TASKS = (
    *DECISIONS,
    "transfer",
    "consult",
    "answer",
    "add_before",
    "add_after",
    "remove",
    "claim",
    "retract",
    "copy",
)
FOR_ADMINISTRATORS = ("terminate", "resume", "reassign")

OFTEN = [
    *["approve"] * 9, "refuse", "return", "back", "transfer", "consult", "answer", "add_before", "add_after", "remove",
    "retract", "withdraw", "terminate", "claim", "claim", "deputy", "reassign", "resume", "urge", "comment", "copy",
]  # fmt: skip
HANDS = [
    *["approve"] * 5, *["refuse"] * 3, *["retract"] * 5, "add_before", "add_before", "add_after", "add_after", "remove",
    "remove", "transfer", "consult", "answer", "back", "back", "claim", "claim", "deputy", "reassign", "resume",
]  # fmt: skip
"""Fewer decisions, so that more hands pass over one task."""


@dataclass(frozen=True)
class Deed:
    """One thing somebody does. ``task`` is the number of a task, ``to`` the step a return leads to, ``said`` a reason,
    a question, an answer or a remark, ``cost`` what work fills in."""

    name: str
    by: int
    task: int = 0
    people: tuple[int, ...] = ()
    to: str = ""
    said: str = ""
    cost: int | None = None
    signed: bool = False


@dataclass(frozen=True)
class Facing:
    """What a deed meets: the state, the world, for whom whoever acts is a deputy, the content as it would be then."""

    state: ApprovalState
    world: Case
    content: str
    principals: frozenset[int] = frozenset()
    applies: Mapping[str, bool] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return self.world.at


def draw(name: str, facing: Facing, dice: random.Random) -> Deed | None:
    """A random deed of one kind; None when there is nobody who could do it."""
    state = facing.state
    said = "" if dice.random() < 0.07 else "because"
    if name in ("withdraw", "urge", "comment", "revoke"):
        starter = state.starter.id if dice.random() < 0.85 else dice.choice(PEOPLE)
        return Deed(name, starter, said=said)
    if name in ("terminate", "resume"):
        return Deed(name, ADMIN if dice.random() < 0.9 else dice.choice(PEOPLE), said=said)
    asked = state.open_tasks if state.open_tasks and dice.random() < 0.93 else state.tasks
    if name in ("retract", "remove"):
        asked = state.tasks
    if not asked:
        return None
    task = dice.choice(asked)
    by = task.person.id if dice.random() < 0.94 else dice.choice(PEOPLE)
    return _on_task(name, facing, task, by, said, dice)


def _on_task(name: str, facing: Facing, task: Task, by: int, said: str, dice: random.Random) -> Deed:
    state = facing.state
    step, number = state.step(task.step), task.number
    others = tuple(dice.sample(PEOPLE, dice.choice([1, 1, 2])))
    if name == "deputy":
        deputies = [one.deputy for one in facing.world.office.delegations]
        by = dice.choice([*deputies, *deputies, *PEOPLE])
        name = dice.choice(["approve", "refuse"])
    if name == "approve" and step.plan.claim and step.claimed is None and dice.random() < 0.7:
        name = "claim"
    if name == "approve" and task.kind == "work" and dice.random() < 0.95:
        return Deed("complete", by, number, cost=dice.choice(COSTS))
    if name == "approve":
        return Deed(name, by, number, signed=step.plan.signature and dice.random() < 0.9)
    if name == "back":
        targets = [one.key for one in return_targets(state, task.step)]
        return Deed("return", by, number, to=dice.choice(targets) if targets else "nowhere", said=said)
    if name in ("transfer", "consult", "reassign"):
        return Deed(name, ADMIN if name == "reassign" else by, number, others[:1], said=said)
    if name == "remove":
        adder = int(task.person.why.name) if task.person.why.note == "added" else ADMIN
        return Deed(name, dice.choice([adder, ADMIN, by]), number, said=said)
    return Deed(name, by, number, others if name in ("add_before", "add_after", "copy") else (), said=said)


def do_purely(facing: Facing, deed: Deed) -> tuple[Event, ...]:
    """The events a deed leads to, or ``Refusal``: by the pure core in the small world of the tests."""
    if deed.name in FOR_ADMINISTRATORS and deed.by != ADMIN:  # said before the core is asked
        raise Refusal("forbidden", "people.not_admin")
    return _DOING.get(deed.name, _hand)(facing, deed, Acting(person(deed.by), facing.principals))


def _say(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    decision: Any = deed.name
    signature = {"file": 1} if deed.signed else None
    answer = Answer(decision, deed.said, facing.content, deed.to, signature, facing.applies)
    return decide(facing.state, facing.world, task=deed.task, by=by, answer=answer, at=facing.at)


def _hand(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    """Bring somebody in: all of these take a task and whoever acts."""
    more: dict[str, Callable[[], dict[str, Any]]] = {
        "transfer": lambda: {"to": person(deed.people[0]), "reason": deed.said},
        "consult": lambda: {"to": person(deed.people[0]), "question": deed.said},
        "answer": lambda: {"text": deed.said},
        "claim": dict,
    }
    command = getattr(handing, deed.name)
    found: tuple[Event, ...] = command(facing.state, task=deed.task, by=by, at=facing.at, **more[deed.name]())
    return found


def _add(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    people = [person(one, added_by=deed.by) for one in deed.people]
    where = deed.name.removeprefix("add_")
    return handing.add(facing.state, task=deed.task, by=by, people=people, where=where, reason=deed.said, at=facing.at)


def _remove(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    more: dict[str, Any] = {"by": person(deed.by), "is_admin": deed.by == ADMIN, "reason": deed.said}
    return handing.remove(facing.state, facing.world, task=deed.task, at=facing.at, **more)


def _retract(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    return going_back.retract(facing.state, facing.world, task=deed.task, by=by, reason=deed.said, at=facing.at)


def _reassign(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    office, chosen = facing.world.office, deed.people[0]
    heirs = [chosen, *office.managers_of(chosen), *facing.world.find(facing.state.empty)]
    people = [person(one) for one in heirs]
    return handing.reassign(facing.state, task=deed.task, heirs=people, reason=deed.said, at=facing.at)


def _copy(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    require_task(facing.state, deed.task, by, "cc")
    people = [person(one) for one in deed.people]
    return handing.copy(facing.state, by=person(deed.by), people=people, at=facing.at)


def _urge(facing: Facing, deed: Deed, by: Acting) -> tuple[Event, ...]:
    manages = facing.world.office.manages(deed.by, [task.person.id for task in facing.state.open_tasks])
    return handing.urge(facing.state, facing.world, by=person(deed.by), at=facing.at, manages=manages)


_DOING: Mapping[str, Callable[[Facing, Deed, Acting], tuple[Event, ...]]] = {
    **dict.fromkeys(DECISIONS, _say),
    **dict.fromkeys(("add_before", "add_after"), _add),
    "remove": _remove,
    "retract": _retract,
    "reassign": _reassign,
    "copy": _copy,
    "urge": _urge,
    "withdraw": lambda facing, deed, by: withdraw(facing.state, by=deed.by, reason=deed.said, at=facing.at),
    "terminate": lambda facing, deed, by: terminate(facing.state, by=person(deed.by), reason=deed.said, at=facing.at),
    "resume": lambda facing, deed, by: resume(facing.state, facing.world, at=facing.at),
    "comment": lambda facing, deed, by: handing.comment(facing.state, by=person(deed.by), text=deed.said, at=facing.at),
}


# ---- what values mean for what is still to come


def read_again(state: ApprovalState, now: Definition | None, values: Mapping[str, Any]) -> dict[str, bool]:
    """The conditions of steps to come that say something else for these values, where ``now`` writes them the same."""
    if now is None:
        return {}
    written = {plan.key: plan for plan in now.planned(values)}
    found: dict[str, bool] = {}
    for step in state.steps:
        plan = written.get(step.key)
        if step.status != "planned" or plan is None:
            continue
        here = {step.key: step.plan, **{one.key: one for one in step.plan.branches}}
        there = {plan.key: plan, **{one.key: one for one in plan.branches}}
        for key, one in here.items():
            other = there.get(key)
            if other is not None and other.when == one.when and other.applies != one.applies:
                found[key] = other.applies
    return found


def passed_before(state: ApprovalState | None, planned: Definition, values: Mapping[str, Any]) -> frozenset[str]:
    """The steps that are not walked again by a submission after one that was returned, when its definition jumps."""
    if state is None or state.status != "returned" or planned.then != "jump":
        return frozenset()
    plans = {plan.key: plan for plan in planned.planned(values)}
    passed = [step for step in state.steps if step.status == "passed" and step.plan.kind in ("people", "work")]
    return frozenset(
        step.key for step in passed if step.key in plans and without_words(plans[step.key]) == without_words(step.plan)
    )


def without_words(plan: Any) -> dict[str, Any]:
    """A plan without its labels and its place."""
    told = plan.to_data()
    branches = [{**one, "label": {}} for one in told["branches"]]
    return {**told, "label": {}, "place": "", "branches": branches}
