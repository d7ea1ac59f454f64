"""Random runs of random definitions on the pure core; every answer is compared with the model, what is refused leaves
no trace.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from engine.workflow.approval import going_back
from engine.workflow.approval.decisions import settle_call, start
from engine.workflow.approval.fold import apply
from engine.workflow.approval.moving import Chosen, Moving, move
from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.state import Event, Task
from engine.workflow.approval.world import Refusal, Submission
from tests.workflow import deeds
from tests.workflow.deeds import Deed, Facing, do_purely, draw, passed_before, read_again
from tests.workflow.office import ADMIN, PEOPLE, Case, Delegation, Office
from tests.workflow.people_world import NOON, STARTER, person
from tests.workflow.random_definitions import Definition, walked
from tests.workflow.verdicts import may

AROUND = ["late", "late", "called", "leave", "delegate", "regroup", "revoke", "resubmit"]
"""What happens beside what people do with one approval."""
ACTIONS = [*deeds.OFTEN, *AROUND]
HANDS = [*deeds.HANDS, *AROUND]


class Play:
    """One approval and the office around it."""

    def __init__(self, definition: Definition, dice: random.Random, *, office: Office | None = None) -> None:
        self.definition = definition
        self.office = office or Office()
        self.values: dict[str, Any] = {"cost": dice.choice(deeds.COSTS), "flag": dice.random() < 0.5, "expert": 5}
        self.at = NOON
        self.round = 0
        self.submit(dice)

    def submit(self, dice: random.Random, passed: frozenset[str] = frozenset()) -> None:
        """Start the approval, anew or for the first time."""
        written, self.round = self.definition, self.round + 1
        plans = written.planned(self.values)
        settings = {"self_": written.self_, "duplicate": written.duplicate, "withdraw": written.withdraw}
        self.world = Case(self.office, self.at, self.values, STARTER, written.self_, written.empty)
        self.world.chosen = chosen = choose(plans, dice, self.world)
        submission = Submission(
            "quote", self.round, person(STARTER), self.content_of(self.values), plans, empty=written.empty,
            rules=written.rules(chosen), passed=passed, **settings,
        )  # fmt: skip
        self.log: list[Event] = []
        self.keep(start(submission, self.world, at=self.at))

    def keep(self, events: Sequence[Event]) -> None:
        """Take events over as a database does: through JSON."""
        new = [Event(event.type, json.loads(json.dumps(event.data))) for event in events]
        self.state = reduce(apply, new, self.state if self.log else None)
        self.log += new

    def content_of(self, values: dict[str, Any]) -> str:
        return "/".join(f"{key}:{values[key]}" for key in self.definition.guard)

    def tick(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    def act(self, name: str, dice: random.Random) -> None:
        """Let one thing happen; afterwards some time goes by."""
        if name in AROUND:
            getattr(self, f"_{name}")(dice)
        else:
            deed = draw(name, self.facing(Deed("", 0)), dice)
            if deed is not None:
                self.do(deed)
        if dice.random() < 0.2:
            self.at += timedelta(hours=dice.choice([1, 5, 40]))

    def facing(self, deed: Deed) -> Facing:
        values = self.values if deed.cost is None else self.values | {"cost": deed.cost}
        self.world = replace(self.world, at=self.at, values=values)
        applies = read_again(self.state, self.definition, values) if deed.name == "complete" else {}
        principals = self.office.principals(deed.by, self.at)
        return Facing(self.state, self.world, self.content_of(values), principals, applies)

    def do(self, deed: Deed) -> bool:
        """Do a deed; whether it had effect is what the model says."""
        self.tick()
        facing = self.facing(deed)
        expected = may(facing, deed)
        try:
            self.keep(do_purely(facing, deed))
        except Refusal as refusal:
            assert not expected, f"{deed} was refused: {refusal}"
            return False
        assert expected, f"{deed} had effect"
        if deed.cost is not None:
            self.values = self.values | {"cost": deed.cost}
        return True

    def answer(self, task: Task, decision: str, *, to: str = "") -> bool:
        """Answer a task as its step asks for it: taken first, signed, or as work done."""
        step = self.state.step(task.step)
        if step.plan.claim and step.claimed is None:
            self.do(Deed("claim", task.person.id, task.number))
        said = "complete" if task.kind == "work" and decision == "approve" else decision
        cost = self.values["cost"] if said == "complete" else None
        return self.do(Deed(said, task.person.id, task.number, to=to, said="because", cost=cost, signed=True))

    def judge_move(self, chosen: Chosen) -> Moving | None:
        """What moving it to the definition as it is now would do; nobody is chosen anew."""
        written, self.at = self.definition, self.tick()
        plans = written.planned(self.values)
        picked = {key: ids for key, ids in self.world.chosen.items() if key in {plan.key for plan in plans}}
        self.world = replace(self.world, at=self.at, values=self.values, self_=written.self_, empty=written.empty)
        given = Submission(
            "quote", self.round, person(STARTER), self.content_of(self.values), plans, written.self_,
            written.duplicate, written.withdraw, written.empty, rules=written.rules(picked),
        )  # fmt: skip
        return move(self.state, given, self.world, chosen, by=person(ADMIN), release=2, at=self.at)

    def finish(self) -> None:
        """Whatever happened, it can end: everybody is back and approves, every approval that is waited for passes."""
        self.office.away = frozenset()
        for _ in range(300):
            calls = [step.key for step in self.state.steps if step.plan.kind == "call" and step.status == "open"]
            task = next((one for one in self.state.open_tasks if one.kind != "consult"), None)
            if task is not None:
                assert self.answer(task, "approve")
            elif calls:
                self.keep(settle_call(self.state, self.world, step=calls[0], passed=True, at=self.tick()))
            else:
                break
        assert not self.state.running or self.state.stranded is not None

    # ---- what happens around it

    def _late(self, dice: random.Random) -> None:
        """The clock goes on to a late rule of a task, if it has one that has not fired."""
        able = [task for task in self.state.open_tasks if task.moments]
        if able:
            task = dice.choice(able)
            rule, due = dice.choice(task.moments)
            at = max(self.at, due)
            world = replace(self.world, at=at, values=self.values)
            self.keep(going_back.run_late(self.state, world, task=task.number, rule=rule, at=at))
            self.at = at

    def _called(self, dice: random.Random) -> None:
        """The approval a step waits for ends."""
        waiting = [step.key for step in self.state.steps if step.plan.kind == "call" and step.status == "open"]
        if waiting:
            passed, key = dice.random() < 0.8, dice.choice(waiting)
            world = self.facing(Deed("", 0)).world
            self.keep(settle_call(self.state, world, step=key, passed=passed, at=self.tick()))

    def _leave(self, dice: random.Random) -> None:
        """Somebody goes, or everybody is back."""
        gone = self.office.away | {dice.randint(1, 7)}
        self.office.away = gone if len(gone) < 5 else frozenset()

    def _delegate(self, dice: random.Random) -> None:
        principal, deputy = dice.sample(PEOPLE, 2)
        ends = self.at + timedelta(hours=dice.choice([2, 30, 300]))
        self.office.delegations.append(Delegation(principal, deputy, self.at, ends))

    def _regroup(self, dice: random.Random) -> None:
        key = dice.choice(list(self.office.groups))
        self.office.groups[key] = tuple(dice.sample(PEOPLE, dice.randint(0, 3)))

    def _revoke(self, dice: random.Random) -> None:
        """The starter asks to undo it; whoever is asked agrees, or not."""
        deed = Deed("revoke", STARTER if dice.random() < 0.9 else ADMIN)
        facing = self.facing(deed)
        try:
            going_back.revoke(self.state, facing.world, by=deed.by, at=self.at)
        except Refusal:
            assert not may(facing, deed)
            return
        assert may(facing, deed)
        if dice.random() < 0.7:
            self.keep([Event("revoked", {"through": 2, "at": self.tick().isoformat()})])

    def _resubmit(self, dice: random.Random) -> None:
        """What ended is submitted again; after a return that jumps, what had passed is not walked again."""
        if self.state.running or self.state.status == "approved":
            return
        content = self.state.content
        if dice.random() < 0.3:
            self.values = self.values | {"cost": dice.choice(deeds.COSTS)}
        same = content == self.content_of(self.values)
        passed = passed_before(self.state, self.definition, self.values) if same else frozenset()
        self.submit(dice, passed)
        assert {step.key for step in self.state.steps if step.why == "jump"} == passed


def choose(plans: Sequence[StepPlan], dice: random.Random, world: Case) -> dict[str, list[int]]:
    """Whom the starter chooses, for each step that asks them to; now and then somebody who may not be chosen."""
    chosen: dict[str, list[int]] = {}
    for plan in walked(plans):
        for rule in plan.who:
            if rule["kind"] == "chosen_by":
                offered = world.find(rule["from"]) if rule["from"] and dice.random() < 0.95 else PEOPLE
                able = sorted({one for one in offered if one != world.starter})
                chosen[plan.key] = dice.sample(able, min(len(able), dice.randint(rule["min"], rule["max"])))
    return chosen
