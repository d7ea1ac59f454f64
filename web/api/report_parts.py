"""The routes about reports in the OpenAPI document.

Enters: nothing. Leaves: paths. Must not say which reports there are for whom: the route that lists them does.
"""

from typing import Any

from web.api.export_parts import export_rows
from web.api.parts import RECORD_ID, body, operation

_TEXT = {"type": "string"}
_KEY = {"type": "string", "pattern": "^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$"}
_NUMBER = {"type": ["string", "null"], "description": "A decimal number; a percentage as a fraction, a date as itself."}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _query(name: str, description: str, *, many: bool = False) -> dict[str, Any]:
    schema = {"type": "array", "items": _TEXT} if many else _TEXT
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


_PERIOD = _query(
    "period", "month, last 12 months, 2026-03, 2026-Q1, 2026-W10, 2026-03-01..2026-03-20, all; that of the report else."
)
_FILTER = _query("filter", "dimension:value, several times; - for no value, me for the caller.", many=True)
_CELL = _query("cell", "dimension:key of the cell whose rows are asked for.", many=True)
_BY = _query("by", "Dimensions to divide by, such as owner or date.month.", many=True)
_COMPARE = {
    "name": "compare", "in": "query", "required": False,
    "schema": {"type": "array", "items": {"enum": ["previous", "last_year", "target"]}},
}  # fmt: skip
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 200}
_OFFSET = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
_PAGE = [
    {"name": "limit", "in": "query", "required": False, "schema": _LIMIT},
    {"name": "offset", "in": "query", "required": False, "schema": _OFFSET},
]

_CELL_SCHEMA = {
    "type": ["object", "null"],
    "properties": {
        "value": _NUMBER,
        "n": {"type": "integer", "description": "How many rows it was worked out of."},
        "small": {"type": "boolean", "description": "Too few to say something."},
        "provisional": {"type": "boolean", "description": "Too early to judge by; there where it is so."},
        "cumulated": {**_NUMBER, "description": "The share of the whole that the lines down to this one have."},
        "target": _NUMBER,
        "previous": {"type": "object"},
        "last_year": {"type": "object"},
    },
    "required": ["value", "n", "small"],
}
_STRETCH = {
    "type": ["object", "null"],
    "properties": {"name": _TEXT, "from": {"type": ["string", "null"]}, "to": {"type": ["string", "null"]}},
    "required": ["name", "from", "to"],
}
_FIGURE = {
    "type": "object",
    "properties": {
        "key": _KEY,
        "label": _TEXT,
        "help": _TEXT,
        "unit": {"enum": ["number", "money", "percent", "minutes", "hours", "days"]},
        "version": {**_TEXT, "description": "The digest of its definition."},
        "baseline": _NUMBER,
        "target": _NUMBER,
    },
    "required": ["key", "label", "unit", "version"],
}
_RESULT = {
    "type": "object",
    "properties": {
        "report": {"type": ["string", "null"]},
        "period": _STRETCH,
        "previous": _STRETCH,
        "last_year": _STRETCH,
        "by": {"type": "array", "items": {"type": "object"}},
        "figures": {"type": "array", "items": _FIGURE},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "keys": {"type": "array", "items": {"type": ["string", "null"]}},
                    "cells": {"type": "array", "items": _CELL_SCHEMA},
                },
                "required": ["keys", "cells"],
            },
        },
        "total": {"type": "array", "items": _CELL_SCHEMA},
        "more": {"type": "integer", "description": "Lines that were left out."},
        "cumulated": {"type": ["string", "null"], "description": "The figure whose cells say the share so far."},
        "labels": {"type": "object"},
        "announced": {
            "type": ["object", "null"],
            "description": "Who came first in the last period that is over, by name and one figure; your own parts.",
            "properties": {
                "period": _STRETCH,
                "figure": _KEY,
                "most": {"type": "integer", "description": "Down to which place."},
                "first": {"type": "array", "items": {"type": "object"}},
                "own": {"type": "object"},
            },
        },
    },
    "required": ["period", "by", "figures", "lines", "total", "more", "labels", "announced"],
}
_FUNNEL = {
    "type": "object",
    "properties": {"funnel": _KEY, "n": {"type": "integer"}, "total": {"type": "array"}, "parts": {"type": "array"}},
    "required": ["funnel", "n", "total", "parts"],
}
_ROWS = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "description": "How many rows there are, as many as the n of the cell."},
        "entity": _TEXT,
        "items": {"type": "array", "items": {"type": "object"}},
        "labels": {"type": "object"},
    },
    "required": ["n", "entity", "items", "labels"],
}
_ASKED = [_PERIOD, _FILTER, _BY]
_ALL = {
    "type": "object",
    "properties": {name: {"type": "array"} for name in ("reports", "funnels", "figures", "dashboards")},
    "required": ["reports", "funnels", "figures", "dashboards"],
}

