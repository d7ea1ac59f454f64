"""Computed fields and roll-ups of the records there are, worked out anew where the outcome may differ.

Enters: a publish whose other values are in place. Leaves: rewritten values, and an item for each field that says how
many. Must not work out what cannot have changed, nor what only Python or whoever saves the record can.
"""

from collections.abc import Iterator

from sqlalchemy import true

from engine.compiler.app import Field
from engine.storage.changes import TableOf, find_old_field, tables_of
from engine.storage.filling import Filling, alive, count, field_item
from engine.storage.plan import PlanItem
from engine.storage.working_out import work_out

Added = frozenset[tuple[str, str]]


def recompute(filling: Filling, added: Added, fresh: set[str]) -> list[PlanItem]:
    """Work out formulas that are new or say something else, and those that read what this publish changed.

    ``added`` are new columns by table, ``fresh`` new tables, which hold nothing but what this publish made
    of names. Lines come before what sums them, and a roll-up before what other records made of it.
    """
    places = {_shape(place): place for place in tables_of(filling.new, filling.tables)}
    lines = [(shape, key) for shape, place in places.items() if place.line for key in place.line.compute_order]
    return [
        item
        for shape, key in [*lines, *filling.new.rollups.order]
        if places[shape].table.name not in fresh - filling.touched
        for item in _recompute_one(filling, places[shape], key, added)
    ]


def _shape(place: TableOf) -> str:
    return place.entity.key if place.line is None else f"{place.entity.key}.{place.line.key}"


def _recompute_one(filling: Filling, place: TableOf, key: str, added: Added) -> list[PlanItem]:
    item = place.fields.get(key)
    if item is None or item.computed is None or item.retired:
        return []
    before = find_old_field(filling.old, place, item)
    new = before is None or (place.table.name, key) in added or _says_another(before, item)
    if not new and filling.touched.isdisjoint(_read_tables(filling, place, item)):
        return []
    if item.computed.asks_who or not item.computed.in_database:
        return list(_left_to_others(filling, place, item, new))
    done = work_out(filling, place, item, item.computed.checked, true())
    return [field_item(filling, "data", "recomputed", place, item, done)] if done else []


def _left_to_others(filling: Filling, place: TableOf, item: Field, new: bool) -> Iterator[PlanItem]:
    """Say what the layer above works out record by record, and what waits until somebody saves the record."""
    assert item.computed is not None  # noqa: S101 - the caller asked
    rows = count(filling.connection, place.table, alive(place.table))
    if rows and new:
        code = "computed_later" if item.computed.asks_who else "recomputed"
        yield field_item(filling, "data", code, place, item, rows)


def _says_another(before: Field, item: Field) -> bool:
    return before.computed is None or item.computed is None or before.computed.text != item.computed.text


def _read_tables(filling: Filling, place: TableOf, item: Field) -> set[str]:
    """Return the tables a formula may read: those of its own record, and those a roll-up adds up."""
    children = {
        one.child
        for many in filling.new.rollups.by_child.values()
        for one in many
        if (one.parent, one.key) == (place.entity.key, item.key)
    }
    named = {place.entity.key, *children}
    own = {filling.tables.entity[key].name for key in named}
    return own | {table.name for (key, _), table in filling.tables.lines.items() if key in named}
