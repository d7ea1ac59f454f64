"""What would happen if a record were submitted: who signs when, what falls due, what still stands in the way.

Enters: an approval, a record or values somebody thinks of, the release that holds or a draft. Leaves: a
``Simulation``. Must not write: it needs a reading session only, so nobody is asked or told, no timer is armed, no
number drawn.

Later steps are dated as late as they could open: each step before them is answered at the moment it is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from engine.changing.drafts import Seen
from engine.compiler.app import Approval, CompiledApp, Entity, Label, Move
from engine.errors import Missing, NotFound
from engine.people.actor import Actor
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case, to_rules
from engine.workflow.approval.plan import LatePlan, Person, StepPlan
from engine.workflow.approval.planning import PathStep, plan_submission, preview
from engine.workflow.approval.world import Submission
from engine.workflow.explaining import Explained, Supposed, get_approval, suppose_record, suppose_values
from engine.workflow.requirements import find_missing
from engine.workflow.stages import gate, values_set


@dataclass(frozen=True)
class LateMoment:
    """What a late rule would do at a moment; ``people`` are whom it reminds, adds or hands over to."""

    at: datetime
    rule: LatePlan
    people: tuple[Person, ...]


@dataclass(frozen=True)
class SimulatedStep:
    """One step with its moments; those of a step nobody is asked in are None and empty."""

    path: PathStep
    opens: datetime | None
    due: datetime | None
    late: tuple[LateMoment, ...]
    copies: tuple[Person, ...]


@dataclass(frozen=True)
class Simulation:
    """``copies`` holds who gets a copy when it starts, is approved or refused; ``missing`` what the gate lacks.

    ``move`` is the way it would be submitted by, None when the entity has none for it; ``unknown`` says that a gate of
    the draft asks for what only its own tables could answer.
    """

    explained: Explained
    steps: tuple[SimulatedStep, ...]
    copies: Mapping[str, tuple[Person, ...]]
    move: Move | None
    missing: tuple[Missing, ...]
    unknown: bool
    is_draft: bool


def simulate_record(seen: Seen, approval: str, id: int, *, actor: Actor | None) -> Simulation:
    """Return what submitting a record that is there would lead to; its owner submits it unless ``actor`` is given."""
    compiled = get_approval(seen.session.app, approval)
    entity = seen.session.app.entities[compiled.entity]
    return _simulate(seen, suppose_record(seen.session, compiled, seen.read_whole(entity, id), actor=actor))


def simulate_values(seen: Seen, approval: str, written: Mapping[str, str], *, actor: Actor | None) -> Simulation:
    """Return what submitting a new record with these values would lead to; errors as in ``suppose_values``."""
    return _simulate(
        seen, suppose_values(seen.session, approval, written, actor=actor, env_of=seen.env, today=seen.today)
    )


def simulate_named(
    seen: Seen, approval: str, written: Mapping[str, str], record: str | None, *, actor: Actor | None
) -> Simulation:
    """Return what submitting ``record``, such as ``quote/5``, would lead to, else a new one with values.

    Raises ``NotFound`` for the address of something the approval is not about.
    """
    if record is None:
        return simulate_values(seen, approval, written, actor=actor)
    entity, _, id_ = record.partition("/")
    wanted = get_approval(seen.session.app, approval).entity
    if entity != wanted or not id_.isdecimal():
        raise NotFound("explain.record_address", name=record, entity=wanted)
    return simulate_record(seen, approval, int(id_), actor=actor)


def find_move(entity: Entity, approval: Approval, stage: str | None) -> Move | None:
    """Return the move a record is submitted by: one from where it is, else the first there is."""
    if entity.workflow is None:
        return None
    moves = [move for move in entity.workflow.moves.values() if move.approval == approval.key and not move.retired]
    here = [move for move in moves if stage in move.from_]
    return next(iter(here or moves), None)


def find_questions(app: CompiledApp, approval: Approval) -> dict[str, tuple[Label, ...]]:
    """Return what the conditions of an approval read, by the key ``simulate_values`` takes, each with its labels.

    Columns of line tables are left out: what is computed from them can be supposed instead.
    """
    entity = app.entities[approval.entity]
    branches = [branch.when for step in approval.steps.values() for branch in step.branches]
    conditions = [approval.auto_pass, *(step.when for step in approval.steps.values()), *branches]
    read = sorted({path for one in conditions if one is not None for path in one.checked.uses})
    found: dict[str, tuple[Label, ...]] = {}
    for first, *rest in read:
        field = entity.fields.get(first)
        if field is None or len(rest) > 1 or field.type.has_rows or field.type.has_files:
            continue
        target = app.entities.get(field.to or "")
        linked = target.fields.get(rest[0]) if rest and target is not None else None
        if not rest:
            found[first] = (field.label,)
        elif linked is not None and not linked.type.has_rows:
            found[f"{first}.{rest[0]}"] = (field.label, linked.label)
    return found


def _simulate(seen: Seen, supposed: Supposed) -> Simulation:
    session, approval, starter = seen.session, supposed.approval, supposed.starter
    entity = session.app.entities[approval.entity]
    env = seen.make_env(starter)
    submission = plan_submission(entity, approval, supposed.values, env, starter=Person(starter.id, starter.name))
    world = LiveWorld(
        session, Case(supposed.values, submission.starter), self_=submission.self_, empty=to_rules(approval.empty)
    )
    path = preview(submission, world)
    move = find_move(entity, approval, supposed.values.get("stage"))
    missing, unknown = _missing(seen, entity, supposed, move)
    rules = submission.rules or {}
    return Simulation(
        explained=Explained(session.app, approval, starter, path, session.release_id),
        steps=tuple(_Timeline(submission, world, {step.key: step for step in path.steps}).walk(session.now())),
        copies={point: world.people(who) for point, who in rules.get("cc", {}).items()},
        move=move,
        missing=missing,
        unknown=unknown,
        is_draft=seen.is_draft,
    )


def _missing(seen: Seen, entity: Entity, supposed: Supposed, move: Move | None) -> tuple[tuple[Missing, ...], bool]:
    """Return what the gate lacks, and whether part of it cannot be known before the draft is published."""
    if move is None:
        return (), False
    values: dict[str, Any] = {"id": 0, **supposed.values}
    if values.get("stage") not in move.from_:
        values["stage"] = min(move.from_)
    env = seen.make_env(supposed.starter)
    values |= values_set(entity, move, values, env)
    needed = gate(entity, values["stage"], *((move.to,) if move.during is None else (move.during, move.to)))
    found: list[Missing] = []
    unknown = False
    for requirement in needed:
        try:
            found += find_missing(seen.session, entity, values, (requirement,), env, actor=supposed.starter)
        except (DBAPIError, KeyError):
            if not seen.is_draft:
                raise
            unknown = True
    return tuple(found), unknown


@dataclass(frozen=True)
class _Timeline:
    """Walks the steps of a submission as they would open."""

    submission: Submission
    world: LiveWorld
    path: Mapping[str, PathStep]

    def walk(self, start: datetime) -> Iterator[SimulatedStep]:
        """Yield every step of the path, in the order of the file, with the moments it would have."""
        if not self.path:
            return
        moments = dict(self._opens("", start))
        for plan in self.submission.steps:
            if plan.key in self.path:
                yield self._step(plan, self.path[plan.key], moments.get(plan.key))

    def _opens(self, within: str, start: datetime) -> list[tuple[str, datetime]]:
        """Return when each step of a sequence, and of the branches in it, would open; "" is when it is over."""
        found: list[tuple[str, datetime]] = []
        for plan in (plan for plan in self.submission.steps if plan.within == within):
            if plan.kind == "parallel":
                start = self._branches(plan, start, found)
            elif self.path[plan.key].fate in ("asked", "call", "choose"):
                found.append((plan.key, start))
                start = start if plan.due is None else self.world.later(plan.due, start)
        return [*found, (f"end of {within}", start)]

    def _branches(self, plan: StepPlan, start: datetime, found: list[tuple[str, datetime]]) -> datetime:
        ends = [start]
        for branch in plan.branches if plan.applies else ():
            if branch.applies:
                *steps, (_, end) = self._opens(branch.key, start)
                found += steps
                ends.append(end)
        return max(ends)

    def _step(self, plan: StepPlan, path: PathStep, opens: datetime | None) -> SimulatedStep:
        if opens is None:
            return SimulatedStep(path, None, None, (), ())
        due = None if plan.due is None else self.world.later(plan.due, opens)
        moments = dict(self.world.moments_from(plan, opens))
        late = [LateMoment(moments[rule.key], rule, self._told(rule, path.people)) for rule in plan.late]
        late.sort(key=lambda one: one.at)
        return SimulatedStep(path, opens, due, tuple(late), self.world.people(plan.cc))

    def _told(self, rule: LatePlan, holders: Sequence[Person]) -> tuple[Person, ...]:
        named = [rules for action in rule.do for rules in action.values() if isinstance(rules, list | tuple)]
        who = [one for rules in named for one in rules]
        holder = holders[0].id if holders else None
        return self.world.people(who, holder)
