"""What records are called whose names contain those of linked records and people (``display: "{number} {customer}"``).

Enters: rows of one entity, all at once. Leaves: names, with one query per entity they lead to, however many rows. Must
not ask what the actor may see: whoever may know a record may know what it is called.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.compiler.app import CompiledApp, Entity
from engine.expression.env import Lookup
from engine.records.evaluation import Lookups
from engine.records.record import Labels, display

Row = Mapping[str, Any]


def label_names(app: CompiledApp, entity: Entity, rows: Sequence[Row], lookups: Lookup) -> Labels:
    """Return what the links and people in the names of ``rows`` are called."""
    labels: Labels = {}
    people = {row[field.key] for field in entity.display_people for row in rows if row.get(field.key) is not None}
    if people and isinstance(lookups, Lookups):
        labels |= lookups.people(people)
    for field in entity.display_links:
        target = app.entities[field.to or ""]
        ids = sorted({row[field.key] for row in rows if row.get(field.key) is not None})
        if not ids:
            continue
        if isinstance(lookups, Lookups):
            lookups.load(target.key, ids)
        found = [row for row in (lookups.linked(target.key, id_) for id_ in ids) if row is not None]
        labels |= label_names(app, target, found, lookups)
        labels |= {(target.key, row["id"]): display(target, row, labels) for row in found}
    return labels


def name_of(app: CompiledApp, entity: Entity, row: Row, lookups: Lookup) -> str:
    """Return what one record is called."""
    if not entity.display_links and not entity.display_people:
        return display(entity, row)
    return display(entity, row, label_names(app, entity, [row], lookups))
