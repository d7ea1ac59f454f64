"""Options and stages that are gone, and those that took their place: the records follow, and their history says so.

Enters: a publish under way, with ``became`` of fields and workflows. Leaves: rewritten values, and an item for each
that says how many. Must not choose a successor: without one, ``risks.py`` finds the records in the way.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, literal, type_coerce

from engine.compiler.app import Field
from engine.storage.changes import TableOf, find_old_entity, find_old_field
from engine.storage.column_types import JsonText
from engine.storage.filling import Filling, field_item
from engine.storage.narrowing import holds_option
from engine.storage.plan import PlanItem
from engine.storage.rewriting import rewrite


def follow_options(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    """Give the values of a field the options that theirs became."""
    before = find_old_field(filling.old, place, item)
    if before is None or before.type.column != item.type.column:
        return
    column = place.table.c[item.key]
    for old, new in item.became.items():
        many = item.type.column == "json"
        rows = holds_option(column, old) if many else column == old
        value = _exchanged(column, old, new) if many else literal(new)
        changed = rewrite(filling, place, {item.key: value}, rows)
        if changed:
            names = {"old": before.options.get(old, old), "new": item.options[new]}
            yield field_item(filling, "data", "filled_option", place, item, changed, names)


def follow_stages(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    """Put the records of stages that are gone where the workflow says."""
    workflow, before = place.entity.workflow, find_old_entity(filling.old, place.entity)
    if place.line is not None or workflow is None or before is None or before.workflow is None:
        return
    for old, new in workflow.became.items():
        moved = rewrite(filling, place, {"stage": literal(new)}, place.table.c.stage == old)
        if moved:
            former = before.workflow.stages.get(old)
            names = {"old": old if former is None else former.label, "new": workflow.stages[new].label}
            yield PlanItem(
                "data", "moved_stage", "stage", (place.entity.label,), params=names, rows=moved, entity=before.key
            )


def _exchanged(column: ColumnElement[Any], old: str, new: str) -> ColumnElement[Any]:
    """Return a list of options, stored as compact JSON, with ``new`` in the place of ``old`` and nothing twice."""
    written = cast(column, Text)
    without: ColumnElement[Any] = written
    for part in (f'"{old}",', f',"{old}"', f'"{old}"'):
        without = func.replace(without, part, "")
    other = func.replace(written, f'"{old}"', f'"{new}"')
    return type_coerce(case((holds_option(column, new), without), else_=other), JsonText())
