"""Moving a running approval to the rules of a newer release: what survives, what is asked again, decided purely.

Enters: the state, the submission as the newer release would make it now, a ``World`` under its rules, what whoever
moves it chose. Leaves: ``Moving``: the events, and what happens to each step and timer, or ``Refusal``. Must not read a
clock or a database: the plan that is shown and the move that is made both come from here.

A vote survives only if its step asks the same, whoever gave it would still be asked, and what it was about is
unchanged. An open task of a step that stays keeps its holder. Everything else is asked again.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from engine.workflow.approval.draft import Draft, Passes
from engine.workflow.approval.fold import apply
from engine.workflow.approval.moving_fold import is_untouched
from engine.workflow.approval.plan import Person, StepPlan, to_plain
from engine.workflow.approval.sameness import can_go_on, is_same_step
from engine.workflow.approval.state import ApprovalState, Event, Step, Task
from engine.workflow.approval.world import Refusal, Submission, World

Timers = Literal["keep_remaining", "restart", "drop"]
TIMERS: tuple[Timers, ...] = get_args(Timers)

Fate = Literal["kept", "open", "asked", "called", "passes", "again", "later", "left_out", "gone"]
TimerFate = Literal["kept", "restarted", "dropped", "gone", "new"]
Why = Literal["", "changed", "content", "holder", "applies", "off", "stranded"]

_ANSWERS: Final = ("approved", "refused", "done")
_ENTERED: Final = ("open", "passed", "refused", "stranded")


@dataclass(frozen=True)
class Chosen:
    """What whoever moves approvals chose: which step ``became`` which, and what happens to open timers.

    A step that became itself keeps whoever holds it, though it asks others now.
    """

    became: Mapping[str, str] = field(default_factory=dict)
    timers: Timers = "keep_remaining"


@dataclass(frozen=True)
class StepMove:
    """What happens to one step. ``people``: whose votes are kept, who goes on holding it, who is asked; ``lost``: whose
    answer no longer counts, or who is no longer asked. ``was`` is the step it takes the place of, when it had another
    key."""

    step: str
    label: Mapping[str, str]
    fate: Fate
    why: Why = ""
    people: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    was: str = ""


@dataclass(frozen=True)
class TimerMove:
    """What happens to one timer of an open task; ``at`` is when it is due now, None when it is over.

    ``rule`` is the late rule, "" for the due time itself.
    """

    task: int
    who: str
    rule: str
    fate: TimerFate
    at: datetime | None


@dataclass(frozen=True)
class Moving:
    """The events of moving an approval, and what they mean."""

    events: tuple[Event, ...]
    steps: tuple[StepMove, ...]
    timers: tuple[TimerMove, ...]
    approves: bool  # nobody is left to ask: it ends as approved at once

    def to_data(self) -> dict[str, Any]:
        """Return what it means as plain JSON, without the moments of timers that start anew: two equal ones do the
        same, whenever they are made."""
        kept = [(one.fate in ("kept", "dropped", "gone")) and one.at is not None for one in self.timers]
        timers = [
            {**vars(one), "at": one.at.isoformat() if stays and one.at else None}
            for one, stays in zip(self.timers, kept, strict=True)
        ]
        steps = [to_plain(vars(one)) for one in self.steps]
        found: dict[str, Any] = json.loads(json.dumps({"steps": steps, "timers": timers, "approves": self.approves}))
        return found


def move(
    state: ApprovalState,
    submission: Submission,
    world: World,
    chosen: Chosen,
    *,
    by: Person,
    release: int,
    at: datetime,
    passes: Passes = lambda plan: False,
) -> Moving | None:
    """Return what moving a running approval to the rules of ``submission`` does; None when they are its rules already.

    ``passes`` says of a step that will call another approval whether that needs nobody: then the step goes on at once,
    which is told, though it is an event of its own. Raises ``Refusal`` when a step would find nobody, or too few.
    """
    became = {old: new for old, new in chosen.became.items() if old != new}
    judge = _Judge(state, submission, world, chosen, became)
    event = judge.event(by, release, at)
    moved = apply(state, event)
    if _is_same(state, moved):
        return None
    draft = Draft(state)
    draft.state, draft.events = moved, [event]
    if submission.auto_note is not None:
        draft.add("auto_passed", at, note=dict(submission.auto_note))
        draft.end("approved", at, world=world)
    else:
        draft.advance(world, at)
    events = tuple(draft.events)
    draft.settle_calls(state, world, at, passes)
    _require_somebody(state, draft.state)
    if _is_same(state, draft.state):  # it stood still and would stand still where it was
        return None
    steps = tuple(judge.steps(draft.state))
    return Moving(events, steps, tuple(judge.timers(draft.state)), draft.state.status == "approved")


class _Judge:
    """One approval, judged step by step."""

    def __init__(
        self, state: ApprovalState, submission: Submission, world: World, chosen: Chosen, became: Mapping[str, str]
    ) -> None:
        self.state, self.submission, self.world, self.chosen, self.became = state, submission, world, chosen, became
        known = {step.key for step in state.steps}
        former = {new: old for old, new in became.items() if old in known}
        self._require_free(former)
        self.old = {plan.key: self._find(former.get(plan.key, plan.key)) for plan in submission.steps}
        self.taken_before = _taken([step.plan for step in state.steps if not step.gone])
        self.plans = tuple(self._carried(plan) for plan in submission.steps)
        self.taken = _taken(self.plans)
        self.again: dict[str, Why] = {}
        while self._find_again() or self._reopen_blocks():
            pass

    def event(self, by: Person, release: int, at: datetime) -> Event:
        """Return the event."""
        given = self.submission
        data = {
            "at": at.isoformat(),
            "by": by.to_data(),
            "release": release,
            "became": {old: new for old, new in self.became.items() if self._find(old) is not None},
            "again": list(self.again),
            "steps": [plan.to_data() for plan in self.plans],
            "content": given.content,
            "self": given.self_,
            "duplicate": given.duplicate,
            "withdraw": given.withdraw,
            "empty": to_plain(given.empty),
            "origin": to_plain(dict(given.origin or {})),
            "rules": to_plain(dict(given.rules or {})),
            "tasks": [told for task in self._open_kept() if (told := self._timers_of(task))],
        }
        return Event("migrated", data)

    def steps(self, after: ApprovalState) -> Iterator[StepMove]:
        """Yield what happens to each step: of the newer release in its order, then those that are gone."""
        for plan in self.plans:
            yield from self._step(plan, after)
        keys = {old.key for old in self.old.values() if old is not None} | set(self.became.values())
        for step in self.state.steps:
            asked = tuple(task.person.name for task in self.state.votes_of(step) if task.status == "open")
            if step.key not in keys and not step.gone and (step.turn or step.status == "stranded" or _applies(step)):
                yield StepMove(step.key, step.plan.label, "gone", lost=asked + self._names(step, _ANSWERS))

    def timers(self, after: ApprovalState) -> Iterator[TimerMove]:
        """Yield what happens to the timers of each open task that stays open."""
        for task in self.state.open_tasks:
            now = after.find_task(task.number)
            if now is None or now.status != "open":
                continue
            restarted = self.chosen.timers == "restart" and now.armed != task.armed
            if task.due is not None or now.due is not None:
                fate = self._timer_fate(task.due, now.due, restarted)
                yield TimerMove(task.number, task.person.name, "", fate, now.due)
            was, is_ = dict(task.moments), dict(now.moments)
            for rule in dict.fromkeys((*was, *is_)):
                if rule in task.fired and rule in now.fired:
                    continue
                fate = self._timer_fate(was.get(rule), is_.get(rule), restarted)
                yield TimerMove(task.number, task.person.name, rule, fate, is_.get(rule))

    def _require_free(self, places: Collection[str]) -> None:
        """Only a step nobody was asked in yet can be taken the place of."""
        for step in self.state.steps:
            if step.key in places and not is_untouched(step):
                raise Refusal("late", "migrate.map_taken", step=step.plan.label)

    # ---- what is asked again

    def _find(self, key: str) -> Step | None:
        return next((step for step in self.state.steps if step.key == key and not step.gone), None)

    def _carried(self, plan: StepPlan) -> StepPlan:
        """Return a step of the newer release; whether what was entered already applies was settled then."""
        old = self.old[plan.key]
        if old is None or old.status in ("planned", "stranded", "skipped") or old.plan.kind != plan.kind:
            return plan
        settled = {one.key: one for one in old.plan.branches}
        branches = tuple(
            replace(one, applies=settled[one.key].applies)
            if one.key in settled and settled[one.key].when == one.when
            else one
            for one in plan.branches
        )
        applies = old.plan.applies if old.plan.when == plan.when else plan.applies
        return replace(plan, branches=branches, applies=applies)

    def _find_again(self) -> bool:
        """Note what is asked again; its condition is read anew, which may take a branch away from what stands in it."""
        return self._ask_again(
            {plan.key: why for plan in self.plans if plan.key not in self.again and (why := self._why_again(plan))}
        )

    def _ask_again(self, found: Mapping[str, Why]) -> bool:
        self.again |= found
        fresh = {plan.key: plan for plan in self.submission.steps if plan.key in found}
        self.plans = tuple(fresh.get(plan.key, plan) for plan in self.plans)
        self.taken = _taken(self.plans)
        return bool(found)

    def _why_again(self, plan: StepPlan) -> Why:
        old = self.old[plan.key]
        if old is None or old.status == "planned":
            return ""
        if plan.within not in self.taken:
            return "off"
        if old.status == "stranded":
            return "stranded"
        if not self._is_continued(old, plan):
            return "changed"
        if old.status == "skipped":
            return "applies" if old.why == "when" and plan.applies else ""
        return self._why_votes_fall(old, plan)

    def _is_continued(self, old: Step, plan: StepPlan) -> bool:
        if is_same_step(replace(old.plan, within=self._within(old)), plan):
            return True
        chosen = self.chosen.became.get(old.key) == plan.key
        answered = any(task.status in _ANSWERS for task in self.state.votes_of(old))
        return chosen and old.status == "open" and not answered and can_go_on(old.plan, plan)

    def _within(self, old: Step) -> str:
        block, dot, branch = old.plan.within.rpartition(".")
        return f"{self.became.get(block, block)}{dot}{branch}"

    def _why_votes_fall(self, old: Step, plan: StepPlan) -> Why:
        votes = [task for task in self.state.votes_of(old) if task.status in _ANSWERS]
        if plan.kind == "people" and any(task.content != self.submission.content for task in votes):
            return "content"
        given = [task for task in votes if not task.by_rule]
        if given and plan.who:
            holders = {person.id for person in self.world.holders(plan).people}
            if not all(holders & {task.person.id, self._first_of_seat(task).person.id} for task in given):
                return "holder"
        return ""

    def _first_of_seat(self, task: Task) -> Task:
        return self.state.find_task(task.seat or task.number) or task

    def _reopen_blocks(self) -> bool:
        """A block that is over is entered again, its conditions read anew, when something in it is still to be done."""
        found: dict[str, Why] = {}
        plans = {plan.key: plan for plan in self.plans}
        for plan in reversed(self.plans):
            old = self.old[plan.key]
            to_do = plan.key in self.again or old is None or old.status == "planned"
            if not (to_do and plan.applies and plan.within in self.taken):
                continue
            block = plans.get(plan.within.rpartition(".")[0])
            while block is not None:
                outer = self.old[block.key]
                if outer is not None and outer.over and block.key not in self.again:
                    found[block.key] = "applies"
                block = plans.get(block.within.rpartition(".")[0])
        return self._ask_again(found)

    # ---- timers

    def _open_kept(self) -> Iterator[Task]:
        steps = {old.key: plan for plan in self.plans if (old := self.old[plan.key]) is not None}
        for task in self.state.open_tasks:
            plan = steps.get(task.step)
            if plan is not None and plan.key not in self.again:
                yield task

    def _timers_of(self, task: Task) -> dict[str, Any] | None:
        """Return the timers of an open task under the newer release; None when they stay as they are."""
        plan = next(plan for plan in self.plans if (old := self.old[plan.key]) is not None and old.key == task.step)
        asks = task.kind != "consult"
        fresh = dict(self.world.moments(plan)) if asks else {}
        due = self.world.due(plan) if asks else None
        moments: tuple[tuple[str, datetime], ...] = tuple(fresh.items())
        fired: tuple[str, ...] = ()
        if self.chosen.timers == "drop":
            due, moments = None, ()
        elif self.chosen.timers == "keep_remaining" or not asks:
            kept = dict(task.moments)
            moments = tuple((rule, kept.get(rule, moment)) for rule, moment in fresh.items())
            fired = tuple(rule for rule in task.fired if rule in fresh)
            due = due if due is None or task.due is None else task.due
        if (due, moments, fired) == (task.due, task.moments, task.fired):
            return None
        told = [[rule, moment.isoformat()] for rule, moment in moments]
        return {"task": task.number, "due": due.isoformat() if due else None, "moments": told, "fired": list(fired)}

    def _timer_fate(self, was: datetime | None, now: datetime | None, restarted: bool) -> TimerFate:
        if now is None:
            return "dropped" if self.chosen.timers == "drop" else "gone"
        return "new" if was is None else "restarted" if restarted else "kept"

    # ---- what it means

    def _step(self, plan: StepPlan, after: ApprovalState) -> Iterator[StepMove]:
        """Yield what happens to a step, unless nothing does; of a block its steps tell."""
        old = self.old[plan.key]
        if plan.kind == "parallel":
            return
        was = old.key if old is not None and old.key != plan.key else ""
        why = self.again.get(plan.key, "")
        if old is not None and old.status in _ENTERED and not why:
            asks = old.status == "open"
            people = self._names(old, ("open", "waiting") if asks else _ANSWERS)
            yield StepMove(plan.key, plan.label, "open" if asks else "kept", "", people, (), was)
            return
        people = tuple(task.person.name for task in after.tasks_of(plan.key) if task.number > len(self.state.tasks))
        lost = self._lost(old, people) if old is not None and old.status in _ENTERED else ()
        fate, told = self._fate(plan, old, after.step(plan.key))
        if fate is not None:
            yield StepMove(plan.key, plan.label, fate, why or told, people, lost, was)

    def _fate(self, plan: StepPlan, old: Step | None, now: Step) -> tuple[Fate | None, Why]:
        walks = plan.applies and plan.within in self.taken
        if old is not None and old.status in _ENTERED:
            return ("again" if walks else "left_out"), ""
        if now.turn > (old.turn if old is not None else 0):
            return ("asked" if now.plan.kind != "call" else "passes" if now.status == "passed" else "called"), ""
        before = old is not None and old.plan.applies and old.plan.within in self.taken_before
        if walks != before:
            return ("later" if walks else "left_out"), ""
        changed = walks and old is not None and not self._is_continued(old, plan)
        return ("later", "changed") if changed else (None, "")

    def _lost(self, old: Step, asked: Sequence[str]) -> tuple[str, ...]:
        """Return whose answer falls, and who is not asked any more."""
        holding = (name for name in self._names(old, ("open", "waiting")) if name not in asked)
        return tuple(dict.fromkeys((*self._names(old, _ANSWERS), *holding)))

    def _names(self, step: Step, states: Sequence[str]) -> tuple[str, ...]:
        votes = (task for task in self.state.votes_of(step) if task.status in states)
        return tuple(dict.fromkeys(task.person.name for task in votes))


def _is_same(before: ApprovalState, after: ApprovalState) -> bool:
    """Whether moving changes nothing but where steps are written; timers alone are no reason to move."""
    steps = tuple(replace(step, plan=replace(step.plan, place="")) for step in before.steps)
    moved = tuple(replace(step, plan=replace(step.plan, place="")) for step in after.steps)
    return replace(before, steps=steps) == replace(after, steps=moved, tasks=before.tasks, moved_to=before.moved_to)


def _require_somebody(before: ApprovalState, after: ApprovalState) -> None:
    """A step that finds nobody keeps the approval where it is, unless it stood still for that already."""
    known = {step.key for step in before.steps if step.status == "stranded"}
    for step in after.steps:
        if step.status == "stranded" and step.key not in known:
            raise Refusal("late", "migrate.nobody", step=step.plan.label)


def _taken(plans: Sequence[StepPlan]) -> frozenset[str]:
    """Return the sequences that are walked: the approval itself, and each branch taken of a block on the way."""
    taken = {""}
    for plan in plans:
        if plan.applies and plan.within in taken:
            taken |= {branch.key for branch in plan.branches if branch.applies}
    return frozenset(taken)


def _applies(step: Step) -> bool:
    return step.plan.applies and step.status == "planned" and step.plan.kind != "parallel"
