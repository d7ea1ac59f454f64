"""What the keys of a result are called.

Enters: axes and their keys. Leaves: labels of records, people and departments. Must not name a record its reader may
not see: it stays a number, as in any list.
"""

from collections.abc import Iterable
from typing import Any

from engine.compiler.app import DEPARTMENT, USER
from engine.people.actor import Actor
from engine.records.labels import department_labels, people_labels
from engine.records.links import label_records
from engine.records.record import Labels
from engine.reports.results import Axis
from engine.storage.store import Session


def name_keys(session: Session, keys: Iterable[tuple[Axis, Any]], *, actor: Actor) -> Labels:
    """Return what the ids among the keys stand for."""
    ids: dict[str, set[int]] = {}
    for axis, key in keys:
        target = axis.dimension.target if axis.dimension is not None else None
        if target is not None and isinstance(key, int):
            ids.setdefault(target, set()).add(key)
    labels: Labels = people_labels(session, ids.pop(USER, ())) | department_labels(session, ids.pop(DEPARTMENT, ()))
    for target, found in ids.items():
        labels |= label_records(session, target, found, actor=actor)
    return labels
