"""An approval as its events tell it: the state, the events, and the fold from one to the other.

Enters: events (plain JSON data) in the order they happened. Leaves: a frozen ``ApprovalState``. Must not read a clock,
a database or a compiled app: whatever an approval needs to go on after its definition changed stands in its first
event.

One state is one *submission* of a record. A record that comes back and is submitted again gets a new approval with
``round`` one higher: a closed approval never changes, and no vote of an earlier round can count again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Status = Literal["running", "approved", "refused", "returned", "withdrawn"]
StepStatus = Literal["planned", "open", "stranded", "passed", "refused", "skipped", "closed"]
TaskStatus = Literal["open", "approved", "refused", "returned", "transferred", "closed"]
Decision = Literal["approve", "refuse", "return"]


@dataclass(frozen=True)
class Event:
    """One thing that happened; ``data`` is plain JSON."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Why:
    """Why a person is asked: the rule that found them, and ``note`` if they stand in for somebody.

    ``kind`` and ``name`` are those of the ``who:`` entry; ``of`` names the person it started from. ``note``: ``self``
    (instead of the starter), ``empty`` (nobody else was found), ``transfer`` (handed over by ``of``).
    """

    kind: str
    name: str = ""
    of: str = ""
    note: str = ""


@dataclass(frozen=True)
class Person:
    """A person as named in an approval; the name is kept as it was then."""

    id: int
    name: str
    why: Why = field(default=Why(""))

    def to_data(self) -> dict[str, Any]:
        """Return the person as plain JSON."""
        return {"id": self.id, "name": self.name, "why": dict(vars(self.why))}


@dataclass(frozen=True)
class StepPlan:
    """What a step asks for, kept with the approval. ``who`` are the rules as data, read again when the step opens."""

    key: str
    label: Mapping[str, str]
    who: tuple[Mapping[str, str], ...] = ()
    decide: Literal["any", "all", "in_order"] = "any"
    refuse: Literal["first", "all"] = "all"
    due: str | None = None
    allow: tuple[str, ...] = ("approve", "refuse", "return", "comment")
    reason: tuple[str, ...] = ("refuse", "return")
    when: str = ""  # the condition in its own words, "" when the step always applies
    place: str = ""  # file:line:column of the step
    applies: bool = True  # whether the condition held when the record was submitted

    def to_data(self) -> dict[str, Any]:
        """Return the step as plain JSON."""
        return {**vars(self), "label": dict(self.label), "who": [dict(rule) for rule in self.who]} | {
            name: list(getattr(self, name)) for name in ("allow", "reason")
        }


@dataclass(frozen=True)
class Step:
    """A step of a running approval. ``queue`` are people of an ``in_order`` step who are not yet asked."""

    plan: StepPlan
    status: StepStatus = "planned"
    people: tuple[Person, ...] = ()
    queue: tuple[Person, ...] = ()
    need: int = 0
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    why: str = ""  # why it was skipped: `when`, `self`; why it is stranded: `nobody`

    @property
    def key(self) -> str:
        """The key of the step."""
        return self.plan.key


@dataclass(frozen=True)
class Task:
    """One person asked in one step. ``cites`` is the task whose approval stands for this one (去重)."""

    number: int
    step: str
    person: Person
    opened_at: datetime
    due: datetime | None = None
    status: TaskStatus = "open"
    closed_at: datetime | None = None
    reason: str = ""
    content: str = ""
    cites: int | None = None
    came_from: int | None = None  # the task this one was handed over from
    went_to: str = ""  # the name of whoever it was handed over to

    @property
    def decided(self) -> bool:
        """Whether a person decided this task; an approval that cites an earlier one is not a decision."""
        return self.status in ("approved", "refused", "returned") and self.cites is None


@dataclass(frozen=True)
class Comment:
    """A remark that decides nothing."""

    person: Person
    at: datetime
    text: str


