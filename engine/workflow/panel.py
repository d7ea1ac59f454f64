"""How an approval stands, for whoever looks at the record: who has it, since when, what was said, what comes next.

Enters: the address of a record, who looks. Leaves: typed data for pages and the API, in the reader's language where it
is a sentence. Must not write, nor decide who may see the record: whoever calls has read it already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.compiler.app import Label
from engine.people.actor import Actor
from engine.people.delegations import find_principals
from engine.records.evaluation import make_env
from engine.records.rights import find_rights, get_entity, own_entity
from engine.storage.store import Session
from engine.workflow.approval import log
from engine.workflow.approval.decisions import can_withdraw, offered, return_targets
from engine.workflow.approval.going_back import can_retract
from engine.workflow.approval.handing import can_remove, can_urge
from engine.workflow.approval.involving import manages_somebody
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import say_why
from engine.workflow.approval.plan import BranchPlan, Decide, Person, StepKind
from engine.workflow.approval.state import (
    ApprovalState,
    Comment,
    Copy,
    Status,
    Step,
    StepStatus,
    Task,
    TaskKind,
    TaskStatus,
)
from engine.workflow.approval.task_rows import Kept
from engine.workflow.requirements import read_whole
from engine.workflow.rule_words import say_branch, say_rule
from engine.workflow.shown import Shown, read_shown

_BROUGHT = ("added", "consult", "transfer")
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
    by: str = ""  # the deputy who decided for them
    kind: TaskKind = "decide"
    question: str = ""  # what a consultation asks
    task: int = 0
    signature: int | None = None  # the file of a handwritten signature
    removable: bool = False  # whether the reader may take them out of the step
    earlier: bool = False  # an answer of an earlier turn of the step, which does not count any more
    note: str = ""  # how they came into the step: ``added``, ``transfer``, ``consult``, ``late``; "" by its own rule
    brought_by: str = ""  # who brought them in


@dataclass(frozen=True)
class PanelStep:
    """One step. ``rule`` is its condition in words, ``place`` where it is written.

    ``skipped`` says why nobody is asked: ``when`` (the condition did not hold), ``branch`` (that of its branch did not:
    ``branch_rule``), ``self`` (only the starter was left), ``jump`` (it passed before a return) or ``gone`` (there is
    none in the release the approval was moved to). ``size`` is how many people its own rule asks.
    """

    key: str
    label: Label
    decide: Decide
    status: StepStatus
    people: tuple[PanelPerson, ...]
    rule: str
    place: str
    skipped: str
    due: datetime | None
    kind: StepKind = "people"
    branch: Label = field(default_factory=dict)  # what the branch it stands in is called
    branch_rule: str = ""
    called: int | None = None  # the approval a step waits for
    need: int = 0
    share: str = ""
    size: int = 0


@dataclass(frozen=True)
class Target:
    """A step a task may be returned to."""

    key: str
    label: Label


@dataclass(frozen=True)
class Panel:
    """One submission. ``task`` is the reader's own open task, or one they may act on for ``task_for``; ``actions`` what
    they may do with it."""

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
    task_for: str = ""
    fields: tuple[str, ...] = ()  # what work asks to be filled in
    signature: bool = False
    targets: tuple[Target, ...] = ()
    to_starter: bool = True
    retractable: int | None = None  # a task whose answer the reader may take back
    can_urge: bool = False
    can_revoke: bool = False
    can_terminate: bool = False
    copies: tuple[Copy, ...] = ()
    question: str = ""


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


def list_panels(session: Session, entity: str, record_id: int, *, actor: Actor, task: int | None = None) -> list[Panel]:
    """Return all submissions of a record, the newest first; of several tasks of the reader ``task`` is the one."""
    kept = [log.read(session, id_) for id_ in reversed(log.find_rounds(session, entity, record_id))]
    return [_panel(session, one, actor, task) for one in kept if one is not None]


def _panel(session: Session, kept: Kept, actor: Actor, task: int | None = None) -> Panel:
    state = kept.state
    mine, principals = _find_mine(session, kept, actor, task)
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
        actions=offered(state, mine) if mine is not None else (),
        reasons=frozenset(plan.reason) if plan is not None else frozenset(),
        can_withdraw=can_withdraw(state, actor.id) and kept.parent_id is None,
        **_own_task(state, mine, actor),
        retractable=_find_retractable(kept, actor, principals),
        can_urge=_may_urge(session, state, actor),
        can_revoke=_may_revoke(session, kept, actor),
        can_terminate=state.running and actor.is_admin,
        copies=state.copies,
    )


def _find_mine(session: Session, kept: Kept, actor: Actor, wanted: int | None) -> tuple[Task | None, frozenset[int]]:
    """Return the task that is wanted, else the reader's own open one, else one of somebody whose deputy they are."""
    open_ = sorted(kept.state.open_tasks, key=lambda task: kept.task_ids[task.number - 1] != wanted)
    own = [task for task in open_ if task.person.id == actor.id]
    if own and (wanted is None or kept.task_ids[own[0].number - 1] == wanted):
        return own[0], frozenset()
    principals = find_principals(session, actor.id)
    theirs = [task for task in open_ if task.person.id in principals]
    either = sorted([*own, *theirs], key=lambda task: kept.task_ids[task.number - 1] != wanted)
    return (either[0] if either else None), principals


