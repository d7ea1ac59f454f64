"""Entering a stage: the gate on the way, and the one place where a stage is written.

Enters: a locked record with the values it would have, the stages it leaves and enters. Leaves: what is missing, or the
record in its new stage with history, evidence and event. Must not ask who may do this: its callers did.
"""

from collections.abc import Mapping
from typing import Any

from engine.compiler.app import Entity, Move, Requirement
from engine.errors import NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.completing import fitted
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.writing import save_changes
from engine.storage.store import Session
from engine.workflow.evidence import collect_evidence, watch_files


def gate(entity: Entity, from_: str | None, *to: str) -> tuple[Requirement, ...]:
    """Return all that guards the way out of ``from_`` and into the stages ``to``; nothing holds back who goes back."""
    stages = entity.workflow.stages if entity.workflow is not None else {}
    out = stages[from_].leave if from_ is not None and from_ in stages and not _is_back(entity, from_, to[-1]) else ()
    return (*out, *(requirement for key in to for requirement in stages[key].enter))


def _is_back(entity: Entity, from_: str, to: str) -> bool:
    stages = entity.workflow.stages if entity.workflow is not None else {}
    order = [key for key, stage in stages.items() if not stage.outcome]
    return from_ in order and to in order and order.index(to) < order.index(from_)


def values_set(entity: Entity, move: Move | None, values: Mapping[str, Any], env: Env) -> dict[str, Any]:
    """Return what the move itself sets (``set:``), worked out over the values as they are."""
    if move is None:
        return {}
    return {key: fitted(entity.fields[key], expression.run(values, env)) for key, expression in move.set.items()}


def change_stage(
    session: Session,
    entity: Entity,
    record: Record,
    to: str,
    changes: Mapping[str, Any],
    *,
    move: str,
    reason: str | None,
    actor: Actor | None,
    details: Mapping[str, Any] | None = None,
    env: Env | None = None,
) -> Record:
    """Write a stage change whose gate was checked; ``changes`` are values written with it.

    Raises ``NotPossibleNow`` when a newer release no longer has the stage.
    """
    if entity.workflow is None or to not in entity.workflow.stages:
        raise NotPossibleNow("workflow.stage_gone", stage=to)
    from_ = record.values.get("stage")
    values = {**record.values, **changes}
    told: dict[str, Any] = {"move": move, "from": from_, "to": to, **(details or {})}
    env = env or make_env(session, actor)
    evidence = collect_evidence(session, entity, values, gate(entity, from_, to), env)
    if evidence:
        told["evidence"] = evidence
    moved = save_changes(
        session,
        entity,
        record,
        {**changes, "stage": to},
        actor=actor,
        action="move",
        event="moved",
        note=reason or None,
        details=told,
        env=env,
    )
    watch_files(session, entity, record.id, to, values, evidence.get("files"))
    return moved
