"""The state as it becomes while events are added: opening steps and tasks, joining branches, ending.

Enters: a state, a ``World``. Leaves: events, each folded at once, so state and events always agree. Must not know who
may do what: ``decisions``, ``handing`` and ``going_back`` do.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from engine.workflow.approval import flow
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.fold import apply
from engine.workflow.approval.plan import Person, StepPlan
from engine.workflow.approval.state import ApprovalState, Decision, Event, Step, Task
from engine.workflow.approval.votes import count_needed, is_ready, seat_of, step_outcome
from engine.workflow.approval.world import Holders, Submission, World

Passes = Callable[[StepPlan], bool]
"""Whether the approval that a step calls needs nobody."""


class Made(tuple[Event, ...]):
    """Events that were folded while they were made: ``after`` is the state they lead to from ``before``."""

    before: ApprovalState | None
    after: ApprovalState

    def lead_from(self, state: ApprovalState | None) -> ApprovalState | None:
        """Return where they lead from ``state``; None when they were made from another."""
        return self.after if state is self.before else None


class Draft:
    """Events being made."""

    def __init__(self, state: ApprovalState) -> None:
        self.before: ApprovalState | None = state
        self.state = state
        self.events: list[Event] = []

    @classmethod
    def of_submission(cls, submission: Submission, at: datetime) -> "Draft":
        """Return a draft that holds the first event of a submission."""
        data: dict[str, Any] = {
            "approval": submission.approval,
            "round": submission.round,
            "starter": submission.starter.to_data(),
            "at": at.isoformat(),
            "content": submission.content,
            "self": submission.self_,
            "duplicate": submission.duplicate,
            "withdraw": submission.withdraw,
            "empty": [dict(rule) for rule in submission.empty],
            "origin": dict(submission.origin or {}),
            "steps": [step.to_data() for step in submission.steps],
            "rules": dict(submission.rules or {}),
            "parent": dict(submission.parent) if submission.parent else None,
        }
        started = Event("started", data)
        draft = cls(apply(None, started))
        draft.events.append(started)
        draft.before = None
        return draft

    def made(self) -> Made:
        """Return the events, which know the state they lead to."""
        events = Made(self.events)
        events.before, events.after = self.before, self.state
        return events

    def add(self, type_: str, at: datetime, /, **data: Any) -> None:
        """Add an event and fold it."""
        event = Event(type_, {**data, "at": at.isoformat()})
        self.state = apply(self.state, event)
        self.events.append(event)

    def end(
        self,
        status: str,
        at: datetime,
        *,
        by: Person | None = None,
        reason: str = "",
        step: str = "",
        world: World | None = None,
    ) -> None:
        """End the approval; whoever is to have a copy of such an end gets one."""
        named = by.to_data() if by else None
        more = {"step": step} if step else {}
        self.add("ended", at, status=status, by=named, reason=reason, **more)
        points = {"approved": ("finished",), "refused": ("finished", "refused")}.get(status, ())
        for point in points:
            self.copy(point, self.state.rules.get("cc", {}).get(point, ()), world, at)

    def copy(self, point: str, rules: Sequence[Any], world: World | None, at: datetime) -> None:
        """Send a copy to the people the rules name (抄送)."""
        people = world.people(rules) if rules and world is not None else ()
        if people:
            self.add("copied", at, point=point, people=[person.to_data() for person in people], by=None)

    def decide(self, task: Task, decision: Decision, reason: str, at: datetime, **more: Any) -> None:
        """Add an answer to a task."""
        given = {"cites": None} | {name: value for name, value in more.items() if value is not None}
        self.add("decided", at, task=task.number, decision=decision, reason=reason, content=self.state.content, **given)

    def advance(self, world: World, at: datetime) -> None:
        """Open what can be opened, in every branch, until somebody has to act or the approval has passed."""
        tried: set[str] = set()
        while self.state.running:
            step = next((one for one in flow.next_steps(self.state) if self._can_go_on(one, tried)), None)
            if step is not None:
                self._enter(step, world, at, tried)
            elif flow.is_done(self.state):
                self._pass(world, at)
            else:
                return

    def go_on(self, key: str, world: World, at: datetime) -> None:
        """Close the step if its votes decide it, else ask the next in order; then open what follows."""
        if self._settle(key, world, at):
            self.advance(world, at)

    def settle_call(self, key: str, passed: bool, world: World, at: datetime) -> None:
        """Close a step that waited for another approval."""
        self.add("step_passed" if passed else "step_refused", at, step=key)
        if passed:
            self.advance(world, at)
        else:
            self.end("refused", at, step=key, world=world)

    def settle_calls(self, before: ApprovalState | None, world: World, at: datetime, passes: Passes) -> None:
        """Let each step that called since ``before`` go on when the approval it waits for needs nobody."""
        asked = flow.calling(before) if before is not None else {}
        while self.state.running:
            now = flow.calling(self.state)
            key = next((key for key, turn in now.items() if asked.get(key) != turn), None)
            if key is None:
                return
            asked |= {key: now[key]}
            if passes(self.state.step(key).plan):
                self.settle_call(key, True, world, at)

    def _can_go_on(self, step: Step, tried: set[str]) -> bool:
        if step.status == "planned":
            return True
        if step.status == "stranded":
            return step.key not in tried
        return step.plan.kind == "parallel" and flow.is_joined(self.state, step)

    def _enter(self, step: Step, world: World, at: datetime, tried: set[str]) -> None:
        if step.status == "open":
            self.add("step_passed", at, step=step.key)
        elif not step.plan.applies:
            self.add("step_skipped", at, step=step.key, why="when")
        elif step.plan.kind == "call" and not world.can_call(step.plan):
            tried.add(step.key)
            self._strand(step, "nobody", at)
        elif step.plan.kind in ("parallel", "call"):
            self.add("step_opened", at, step=step.key, people=[], need=0)
        else:
            tried.add(step.key)
            self._open(step, world, at)

    def _pass(self, world: World, at: datetime) -> None:
        approved = [task for task in self.state.tasks if task.status == "approved"]
        self.end("approved", at, by=max(approved, key=_closed).person if approved else None, world=world)

    def _open(self, step: Step, world: World, at: datetime) -> None:
        """Open a step of people; without anybody, or without enough of them, it is stranded."""
        holders = world.holders(step.plan)
        need = count_needed(step.plan, len(holders.people))
        why = "nobody" if not holders.people else "few" if need > len(holders.people) else ""
        if holders.skip and not holders.people:
            self.add("step_skipped", at, step=step.key, why="self")
        elif why:
            self._strand(step, why, at)
        else:
            self._ask_all(step, holders, need, world, at)

    def _strand(self, step: Step, why: str, at: datetime) -> None:
        if step.status != "stranded" or step.why != why:
            self.add("stranded", at, step=step.key, why=why)

    def _ask_all(self, step: Step, holders: Holders, need: int, world: World, at: datetime) -> None:
        people = [person.to_data() for person in holders.people]
        veto = [person.id for person in world.people(step.plan.veto)] if step.plan.veto else []
        more = {"veto": veto} if veto else {}
        self.add("step_opened", at, step=step.key, people=people, need=need, **more)
        self._settle(step.key, world, at)

    def _settle(self, key: str, world: World, at: datetime) -> bool:
        """Return whether the step is over and the approval still runs."""
        self.ask_waiting(key, at)
        if step_outcome(self.state, self.state.step(key)) == "open":
            self._close_refused(key, at)
            self._close_advice(key, at)
        self._ask(key, world, at)
        step = self.state.step(key)
        outcome = step_outcome(self.state, step)
        if outcome == "passed":
            self.add("step_passed", at, step=key)
            self.copy(key, step.plan.cc, world, at)
            return True
        if outcome == "refused":
            refused = max((task for task in self.state.votes_of(step) if task.status == "refused"), key=_closed)
            self.add("step_refused", at, step=key)
            self.end("refused", at, by=refused.decided_by or refused.person, reason=refused.reason, world=world)
        return False

    def _close_refused(self, key: str, at: datetime) -> None:
        """Ask nobody any more whose seat has refused, where the step itself goes on."""
        votes = self.state.votes_of(self.state.step(key))
        for refused in [task for task in votes if task.status == "refused"]:
            rest = [task for task in votes if seat_of(task) == seat_of(refused) and task.status in ("open", "waiting")]
            if rest:
                self.add("closed", at, tasks=[task.number for task in rest], by=refused.number)

    def _close_advice(self, key: str, at: datetime) -> None:
        """Ask nobody any more for advice whose asker is no longer asked either."""
        asked = {task.number for task in self.state.tasks if task.status in ("open", "waiting")}
        advice = [task for task in self.state.open_tasks if task.step == key and task.kind == "consult"]
        left = [task.number for task in advice if task.asked_by is not None and task.asked_by not in asked]
        if left:
            self.add("closed", at, tasks=left, by=None)

    def ask_waiting(self, key: str, at: datetime) -> None:
        """Ask whoever waited for others that have all approved by now."""
        for task in self.state.votes_of(self.state.step(key)):
            if is_ready(self.state, task):
                self.add("asked", at, task=task.number)

    def _ask(self, key: str, world: World, at: datetime) -> None:
        """Open the tasks that can be open now; an approval given earlier for the same content stands for its task."""
        while self._may_ask(key):
            step = self.state.step(key)
            self.open_task(step, step.queue[0], world, at)
            earlier = _earlier_approval(self.state, step, self.state.tasks[-1].person.id)
            if earlier is not None:
                self.decide(self.state.tasks[-1], "approve", "", at, cites=earlier)

    def open_task(self, step: Step, person: Person, world: World, at: datetime, *, again: Task | None = None) -> None:
        """Ask one person in an open step; ``again``: in place of a task of theirs that no longer counts."""
        due = world.due(step.plan)
        more: dict[str, Any] = {"seat": seat_of(again), "again": again.number} if again else {}
        if again is not None and not is_ready(self.state, evolve(again, status="waiting")):
            more["status"] = "waiting"
        if step.plan.kind == "work":
            more["kind"] = "work"
        if step.plan.late:
            more["moments"] = [[rule, moment.isoformat()] for rule, moment in world.moments(step.plan)]
        number = len(self.state.tasks) + 1
        due_at = due.isoformat() if due else None
        self.add("task_opened", at, task=number, step=step.key, person=person.to_data(), due=due_at, **more)

    def _may_ask(self, key: str) -> bool:
        step = self.state.step(key)
        if not step.queue or step_outcome(self.state, step) != "open":
            return False
        busy = any(task.status in ("open", "waiting") for task in self.state.votes_of(step))
        return step.plan.decide != "in_order" or not busy


def _earlier_approval(state: ApprovalState, step: Step, person: int) -> int | None:
    """Return the number of the task whose real approval of the same content stands for this one, by the policy.

    A signature is given anew, work is done anew, and what somebody takes from a pool is taken.
    """
    if step.plan.kind != "people" or step.plan.signature or step.plan.claim or step.sent_back:
        return None
    before = [one for one in flow.steps_before(state, step.key) if one.status == "passed" and one.plan.kind == "people"]
    counted = {"none": [], "consecutive": before[-1:], "all": before}[state.duplicate]
    for task in reversed([task for one in counted for task in state.votes_of(one)]):
        same = task.status == "approved" and task.person.id == person and task.content == state.content
        if same and task.decided_by is None and not task.by_rule:
            return task.cites or task.number
    return None


def _closed(task: Task) -> tuple[datetime, int]:
    return (task.closed_at or task.opened_at, task.number)
