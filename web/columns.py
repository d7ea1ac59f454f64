"""Columns of a list: their names, their places on a phone's card.

Enters: keys of fields or system fields. Leaves: the ``column`` of ``parts/rows.html``.
"""

from collections.abc import Sequence
from typing import Any

from engine.compiler.app import Entity, Field
from engine.expression import Kind
from web.cells import is_right
from web.gate import locale

_PLACES = {Kind.MONEY: "money", Kind.DATE: "date", Kind.DATETIME: "date", Kind.LINK: "sub"}
_EXTRAS = ("extra", "extra2")


def column_label(entity: Entity, key: str) -> str:
    """Return what a column is called."""
    field = entity.fields.get(key)
    return locale().label(field.label) if field is not None else locale().t(f"field.{key}")


def view_column(entity: Entity, key: str, label: str, slot: str | None) -> dict[str, Any]:
    """Return a column that cannot be sorted by."""
    align = "right" if is_right(entity.fields.get(key)) else None
    return {"key": key, "label": label, "align": align, "sort_url": None, "sorted": None, "slot": slot}


def phone_slots(entity: Entity, keys: Sequence[str]) -> dict[str, str]:
    """Return where each column stands on a phone's card; columns without a place are left out there."""
    title = next((key for key in (*entity.display_keys, *keys) if key in keys), None)
    slots = {title: "title"} if title else {}
    free = list(_EXTRAS)
    for key in keys:
        wanted = _place(key, entity.fields.get(key))
        if key in slots:
            continue
        if wanted and wanted not in slots.values():
            slots[key] = wanted
        elif free:
            slots[key] = free.pop(0)
    return slots


def _place(key: str, field: Field | None) -> str | None:
    if key in ("stage", "owner"):
        return key
    if field is None:
        return "date" if key.endswith("_at") else None
    return _PLACES.get(field.type.kind)