_CHANGED = {
    "name": {"type": "string", "maxLength": 60},
    "audience": {"type": ["string", "null"], "description": "A role, `*` for everybody, null for the owner alone."},
    "query": {"type": ["string", "null"], "description": "As the page's address has it: period=last+month&by=owner."},
}
_NEW_VIEW = {
    "type": "object",
    "properties": {"kind": {"enum": ["report", "figure", "funnel"]}, "key": _KEY, **_CHANGED},
    "required": ["kind", "key", "name"],
}
_CHANGED_VIEW = {"type": "object", "properties": _CHANGED}
_VIEW = {
    "type": "object",
    "properties": {
        **_NEW_VIEW["properties"],  # type: ignore[dict-item]
        "id": {"type": "integer"},
        "owner": {"type": "integer"},
        "can_edit": {"type": "boolean"},
        "left_out": {"type": "integer", "description": "Parts that are of dimensions you may not see."},
    },
    "required": ["id", "kind", "key", "name", "audience", "owner", "query", "can_edit", "left_out"],
}
_VIEWS = {"type": "object", "properties": {"items": {"type": "array", "items": _VIEW}}, "required": ["items"]}

REPORT_PATHS: dict[str, Any] = {
    "/reports/views": {
        "get": operation("report.views", "Views of reports under a name", _VIEWS),
        "post": operation("report.create_view", "Keep a view of a report", _VIEW, sent=body(_NEW_VIEW), status="201"),
    },
    "/reports/views/{id}": {
        "parameters": [RECORD_ID],
        "patch": operation("report.update_view", "Change a view of a report", _VIEW, sent=body(_CHANGED_VIEW)),
        "delete": operation("report.delete_view", "Forget a view of a report", None, status="204"),
    },
    "/reports": {"get": operation("reports", "Reports, funnels, figures and dashboards there are for you", _ALL)},
    "/reports/{report}": {
        "parameters": [_path("report")],
        "get": operation("report", "What a report comes to", _RESULT, parameters=[*_ASKED, _COMPARE]),
    },
    "/reports/figures/{figure}": {
        "parameters": [_path("figure")],
        "get": operation("figure", "What a figure comes to", _RESULT, parameters=[*_ASKED, _COMPARE]),
    },
    "/reports/figures/{figure}/rows": {
        "parameters": [_path("figure")],
        "get": operation(
            "figure.rows", "The rows behind a figure", _ROWS, parameters=[_PERIOD, _FILTER, _CELL, *_PAGE]
        ),
    },
    "/reports/figures/{figure}/rows/exports": {
        "parameters": [_path("figure")],
        "post": export_rows("figure.rows.export", [_PERIOD, _FILTER, _CELL]),
    },
    "/reports/funnels/{funnel}": {
        "parameters": [_path("funnel")],
        "get": operation("funnel", "How many of a cohort got how far", _FUNNEL, parameters=_ASKED),
    },
    "/reports/funnels/{funnel}/{step}/rows": {
        "parameters": [_path("funnel"), _path("step")],
        "get": operation(
            "funnel.rows", "The rows that got as far as a step", _ROWS, parameters=[_PERIOD, _FILTER, _CELL, *_PAGE]
        ),
    },
    "/reports/funnels/{funnel}/{step}/rows/exports": {
        "parameters": [_path("funnel"), _path("step")],
        "post": export_rows("funnel.rows.export", [_PERIOD, _FILTER, _CELL]),
    },
}
