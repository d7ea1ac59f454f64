"""Which step takes the place of which, when running approvals are moved to the release that holds.

Enters: a mapping somebody chose, or the approvals that run. Leaves: the problems of the mapping, or which of their
steps can be mapped, and to what. Must not judge what a mapping does to an approval: ``migrating`` plans that.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from engine.changing.classes import plan_written_of
from engine.compiler.app import Label
from engine.errors import FieldError, InvalidValues, NotFound
from engine.storage.approval_tables import approvals
from engine.storage.store import Session
from engine.workflow.approval.planning import FALLBACK
from engine.workflow.approval.sameness import is_same_step
from engine.workflow.approval.state import ApprovalState

_WAITING = ("call", "parallel")


@dataclass(frozen=True)
class OldStep:
    """A step that running approvals have and the present release has not, or not so.

    ``count`` of them stand in it; ``choices`` are the steps that may take its place: itself, when it is still there, so
    that whoever has it keeps it.
    """

    key: str
    label: Label
    count: int
    choices: Mapping[str, Label]


def check_mapping(session: Session, became: Mapping[str, str], definitions: Collection[str]) -> None:
    """Raise ``NotFound`` for a definition there is none of, ``InvalidValues`` for a mapping that cannot be meant."""
    known = session.app.approvals
    for key in definitions:
        if key not in known and not _has_run(session, key):
            raise NotFound("migrate.no_definition", approval=key, known=", ".join(known) or "–")
    if not became:
        return
    if len(definitions) != 1:
        raise InvalidValues([FieldError("map", "migrate.map_one")])
    approval = known.get(next(iter(definitions)))
    steps = approval.steps if approval is not None else {}
    for old, new in became.items():
        if new not in steps:
            error = {"step": new, "known": ", ".join(steps) or "–"}
            raise InvalidValues([FieldError("map", "migrate.map_unknown", error)])
        if old != new and old in steps:
            raise InvalidValues([FieldError("map", "migrate.map_still_there", {"step": old})])
        if old != new and steps[new].kind in _WAITING:
            raise InvalidValues([FieldError("map", "migrate.map_call", {"step": new})])
    if len(set(became.values())) < len(became):
        raise InvalidValues([FieldError("map", "migrate.map_twice")])


def list_old_steps(session: Session, key: str, states: Iterable[ApprovalState]) -> list[OldStep]:
    """Return the steps of approvals of one definition that can be mapped, in the order they are met."""
    approval = session.app.approvals.get(key)
    if approval is None:
        return []
    free = {one.key: one.label for one in approval.steps.values() if one.kind not in _WAITING}
    found: dict[str, OldStep] = {}
    for state in states:
        for step in state.steps:
            if step.key == FALLBACK or step.gone or not step.turn or step.plan.kind in _WAITING:
                continue
            count = found[step.key].count if step.key in found else 0
            if step.key not in approval.steps:
                choices = free
            elif step.status == "open" and not is_same_step(step.plan, plan_written_of(approval, step.key)):
                choices = {step.key: approval.steps[step.key].label}
            else:
                continue
            found[step.key] = OldStep(step.key, step.plan.label, count + (step.status == "open"), choices)
    return list(found.values())


def _has_run(session: Session, approval: str) -> bool:
    query = select(approvals.c.id).where(approvals.c.approval == approval).limit(1)
    return session.connection.scalar(query) is not None