def _own_task(state: ApprovalState, mine: Task | None, actor: Actor) -> dict[str, Any]:
    if mine is None:
        return {}
    plan = state.step(mine.step).plan
    return {
        "task_for": "" if mine.person.id == actor.id else mine.person.name,
        "fields": plan.fields if mine.kind == "work" else (),
        "signature": plan.signature,
        "targets": tuple(Target(step.key, step.plan.label) for step in return_targets(state, mine.step)),
        "to_starter": "starter" in state.rules.get("return", {}).get("to", ["starter"]),
        "question": mine.question,
    }


def _find_retractable(kept: Kept, actor: Actor, principals: frozenset[int]) -> int | None:
    mine = [task for task in kept.state.tasks if task.person.id == actor.id or task.person.id in principals]
    found = next((task for task in reversed(mine) if task.decided and can_retract(kept.state, task)), None)
    return kept.task_ids[found.number - 1] if found is not None else None


def _may_urge(session: Session, state: ApprovalState, actor: Actor) -> bool:
    if not state.running or not state.open_tasks:
        return False
    manages = state.starter.id != actor.id and manages_somebody(session, state, actor)
    world = LiveWorld.of(session, state, {})  # only its calendar is asked
    return can_urge(state, world, by=actor.id, at=session.now(), manages=manages)


def _may_revoke(session: Session, kept: Kept, actor: Actor) -> bool:
    """Whether asking to revoke is worth offering; the command says whether the time has not run out."""
    state = kept.state
    asked = bool(state.rules.get("revoke")) and state.status == "approved" and state.starter.id == actor.id
    return asked and log.find_running(session, kept.entity, kept.record_id) is None


class _Steps:
    """The steps of one submission in words for one reader."""

    def __init__(self, session: Session, kept: Kept, actor: Actor) -> None:
        self._session = session
        self._kept = kept
        self._actor = actor
        self._language = actor.language or session.app.language
        self._branches = {branch.key: branch for step in kept.state.steps for branch in step.plan.branches}
        calls = any(step.plan.kind == "call" and step.turn for step in kept.state.steps)
        self._children = log.find_children(session, kept.id) if calls else {}

    def read(self) -> tuple[PanelStep, ...]:
        """Return every step; those still to come with the people they would ask now."""
        return tuple(self._step(step) for step in self._kept.state.steps)

    def _step(self, step: Step) -> PanelStep:
        people = tuple(self._asked(task, step) for task in self._kept.state.tasks_of(step.key))
        to_come = self._to_come(step)
        people += tuple(self._planned(person) for person in to_come)
        branch, skipped = self._branches.get(step.plan.within), self._skipped(step)
        return PanelStep(
            key=step.key,
            label=step.plan.label,
            decide=step.plan.decide,
            status="skipped" if skipped and step.status == "planned" else step.status,
            people=people,
            rule=say_rule(self._session.app, self._kept.state.approval, step.key, step.plan.when, self._language),
            place=step.plan.place,
            skipped=skipped,
            due=min((one.due for one in people if one.status == "open" and one.due is not None), default=None),
            kind=step.plan.kind,
            branch=branch.label if branch is not None else {},
            branch_rule=self._branch_rule(branch) if branch is not None else "",
            called=self._children.get(step.key),
            need=step.need,
            share=step.plan.share,
            size=len(step.people if step.status != "planned" else to_come),
        )

    def _skipped(self, step: Step) -> str:
        if step.gone:
            return "gone"
        branch = self._branches.get(step.plan.within)
        if branch is not None and not branch.applies:
            return "branch"
        return step.why if step.status == "skipped" else "" if step.plan.applies else "when"

    def _branch_rule(self, branch: BranchPlan) -> str:
        return say_branch(self._session.app, self._kept.state.approval, branch.key, branch.when, self._language)

    def _to_come(self, step: Step) -> tuple[Person, ...]:
        asks = step.status == "planned" and not self._skipped(step) and bool(step.plan.who)
        if asks and self._kept.state.running:
            return self._world().holders(step.plan).people
        return step.queue

    def _world(self) -> LiveWorld:
        session, state = self._session, self._kept.state
        entity = own_entity(session.app, self._kept.entity)
        values: Mapping[str, object] = read_whole(session, entity, self._kept.record_id, make_env(session, self._actor))
        return LiveWorld.of(session, state, values)

    def _asked(self, task: Task, step: Step) -> PanelPerson:
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
            by=task.decided_by.name if task.decided_by else "",
            kind=task.kind,
            question=task.question,
            task=self._kept.task_ids[task.number - 1],
            signature=task.signature["file"] if task.signature else None,
            removable=can_remove(self._kept.state, task, self._actor.id, is_admin=self._actor.is_admin),
            earlier=task.turn < step.turn or step.status == "planned",
            note=task.person.why.note,
            brought_by=task.person.why.of if task.person.why.note in _BROUGHT else "",
        )

    def _planned(self, person: Person) -> PanelPerson:
        return PanelPerson(person.id, person.name, "planned", self._why(person))

    def _why(self, person: Person) -> str:
        return say_why(self._session.app, person.why, self._language, entity=self._kept.entity)
