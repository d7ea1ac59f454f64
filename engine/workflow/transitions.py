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
from engine.people.actor import ENGINE, Actor
from engine.records.commands import check_moved, fill_for_move, require_version
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity
from engine.records.stays import find_stay
from engine.records.writing import lock_record
from engine.storage.store import Session
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from engine.workflow.approval.people import Case, is_named, to_rules
from engine.workflow.approval.plan import Person
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
        if values.get("stage") in move.from_
        and _leads_back(session, move, whole)
        and _may_move(session, move, whole, actor)
        and _holds(move, values, env)
    ]


def move_record(
    session: Session,
    entity: str,
    id: int,
    move: str,
    *,
    raw: Mapping[str, Any] | None = None,
    reason: str | None = None,
    chosen: approvals.Chosen | None = None,
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
    set_ = values_set(compiled, wanted, after.values, env)
    for stage in _ways(wanted):
        check_moved(compiled, record.values, {**after.values, **set_, "stage": stage}, env)
    if wanted.approval is not None:
        return approvals.start(session, compiled, record, wanted, changes, reason=said, actor=actor, chosen=chosen)
    changes |= set_
    return change_stage(
        session, compiled, record, wanted.to, changes, move=wanted.key, reason=said, actor=actor, env=env
    )


def move_by_itself(session: Session, entity: str, id: int, move: str, *, note: str | None = None) -> Record:
    """Make a move as the engine itself, because a timer or a rule says so; its gate holds as for everybody.

    Raises ``NotFound``, ``NotPossibleNow`` and ``InvalidValues`` (``missing``).
    """
    compiled = get_entity(session.app, entity)
    workflow, wanted = _get_move(compiled, move)
    record = lock_record(session, compiled, id, actor=None)
    approvals.require_none_running(session, compiled, record)
    env = make_env(session, None)
    _require_possible(session, workflow, wanted, record, env, None)
    missing = _find_missing(session, compiled, record, wanted, env, None)
    if missing:
        raise InvalidValues(missing=missing)
    changes = values_set(compiled, wanted, record.values, env)
    return change_stage(
        session, compiled, record, wanted.to, changes, move=wanted.key, reason=note, actor=None, env=env
    )


def _get_move(entity: Entity, key: str) -> tuple[Workflow, Move]:
    if entity.workflow is None or key not in entity.workflow.moves:
        raise NotFound("workflow.no_move", move=str(key)[:60])
    return entity.workflow, entity.workflow.moves[key]


def _require_possible(
    session: Session, workflow: Workflow, move: Move, record: Record, env: Env, actor: Actor | None
) -> None:
    stage = record.values.get("stage")
    if stage not in move.from_:
        here = workflow.stages[stage].label if stage is not None and stage in workflow.stages else stage or "—"
        raise NotPossibleNow("workflow.not_from_here", move=move.label, stage=here)
    if not _leads_back(session, move, record):
        raise NotPossibleNow("workflow.not_where_it_was", move=move.label, stage=workflow.stages[move.to].label)
    if actor is not None and not _may_move(session, move, record, actor):
        raise NotAllowed("workflow.not_yours", move=move.label)
    if not _holds(move, record.values, env):
        raise NotPossibleNow("workflow.condition", move=move.label)


def _may_move(session: Session, move: Move, record: Record, actor: Actor) -> bool:
    """A move without ``who`` belongs to whoever may write the record; one with it to those it names, and no other."""
    entity = get_entity(session.app, record.entity)
    if not find_rights(session.app, entity, actor).move:
        return False
    if ENGINE in actor.roles:
        return True
    if not move.who:
        return record.can_write
    case = Case(record.values, Person(actor.id, actor.name))
    return is_named(session, to_rules(move.who), case, actor)


def _leads_back(session: Session, move: Move, record: Record) -> bool:
    """A move ``to: [previous]`` leads from an outcome only to where the record was before; a stay tells where."""
    if record.values.get("stage") not in move.returning:
        return True
    stay = find_stay(session, record.entity, record.id)
    first = get_entity(session.app, record.entity).workflow
    before = stay.before if stay is not None and stay.before is not None else first.first if first else None
    return move.to == before


def _holds(move: Move, values: Mapping[str, Any], env: Env) -> bool:
    return move.when is None or move.when.run(values, env) is True


def _require_reason(move: Move, reason: str | None) -> str | None:
    said = checked_text(reason)
    if move.reason == "required" and not said:
        raise InvalidValues([FieldError("reason", "workflow.reason_required", {"move": move.label})])
    return said or None


def _find_missing(
    session: Session, entity: Entity, record: Record, move: Move, env: Env, actor: Actor | None
) -> tuple[Missing, ...]:
    """What the move lacks, with what it sets itself already counted."""
    values = {**record.values, **values_set(entity, move, record.values, env)}
    return find_missing(session, entity, values, _gate_of(entity, move, record), env, actor=actor)


def _gate_of(entity: Entity, move: Move, record: Record) -> tuple[Requirement, ...]:
    """An approval's gates are all checked when it is submitted, and the last again when it passes."""
    return gate(entity, record.values.get("stage"), *_ways(move))


def _ways(move: Move) -> tuple[str, ...]:
    """Return the stages a move leads into: the one it waits in, if people decide, and where it ends."""
    return (move.to,) if move.during is None else (move.during, move.to)


def _fill(
    session: Session, entity: Entity, move: Move, record: Record, raw: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """Return the typed changes ``raw`` makes; what the gate asks for may be filled even where it is locked."""
    if not raw:
        return {}
    asked = fillable_fields(_gate_of(entity, move, record))
    if not record.can_write and not set(raw) <= asked:
        raise NotAllowed("record.no_write")
    return fill_for_move(session, entity, record, raw, actor=actor, stage=_ways(move)[0], unlocked=asked)
