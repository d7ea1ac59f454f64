"""From written workflows to compiled ones.

Enters: ``WorkflowDefinition``. Leaves: ``Workflow``. Must not let through what cannot
run: a stage nobody can reach, an approval of another entity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine import messages
from engine.compiler.app import Label, Move, Stage, Workflow
from engine.compiler.compilation import Compilation
from engine.compiler.people import check_who
from engine.compiler.requirements import compile_requirements
from engine.compiler.retirement import stage_successors
from engine.compiler.shapes import field_type
from engine.compiler.timers import compile_flags, compile_timers
from engine.definition.model import (
    EntityDefinition,
    MoveDefinition,
    Reference,
    StageDefinition,
    WorkflowDefinition,
)
from engine.expression import BOOLEAN

ANY = "any"
PREVIOUS = "previous"
ALL = "all"


def compile_workflow(compilation: Compilation, written: WorkflowDefinition) -> Workflow | None:
    """Return the compiled workflow, or None when its entity does not exist."""
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    path = f"workflows.{written.key}"
    if entity_key is None or not written.stages:
        compilation.set_aside(path)
        return None
    entity = compilation.definition.entities[entity_key]
    moves = _moves(compilation, written, entity, path)
    stages = {key: _stage(compilation, stage, entity, path) for key, stage in written.stages.items()}
    workflow = Workflow(
        key=written.key,
        label=compilation.label(f"{path}.label", written.label),
        stages=_with_guards(compilation, stages, moves),
        moves=moves,
        first=next(iter(written.stages)),
        calendar=_calendar(compilation, written),
        timers=compile_timers(compilation, written, entity, moves, path),
        flags=compile_flags(compilation, written, path),
        apart=_apart(compilation, written, entity),
        became=stage_successors(compilation, written),
    )
    _check_reachable(compilation, written, workflow)
    return workflow


def _calendar(compilation: Compilation, written: WorkflowDefinition) -> str | None:
    if written.calendar is None:
        return None
    return compilation.require(written.calendar, compilation.definition.calendars, "W022")


def _apart(compilation: Compilation, written: WorkflowDefinition, entity: EntityDefinition) -> str | None:
    if written.evidence is None:
        return None
    links = [key for key, field in entity.fields.items() if field.to is not None]
    return compilation.require(written.evidence.apart, links, "W021", entity=entity.key)


def _stage(compilation: Compilation, written: StageDefinition, entity: EntityDefinition, path: str) -> Stage:
    locked = [ref for ref in written.lock if ref.name != ALL]
    keys = compilation.require_all(locked, entity.fields, "E002", entity=entity.key)
    everything = len(locked) < len(written.lock)
    return Stage(
        key=written.key,
        label=compilation.label(f"{path}.stages.{written.key}", written.label),
        outcome=written.outcome,
        tone=written.tone,
        due=written.due,
        enter=compile_requirements(compilation, written.enter, written.key, entity, path),
        leave=compile_requirements(compilation, written.leave, written.key, entity, path),
        locked=frozenset(entity.fields if everything else keys),
        in_approval=None,
        was=written.was,
        retired=written.retired is not None,
        location=written.location,
    )


def _moves(
    compilation: Compilation, written: WorkflowDefinition, entity: EntityDefinition, path: str
) -> dict[str, Move]:
    found = {
        move.key: move for one in written.moves.values() for move in _targets(compilation, one, written, entity, path)
    }
    return (_forward_moves(compilation, written) if written.forward == "next_only" else {}) | found


def _move(
    compilation: Compilation, written: MoveDefinition, workflow: WorkflowDefinition, entity: EntityDefinition, path: str
) -> Move | None:
    stages = workflow.stages
    to = compilation.require_all(written.to, stages, "W001")
    during = compilation.require(written.during, stages, "W001") if written.during else None
    refused = compilation.require(written.refused, stages, "W001") if written.refused else None
    approval = _approval_of(compilation, written, entity)
    check_who(compilation, written.who, entity)
    expected = {key: kind for key, field in entity.fields.items() if (kind := field_type(field))}
    for key, text in written.set.items():
        compilation.require(Reference(key, text.location), entity.fields, "E002", entity=entity.key)
    sources = _sources(compilation, written, stages)
    if not to:
        compilation.set_aside(f"{path}.moves.{written.key}")
        return None
    order = list(stages)
    return Move(
        key=written.key,
        label=compilation.label(f"{path}.moves.{written.key}", written.label),
        location=written.location,
        from_=_starts(written, sources, to[0]),
        to=to[0],
        who=written.who,
        when=compilation.expression(written.when, entity.key, BOOLEAN),
        reason=written.reason,
        approval=approval,
        during=during,
        refused=refused,
        set=compilation.expressions(written.set, entity.key, expected),
        main=written.main,
        forward=any(order.index(to[0]) > order.index(one) for one in sources) and not stages[to[0]].outcome,
        was=written.was,
        retired=written.retired is not None,
    )


def _starts(written: MoveDefinition, sources: frozenset[str], to: str) -> frozenset[str]:
    if written.retired is not None:
        return frozenset()
    return sources if sources == {to} else sources - {to}  # a loan that is extended stays out


def _targets(
    compilation: Compilation, written: MoveDefinition, workflow: WorkflowDefinition, entity: EntityDefinition, path: str
) -> list[Move]:
    """A move to several stages is several moves: ``back`` to ``needs`` is ``back_needs``, named by its stage."""
    ways = _ways(written, workflow)
    made = [_way(compilation, written, to, way, workflow, entity, path) for to, way in ways.items()]
    moves = [move for move in made if move is not None]
    if len(ways) < 2 and not any(way.returning for way in ways.values()):
        return moves
    return [
        replace(
            one,
            was=one.was and f"{one.was}_{one.to}",
            key=f"{one.key}_{one.to}",
            label=_towards(compilation, one, workflow, path),
        )
        for one in moves
        if one.from_ or one.retired
    ]


@dataclass
class _Way:
    """From where a written move leads to one stage; from the outcomes in ``returning`` only back."""

    to: Reference
    from_: list[Reference] = field(default_factory=list)
    returning: set[str] = field(default_factory=set)


def _ways(written: MoveDefinition, workflow: WorkflowDefinition) -> dict[str, _Way]:
    """Return the stages a move leads to, each with where it leads from; ``previous`` is worked out for each source."""
    ways: dict[str, _Way] = {}
    ordinary = [key for key, stage in workflow.stages.items() if not stage.outcome]
    for to in written.to:
        if to.name != PREVIOUS:
            ways.setdefault(to.name, _Way(to)).from_ += written.from_
            continue
        for source in _each(written.from_, ordinary):
            here = source.name
            before = ordinary[ordinary.index(here) - 1 :][:1] if here in ordinary[1:] else []
            outcome = here in workflow.stages and here not in ordinary
            for target in ordinary if outcome else before:
                way = ways.setdefault(target, _Way(Reference(target, to.location)))
                way.from_.append(source)
                way.returning |= {here} if outcome else set()
    return ways


def _each(sources: Sequence[Reference], ordinary: Sequence[str]) -> list[Reference]:
    return [
        one
        for source in sources
        for one in ([Reference(key, source.location) for key in ordinary] if source.name == ANY else [source])
    ]


def _way(
    compilation: Compilation,
    written: MoveDefinition,
    to: str,
    way: _Way,
    workflow: WorkflowDefinition,
    entity: EntityDefinition,
    path: str,
) -> Move | None:
    made = _move(compilation, replace(written, to=(way.to,), from_=tuple(way.from_)), workflow, entity, path)
    return None if made is None else replace(made, returning=frozenset(way.returning))


def _towards(compilation: Compilation, move: Move, workflow: WorkflowDefinition, path: str) -> Label:
    stage = compilation.label(f"{path}.stages.{move.to}", workflow.stages[move.to].label)
    default = stage[compilation.definition.language]
    return {language: f"{text} → {stage.get(language, default)}" for language, text in move.label.items()}


def _sources(
    compilation: Compilation, written: MoveDefinition, stages: Mapping[str, StageDefinition]
) -> frozenset[str]:
    named = [ref for ref in written.from_ if ref.name != ANY]
    keys = set(compilation.require_all(named, stages, "W001"))
    if len(named) < len(written.from_):
        keys |= {key for key, stage in stages.items() if not stage.outcome}
    return frozenset(keys)


def _approval_of(compilation: Compilation, written: MoveDefinition, entity: EntityDefinition) -> str | None:
    if written.approval is None:
        return None
    approvals = compilation.definition.approvals
    known = compilation.definition.entities  # an approval of a misspelt entity may be the one: one problem is enough
    own = [key for key, one in approvals.items() if one.entity.name == entity.key or one.entity.name not in known]
    found = compilation.require(written.approval, own, "W004", entity=entity.key)
    if written.during is None:
        compilation.refuse("W003", written.location, name=written.key)
        return None
    return found


def _forward_moves(compilation: Compilation, written: WorkflowDefinition) -> dict[str, Move]:
    """``forward: next_only``: one move from each stage to the one after it, none for outcomes."""
    ordinary = [stage for stage in written.stages.values() if not stage.outcome]
    moves = {}
    for before, after in zip(ordinary, ordinary[1:], strict=False):
        label = {
            language: messages.text("workflow.forward_to", language, stage=text)
            for language, text in compilation.label(f"workflows.{written.key}.stages.{after.key}", after.label).items()
        }
        moves[f"to_{after.key}"] = Move(
            f"to_{after.key}", label, after.location, frozenset({before.key}), after.key,
            who=(), when=None, reason="none", approval=None, during=None, refused=None, set={}, main=True, forward=True,
        )  # fmt: skip
    return moves


def _with_guards(compilation: Compilation, stages: Mapping[str, Stage], moves: Mapping[str, Move]) -> dict[str, Stage]:
    """While an approval runs, its guarded fields are locked in the stage the record waits in."""
    found = dict(stages)
    for move in moves.values():
        if move.approval is not None and move.during in found:
            guard = {ref.name for ref in compilation.definition.approvals[move.approval].guard}
            stage = found[move.during]
            found[move.during] = replace(stage, in_approval=move.approval, locked=stage.locked | guard)
    return found


def _check_reachable(compilation: Compilation, written: WorkflowDefinition, workflow: Workflow) -> None:
    reached = {workflow.first, *(key for key, stage in workflow.stages.items() if stage.retired)}
    waiting = list(reached)
    while waiting:
        stage = waiting.pop()
        for move in workflow.moves.values():
            if stage in move.from_:
                for after in (move.to, move.during, move.refused):
                    if after is not None and after not in reached:
                        reached.add(after)
                        waiting.append(after)
    if any(
        problem.code == "W001" and problem.location.file == written.location.file for problem in compilation.problems
    ):
        return  # a misspelt stage cuts off others, which would only be said twice
    for key, unreached in written.stages.items():
        if key not in reached:
            compilation.refuse("W002", unreached.location, name=key, label=unreached.label)
