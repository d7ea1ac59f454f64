"""What differs between two states of a record, as its history keeps it.

Enters: the values before and after. Leaves: ``{field: [old, new]}`` in JSON form. Must not write.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.compiler.app import Entity
from engine.compiler.app.ownership import PROTECTED_UNTIL
from engine.compiler.readers import Wrong

Changes = dict[str, list[Any]]
"""What changed: ``{field: [old, new]}`` in JSON form."""

_SYSTEM = ("number", "stage", "owner", "team")
_NOTHING = [None, None]  # an empty list and None are the same to a reader


def find_changes(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return old and new of every value that differs, in JSON form."""
    if not before:
        return _first_values(entity, after)
    found: Changes = {}
    for key in _SYSTEM:
        if before.get(key) != after.get(key):
            found[key] = [before.get(key), after.get(key)]
    for key, field in entity.fields.items():
        old, new = before.get(key), after.get(key)
        if old is not new and old != new:
            if key == PROTECTED_UNTIL and entity.ownership is not None:
                continue  # it moves as time and facts do: nobody changes it
            told = [None if old is None else to_json(field, old), None if new is None else to_json(field, new)]
            if told != _NOTHING:
                found[key] = told
    return found


def _first_values(entity: Entity, after: Mapping[str, Any]) -> Changes:
    """Return what differs from nothing: of a record that begins."""
    found: Changes = {key: [None, value] for key in _SYSTEM if (value := after.get(key)) is not None}
    passing = PROTECTED_UNTIL if entity.ownership is not None else None
    for key, field in entity.fields.items():
        value = after.get(key)
        if value is not None and key != passing and (told := to_json(field, value)) is not None:
            found[key] = [None, told]
    return found


def to_json(field: Any, value: Any) -> Any:
    """Return a value as the history keeps it."""
    if value is None or (isinstance(value, list) and not value):
        return None
    if field.type.has_rows:
        return [_row_to_json(field, row) for row in value]
    if field.type.has_files:
        return [{"id": one["id"], "name": one["name"]} for one in value]
    return field.type.to_json(value)


def from_json(field: Any, value: Any) -> Any:
    """Return a value the history keeps as it was typed; one that cannot be read (of an older type) as it is kept."""
    if field.type.has_rows:
        return [_row_from_json(field, row) for row in value or ()]
    if field.type.has_files:
        return list(value or ())
    if isinstance(value, float) and field.type.column == "decimal":
        return Decimal(str(value))
    try:
        return field.type.from_json(value) if isinstance(value, str) else value
    except (ValueError, InvalidOperation, Wrong):
        return value


def _row_from_json(field: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: from_json(field.fields[key], value) if key in field.fields else value for key, value in row.items()}


def _row_to_json(field: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: column.type.to_json(row[key]) for key, column in field.fields.items() if row.get(key) is not None}
    return {"id": row["id"], **told} if row.get("id") is not None else told
