"""What people may do with an approval, decided without reading anything: events in, events out.

Enters: the state, who acts, what they want, the present moment, and a ``World`` that answers who holds a step. Leaves:
the events to write, or ``Refusal`` saying why nothing happens. Must not read a clock or a database, nor know records.

The commands in ``approvals.py`` call these under the lock of the approval's row, so of two people who act at the same
time the second sees the state the first left, and is refused with who was first and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from engine.workflow.approval_state import ApprovalState, Decision, Event, Person, Step, StepPlan, Task, apply


class Refusal(Exception):
    """Why an action has no effect: ``kind`` is the branch of errors it belongs to, ``code`` names the sentence."""

    def __init__(self, kind: Literal["absent", "forbidden", "late", "invalid"], code: str, /, **params: Any) -> None:
        self.kind = kind
        self.code = code
        self.params = params
        super().__init__(code)


@dataclass(frozen=True)
class Holders:
    """Who is asked in a step. Nobody, and ``skip`` false: the step is stranded, it never passes by itself."""

    people: tuple[Person, ...]
    skip: bool = False  # only with `self: skip`: the starter was the only one to ask


class World(Protocol):
    """What an approval has to ask while it goes on."""

    def holders(self, step: StepPlan) -> Holders:
        """Return who is asked in this step now."""
        ...

    def due(self, step: StepPlan) -> datetime | None:
        """Return when a task of this step that opens now is due."""
        ...


@dataclass(frozen=True)
class Submission:
    """What is submitted: the plan with its settings, and who submits it. Fields as in ``ApprovalState``."""

    approval: str
    round: int
    starter: Person
    content: str
    steps: tuple[StepPlan, ...]
    self_: str = "next_manager"
    duplicate: str = "consecutive"
    withdraw: str = "first_decision"
    empty: tuple[Mapping[str, str], ...] = ()
    origin: Mapping[str, Any] | None = None
    auto_note: Mapping[str, str] | None = None  # set: no person is asked


def settle_holders(
    found: Sequence[Person],
    *,
    starter: int,
    self_: str,
    manager: Person | None,
    fallback: Sequence[Person],
) -> Holders:
    """Return who is asked, from who the step's rules found (disabled people already left out).

    ``manager`` is the next manager of the starter; ``fallback`` is who the ``empty`` policy names. The starter never
    decides their own submission: with ``next_manager`` the manager is asked in the same place, with ``skip`` the
    starter's part falls away (and with it a step that would ask nobody else), with ``forbid`` it counts as nobody.
    """
    stand_in = manager if self_ == "next_manager" else None
    others = _unique(_replace_starter(found, starter, stand_in))
    if others:
        return Holders(others)
    if found and self_ == "skip":
        return Holders((), skip=True)
    return Holders(_unique(_replace_starter(fallback, starter, stand_in)))


def start(submission: Submission, world: World, *, at: datetime) -> tuple[Event, ...]:
    """Return the events of a submission, up to the first people asked (or to its end, when nobody is to be asked)."""
    draft = _Draft.of_submission(submission, at)
    if submission.auto_note is not None:
        draft.add("auto_passed", note=dict(submission.auto_note), at=at.isoformat())
        draft.end("approved", at)
    else:
        draft.advance(world, at)
    return tuple(draft.events)


def decide(
    state: ApprovalState,
    world: World,
    *,
    task: int,
    by: int,
    decision: Decision,
    reason: str,
    content: str,
    at: datetime,
) -> tuple[Event, ...]:
    """Return the events of one person's decision and of all that follows from it.

    ``content`` is the hash of the guarded fields as they are now. Raises ``Refusal`` when the task is not theirs, was
    decided already, does not offer this decision, needs a reason, or is about something that has changed since.
    """
    mine = _require_task(state, task, by, decision)
    _require_reason(state.step(mine.step), decision, reason)
    if content != state.content:
        raise Refusal("late", "approval.content_changed")
    draft = _Draft(state)
    draft.decide(mine, decision, reason.strip(), at)
    if decision == "return":
        draft.end("returned", at, by=mine.person, reason=reason.strip())
    else:
        draft.go_on(mine.step, world, at)
    return tuple(draft.events)


def transfer(state: ApprovalState, *, task: int, by: int, to: Person, reason: str, at: datetime) -> tuple[Event, ...]:
    """Return the events that hand a task over for good (转交)."""
    mine = _require_task(state, task, by, "transfer")
    step = state.step(mine.step)
    _require_reason(step, "transfer", reason)
    if to.id == state.starter.id:
        raise Refusal("invalid", "approval.transfer_to_starter", who=to.name)
    asked = {other.person.id for other in state.tasks_of(step.key) if other.status != "transferred"}
    if to.id in asked | {person.id for person in step.queue}:
        raise Refusal("invalid", "approval.transfer_to_asked", who=to.name)
    draft = _Draft(state)
    draft.add(
        "transferred",
        **{"from": mine.number},
        task=len(state.tasks) + 1,
        person=to.to_data(),
        reason=reason.strip(),
        at=at.isoformat(),
    )
    return tuple(draft.events)


def withdraw(state: ApprovalState, *, by: int, reason: str, at: datetime) -> tuple[Event, ...]:
    """Return the events of the starter taking the submission back."""
    if by != state.starter.id:
        raise Refusal("forbidden", "approval.withdraw_not_yours", who=state.starter.name)
    if not state.running:
        raise already_ended(state)
    first = next((task for task in state.tasks if task.decided), None)
    if state.withdraw == "never":
        raise Refusal("late", "approval.withdraw_never")
    if state.withdraw == "first_decision" and first is not None:
        raise Refusal("late", "approval.withdraw_late", who=first.person.name, at=first.closed_at)
    draft = _Draft(state)
    draft.end("withdrawn", at, by=state.starter, reason=reason.strip())
    return tuple(draft.events)


def comment(state: ApprovalState, *, by: Person, text: str, at: datetime) -> tuple[Event, ...]:
    """Return the event of a remark; it decides nothing and is possible after the end as well."""
    if not text.strip():
        raise Refusal("invalid", "approval.comment_empty")
    return (Event("commented", {"person": by.to_data(), "text": text.strip(), "at": at.isoformat()}),)


def resume(state: ApprovalState, world: World, *, at: datetime) -> tuple[Event, ...]:
    """Return the events that let a stranded approval go on, now that somebody can be found."""
    draft = _Draft(state)
    if state.stranded is not None:
        draft.advance(world, at)
    return tuple(draft.events)


def can_withdraw(state: ApprovalState, by: int) -> bool:
    """Return whether ``by`` may take the submission back now."""
    decided = any(task.decided for task in state.tasks)
    allowed = state.withdraw == "any_time" or (state.withdraw == "first_decision" and not decided)
    return state.running and by == state.starter.id and allowed


def already_ended(state: ApprovalState) -> Refusal:
    """Return the refusal that says how, when and by whom the approval ended."""
    who = state.ended_by.name if state.ended_by else state.starter.name
    return Refusal("late", f"approval.already_{state.status}", who=who, at=state.ended_at)


class _Draft:
    """The state as it becomes while events are added; every event is folded at once, so both always agree."""

    def __init__(self, state: ApprovalState) -> None:
        self.state = state
        self.events: list[Event] = []

    @classmethod
    def of_submission(cls, submission: Submission, at: datetime) -> "_Draft":
        data = {
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
        }
        started = Event("started", data)
        draft = cls(apply(None, started))
        draft.events.append(started)
        return draft

    def add(self, type_: str, **data: Any) -> None:
        event = Event(type_, data)
        self.state = apply(self.state, event)
        self.events.append(event)

    def end(self, status: str, at: datetime, *, by: Person | None = None, reason: str = "") -> None:
        named = by.to_data() if by else None
        self.add("ended", status=status, at=at.isoformat(), by=named, reason=reason)

    def decide(self, task: Task, decision: Decision, reason: str, at: datetime, cites: int | None = None) -> None:
        self.add(
            "decided",
            task=task.number,
            decision=decision,
            reason=reason,
            content=self.state.content,
            cites=cites,
            at=at.isoformat(),
        )

    def advance(self, world: World, at: datetime) -> None:
        """Open steps until somebody has to decide, nobody can be found, or the approval has passed."""
        while self.state.running and not self.state.open_tasks:
            step = next((item for item in self.state.steps if item.status in ("planned", "stranded")), None)
            if step is None:
                self._pass(at)
            elif not step.plan.applies:
                self.add("step_skipped", step=step.key, why="when", at=at.isoformat())
            elif not self._open(step, world, at):
                return

    def go_on(self, key: str, world: World, at: datetime) -> None:
        """Close the step if its votes decide it, else ask the next in order; then open what follows."""
        self._ask(key, world, at)
        outcome = step_outcome(self.state, self.state.step(key))
        if outcome == "passed":
            self.add("step_passed", step=key, at=at.isoformat())
            self.advance(world, at)
        elif outcome == "refused":
            last = self.state.tasks_of(key)
            refused = max((task for task in last if task.status == "refused"), key=_closed)
            self.add("step_refused", step=key, at=at.isoformat())
            self.end("refused", at, by=refused.person, reason=refused.reason)

    def _pass(self, at: datetime) -> None:
        approved = [task for task in self.state.tasks if task.status == "approved"]
        self.end("approved", at, by=max(approved, key=_closed).person if approved else None)

    def _open(self, step: Step, world: World, at: datetime) -> bool:
        """Open one step; False when it leaves the approval stranded."""
        holders = world.holders(step.plan)
        if holders.people:
            people = [person.to_data() for person in holders.people]
            need = 1 if step.plan.decide == "any" else len(people)
            self.add("step_opened", step=step.key, people=people, need=need, at=at.isoformat())
            self.go_on(step.key, world, at)
        elif holders.skip:
            self.add("step_skipped", step=step.key, why="self", at=at.isoformat())
        else:
            self.add("stranded", step=step.key, why="nobody", at=at.isoformat())
        return bool(holders.people or holders.skip)

    def _ask(self, key: str, world: World, at: datetime) -> None:
        """Open the tasks that can be open now; an approval given earlier for the same content stands for its task."""
        while self._may_ask(key):
            step = self.state.step(key)
            due = world.due(step.plan)
            number = len(self.state.tasks) + 1
            self.add(
                "task_opened",
                task=number,
                step=key,
                person=step.queue[0].to_data(),
                at=at.isoformat(),
                due=due.isoformat() if due else None,
            )
            earlier = _earlier_approval(self.state, step, step.queue[0].id)
            if earlier is not None:
                self.decide(self.state.tasks[-1], "approve", "", at, cites=earlier)

    def _may_ask(self, key: str) -> bool:
        step = self.state.step(key)
        if not step.queue or step_outcome(self.state, step) != "open":
            return False
        busy = any(task.status == "open" for task in self.state.tasks_of(key))
        return step.plan.decide != "in_order" or not busy


def step_outcome(state: ApprovalState, step: Step) -> Literal["open", "passed", "refused"]:
    """Return what the votes of an open step say: passed at ``need`` approvals, refused once these cannot be reached."""
    votes = [task.status for task in state.tasks_of(step.key)]
    yes = votes.count("approved")
    pending = votes.count("open") + len(step.queue)
    if step.plan.refuse == "first" and "refused" in votes:
        return "refused"
    if yes >= step.need:
        return "passed"
    return "refused" if yes + pending < step.need else "open"


def _earlier_approval(state: ApprovalState, step: Step, person: int) -> int | None:
    """Return the number of the task whose real approval of the same content stands for this one, by the policy."""
    passed = [item.key for item in state.steps if item.status == "passed"]
    counted = {"none": [], "consecutive": passed[-1:], "all": passed}[state.duplicate]
    for task in reversed(state.tasks):
        same = task.status == "approved" and task.person.id == person and task.content == state.content
        if same and task.step in counted and task.step != step.key:
            return task.cites or task.number
    return None


def _require_task(state: ApprovalState, number: int, by: int, action: str) -> Task:
    task = state.find_task(number)
    if task is None or task.person.id != by:
        raise Refusal("absent", "approval.no_such_task")
    if task.status != "open":
        raise _already_done(state, task)
    if action not in state.step(task.step).plan.allow:
        raise Refusal("forbidden", f"approval.no_{action}")
    return task


def _require_reason(step: Step, action: str, reason: str) -> None:
    if action in step.plan.reason and not reason.strip():
        raise Refusal("invalid", "approval.reason_required")


def _already_done(state: ApprovalState, task: Task) -> Refusal:
    """Return who was first: the holder, a colleague of the same step, or whoever ended it all."""
    if task.status == "transferred":
        return Refusal("late", "approval.already_transferred", who=task.went_to, at=task.closed_at)
    if task.status != "closed":
        return Refusal("late", f"approval.already_{task.status}", who=task.person.name, at=task.closed_at)
    step = state.step(task.step)
    if step.status == "passed":
        last = max((item for item in state.tasks_of(step.key) if item.status == "approved"), key=_closed)
        return Refusal("late", "approval.already_approved", who=last.person.name, at=last.closed_at)
    return already_ended(state)


def _replace_starter(found: Sequence[Person], starter: int, manager: Person | None) -> list[Person]:
    """Put the manager where the starter stands; without one the starter's place falls away."""
    placed = [manager if person.id == starter else person for person in found]
    return [person for person in placed if person is not None and person.id != starter]


def _unique(people: Sequence[Person]) -> tuple[Person, ...]:
    first: dict[int, Person] = {}
    for person in people:
        first.setdefault(person.id, person)
    return tuple(first.values())


def _closed(task: Task) -> tuple[datetime, int]:
    return (task.closed_at or task.opened_at, task.number)
