"""Moving a record from stage to stage: which moves there are, what they need, and making one.

Enters: a record's address, the key of a move, values filled on the spot, the version the actor saw. Leaves: the record
in its new stage (or waiting for approval), with history, evidence and event in the same transaction; or one of the five
errors, and nothing written. Must not be gone around: board, bulk edit, import and API all move through here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.compiler.app import Entity, Move, Requirement, Workflow
from engine.errors import FieldError, InvalidValues, Missing, NotAllowed, NotFound, NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.commands import apply_values, require_version
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import get_entity
from engine.records.writing import lock_record
from engine.storage.store import Session
from engine.workflow import approval_log, approvals
from engine.workflow.approval_state import Person
from engine.workflow.people_rules import Case, is_named, to_rules
from engine.workflow.refusals import checked_text
from engine.workflow.requirements import fillable_fields, find_missing, read_whole
from engine.workflow.stages import change_stage, gate, values_set


@dataclass(frozen=True)
class PossibleMove:
    """A move the actor may make from where the record is; ``missing`` is what it still needs."""

    move: Move
    missing: tuple[Missing, ...]


def list_moves(session: Session, record: Record, *, actor: Actor) -> list[PossibleMove]:
    """Return the moves the actor may make now, in file order; none while people decide about the record."""
    entity = get_entity(session.app, record.entity)
    if entity.workflow is None or approval_log.find_running(session, entity.key, record.id) is not None:
        return []
    env = make_env(session, actor)
    values = read_whole(session, entity, record.id, env)
    whole = Record(entity.key, record.id, record.version, values, can_write=record.can_write)
    return [
        PossibleMove(move, _find_missing(session, entity, whole, move, env, actor))
        for move in entity.workflow.moves.values()
        if values.get("stage") in move.from_ and _may_move(session, move, whole, actor) and _holds(move, values, env)
    ]


def move_record(
    session: Session,
    entity: str,
    id: int,
    move: str,
    *,
    raw: Mapping[str, Any] | None = None,
    reason: str | None = None,
    version: int,
    actor: Actor,
) -> Record:
    """Make a move: fill ``raw`` in, check all that guards the way, and change the stage or ask for approval.

    Raises ``NotFound`` (no such record, workflow or move), ``NotAllowed`` (not this actor's move), ``NotPossibleNow``
    (stale, another stage, people are deciding, the condition does not hold) and ``InvalidValues`` (wrong values, no
    reason, or ``missing``: everything the new stage still needs).
    """
    compiled = get_entity(session.app, entity)
    workflow, wanted = _get_move(compiled, move)
    record = lock_record(session, compiled, id, actor=actor)
    approvals.require_none_running(session, compiled, record)
    require_version(session, record, version)
    env = make_env(session, actor)
    _require_possible(session, workflow, wanted, record, env, actor)
    said = _require_reason(wanted, reason)
    changes = _fill(session, compiled, wanted, record, raw or {}, actor)
    after = replace(record, values={**record.values, **changes})
    missing = _find_missing(session, compiled, after, wanted, env, actor)
    if missing:
        raise InvalidValues(missing=missing)
    if wanted.approval is not None:
        return approvals.start(session, compiled, record, wanted, changes, reason=said, actor=actor)
    changes |= values_set(compiled, wanted, after.values, env)
    return change_stage(
        session, compiled, record, wanted.to, changes, move=wanted.key, reason=said, actor=actor, env=env
    )


def _get_move(entity: Entity, key: str) -> tuple[Workflow, Move]:
    if entity.workflow is None or key not in entity.workflow.moves:
        raise NotFound("workflow.no_move", move=str(key)[:60])
    return entity.workflow, entity.workflow.moves[key]


def _require_possible(session: Session, workflow: Workflow, move: Move, record: Record, env: Env, actor: Actor) -> None:
    stage = record.values.get("stage")
    if stage not in move.from_:
        here = workflow.stages[stage].label if stage is not None and stage in workflow.stages else stage or "—"
        raise NotPossibleNow("workflow.not_from_here", move=move.label, stage=here)
    if not _may_move(session, move, record, actor):
        raise NotAllowed("workflow.not_yours", move=move.label)
    if not _holds(move, record.values, env):
        raise NotPossibleNow("workflow.condition", move=move.label)


def _may_move(session: Session, move: Move, record: Record, actor: Actor) -> bool:
    """A move without ``who`` belongs to whoever may write the record; one with it to those it names, and no other."""
    if not move.who:
        return record.can_write
    case = Case(record.values, Person(actor.id, actor.name))
    return is_named(session, to_rules(move.who), case, actor)


def _holds(move: Move, values: Mapping[str, Any], env: Env) -> bool:
    return move.when is None or move.when.run(values, env) is True


def _require_reason(move: Move, reason: str | None) -> str | None:
    said = checked_text(reason)
    if move.reason == "required" and not said:
        raise InvalidValues([FieldError("reason", "workflow.reason_required", {"move": move.label})])
    return said or None


def _find_missing(
    session: Session, entity: Entity, record: Record, move: Move, env: Env, actor: Actor
) -> tuple[Missing, ...]:
    """What the move lacks, with what it sets itself already counted."""
    values = {**record.values, **values_set(entity, move, record.values, env)}
    return find_missing(session, entity, values, _gate_of(entity, move, record), env, actor=actor)


def _gate_of(entity: Entity, move: Move, record: Record) -> tuple[Requirement, ...]:
    """An approval's gates are all checked when it is submitted, and the last again when it passes."""
    ways = [move.during, move.to] if move.during is not None else [move.to]
    return gate(entity, record.values.get("stage"), *(way for way in ways if way is not None))


def _fill(
    session: Session, entity: Entity, move: Move, record: Record, raw: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """Return the typed changes ``raw`` makes; what the gate asks for may be filled even where it is locked."""
    if not raw:
        return {}
    asked = fillable_fields(_gate_of(entity, move, record))
    if not record.can_write and not set(raw) <= asked:
        raise NotAllowed("record.no_write")
    return apply_values(session, entity, record, raw, actor=actor, unlocked=asked)
