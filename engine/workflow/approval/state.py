"""An approval as its events tell it: who was asked, what they said, how it stands.

Enters: nothing (``fold`` fills these). Leaves: frozen values. Must not read a clock, a database or a compiled app:
whatever an approval needs to go on after its definition changed stands in its first event.

One state is one *submission* of a record. A record that comes back and is submitted again gets a new approval with
``round`` one higher: a closed approval never changes, and no vote of an earlier round can count again. Within one
submission a step that is entered again has ``turn`` one higher, and only the votes of its last turn count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.workflow.approval.plan import Person, StepPlan

Status = Literal["running", "approved", "refused", "returned", "withdrawn", "terminated", "revoked"]
StepStatus = Literal["planned", "open", "stranded", "passed", "refused", "skipped", "closed"]
TaskStatus = Literal[
    "open", "waiting", "approved", "refused", "returned", "done", "transferred", "removed", "retracted", "closed"
]
TaskKind = Literal["decide", "work", "consult"]
Decision = Literal["approve", "refuse", "return", "complete"]

ANSWERS: tuple[TaskStatus, ...] = ("approved", "refused", "returned", "done")


@dataclass(frozen=True)
class Event:
    """One thing that happened; ``data`` is plain JSON."""

    type: str
    data: Mapping[str, Any]


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
    why: str = ""  # why it was skipped: `when`, `self`, `jump`; why it is stranded: `nobody`, `few`
    turn: int = 0  # how often it was entered
    veto: tuple[int, ...] = ()  # whose refusal ends it whatever the others say
    claimed: int | None = None  # the seat that somebody took
    sent_back: bool = False  # entered again because somebody returned it: earlier votes do not stand in for it
    gone: bool = False  # the release the approval was moved to has no such step: it is history, and never walked

    @property
    def key(self) -> str:
        """The key of the step."""
        return self.plan.key

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done in it."""
        return self.status in ("passed", "skipped", "refused", "closed")


@dataclass(frozen=True)
class Task:
    """One person asked in one step. ``cites`` is the task whose approval stands for this one (去重).

    Tasks of one ``seat`` (its first task's number) count as one vote: whoever was added before or after it, whoever
    it was handed to. ``after`` are tasks that have to be approved first; ``instead`` the task this one may be decided
    in place of.
    """

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
    went_to: str = ""  # the name of whoever it was handed over to, or was removed by
    kind: TaskKind = "decide"
    turn: int = 1
    seat: int = 0
    after: tuple[int, ...] = ()
    instead: int | None = None
    again: int | None = None  # the task this one replaces, since somebody took an answer back
    closed_by: int | None = None  # the refusal in its own seat that made it superfluous
    asked_by: int | None = None  # of a consultation: the task whose holder asks
    question: str = ""
    decided_by: Person | None = None  # who decided for the holder: a deputy
    by_rule: str = ""  # the late rule that decided it, when nobody did
    signature: Mapping[str, Any] | None = None
    moments: tuple[tuple[str, datetime], ...] = ()  # late rules and when they are due
    fired: tuple[str, ...] = ()
    armed: int = 0  # how often its timers were armed anew since it opened

    @property
    def decided(self) -> bool:
        """Whether a person decided this task; an approval that cites an earlier one is not a decision."""
        return self.kind != "consult" and self.status in ANSWERS and self.cites is None and not self.by_rule


@dataclass(frozen=True)
class Comment:
    """A remark that decides nothing; ``mentions`` are the people it is addressed to."""

    person: Person
    at: datetime
    text: str
    mentions: tuple[Person, ...] = ()


@dataclass(frozen=True)
class Copy:
    """Somebody who was sent a copy (抄送), at ``started``, ``finished``, ``refused``, a step, or ``by hand``."""

    person: Person
    at: datetime
    point: str
    by: Person | None = None


@dataclass(frozen=True)
class Urge:
    """A reminder by hand (催办)."""

    person: Person
    at: datetime


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
    empty: tuple[Mapping[str, Any], ...]  # the rules that say who is asked when nobody is found
    origin: Mapping[str, Any]  # what the commands need to end it: move, stages, release, shown amounts
    steps: tuple[Step, ...]
    tasks: tuple[Task, ...] = ()
    comments: tuple[Comment, ...] = ()
    status: Status = "running"
    auto_note: Mapping[str, str] | None = None  # why no person was asked at all
    ended_at: datetime | None = None
    ended_by: Person | None = None
    ended_reason: str = ""
    rules: Mapping[str, Any] = field(default_factory=dict)  # `return`, `urge`, `cc`, `revoke`, `restore`, `chosen`
    parent: Mapping[str, Any] | None = None  # the approval and step that wait for this one
    copies: tuple[Copy, ...] = ()
    urges: tuple[Urge, ...] = ()
    returned_by: str = ""  # the step that sent it back to the starter
    moved_to: tuple[int, ...] = ()  # the releases whose rules it was moved to, the last one last

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
        """The first step for which nobody could be found, if there is one."""
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

    def votes_of(self, step: Step) -> tuple[Task, ...]:
        """Return the tasks of a step that can count: those of its last turn, without consultations."""
        return tuple(task for task in self.tasks_of(step.key) if task.turn == step.turn and task.kind != "consult")
