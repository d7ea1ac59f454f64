"""Approvers chosen by whoever submits (自选审批人): which steps ask for them, from whom, whether enough were chosen.

Enters: a submission, the record's values, and the ids chosen by step. Leaves: those choices, checked. Must not accept
somebody who may not be chosen, nor the starter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import Label
from engine.errors import FieldError, InvalidValues
from engine.people import directory
from engine.storage.store import Session
from engine.workflow.approval.people import Case, choices
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import asked_steps
from engine.workflow.approval.world import Submission


@dataclass(frozen=True)
class Choice:
    """A step whose people the starter chooses; ``people`` is None when anybody may be chosen."""

    step: str
    label: Label
    min: int
    max: int
    people: tuple[Person, ...] | None


def list_choices(session: Session, submission: Submission, values: Mapping[str, Any]) -> list[Choice]:
    """Return what the starter has to choose for a submission with these values."""
    if submission.auto_note is not None:
        return []
    case = Case(values, submission.starter)
    return [
        Choice(step.key, step.label, rule["min"], rule["max"], choices(session, rule, case))
        for step in asked_steps(submission.steps)
        for rule in step.who
        if rule["kind"] == "chosen_by"
    ]


def read_choices(
    session: Session, submission: Submission, values: Mapping[str, Any], chosen: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """Return what was chosen for each step that asks for it; raises ``InvalidValues`` with ``chosen.<step>``."""
    picked: dict[str, list[int]] = {}
    errors: list[FieldError] = []
    for choice in list_choices(session, submission, values):
        ids = list(dict.fromkeys(chosen.get(choice.step, ())))
        picked[choice.step] = ids
        error = _check(session, choice, ids, submission.starter.id)
        if error is not None:
            errors.append(error)
    if errors:
        raise InvalidValues(errors)
    return picked


def _check(session: Session, choice: Choice, ids: Sequence[int], starter: int) -> FieldError | None:
    path = f"chosen.{choice.step}"
    if not choice.min <= len(ids) <= choice.max:
        params = {"step": choice.label, "min": choice.min, "max": choice.max}
        code = "approval.choose_some" if choice.min == choice.max else "approval.choose_between"
        return FieldError(path, code, params)
    if starter in ids:
        return FieldError(path, "approval.choose_not_yourself")
    if choice.people is not None:
        allowed = {person.id for person in choice.people}
    else:
        allowed = {id_ for id_, one in directory.people(session.connection, ids).items() if one.enabled}
    return None if set(ids) <= allowed else FieldError(path, "approval.choose_others", {"step": choice.label})
