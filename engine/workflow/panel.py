"""How an approval stands, for whoever looks at the record: who has it, since when, what was said, what comes next.

Enters: the address of a record, who looks. Leaves: typed data for pages and the API, in the reader's language where it
is a sentence. Must not write, nor decide who may see the record: whoever calls has read it already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.compiler.app import Label
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.rights import find_rights, get_entity
from engine.storage.store import Session
from engine.workflow import approval_log as log
from engine.workflow.approval_decisions import can_withdraw
from engine.workflow.approval_log import Kept
from engine.workflow.approval_state import ApprovalState, Comment, Person, Status, Step, StepStatus, Task, TaskStatus
from engine.workflow.people_rules import Case, say_why
from engine.workflow.planning import LiveWorld
from engine.workflow.requirements import read_whole
from engine.workflow.rule_words import say_rule
from engine.workflow.shown import Shown, read_shown

PersonStatus = TaskStatus | Literal["planned", "cited"]


@dataclass(frozen=True)
class PanelPerson:
    """One person in a step. ``planned``: asked later; ``cited``: an earlier approval of theirs stands for this one."""

    id: int
    name: str
    status: PersonStatus
    why: str
    since: datetime | None = None
    due: datetime | None = None
    at: datetime | None = None
    reason: str = ""
    went_to: str = ""


@dataclass(frozen=True)
class PanelStep:
    """One step. ``rule`` is its condition in words, ``place`` where it is written.

    ``skipped`` says why nobody is asked: ``when`` (the condition did not hold) or ``self`` (only the starter was left).
    """

    key: str
    label: Label
    decide: Literal["any", "all", "in_order"]
    status: StepStatus
    people: tuple[PanelPerson, ...]
    rule: str
    place: str
    skipped: str
    due: datetime | None


@dataclass(frozen=True)
class Panel:
    """One submission. ``task`` is the reader's own open task; ``actions`` what they may do with it."""

    id: int
    approval: str
    label: Label
    round: int
    status: Status
    starter: Person
    started_at: datetime
    ended_at: datetime | None
    ended_by: Person | None
    ended_reason: str
    auto_note: Label | None
    steps: tuple[PanelStep, ...]
    waiting: tuple[PanelPerson, ...]
    shown: tuple[Shown, ...]
    comments: tuple[Comment, ...]
    task: int | None
    actions: tuple[str, ...]
    reasons: frozenset[str]
    can_withdraw: bool


def find_state(session: Session, entity: str, record_id: int) -> ApprovalState | None:
    """Return the last submission of a record, running or ended."""
    latest = log.find_latest(session, entity, record_id)
    kept = log.read(session, latest) if latest is not None else None
    return kept.state if kept is not None else None


def find_panel(session: Session, entity: str, record_id: int, *, actor: Actor) -> Panel | None:
    """Return how the last submission of a record stands, as ``actor`` may see it."""
    latest = log.find_latest(session, entity, record_id)
    kept = log.read(session, latest) if latest is not None else None
    return _panel(session, kept, actor) if kept is not None else None


def list_panels(session: Session, entity: str, record_id: int, *, actor: Actor) -> list[Panel]:
    """Return all submissions of a record, the newest first."""
    kept = [log.read(session, id_) for id_ in reversed(log.find_rounds(session, entity, record_id))]
    return [_panel(session, one, actor) for one in kept if one is not None]


def _panel(session: Session, kept: Kept, actor: Actor) -> Panel:
    state = kept.state
    mine = next((task for task in state.open_tasks if task.person.id == actor.id), None)
    plan = state.step(mine.step).plan if mine is not None else None
    steps = _Steps(session, kept, actor).read()
    compiled = session.app.approvals.get(state.approval)
    rights = find_rights(session.app, get_entity(session.app, kept.entity), actor)
    return Panel(
        id=kept.id,
        approval=state.approval,
        label=compiled.label if compiled is not None else {session.app.language: state.approval},
        round=state.round,
        status=state.status,
        starter=state.starter,
        started_at=state.started_at,
        ended_at=state.ended_at,
        ended_by=state.ended_by,
        ended_reason=state.ended_reason,
        auto_note=state.auto_note,
        steps=steps,
        waiting=tuple(person for step in steps for person in step.people if person.status == "open"),
        shown=read_shown(session.app, state.approval, state.origin.get("shown") or {}, rights),
        comments=state.comments,
        task=kept.task_ids[mine.number - 1] if mine is not None else None,
        actions=plan.allow if plan is not None else (),
        reasons=frozenset(plan.reason) if plan is not None else frozenset(),
        can_withdraw=can_withdraw(state, actor.id),
    )


class _Steps:
    """The steps of one submission in words for one reader."""

    def __init__(self, session: Session, kept: Kept, actor: Actor) -> None:
        self._session = session
        self._kept = kept
        self._actor = actor
        self._language = actor.language or session.app.language

    def read(self) -> tuple[PanelStep, ...]:
        """Return every step; those still to come with the people they would ask now."""
        return tuple(self._step(step) for step in self._kept.state.steps)

    def _step(self, step: Step) -> PanelStep:
        people = tuple(self._asked(task) for task in self._kept.state.tasks_of(step.key))
        people += tuple(self._planned(person) for person in self._to_come(step))
        return PanelStep(
            key=step.key,
            label=step.plan.label,
            decide=step.plan.decide,
            status=step.status if step.plan.applies or step.status != "planned" else "skipped",
            people=people,
            rule=say_rule(self._session.app, self._kept.state.approval, step.key, step.plan.when, self._language),
            place=step.plan.place,
            skipped=step.why if step.status == "skipped" else "" if step.plan.applies else "when",
            due=min((one.due for one in people if one.status == "open" and one.due is not None), default=None),
        )

    def _to_come(self, step: Step) -> tuple[Person, ...]:
        if step.status == "planned" and self._kept.state.running and step.plan.applies:
            return self._world().holders(step.plan).people
        return step.queue

    def _world(self) -> LiveWorld:
        session, state = self._session, self._kept.state
        entity = get_entity(session.app, self._kept.entity)
        values: Mapping[str, object] = read_whole(session, entity, self._kept.record_id, make_env(session, self._actor))
        return LiveWorld(session, Case(values, state.starter), self_=state.self_, empty=state.empty)

    def _asked(self, task: Task) -> PanelPerson:
        return PanelPerson(
            id=task.person.id,
            name=task.person.name,
            status="cited" if task.cites is not None else task.status,
            why=self._why(task.person),
            since=task.opened_at,
            due=task.due,
            at=task.closed_at,
            reason=task.reason,
            went_to=task.went_to,
        )

    def _planned(self, person: Person) -> PanelPerson:
        return PanelPerson(person.id, person.name, "planned", self._why(person))

    def _why(self, person: Person) -> str:
        return say_why(self._session.app, person.why, self._language, entity=self._kept.entity)
