"""An approval of the pure core in a test: fixed people per step, a log kept as JSON, shorthand for actions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.workflow.approval import going_back, handing
from engine.workflow.approval.decisions import Answer, decide, start
from engine.workflow.approval.fold import fold
from engine.workflow.approval.plan import REFUSE_DEFAULTS, BranchPlan, Person, StepPlan, Why
from engine.workflow.approval.state import Event
from engine.workflow.approval.world import Acting, Holders, Submission

STARTER = 9
NOON = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
EVERYTHING = (
    "approve", "refuse", "return", "transfer", "consult", "add_before", "add_after", "remove", "cc", "comment",
)  # fmt: skip


def person(id_: int, *, added_by: int | None = None) -> Person:
    why = Why("") if added_by is None else Why("user", str(added_by), note="added")
    return Person(id_, f"person {id_}", why)


def plan(key: str, decide: Any = "any", **more: Any) -> StepPlan:
    given = {"refuse": REFUSE_DEFAULTS[decide], "allow": EVERYTHING} | more
    return StepPlan(key, {"en": key}, decide=decide, **given)


def block(key: str, *branches: tuple[str, bool], within: str = "") -> StepPlan:
    """A parallel step with branches ``key.name``, each taken or not."""
    made = tuple(BranchPlan(f"{key}.{name}", {"en": name}, applies) for name, applies in branches)
    return StepPlan(key, {"en": key}, kind="parallel", branches=made, within=within)


@dataclass
class People:
    """A world with fixed people per step; a rule is ``{"ids": [...]}``."""

    of: Mapping[str, tuple[int, ...]]
    skip: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def holders(self, step: StepPlan) -> Holders:
        self.asked.append(step.key)
        return Holders(tuple(person(id_) for id_ in self.of[step.key]), skip=step.key in self.skip)

    def people(self, rules: Sequence[Mapping[str, Any]], holder: int | None = None) -> tuple[Person, ...]:
        return tuple(person(id_) for rule in rules for id_ in rule["ids"])

    def due(self, step: StepPlan) -> datetime | None:
        return NOON + timedelta(days=1) if step.due else None

    def moments(self, step: StepPlan) -> tuple[tuple[str, datetime], ...]:
        return tuple((late.key, NOON + timedelta(hours=int(late.at))) for late in step.late)

    def can_call(self, step: StepPlan) -> bool:
        return True

    def later(self, duration: str, start: datetime) -> datetime:
        return start + timedelta(hours=int(duration.rstrip("wh")))


class Run:
    """An approval with its log; every action goes through JSON, as it does in a database."""

    def __init__(self, world: People, *plans: StepPlan, **settings_: Any) -> None:
        self.world = world
        self.at = NOON
        self.log: list[Event] = []
        self.keep(start(Submission("quote", 1, person(STARTER), "hash", plans, **settings_), world, at=NOON))

    def keep(self, events: tuple[Event, ...]) -> None:
        self.log += [Event(event.type, json.loads(json.dumps(event.data))) for event in events]
        self.state = fold(self.log)

    def say(
        self,
        who: int,
        decision: Any = "approve",
        *,
        task: int | None = None,
        content: str = "hash",
        to: str = "",
        reason: str | None = None,
        principals: frozenset[int] = frozenset(),
        signature: Mapping[str, Any] | None = None,
    ) -> None:
        number = task if task is not None else self.task_of(who)
        said = reason if reason is not None else "" if decision in ("approve", "complete") else "because"
        answer = Answer(decision, said, content, to, signature)
        by = Acting(person(who), principals)
        self.keep(decide(self.state, self.world, task=number, by=by, answer=answer, at=self.tick()))

    def act(self, name: str, who: int, *, task: int | None = None, **more: Any) -> None:
        """Do one of the other actions with the newest task of somebody."""
        number = task if task is not None else self.task_of(who)
        by = Acting(person(who))
        if name in ("add_before", "add_after"):
            where, people = name.removeprefix("add_"), [person(id_) for id_ in more.pop("people")]
            more = {"people": people, "where": where, "reason": "because"} | more
            self.keep(handing.add(self.state, task=number, by=by, at=self.tick(), **more))
        elif name == "retract":
            self.keep(going_back.retract(self.state, self.world, task=number, by=by, reason="", at=self.tick()))
        elif name == "remove":
            more = {"is_admin": False, "reason": "because"} | more
            removed = handing.remove(self.state, self.world, task=number, by=person(who), at=self.tick(), **more)
            self.keep(removed)
        else:
            self.keep(getattr(handing, name)(self.state, task=number, by=by, at=self.tick(), **more))

    def tick(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    def task_of(self, who: int) -> int:
        mine = [task.number for task in self.state.tasks if task.person.id == who]
        return next((number for number in mine if self.state.tasks[number - 1].status == "open"), mine[-1])

    @property
    def waiting(self) -> list[int]:
        return [task.person.id for task in self.state.open_tasks]

    @property
    def fates(self) -> dict[str, str]:
        return {step.key: step.status for step in self.state.steps}