@dataclass(frozen=True)
class ApprovalState:
    """One submission: its plan, who was asked, what they said and how it ended."""

    approval: str
    round: int
    starter: Person
    started_at: datetime
    content: str  # hash of the guarded fields everybody decides about
    self_: Literal["forbid", "skip", "next_manager"]
    duplicate: Literal["none", "consecutive", "all"]
    withdraw: Literal["never", "first_decision", "any_time"]
    empty: tuple[Mapping[str, str], ...]  # the rules that say who is asked when nobody is found
    origin: Mapping[str, Any]  # what the commands need to end it: move, stages, release, shown amounts
    steps: tuple[Step, ...]
    tasks: tuple[Task, ...] = ()
    comments: tuple[Comment, ...] = ()
    status: Status = "running"
    auto_note: Mapping[str, str] | None = None  # why no person was asked at all
    ended_at: datetime | None = None
    ended_by: Person | None = None
    ended_reason: str = ""

    @property
    def running(self) -> bool:
        """Whether somebody is still to decide."""
        return self.status == "running"

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """Who has it now, and since when."""
        return tuple(task for task in self.tasks if task.status == "open")

    @property
    def stranded(self) -> Step | None:
        """The step for which nobody could be found, if the approval stands still because of it."""
        return next((step for step in self.steps if step.status == "stranded"), None)

    def step(self, key: str) -> Step:
        """Return a step of the plan; ``KeyError`` when there is none."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)

    def find_task(self, number: int) -> Task | None:
        """Return a task by its number, counted from 1."""
        return self.tasks[number - 1] if 0 < number <= len(self.tasks) else None

    def tasks_of(self, step: str) -> tuple[Task, ...]:
        """Return everybody asked in one step, in the order they were asked."""
        return tuple(task for task in self.tasks if task.step == step)


def fold(events: Iterable[Event]) -> ApprovalState:
    """Return the state the events lead to; ``ValueError`` when they do not begin with ``started``."""
    state: ApprovalState | None = None
    for event in events:
        state = apply(state, event)
    if state is None:
        raise ValueError("an approval without events has no state")
    return state


def apply(state: ApprovalState | None, event: Event) -> ApprovalState:
    """Return the state after one event. A log that contradicts itself raises ``ValueError``: it is never guessed at."""
    if event.type == "started":
        if state is not None:
            raise ValueError("an approval starts once")
        return _started(event.data)
    if state is None:
        raise ValueError(f"{event.type} before started")
    if event.type not in _FOLDS:
        raise ValueError(f"unknown event {event.type}")
    if not state.running and event.type != "commented":
        raise ValueError(f"{event.type} after the approval ended")
    return _FOLDS[event.type](state, event.data)


def _started(data: Mapping[str, Any]) -> ApprovalState:
    return ApprovalState(
        approval=data["approval"],
        round=data["round"],
        starter=_person(data["starter"]),
        started_at=datetime.fromisoformat(data["at"]),
        content=data["content"],
        self_=data["self"],
        duplicate=data["duplicate"],
        withdraw=data["withdraw"],
        empty=tuple(data["empty"]),
        origin=data["origin"],
        steps=tuple(Step(_plan(item)) for item in data["steps"]),
    )


def _auto_passed(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    return replace(state, auto_note=data["note"])


def _step_opened(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    people = tuple(_person(item) for item in data["people"])
    step = _expect(state.step(data["step"]), "planned", "stranded")
    opened = replace(
        step,
        status="open",
        people=people,
        queue=people,
        need=data["need"],
        opened_at=datetime.fromisoformat(data["at"]),
        why="",
    )
    return _with_step(state, opened)


def _step_skipped(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    step = _expect(state.step(data["step"]), "planned", "stranded")
    at = datetime.fromisoformat(data["at"])
    return _with_step(state, replace(step, status="skipped", why=data["why"], closed_at=at))


def _stranded(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    step = _expect(state.step(data["step"]), "planned", "stranded")
    return _with_step(state, replace(step, status="stranded", why=data["why"]))


def _task_opened(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    step = _expect(state.step(data["step"]), "open")
    task = _new_task(state, data)
    queue = tuple(person for person in step.queue if person.id != task.person.id)
    return replace(_with_step(state, replace(step, queue=queue)), tasks=(*state.tasks, task))


def _decided(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    task = _open_task(state, data["task"])
    decided = replace(
        task,
        status=_DECIDED[data["decision"]],
        closed_at=datetime.fromisoformat(data["at"]),
        reason=data["reason"],
        content=data["content"],
        cites=data["cites"],
    )
    return _with_task(state, decided)


def _transferred(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    task = _open_task(state, data["from"])
    new = replace(_new_task(state, data), step=task.step, due=task.due, came_from=task.number)
    old = replace(
        task,
        status="transferred",
        closed_at=new.opened_at,
        reason=data["reason"],
        went_to=new.person.name,
    )
    state = _with_task(state, old)
    return replace(state, tasks=(*state.tasks, new))


def _step_passed(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    return _step_over(state, data, "passed")


def _step_refused(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    return _step_over(state, data, "refused")


def _step_over(state: ApprovalState, data: Mapping[str, Any], status: StepStatus) -> ApprovalState:
    step = _expect(state.step(data["step"]), "open")
    return _close_step(state, step, status, datetime.fromisoformat(data["at"]))


def _commented(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    comment = Comment(_person(data["person"]), datetime.fromisoformat(data["at"]), data["text"])
    return replace(state, comments=(*state.comments, comment))


def _ended(state: ApprovalState, data: Mapping[str, Any]) -> ApprovalState:
    at = datetime.fromisoformat(data["at"])
    for step in state.steps:
        if step.status in ("planned", "open", "stranded"):
            state = _close_step(state, step, "closed", at)
    by = _person(data["by"]) if data["by"] else None
    return replace(state, status=data["status"], ended_at=at, ended_by=by, ended_reason=data["reason"])


def _close_step(state: ApprovalState, step: Step, status: StepStatus, at: datetime) -> ApprovalState:
    state = _with_step(state, replace(step, status=status, queue=(), closed_at=at))
    for task in state.tasks_of(step.key):
        if task.status == "open":
            state = _with_task(state, replace(task, status="closed", closed_at=at))
    return state


def _new_task(state: ApprovalState, data: Mapping[str, Any]) -> Task:
    if data["task"] != len(state.tasks) + 1:
        raise ValueError(f"task {data['task']} follows task {len(state.tasks)}")
    return Task(
        number=data["task"],
        step=data.get("step", ""),
        person=_person(data["person"]),
        opened_at=datetime.fromisoformat(data["at"]),
        due=datetime.fromisoformat(data["due"]) if data.get("due") else None,
    )


def _open_task(state: ApprovalState, number: int) -> Task:
    task = state.find_task(number)
    if task is None or task.status != "open":
        raise ValueError(f"task {number} is not open")
    return task


def _expect(step: Step, *allowed: StepStatus) -> Step:
    if step.status not in allowed:
        raise ValueError(f"step {step.key} is {step.status}")
    return step


def _with_step(state: ApprovalState, step: Step) -> ApprovalState:
    return replace(state, steps=tuple(step if item.key == step.key else item for item in state.steps))


def _with_task(state: ApprovalState, task: Task) -> ApprovalState:
    return replace(state, tasks=tuple(task if item.number == task.number else item for item in state.tasks))


def _person(data: Mapping[str, Any]) -> Person:
    return Person(data["id"], data["name"], Why(**data["why"]))


def _plan(data: Mapping[str, Any]) -> StepPlan:
    return StepPlan(**{**data, "who": tuple(data["who"])} | {name: tuple(data[name]) for name in ("allow", "reason")})


_DECIDED: Mapping[str, TaskStatus] = {"approve": "approved", "refuse": "refused", "return": "returned"}
_FOLDS: Mapping[str, Callable[[ApprovalState, Mapping[str, Any]], ApprovalState]] = {
    "auto_passed": _auto_passed,
    "step_opened": _step_opened,
    "step_skipped": _step_skipped,
    "stranded": _stranded,
    "task_opened": _task_opened,
    "decided": _decided,
    "transferred": _transferred,
    "step_passed": _step_passed,
    "step_refused": _step_refused,
    "commented": _commented,
    "ended": _ended,
}
