"""What happens at moments of a record's stay in a stage, compiled.

Enters: ``TimerDefinition`` and ``FlagDefinition``. Leaves: ``StageTimer`` and ``Flag``. Must not let through a timer
that could never fire, or one that sets what nobody has named.
"""

from collections.abc import Mapping

from engine.compiler.app import Flag, Moment, Move, StageTimer, TimerAction
from engine.compiler.compilation import Compilation
from engine.definition.model import (
    ActionDefinition,
    AfterDefinition,
    EntityDefinition,
    TimerDefinition,
    WorkflowDefinition,
)

DUE = "due"


def compile_flags(compilation: Compilation, written: WorkflowDefinition, path: str) -> dict[str, Flag]:
    """Return the flags of a workflow."""
    return {
        key: Flag(key, compilation.label(f"{path}.flags.{key}", flag.label), flag.tone)
        for key, flag in written.flags.items()
    }


def compile_timers(
    compilation: Compilation,
    written: WorkflowDefinition,
    entity: EntityDefinition,
    moves: Mapping[str, Move],
    path: str,
) -> dict[str, StageTimer]:
    """Return the timers of a workflow."""
    return {
        key: StageTimer(
            key=key,
            location=timer.location,
            moment=_moment(compilation, timer.after, entity),
            stages=_stages(compilation, timer, written),
            do=tuple(_action(compilation, one, written, moves) for one in timer.do),
            every=timer.every,
            at_most=timer.at_most,
            message=compilation.label(f"{path}.timers.{key}", timer.message),
            was=timer.was,
        )
        for key, timer in written.timers.items()
    }


def _moment(compilation: Compilation, written: AfterDefinition, entity: EntityDefinition) -> Moment:
    of = "stage"
    if written.of is not None:
        dated = [key for key, field in entity.fields.items() if field.type.name in ("date", "datetime")]
        of = compilation.require(written.of, [DUE, *dated], "W023", entity=entity.key) or of
    if written.before and (written.amount or "").lstrip("0123456789").startswith("w"):
        compilation.refuse("W024", written.location, amount=written.amount)
    return Moment(of, written.share, written.amount, written.before)


def _stages(compilation: Compilation, timer: TimerDefinition, workflow: WorkflowDefinition) -> frozenset[str]:
    """A timer counted from the due time lives in the stages that have one."""
    counted = timer.after.of is not None and timer.after.of.name == DUE
    timed = [key for key, stage in workflow.stages.items() if stage.due or not counted]
    if timer.in_:
        named = compilation.require_all(timer.in_, workflow.stages, "W001")
        for one in timer.in_:
            if one.name in named and one.name not in timed:
                compilation.refuse("W025", one.location, name=one.name, timer=timer.key)
        return frozenset(named)
    found = frozenset(key for key in timed if not workflow.stages[key].outcome)
    if not found:
        compilation.refuse("W026", timer.location, timer=timer.key)
    return found


def _action(
    compilation: Compilation, written: ActionDefinition, workflow: WorkflowDefinition, moves: Mapping[str, Move]
) -> TimerAction:
    if written.name is None:
        return TimerAction(written.kind, remind=written.remind)
    if written.kind == "flag":
        name = compilation.require(written.name, workflow.flags, "W027")
    else:
        alone = [key for key, move in moves.items() if move.approval is None and move.reason != "required"]
        name = compilation.require(written.name, alone, "W028")
    return TimerAction(written.kind, name=name or "")
