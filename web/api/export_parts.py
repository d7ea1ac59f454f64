"""The routes about exports in the OpenAPI document.

Enters: the key of an entity and what it is called. Leaves: paths. Must not say who may export: the engine decides.
"""

from typing import Any

from engine.exporting.requests import FORMATS
from engine.records.journey import KINDS
from web.api.parts import RECORD_ID, body, operation

_ID = {"name": "export", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_EXPORT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "state": {"enum": ["asked", "refused", "running", "done", "failed", "stopped", "expired"]},
        "file": {"type": ["string", "null"], "description": "Where the file is, for whoever asked, until it expires."},
    },
    "required": ["id", "state"],
}
_HOW = {
    "format": {"enum": list(FORMATS)},
    "reason": {"type": "string", "maxLength": 500},
    "lines": {"type": "array", "items": {"type": "string"}, "description": "Line tables that leave with the list."},
}
_ASKED = {
    "type": "object",
    "properties": {
        **_HOW,
        "columns": {"type": "array", "items": {"type": "string"}},
        "sort": {"type": ["string", "null"]},
        "text": {"type": "string"},
        "filters": {"type": "array"},
        "where": {"type": ["object", "null"]},
    },
    "additionalProperties": False,
}
EXPORT_PATHS: dict[str, Any] = {
    "/exports": {"get": operation("exports", "Your exports, and those you are to decide about", {"type": "object"})},
    "/exports/{export}": {"parameters": [_ID], "get": operation("export", "How far an export is", _EXPORT)},
    "/exports/{export}/file": {"parameters": [_ID], "get": operation("export.file", "The file of an export", None)},
    "/exports/{export}/approve": {
        "parameters": [_ID],
        "post": operation("export.approve", "Allow an export of somebody else", _EXPORT),
    },
    "/exports/{export}/refuse": {
        "parameters": [_ID],
        "post": operation(
            "export.refuse",
            "Refuse an export of somebody else",
            _EXPORT,
            sent=body({"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]}),
        ),
    },
    "/exports/{export}/stop": {"parameters": [_ID], "post": operation("export.stop", "Take an export back", _EXPORT)},
}


def export_journey(key: str, label: str) -> dict[str, Any]:
    """Return the path under which what happened around a record of an entity is exported."""
    how = {name: _HOW[name] for name in ("format", "reason")} | {"kind": {"enum": list(KINDS)}}
    asked = body({"type": "object", "properties": how, "additionalProperties": False})
    said = operation(f"export.{key}.journey", f"Export the journey: {label}", _EXPORT, sent=asked, status="201")
    return {f"/{key}/{{id}}/journey/exports": {"parameters": [RECORD_ID], "post": said}}


def export_rows(name: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the operation that exports the rows behind a figure."""
    asked = body({"type": "object", "properties": _HOW, "additionalProperties": False})
    return operation(name, "Export these rows", _EXPORT, parameters=parameters, sent=asked, status="201")


def export_path(key: str, label: str) -> dict[str, Any]:
    """Return the path under which a list of an entity is exported."""
    asked = operation(f"export.{key}", f"Export: {label}", _EXPORT, sent=body(_ASKED), status="201")
    return {f"/{key}/exports": {"post": asked}}
