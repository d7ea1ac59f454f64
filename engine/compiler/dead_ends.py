"""Definitions that can be compiled, but in which somebody would stand before a door without a handle.

Enters: the definition and what was compiled of it. Leaves: problems. Must not judge taste: none of these can have been
meant, whatever records and people there are.
"""

from collections.abc import Mapping
from typing import Final

from engine.compiler.app import Approval, Entity, Expression, Workflow
from engine.compiler.compilation import Compilation
from engine.definition.model import AccessDefinition, EntityDefinition, FieldDefinition, Reference
from engine.expression.certainty import negated, never_together

RESERVED_ENTITIES: Final = frozenset(
    {"admin", "approvals", "disputes", "exports", "files", "merges", "reports", "schema", "search", "tasks"}
)
"""Keys no entity may take: the API answers something else at ``/api/v1/<key>``. A test compares them with it."""

_CUT_OFF: Final = frozenset({"W001", "W002"})


def check_dead_ends(
    compilation: Compilation, entities: Mapping[str, Entity], approvals: Mapping[str, Approval | None]
) -> None:
    """Note every dead end; none in a release that holds already."""
    if not compilation.judges:
        return
    for key, written in compilation.definition.entities.items():
        if key in RESERVED_ENTITIES:
            compilation.refuse("E061", written.location, name=key)
        _check_form(compilation, written)
        _check_creators(compilation, written)
        workflow = entities[key].workflow
        if workflow is not None:
            _check_stages(compilation, workflow)
            _check_moves(compilation, workflow)
    for approval in approvals.values():
        if approval is not None:
            _check_steps(compilation, approval)


def _check_form(compilation: Compilation, written: EntityDefinition) -> None:
    """A field that stands twice would be typed twice, and only one of the two kept."""
    seen: set[str] = set()
    for section in written.form.values():
        for reference in (one for row in section.fields for one in row):
            if reference.name in seen:
                compilation.refuse("E062", reference.location, name=reference.name)
            seen.add(reference.name)


def _check_creators(compilation: Compilation, written: EntityDefinition) -> None:
    """Whoever may create a record must be able to fill in what it cannot do without."""
    needed = {key for key, field in written.fields.items() if must_be_typed(field)} - _made(compilation, written.key)
    for access in written.access.values():
        for reference in _closed(access) if access.create else ():
            if reference.name in needed:
                role = access.role.name
                compilation.refuse("E063", reference.location, name=reference.name, role=role, entity=written.key)


def _closed(access: AccessDefinition) -> tuple[Reference, ...]:
    return (*access.hide, *access.readonly)


def must_be_typed(field: FieldDefinition) -> bool:
    """Tell whether no record can be made without somebody filling in this field."""
    own = (
        field.default, field.default_from, field.computed, field.fetch or None, field.best, field.found_by or None,
    )  # fmt: skip
    return field.required and all(value is None for value in own) and field.type.name != "boolean"


def _made(compilation: Compilation, entity: str) -> set[str]:
    """Return the fields that are filled in when the record is made from another."""
    makes = [make for other in compilation.definition.entities.values() for make in other.makes.values()]
    own = [make for make in makes if make.entity.name == entity]
    return {key for make in own for key in (*make.set, *make.lines, make.back.name)}


def _check_stages(compilation: Compilation, workflow: Workflow) -> None:
    """Where there are outcomes, some way must lead to one from every stage; without any, a stage may be the end."""
    whole = compilation.definition.workflows[workflow.key]
    written = whole.stages
    if any(one.code in _CUT_OFF and one.location.file == whole.location.file for one in compilation.problems):
        return  # a stage that is misspelt or not reached cuts off others, which would only be said twice
    closed = {one.name for move in whole.moves.values() if move.retired is not None for one in move.from_}
    ordinary = [
        key for key, stage in workflow.stages.items() if not stage.outcome and not stage.retired and key not in closed
    ]  # a move that is retired took the way out on purpose
    outcomes = {key for key, stage in workflow.stages.items() if stage.outcome and not stage.retired}
    ending = _find_ending(workflow, outcomes | closed)
    for key in ordinary:
        ways = [move for move in workflow.moves.values() if key in move.from_ or key == move.during]
        if outcomes and not ways:
            compilation.refuse("W062", written[key].location, name=key, label=written[key].label)
        elif outcomes and key not in ending:
            compilation.refuse("W063", written[key].location, name=key, label=written[key].label)


def _find_ending(workflow: Workflow, outcomes: set[str]) -> set[str]:
    """Return the stages from which some way leads to an outcome."""
    found, before = set(outcomes), set[str]()
    while found != before:
        before = set(found)
        for move in workflow.moves.values():
            if not found.isdisjoint({move.to, move.refused} - {None}):
                found |= move.from_ | ({move.during} if move.during is not None else set())
    return found


def _check_moves(compilation: Compilation, workflow: Workflow) -> None:
    """A condition that names nothing of the record holds always or never."""
    for move in workflow.moves.values():
        when = move.when
        if when is not None and _is_the_same_for_all(when):
            compilation.refuse("W064", when.location, name=move.key, expression=when.text)


def _check_steps(compilation: Compilation, approval: Approval) -> None:
    """A condition that names nothing of the record holds always or never; one below ``auto_pass`` is never asked."""
    auto = approval.auto_pass
    for step in approval.steps.values():
        when = step.when
        if when is None:
            continue
        if _is_the_same_for_all(when):
            compilation.refuse("A061", when.location, name=step.key, expression=when.text)
        elif auto is not None and _is_passed(when, auto):
            compilation.refuse("A062", when.location, name=step.key, auto=auto.text)


def _is_the_same_for_all(when: Expression) -> bool:
    return not when.checked.uses and not when.checked.context


def _is_passed(when: Expression, auto: Expression) -> bool:
    """Tell whether an approval passes by itself whenever ``when`` holds, which holds sometimes."""
    tree = when.checked.tree
    return not never_together(tree) and never_together(tree, negated(auto.checked.tree))
