"""Values for records that were there before the rule that asks for them.

Enters: the tables as they are after the steps of ``changes.py``. Leaves: filled columns, and an item for each that says
how many records it concerned. Must not touch a value that a rule does not ask to change. Expressions are worked out by
the database, in a few statements each.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, literal, null, or_, update
from sqlalchemy import column as sql_column

from engine import messages
from engine.compiler.app import Field
from engine.expression import ExpressionError, Kind
from engine.expression.sql_terms import at_places, rounded
from engine.storage.carrying import carry_over, places_of
from engine.storage.changes import (
    AddColumn,
    CreateTables,
    Replace,
    Step,
    TableOf,
    find_old_field,
    means_something_else,
    reads_anew,
    tables_of,
    today_key,
)
from engine.storage.earlier_values import find_changed
from engine.storage.entering import enter
from engine.storage.filling import Filling, alive, count, field_item, sample
from engine.storage.narrowing import find_breaches
from engine.storage.old_types import read_former
from engine.storage.plan import PlanItem
from engine.storage.recomputing import recompute
from engine.storage.returning import bring_again, former_column, restore, take_back
from engine.storage.rewriting import rewrite
from engine.storage.successors import follow_options, follow_stages
from engine.storage.taking_over import read_anew, take_over
from engine.storage.working_out import work_out


def fill(filling: Filling, steps: Iterable[Step]) -> list[PlanItem]:
    """Fill what the steps left empty and what tighter rules ask for; return what was done."""
    steps = tuple(steps)
    replaced = {(step.table, step.column.name): step for step in steps if isinstance(step, Replace)}
    added = {(step.table, step.column.name) for step in steps if isinstance(step, AddColumn)}
    fresh = {table.name for step in steps if isinstance(step, CreateTables) for table in step.tables}
    changed = find_changed(filling)
    items: list[PlanItem] = []
    for place in tables_of(filling.new, filling.tables):
        if place.table.name in fresh:
            continue
        for item in place.fields.values():
            step = replaced.get((place.table.name, item.key))
            if step is not None:
                items += _fill_replaced(filling, place, item, step)
            else:
                items += restore(filling, place, item) if place.entity.key in changed else ()
                items += _fill_anew(filling, place, item)
                items += _fill_tighter(filling, place, item)
            items += _fill_required(filling, place, item)
        items += follow_stages(filling, place)
        items += _fill_stage(filling, place)
    items += recompute(filling, frozenset(added), fresh)
    enter(filling, steps)
    return items


# ---- a new type


def _fill_replaced(filling: Filling, place: TableOf, item: Field, step: Replace) -> Iterator[PlanItem]:
    before = filling.former(place, item)
    if before is None:  # no release knows what they are
        rows = count(filling.connection, place.table, sql_column(step.parked).is_not(None))
        if rows:
            yield field_item(filling, "data", "parked", place, item, rows, {"kept": step.parked})
    elif filling.back is not None and item.computed is None:
        yield from take_back(filling, place, item, step.parked, before)
    else:
        yield from _fill_new_type(filling, place, item, step.parked, before)
        if item.computed is None:
            yield from bring_again(filling, place, item, step.parked, before)


def _fill_anew(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    before = filling.former(place, item)
    if filling.back is None and before is not None and reads_anew(before, item):
        yield from read_anew(filling, place, item, before)


def _fill_new_type(filling: Filling, place: TableOf, item: Field, parked: str, before: Field) -> Iterator[PlanItem]:
    old = former_column(parked, before)
    had, params = old.is_not(None), {"kept": parked}
    rows = count(filling.connection, place.table, had)
    if rows == 0:
        return
    if item.convert:
        yield from take_over(filling, place, item, parked, before)
    elif item.migrate is not None and item.computed is None:
        yield from _convert(filling, place, item, old, before)
    elif item.computed is None and (value := carry_over(old, before, item)) is not None:
        rewrite(filling, place, {item.key: value}, had, {item.key: (old, before)})
        yield field_item(filling, "data", "carried_type", place, item, rows, params)
    elif item.computed is not None or find_old_field(filling.old, place, item) is None:
        rewrite(filling, place, {item.key: null()}, had, {item.key: (old, before)})
        if before.computed is None:
            yield field_item(filling, "data", "parked", place, item, rows, params)
    else:
        if not means_something_else(before, item, filling.new) and item.type.column in ("integer", "decimal"):
            yield from _copy_shorter(filling, place, item, old, before)
        else:
            found = sample(filling.connection, place, had)
            yield field_item(filling, "blocked", "blocked_type", place, item, rows, params, found)


def _convert(
    filling: Filling, place: TableOf, item: Field, old: ColumnElement[Any], before: Field
) -> Iterator[PlanItem]:
    """Work out new values from the former ones, and name the records for which there is none."""
    formula, had = item.migrate, old.is_not(None)
    assert formula is not None  # noqa: S101 - the caller asked
    rows = count(filling.connection, place.table, had)
    checked = read_former(filling.new, place, item, before, formula)
    if isinstance(checked, ExpressionError):
        why = {language: checked.text(language) for language in messages.LANGUAGES}
        params = {"was": before.type.key, "why": why}
        yield field_item(filling, "blocked", "blocked_old_type", place, item, rows, params)
        return
    done = work_out(filling, place, item, checked, had, old, before)
    kept = {"kept": str(old.key)}
    if done is None:
        yield field_item(filling, "blocked", "blocked_migrate", place, item, rows, kept)
        return
    yield field_item(filling, "data", "filled_type", place, item, rows, kept)
    yield from _name_unconverted(filling, place, item, had, kept)


def _name_unconverted(
    filling: Filling, place: TableOf, item: Field, had: ColumnElement[bool], params: Mapping[str, Any]
) -> Iterator[PlanItem]:
    """Yield the records whose former value gave no new one."""
    lost = (had, place.table.c[item.key].is_(None), alive(place.table))
    rows = count(filling.connection, place.table, *lost)
    if rows:
        found = sample(filling.connection, place, *lost)
        if item.keep:
            yield field_item(filling, "data", "left_empty", place, item, rows, params, found)
        else:
            yield field_item(filling, "blocked", "blocked_convert", place, item, rows, params, found)


def _copy_shorter(
    filling: Filling, place: TableOf, item: Field, old: ColumnElement[Any], before: Field
) -> Iterator[PlanItem]:
    """Copy decimals to fewer places, and name the records that would lose digits."""
    had, wanted = places_of(old), places_of(place.table.c[item.key])
    change = update(place.table).where(old.is_not(None)).values({item.key: rounded(old, had, wanted)})
    filling.connection.execute(change)
    filling.touched.add(place.table.name)
    lost = (old.is_not(None), old != at_places(place.table.c[item.key], wanted, had), alive(place.table))
    rows = count(filling.connection, place.table, *lost)
    if rows:
        shown = 2 if item.type.kind is Kind.PERCENT else 0  # 0.1234 is 12.34%
        params = {"was": had - shown, "now": wanted - shown}
        found = sample(filling.connection, place, *lost)
        yield field_item(filling, "blocked", "blocked_scale", place, item, rows, params, found)


# ---- a new duty


def _fill_tighter(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    """Give values that a tighter rule would refuse the one ``migrate`` says, once options took that of a successor."""
    yield from follow_options(filling, place, item)
    before = find_old_field(filling.old, place, item)
    if before is None or item.retired or item.migrate is None:
        return
    breaches = find_breaches(filling, place, before, item)
    if not breaches:
        return
    done = work_out(filling, place, item, item.migrate.checked, or_(*(breach.rows for breach in breaches)))
    if done:
        yield field_item(filling, "data", "filled_narrow", place, item, done)


def _fill_required(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    before = find_old_field(filling.old, place, item)
    if not item.required or item.retired or (before is not None and before.required):
        return
    column = place.table.c[item.key]
    empty = (column.is_(None), alive(place.table))
    rows = count(filling.connection, place.table, *empty)
    if rows == 0:
        return
    if item.migrate is not None:
        work_out(filling, place, item, item.migrate.checked, column.is_(None))
    elif item.default is not None:
        rewrite(filling, place, {item.key: literal(item.default, column.type)}, column.is_(None))
    filled = rows - count(filling.connection, place.table, *empty)
    if filled:
        yield field_item(filling, "data", "filled", place, item, filled)
    if filled < rows and not item.keep:
        found = sample(filling.connection, place, *empty)
        if filling.back is not None:
            yield field_item(filling, "data", "kept_back", place, item, rows - filled, records=found)
        else:
            yield field_item(filling, "blocked", "blocked_required", place, item, rows - filled, records=found)


def _fill_stage(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    """Put records into the first stage when their entity gets stages."""
    if place.line is not None or place.entity.workflow is None:
        return
    stage = place.table.c.stage
    rows = count(filling.connection, place.table, stage.is_(None))
    if rows == 0:
        return
    first = place.entity.workflow.stages[place.entity.workflow.first]
    rewrite(filling, place, {"stage": literal(first.key)}, stage.is_(None))
    labels, known = (place.entity.label, first.label), today_key(filling.old, place.entity)
    yield PlanItem("data", "filled_stage", "stage", labels, rows=rows, entity=known)
