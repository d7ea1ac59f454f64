"""What submitting a record would ask of whom: the plan of its approval, for submitting it and for looking ahead.

Enters: the compiled approval, the values of a record, who submits. Leaves: a ``Submission`` for the pure core, the
world it asks while it runs, and the ``Path`` shown before submitting. Must not write.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from engine import messages
from engine.compiler.app import Approval, Entity, Field, Label, Move, Step
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.calendar import add_working
from engine.storage.column_types import to_json
from engine.storage.store import Session
from engine.workflow.approval_decisions import Holders, Submission
from engine.workflow.approval_state import Person, StepPlan
from engine.workflow.people_rules import Case, Rule, find_holders, to_rules

FALLBACK = "_fallback"
"""The step of an approval none of whose steps applies: the people of its ``empty`` policy are asked."""

StepFate = Literal["asked", "when", "self", "nobody", "duplicate"]


@dataclass(frozen=True)
class PathStep:
    """One step as it would go. ``fate``: ``asked``, or why nobody is: its condition (``when``), the starter is the only
    approver (``self``), nobody can be found (``nobody``), they approve just before (``duplicate``)."""

    key: str
    label: Label
    decide: Literal["any", "all", "in_order"]
    people: tuple[Person, ...]
    fate: StepFate
    rule: str  # the condition as written (``rule_words.say_rule`` says it), "" when the step always applies
    place: str
    due: str | None


@dataclass(frozen=True)
class Path:
    """Who would sign, in order; ``auto_note`` says why nobody is asked at all."""

    approval: str
    auto_note: Label | None
    steps: tuple[PathStep, ...]

    @property
    def blocked(self) -> bool:
        """Whether submitting is refused because a step would find nobody."""
        return any(step.fate == "nobody" for step in self.steps)


class LiveWorld:
    """People and due moments as they are in this session; each step is asked for once."""

    def __init__(self, session: Session, case: Case, *, self_: str, empty: Sequence[Rule]) -> None:
        self._session = session
        self._case = case
        self._self = self_
        self._empty = empty
        self._found: dict[str, Holders] = {}

    def holders(self, step: StepPlan) -> Holders:
        """Return who is asked in this step now."""
        if step.key not in self._found:
            found = find_holders(self._session, step.who, self._case, self_=self._self, empty=self._empty)
            self._found[step.key] = found
        return self._found[step.key]

    def due(self, step: StepPlan) -> datetime | None:
        """Return when a task of this step that opens now is due."""
        if step.due is None:
            return None
        app = self._session.app
        return add_working(app.calendar, app.timezone, self._session.now(), step.due)


def plan_submission(
    entity: Entity,
    approval: Approval,
    values: Mapping[str, Any],
    env: Env,
    *,
    actor: Actor,
    round_: int = 1,
    origin: Mapping[str, Any] | None = None,
) -> Submission:
    """Return what submitting a record with these (complete) values means."""
    passes = approval.auto_pass is not None and approval.auto_pass.run(values, env) is True
    guard = guarded_columns(entity, approval)
    return Submission(
        approval=approval.key,
        round=round_,
        starter=Person(actor.id, actor.name),
        content=content_hash(guard, values),
        steps=_plan_steps(approval, values, env),
        self_=approval.self_,
        duplicate=approval.duplicate,
        withdraw=approval.withdraw,
        empty=to_rules(approval.empty),
        origin={**(origin or {}), "guard": guard},
        auto_note=approval.auto_pass_note if passes else None,
    )


def preview(submission: Submission, world: LiveWorld) -> Path:
    """Return the path a submission would take if everybody approved."""
    if submission.auto_note is not None:
        return Path(submission.approval, submission.auto_note, ())
    steps: list[PathStep] = []
    for plan in submission.steps:
        holders = world.holders(plan) if plan.applies else Holders(())
        steps.append(_path_step(plan, holders, submission.duplicate, steps))
    return Path(submission.approval, None, tuple(steps))


def move_origin(move: Move, stage: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an approval must remember to end: the move, its stages, and what deciders are shown."""
    return {
        "move": move.key,
        "from": stage,
        "to": move.to,
        "during": move.during or stage,
        "refused": move.refused or stage,
        "shown": dict(shown),
    }


def guarded_columns(entity: Entity, approval: Approval) -> dict[str, list[str]]:
    """Return the guarded fields, each with the columns of its line table (none for a plain field).

    They are kept with the approval: a column added by a later release does not change what was submitted.
    """
    fields = [entity.fields[key] for key in sorted(approval.guard) if key in entity.fields]
    return {field.key: _line_columns(field) for field in fields}


def content_hash(guard: Mapping[str, Sequence[str]], values: Mapping[str, Any]) -> str:
    """Return the sha256 (hexadecimal) of the guarded values, the same on every database."""
    content = {key: _content(values.get(key), columns) for key, columns in sorted(guard.items())}
    return hashlib.sha256(str(to_json(content)).encode()).hexdigest()


def _plan_steps(approval: Approval, values: Mapping[str, Any], env: Env) -> tuple[StepPlan, ...]:
    plans = tuple(_plan_step(step, values, env) for step in approval.steps.values())
    if any(plan.applies for plan in plans):
        return plans
    label = {language: messages.text("approval.fallback_step", language) for language in messages.LANGUAGES}
    return (*plans, StepPlan(FALLBACK, label, who=to_rules(approval.empty)))


def _plan_step(step: Step, values: Mapping[str, Any], env: Env) -> StepPlan:
    return StepPlan(
        key=step.key,
        label=step.label,
        who=to_rules(step.who),
        decide=step.decide,
        refuse="all" if step.decide == "any" else "first",
        due=step.due,
        allow=tuple(sorted(step.allow)),
        reason=tuple(sorted(step.reason)),
        when=step.when.text if step.when is not None else "",
        place=str(step.location),
        applies=step.when is None or step.when.run(values, env) is True,
    )


def _path_step(plan: StepPlan, holders: Holders, duplicate: str, before: Sequence[PathStep]) -> PathStep:
    known = _approve_before(duplicate, before)
    people = tuple(person for person in holders.people if plan.decide == "any" or person.id not in known)
    fate: StepFate = "asked"
    if not plan.applies:
        fate = "when"
    elif holders.skip:
        fate = "self"
    elif not holders.people:
        fate = "nobody"
    elif not people or (plan.decide == "any" and any(person.id in known for person in people)):
        fate = "duplicate"
    shown = people if fate == "asked" else holders.people
    return PathStep(plan.key, plan.label, plan.decide, shown, fate, plan.when, plan.place, plan.due)


def _approve_before(duplicate: str, before: Sequence[PathStep]) -> set[int]:
    """Return whose earlier approval is certain to stand: all of a step, or the only one asked."""
    signed = [step for step in before if step.fate in ("asked", "duplicate")]
    counted = {"none": [], "consecutive": signed[-1:], "all": signed}[duplicate]
    sure = [step for step in counted if step.decide != "any" or len(step.people) == 1]
    return {person.id for step in sure for person in step.people}


def _line_columns(field: Field) -> list[str]:
    return sorted(column.key for column in field.fields.values() if not column.retired)


def _content(value: Any, columns: Sequence[str]) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list | tuple):
        return [_content(item, columns) for item in value]
    if isinstance(value, Mapping):
        return _row_content(value, columns or ("name", "sha256"))
    return value


def _row_content(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """A line without its id (saving may give it another), a file by its name and what is in it."""
    return {key: _content(row[key], ()) for key in columns if row.get(key) is not None}
