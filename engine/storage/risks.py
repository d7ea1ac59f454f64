"""Records that a new rule would strand.

Enters: the tables after all steps and fills. Leaves: blocked items, each with the number of records concerned. Must not
complain about a rule that held before: only what this publish tightens is counted.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import ColumnElement, Connection, Index, func, select

from engine.compiler.app import CompiledApp, Field
from engine.storage.changes import TableOf, find_old_entity, find_old_field, tables_of
from engine.storage.fills import Filling, alive, count, labels_of, sample
from engine.storage.plan import PlanItem
from engine.storage.tables import UniqueIndex


def find_risks(filling: Filling, new_indexes: list[Index]) -> list[PlanItem]:
    """Return what keeps the app from being published over the records there are."""
    items: list[PlanItem] = []
    for place in tables_of(filling.new, filling.tables):
        for item in place.fields.values():
            before = find_old_field(filling.old, place, item)
            if before is not None:
                items += [found for check in _CHECKS for found in check(filling.connection, place, before, item)]
        if place.line is None:
            items += _stranded(filling.connection, filling.old, place)
    for index in new_indexes:
        items += _duplicates(filling, index)
    return items


Check = Callable[[Connection, TableOf, Field, Field], Iterator[PlanItem]]


def _gone_options(connection: Connection, place: TableOf, before: Field, item: Field) -> Iterator[PlanItem]:
    became_choice = not before.options and item.options and before.type.column in ("text", "long_text")
    if item.type.column != "text" or not item.options or not (set(before.options) - set(item.options) or became_choice):
        return
    column = place.table.c[item.key]
    stranded = (column.is_not(None), column.not_in(list(item.options)), alive(place.table))
    rows = count(connection, place.table, *stranded)
    if rows:
        values = connection.scalars(select(column).where(*stranded).distinct().order_by(column).limit(5))
        yield _blocked("blocked_option", place, item, rows, stranded, connection, values=", ".join(values))


def _too_long(connection: Connection, place: TableOf, before: Field, item: Field) -> Iterator[PlanItem]:
    if item.max_length is None or item.type.column not in ("text", "long_text") or item.options:
        return
    if before.max_length is not None and before.max_length <= item.max_length:
        return
    column = place.table.c[item.key]
    stranded = (func.length(column) > item.max_length, alive(place.table))
    rows = count(connection, place.table, *stranded)
    if rows:
        yield _blocked("blocked_length", place, item, rows, stranded, connection, limit=str(item.max_length))


_CHECKS: tuple[Check, ...] = (_gone_options, _too_long)


def _blocked(
    code: str,
    place: TableOf,
    item: Field,
    rows: int,
    stranded: tuple[ColumnElement[bool], ...],
    connection: Connection,
    **params: str,
) -> PlanItem:
    return PlanItem(
        "blocked", code, "field", labels_of(place, item),
        params=params, rows=rows, records=sample(connection, place, *stranded), location=item.location,
    )  # fmt: skip


def _stranded(connection: Connection, old: CompiledApp | None, place: TableOf) -> Iterator[PlanItem]:
    """Find records in a stage that is gone, or without a stage in an entity that has stages now."""
    entity, before = place.entity, find_old_entity(old, place.entity)
    if before is None or before.workflow is None or entity.workflow is None:
        return
    stages = before.workflow.stages
    for key in [key for key in stages if key not in entity.workflow.stages]:
        inside = (place.table.c.stage == key, alive(place.table))
        rows = count(connection, place.table, *inside)
        if rows:
            labels = (entity.label, stages[key].label)
            found = sample(connection, place, *inside)
            yield PlanItem("blocked", "blocked_stage", "stage", labels, rows=rows, records=found)


def _duplicates(filling: Filling, index: Index) -> Iterator[PlanItem]:
    unique = filling.tables.uniques.get(index.name or "")
    if unique is None or index.table is None:
        return
    columns = [index.table.c[name] for name in unique.columns]
    where = index.dialect_options["sqlite"]["where"]
    conditions = [column.is_not(None) for column in columns] + ([] if where is None else [where])
    groups = (
        select(func.count().label("rows")).where(*conditions).group_by(*columns).having(func.count() > 1).subquery()
    )
    rows = filling.connection.scalar(select(func.coalesce(func.sum(groups.c.rows), 0))) or 0
    if rows:
        yield _blocked_unique(filling.new, unique, int(rows))


def _blocked_unique(app: CompiledApp, unique: UniqueIndex, rows: int) -> PlanItem:
    entity = app.entities[unique.entity]
    labels = [entity.fields[key].label for key in unique.fields if key in entity.fields]
    return PlanItem("blocked", "blocked_unique", "unique", (entity.label, *labels), rows=rows, location=entity.location)
