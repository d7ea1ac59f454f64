"""The routes about merges in the OpenAPI document.

Enters: the key of an entity and what it is called. Leaves: paths. Must not say who may merge: the engine decides.
"""

from typing import Any

from web.api.parts import IF_MATCH, RECORD_ID, body, operation

_ID = {"name": "merge", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_MERGE = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "kept": {"type": "integer"},
        "lost": {"type": "integer"},
        "undo_until": {"type": "string", "format": "date-time"},
        "told": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What stayed as it was when the merge was undone, because it was changed since.",
        },
    },
    "required": ["id", "kept", "lost"],
}
_SENT = {
    "type": "object",
    "properties": {
        "other": {"type": "integer", "minimum": 1, "description": "The record that goes."},
        "other_version": {"type": "integer", "minimum": 1, "description": "Its version as you saw it."},
        "take": {
            "type": "object",
            "additionalProperties": {"enum": ["kept", "other", "both"]},
            "description": "By field, from which of the two its value is taken. Of the rest, what is filled in, then "
            "what was entered last.",
        },
    },
    "required": ["other", "other_version"],
    "additionalProperties": False,
}
_DONE = {"type": "object", "properties": {"merge": {"type": "integer"}, "record": {"type": "object"}}}
MERGE_PATHS: dict[str, Any] = {
    "/merges/{merge}": {"parameters": [_ID], "get": operation("merge", "A merge there was", _MERGE)},
    "/merges/{merge}/undo": {"parameters": [_ID], "post": operation("merge.undo", "Undo a merge", _MERGE)},
}


def merge_paths(key: str, label: str) -> dict[str, Any]:
    """Return the path under which records of an entity are merged."""
    name = f"Merge another into this one: {label}"
    merged = operation(f"merge.{key}", name, _DONE, sent=body(_SENT), parameters=[IF_MATCH])
    return {f"/{key}/{{id}}/merge": {"parameters": [RECORD_ID], "post": merged}}
