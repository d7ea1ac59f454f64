"""What is no longer in use, and what took its place: checked where it is written.

Enters: a definition with ``retired``, ``retired_options`` and ``became``. Leaves: successors by key, and a problem
wherever something in use still leads to what is retired. Must not hide anything: readers ask ``retired``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.compiler.compilation import Compilation
from engine.definition.model import (
    EntityDefinition,
    FieldDefinition,
    MoveDefinition,
    Reference,
    WhoDefinition,
    WorkflowDefinition,
)


def option_successors(compilation: Compilation, written: FieldDefinition) -> dict[str, str]:
    """Return the option each option that is gone became."""
    named = {old: Reference(new, written.location) for old, new in written.became.items()}
    return _successors(compilation, named, written.options, written)


def stage_successors(compilation: Compilation, written: WorkflowDefinition) -> dict[str, str]:
    """Return where the records of each stage that is gone go."""
    return _successors(compilation, written.became, written.stages, written)


def retired_options(compilation: Compilation, written: FieldDefinition) -> frozenset[str]:
    """Return the options that are no longer offered."""
    named = [Reference(key, written.location) for key in written.retired_options]
    found = frozenset(compilation.require_all(named, written.options, "H001", field=written.key))
    chosen = written.default if isinstance(written.default, list) else [written.default]
    for key in found.intersection(str(one) for one in chosen):
        compilation.refuse("H003", written.location, name=key)
    if found and found == written.options.keys():
        compilation.refuse("H004", written.location, field=written.key)
    return found


def check_retired(compilation: Compilation) -> None:
    """Note a problem for each part in use that leads to one that is retired."""
    for reference in _leads(compilation):
        compilation.refuse("H003", reference.location, name=reference.name)


def _successors(
    compilation: Compilation, became: Mapping[str, Reference], known: Iterable[str], written: Any
) -> dict[str, str]:
    found = {}
    for old, new in became.items():
        if old in known:
            compilation.refuse("H002", new.location, name=old)
        elif (successor := compilation.require(new, known, "H001", field=written.key)) is not None:
            found[old] = successor
    return found


def _leads(compilation: Compilation) -> Iterator[Reference]:
    """Yield every name, written where something is in use, of something that is retired."""
    definition = compilation.definition
    retired = {key for key, entity in definition.entities.items() if entity.retired is not None}
    roles = {key for key, role in definition.roles.items() if role.retired is not None}
    yield from _named(definition.menu, retired)
    yield from _named(definition.chain, retired)
    for entity in definition.entities.values():
        if entity.retired is None:
            yield from _leads_of_entity(entity, retired)
    for workflow in definition.workflows.values():
        yield from _leads_of_workflow(workflow, roles)
        kept = definition.entities.get(workflow.entity.name)
        gone = set() if kept is None else _retired_fields(kept.fields)
        for stage in workflow.stages.values():
            for needed in (*stage.enter.values(), *stage.leave.values()):
                yield from _named([*needed.fields, *([needed.file] if needed.file else [])], gone)
    for approval in definition.approvals.values():
        for step in approval.steps.values():
            yield from _roles(step.who, roles)


def _leads_of_entity(entity: EntityDefinition, retired: set[str]) -> Iterator[Reference]:
    """Forms, lists and rules may name a retired field: it is left out there, and a site cannot edit its template."""
    for field in _live_fields(entity.fields):
        yield from _named([field.to] if field.to is not None else [], retired)


def _leads_of_workflow(workflow: WorkflowDefinition, roles: set[str]) -> Iterator[Reference]:
    gone = {key for key, stage in workflow.stages.items() if stage.retired is not None}
    first = next(iter(workflow.stages.values()))
    yield from _named([Reference(first.key, first.location)], gone)
    for move in workflow.moves.values():
        if move.retired is None:
            yield from _named(_targets(move), gone)
            yield from _roles(move.who, roles)


def _targets(move: MoveDefinition) -> list[Reference]:
    return [*move.to, *(one for one in (move.during, move.refused) if one is not None)]


def _roles(who: Iterable[WhoDefinition], retired: set[str]) -> Iterator[Reference]:
    yield from _named([Reference(one.name, one.location) for one in who if one.kind == "role"], retired)


def _named(references: Iterable[Reference], retired: set[str]) -> Iterator[Reference]:
    return (reference for reference in references if reference.name in retired)


def _retired_fields(fields: Mapping[str, FieldDefinition]) -> set[str]:
    return {key for key, field in fields.items() if field.retired is not None}


def _live_fields(fields: Mapping[str, FieldDefinition]) -> Iterator[FieldDefinition]:
    for field in fields.values():
        if field.retired is None:
            yield field
            yield from _live_fields(field.fields)
