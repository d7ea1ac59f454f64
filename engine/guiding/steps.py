"""The steps of the set-up guide, and which are done: read from what is there, not from what somebody ticked.

Enters: a session. Leaves: steps in their order. Invented people and what they made count for nothing. Must not change
anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, exists, func, select

from engine.compiler.app import CompiledApp, Entity, find_required
from engine.guiding.timing import TEMPLATE, Kept, read_kept
from engine.people.actor import ADMIN
from engine.storage.approval_tables import approvals
from engine.storage.chosen import read_setting
from engine.storage.delivery_tables import channels
from engine.storage.stage_tables import calendar_days
from engine.storage.store import Session
from engine.storage.system_tables import audit, departments, user_roles, users

State = Literal["done", "skipped", "open"]
DEMO_PEOPLE = "demo_people"
"""The setting that holds the ids of invented people, and of their departments."""


@dataclass(frozen=True)
class Step:
    """One step. ``entity`` is what a record is to be made of; ``count`` how much there is of what it asks for."""

    key: str
    kind: str
    state: State
    count: int
    seconds: int
    entity: str | None = None
    approval: str | None = None


@dataclass(frozen=True)
class Invented:
    """The invented people of the demo and their departments, by id; its ``admins`` look after the site and stay."""

    people: tuple[int, ...] = ()
    departments: tuple[int, ...] = ()
    admins: tuple[int, ...] = ()


@dataclass(frozen=True)
class Guide:
    """All steps with what is kept beside them."""

    steps: tuple[Step, ...]
    kept: Kept

    @property
    def done(self) -> int:
        """How many steps are done or left out."""
        return sum(one.state != "open" for one in self.steps)

    @property
    def next(self) -> Step | None:
        """The first step that is open."""
        return next((one for one in self.steps if one.state == "open"), None)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.next is None


def read_guide(session: Session) -> Guide:
    """Return where the guide stands."""
    kept, invented = read_kept(session), find_invented(session)
    return Guide(tuple(_with_said(one, kept) for one in _steps(session, invented)), kept)


def find_invented(session: Session) -> Invented:
    """Return who was invented for the demo."""
    found = read_setting(session.connection, DEMO_PEOPLE) or {}
    return Invented(*(tuple(found.get(name, ())) for name in ("people", "departments", "admins")))


def find_goal(app: CompiledApp) -> Entity | None:
    """Return what is to be approved first: the first thing of the menu whose moves ask for an approval."""
    for key in app.menu or tuple(app.entities):
        entity = app.find_open(key)
        workflow = entity.workflow if entity is not None else None
        if workflow is not None and any(move.approval for move in workflow.moves.values()):
            return entity
    return None


def count_real(session: Session, entity: str, invented: Invented) -> int:
    """Return how many records real people made, counting to 1,000."""
    table = session.tables.entity[entity]
    real = select(table.c.id).where(table.c.deleted_at.is_(None), *_not_by(table.c.created_by, invented))
    return session.connection.scalar(select(func.count()).select_from(real.limit(1000).subquery())) or 0


def _with_said(step: Step, kept: Kept) -> Step:
    said = kept.said.get(step.key)
    state: State = "done" if step.state == "done" else said or "open"
    return Step(step.key, step.kind, state, step.count, kept.spent.get(step.key, 0), step.entity, step.approval)


def _steps(session: Session, invented: Invented) -> Iterator[Step]:
    app, ask = session.app, session.connection.scalar
    yield Step(TEMPLATE, TEMPLATE, "done" if session.release_id is not None else "open", 0, 0)
    yield _step("site", int(app.choices.name is not None))
    admins = select(user_roles.c.user_id).where(user_roles.c.role == ADMIN)
    real = (users.c.disabled_at.is_(None), users.c.id.not_in((*invented.people,)), users.c.id.not_in(admins))
    yield _step("people", ask(select(func.count(users.c.id)).where(*real)) or 0)
    c = departments.c
    yield _step("departments", ask(select(func.count(c.id)).where(c.id.not_in(invented.departments))) or 0)
    yield _step("calendar", ask(select(func.count()).select_from(calendar_days)) or 0)
    if app.modules:
        yield _step("modules", len(app.choices.modules))
    tried = ask(select(exists().where(audit.c.action == "delivery.test")))
    yield _step("channels", (ask(select(func.count()).select_from(channels)) or 0) if tried else 0)
    goal = find_goal(app)
    if goal is None:
        return
    for key in _before(app, goal):
        yield _step(f"first-{key}", count_real(session, key, invented), "first", key)
    a = approvals.c
    passed = (a.entity == goal.key, a.state == "approved", *_not_by(a.started_by, invented))
    label = next(one.approval for one in (goal.workflow.moves.values() if goal.workflow else ()) if one.approval)
    count = ask(select(func.count()).select_from(select(a.id).where(*passed).limit(1000).subquery())) or 0
    yield _step("approved", count, "approved", goal.key, label)


def _step(key: str, count: int, kind: str = "", entity: str | None = None, approval: str | None = None) -> Step:
    return Step(key, kind or key, "done" if count else "open", count, 0, entity, approval)


def _before(app: CompiledApp, goal: Entity) -> list[str]:
    """Return what the goal cannot be made without, the innermost first."""
    found: list[str] = []

    def visit(key: str) -> None:
        for one in sorted(find_required(app.entities[key])):
            if one not in found and one != goal.key and one not in app.off:
                found.append(one)
                visit(one)

    visit(goal.key)
    return sorted(found, key=lambda key: (len(find_required(app.entities[key])), found.index(key)))


def _not_by(column: ColumnElement[int], invented: Invented) -> tuple[ColumnElement[bool], ...]:
    return (column.not_in(invented.people),) if invented.people else ()
