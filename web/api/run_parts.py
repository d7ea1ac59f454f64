"""The routes about runs of automations in the OpenAPI document, for administrators only.

Enters: nothing. Leaves: ``RUN_PATHS``. Must not name an automation: these are the same for every application.
"""

from typing import Any

from web.api.parts import BEFORE, LIMIT, operation
from web.api.runs import STATES

_ID: dict[str, Any] = {"type": "integer", "minimum": 1}
_MAYBE_TEXT, _MAYBE_ID = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
_MOMENT, _MAYBE_MOMENT = ({"type": kind, "format": "date-time"} for kind in ("string", ["string", "null"]))
_RUN: dict[str, Any] = {
    "id": _ID,
    "automation": {"type": "string"},
    "label": {**_MAYBE_TEXT, "description": "null when the definition has it no more."},
    "place": {**_MAYBE_TEXT, "description": "Where it is written: file and line."},
    "entity": _MAYBE_TEXT,
    "record": _MAYBE_ID,
    "state": {"enum": list(STATES)},
    "why": {**_MAYBE_TEXT, "description": "Why it ended so, or broke, in words."},
    "begun_at": _MOMENT,
    "due_at": {**_MAYBE_MOMENT, "description": "When it goes on."},
    "ended_at": _MAYBE_MOMENT,
    "attempts": {"type": "integer"},
    "actor": {**_MAYBE_ID, "description": "Who acted, where somebody did."},
    "caused_by": {**_MAYBE_ID, "description": "The run that brought it about."},
    "again": {"type": "boolean", "description": "It can be tried again."},
}
_LINE = {
    "type": "object",
    "description": "What a step did: `step`, `text` in words, `at` (file and line), and its details.",
    "properties": {"step": {"type": "string"}, "text": {"type": "string"}},
    "required": ["step", "text"],
}
_ONE = {
    "type": "object",
    "properties": {**_RUN, "trace": {"type": "array", "items": _LINE}},
    "required": [*_RUN, "trace"],
}
_PAGE = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": {"type": "object", "properties": _RUN, "required": list(_RUN)}},
        "next": _MAYBE_TEXT,
    },
    "required": ["items", "next"],
}
_FILTERS = [
    {"name": name, "in": "query", "schema": schema, "description": said}
    for name, schema, said in (
        ("automation", {"type": "string"}, "The key of one, as `lead.first_response`."),
        ("state", {"enum": list(STATES)}, "Those in this state."),
        ("entity", {"type": "string"}, "Those for records of this kind."),
        ("record", _ID, "Those for one record of `entity`."),
    )
]
_RUN_ID = {"name": "id", "in": "path", "required": True, "schema": _ID}

RUN_PATHS: dict[str, Any] = {
    "/admin/runs": {
        "get": operation("runs", "Runs of automations, newest first", _PAGE, parameters=[*_FILTERS, BEFORE, LIMIT])
    },
    "/admin/runs/{id}": {"parameters": [_RUN_ID], "get": operation("run", "One run with its trace", _ONE)},
    "/admin/runs/{id}/again": {
        "parameters": [_RUN_ID],
        "post": operation("run.again", "Let a run that failed go on", _ONE),
    },
}
