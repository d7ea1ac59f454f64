"""Records that a new rule would strand.

Enters: the tables after all steps and fills. Leaves: blocked items, each with the number of records concerned. Must not
complain about a rule that held before: only what this publish tightens is counted. On the way back to an earlier
release values beyond its limits do not block, since nobody can write ``existing: keep`` into it: they stay and are
listed.
"""

from collections.abc import Iterator

from sqlalchemy import Index, func, select

from engine.compiler.app import Field
from engine.storage.changes import TableOf, find_new_series, find_old_entity, find_old_field, tables_of, today_key
from engine.storage.filling import Filling, alive, count, field_item, sample
from engine.storage.narrowing import find_breaches, find_broken_rules
from engine.storage.plan import ItemKind, PlanItem
from engine.storage.repeats import find_repeats


def find_risks(filling: Filling, new_indexes: list[Index]) -> list[PlanItem]:
    """Return what keeps the app from being published over the records there are."""
    items: list[PlanItem] = []
    for place in tables_of(filling.new, filling.tables):
        for item in place.fields.values():
            items += _refused(filling, place, item)
        if place.line is None:
            items += _broken_rules(filling, place)
            items += _stranded(filling, place)
            items += _unnumbered(filling, place)
    for index in new_indexes:
        items += find_repeats(filling, index)
    return items


def _refused(filling: Filling, place: TableOf, item: Field) -> Iterator[PlanItem]:
    before = find_old_field(filling.old, place, item)
    if before is None or item.keep or item.retired:
        return
    for breach in find_breaches(filling, place, before, item):
        rows = count(filling.connection, place.table, breach.rows)
        if rows:
            found = sample(filling.connection, place, breach.rows)
            if filling.back is not None:
                yield field_item(filling, "data", "kept_back", place, item, rows, records=found)
            else:
                yield field_item(filling, "blocked", breach.code, place, item, rows, breach.params, found)


def _broken_rules(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    before = find_old_entity(filling.old, place.entity)
    if before is None:
        return
    for rule, broken in find_broken_rules(filling, place, before):
        rows = filling.connection.scalar(
            select(func.count()).select_from(place.table).where(broken), filling.parameters
        )
        if rows and not rule.keep:
            ids = select(place.table.c.id).where(broken).order_by(place.table.c.id).limit(20)
            found = tuple(filling.connection.scalars(ids, filling.parameters))
            kind, code = _BLOCKED_RULE if filling.back is None else _KEPT_RULE
            yield PlanItem(
                kind, code, "rule", (place.entity.label, rule.message), rows=rows, records=found,
                location=rule.check.location, entity=before.key,
            )  # fmt: skip


_BLOCKED_RULE: tuple[ItemKind, str] = ("blocked", "blocked_rule")
_KEPT_RULE: tuple[ItemKind, str] = ("data", "kept_back")


def _stranded(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    """Find records in a stage that is gone."""
    entity, before = place.entity, find_old_entity(filling.old, place.entity)
    if before is None or before.workflow is None or entity.workflow is None:
        return
    stages = before.workflow.stages
    for key in [key for key in stages if key not in entity.workflow.stages]:
        inside = (place.table.c.stage == key, alive(place.table))
        rows = count(filling.connection, place.table, *inside)
        if rows:
            labels, found = (entity.label, stages[key].label), sample(filling.connection, place, *inside)
            yield PlanItem(
                "blocked", "blocked_stage", "stage", labels, params={"key": key}, rows=rows, records=found,
                entity=before.key,
            )  # fmt: skip


def _unnumbered(filling: Filling, place: TableOf) -> Iterator[PlanItem]:
    """Say how many records get a number, because their entity has a series now; the layer above draws them."""
    before = find_old_entity(filling.old, place.entity)
    for key in [] if before is None else find_new_series(before, place.entity):
        rows = count(filling.connection, place.table, place.table.c[key].is_(None))
        if rows and key == "number":
            labels, known = (place.entity.label,), today_key(filling.old, place.entity)
            yield PlanItem("data", "numbered", "entity", labels, rows=rows, entity=known)
        elif rows:
            yield field_item(filling, "data", "numbered", place, place.entity.fields[key], rows)
