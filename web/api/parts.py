"""The parts of the OpenAPI document that are the same for every application.

Enters: nothing. Leaves: plain data and small functions that put it together. Must not know an app.
"""

from typing import Any

from engine.records.filters import OPERATORS
from engine.records.views import MONTH, PAGES, WEEK
from web.api.handing_parts import DELEGATION, HAND_OVER
from web.api.problem_parts import PROBLEM

_ID = {"type": "integer", "minimum": 1}
_TEXT = {"type": "string"}
RECORD_ID = {"name": "id", "in": "path", "required": True, "schema": _ID}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The version that was seen, as the ETag of an earlier answer.",
    "schema": {"type": "string", "pattern": '^(W/)?"[0-9]+"$'},
}


def ref(name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def body(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """Return a request body."""
    return {"required": True, "content": {kind: {"schema": schema}}}


def page_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a page of ``schema``; ``next`` is the cursor of the page after."""
    properties = {
        "items": {"type": "array", "items": schema},
        "next": {"type": ["string", "null"]},
        "labels": {"type": "object"},
        "expanded": {"type": "object"},
        "count": {"type": "integer"},
        "count_is_exact": {"type": "boolean"},
    }
    return {"type": "object", "properties": properties, "required": ["items", "next", "labels"]}


def operation(
    name: str,
    summary: str,
    answered: dict[str, Any] | None,
    *,
    parameters: list[dict[str, Any]] | None = None,
    sent: dict[str, Any] | None = None,
    status: str = "200",
) -> dict[str, Any]:
    """Return an operation; ``with_refusals`` adds how it may fail, once it is known how it is reached."""
    good: dict[str, Any] = {"description": summary}
    if answered is not None:
        good["content"] = {"application/json": {"schema": answered}}
    said: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {status: good},
    }
    if parameters:
        said["parameters"] = parameters
    if sent is not None:
        said["requestBody"] = sent
    return said


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_CONDITION = {
    "type": "array",
    "description": 'Field, operator, value: `["amount", "gte", "1000"]`. Dates: `within` a period such as `this_week`, '
    "`this_month`, `last_30_days`, `past`. People: `me`.",
    "prefixItems": [_TEXT, {"enum": list(OPERATORS)}],
    "minItems": 2,
    "maxItems": 3,
}
_WHERE = {
    "name": "where",
    "in": "query",
    "description": "A group of conditions, `all` or `any` of which hold; groups may stand in it, one level deep.",
    "content": {"application/json": {"schema": ref("conditions")}},
}


def _group(item: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": item, "minItems": 1, "maxItems": 30}
    return {
        "type": "object",
        "properties": {"all": items, "any": items},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


_CONDITIONS = _group({"anyOf": [_CONDITION, _group(_CONDITION)]})
_VIEW = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "audience": {"type": ["string", "null"], "description": "A role, `*` for everybody, null for the owner alone."},
        "filters": {"type": ["array", "null"], "items": _CONDITION},
        "where": {"anyOf": [ref("conditions"), {"type": "null"}]},
        "sort": {"type": ["string", "null"]},
        "columns": {"type": ["array", "null"], "items": _TEXT, "maxItems": 20},
        "text": {"type": ["string", "null"]},
        "group": {"type": ["string", "null"]},
        "page": {"enum": [*PAGES, None], "description": "Where it is shown; a list when nothing is said."},
        "by": {"type": ["string", "null"], "description": "A calendar: the date it goes by."},
        "span": {"enum": [MONTH, WEEK, None], "description": "A calendar: a month or a week at a time."},
        "default": {"type": "boolean", "description": "Whether the caller begins with it."},
    },
}
RECORD_PARAMETERS = [
    _query("fields", _TEXT, "Fields to answer, separated by commas."),
    _query("expand", _TEXT, "Links whose records are answered beside it (`_expanded`), separated by commas."),
]
LIST_PARAMETERS = [
    _WHERE,
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Records a page."),
    _query("after", _TEXT, "The cursor of the page before (its `next`)."),
    _query("sort", _TEXT, "A field; with a minus in front the largest first."),
    _query("q", _TEXT, "Words to search for."),
    _query("view", _ID, "A view of the list: its conditions, and its order and columns where none are asked for."),
    _query("fields", _TEXT, "Fields to answer, separated by commas."),
    _query("expand", _TEXT, "Links whose records are answered beside them (`expanded`), separated by commas."),
    _query("count", {"type": "boolean"}, "Whether to count the records, up to 1000."),
]
FIGURE_PARAMETERS = [
    _WHERE,
    _query("q", _TEXT, "Words to search for."),
    _query(
        "group",
        _TEXT,
        "A field to group by; days and moments by month, as `due.week` or `due.day` by those.",
    ),
    _query("sums", _TEXT, "Amounts and numbers to add up, separated by commas."),
]
BEFORE = _query("before", _ID, "The `next` of the page before.")
LIMIT = _query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "How many at most.")
_SEARCHED = _query("limit", {"type": "integer", "minimum": 1, "maximum": 50}, "How many of each entity at most.")
_TASK_PARAMETERS = [
    _query("box", {"enum": ["mine", "overdue", "team", "done", "started", "copied"]}, "Which of them."),
    _query("approval", _TEXT, "One kind of approval."),
    _query("q", _TEXT, "Words to search for."),
    _query("after", _TEXT, "The cursor of the page before (its `next`)."),
    LIMIT,
]
_DECISION = {
    "type": "object",
    "properties": {
        "reason": {"type": ["string", "null"]},
        "action_id": {"type": ["string", "null"]},
        "to": {"type": ["string", "null"]},
        "values": {"type": ["object", "null"]},
        "signature": {"type": ["string", "null"]},
    },
    "additionalProperties": False,
}
_PEOPLE = {"type": ["array", "null"], "items": _ID}
_INVOLVING = {
    "type": "object",
    "properties": {
        "people": _PEOPLE,
        "reason": {"type": ["string", "null"]},
        "text": {"type": ["string", "null"]},
        "where": {"enum": ["before", "after", None]},
        "action_id": {"type": ["string", "null"]},
    },
    "additionalProperties": False,
}
_BATCH = {
    "type": "object",
    "properties": {
        "tasks": {"type": "array", "items": _ID},
        "decision": {"enum": ["approve", "refuse"]},
        "reason": {"type": ["string", "null"]},
        "reasons": {
            "type": ["object", "null"],
            "additionalProperties": _TEXT,
            "description": "By task, in place of `reason`.",
        },
        "action_id": {"type": ["string", "null"]},
    },
    "required": ["tasks", "decision"],
    "additionalProperties": False,
}
_FILE = {
    "type": "object",
    "properties": {"id": _ID, "name": _TEXT, "size": {"type": "integer"}, "content_type": _TEXT},
    "required": ["id", "name", "size", "content_type"],
}
_TASK_ID = {"name": "id", "in": "path", "required": True, "schema": _ID}

_MOMENT = {"type": "string", "format": "date-time"}
_TEXT_OR_NONE = {"type": ["string", "null"]}
_NAMES = {"type": "array", "items": _TEXT}
VERSION = {"name": "version", "in": "path", "required": True, "schema": _ID}
VERSION_PARTS = {
    "version": _ID,
    "at": _MOMENT,
    "actor": {"type": ["integer", "null"]},
    "actor_name": _TEXT,
    "differs": _NAMES,
    "restorable": _NAMES,
}
_DELETED = {
    "type": "object",
    "properties": {
        "id": _ID, "number": _TEXT_OR_NONE, "title": _TEXT, "deleted_at": _MOMENT, "deleted_by": _TEXT_OR_NONE
    },
}  # fmt: skip
COMMENT_ID = {"name": "comment", "in": "path", "required": True, "schema": _ID}
_COMMENT = {
    "type": "object",
    "properties": {
        "text": _TEXT,
        "people": {"type": ["array", "null"], "items": _ID},
        "action_id": _TEXT_OR_NONE,
    },
    "required": ["text"],
    "additionalProperties": False,
}
_RESTORE = {"type": "object", "properties": {"fields": _NAMES}, "required": ["fields"], "additionalProperties": False}
PEOPLE_PATHS: dict[str, Any] = {
    "/tasks": {"get": operation("tasks", "Approvals that wait for you", ref("list"), parameters=_TASK_PARAMETERS)},
    **{
        f"/tasks/{{id}}/{decision}": {
            "parameters": [_TASK_ID],
            "post": operation(f"task.{decision}", f"Decide: {decision}", {"type": "object"}, sent=body(_DECISION)),
        }
        for decision in ("approve", "refuse", "return", "complete")
    },
    **{
        f"/tasks/{{id}}/{action}": {
            "parameters": [_TASK_ID],
            "post": operation(f"task.{action}", f"Task: {action}", {"type": "object"}, sent=body(_INVOLVING)),
        }
        for action in ("transfer", "consult", "answer", "add", "remove", "claim", "cc", "retract")
    },
    **{
        f"/approvals/{{id}}/{action}": {
            "parameters": [_TASK_ID],
            "post": operation(f"approval.{action}", f"Approval: {action}", {"type": "object"}, sent=body(_INVOLVING)),
        }
        for action in ("comment", "urge", "withdraw", "terminate", "revoke", "resume")
    },
    "/tasks/stranded": {"get": operation("tasks.stranded", "What stands still (administrators)", ref("list"))},
    "/tasks/hand-over": {
        "post": operation("tasks.hand_over", "Plan or do a hand-over", {"type": "object"}, sent=body(HAND_OVER)),
    },
    "/tasks/delegations": {
        "get": operation("delegations", "Your delegations", ref("list")),
        "post": operation(
            "delegation.create", "Let somebody decide for you", {"type": "object"}, status="201", sent=body(DELEGATION)
        ),
    },
    "/tasks/delegations/{id}/end": {
        "parameters": [_TASK_ID],
        "post": operation("delegation.end", "End a delegation", {"type": "object"}),
    },
    "/tasks/decide": {
        "post": operation("tasks.decide", "Decide many tasks", {"type": "object"}, sent=body(_BATCH)),
    },
}
RECORD_PATHS: dict[str, Any] = {
    "/openapi.json": {"get": operation("openapi", "This document", {"type": "object"})},
    "/search": {
        "get": operation(
            "search", "Search everything", ref("list"), parameters=[_query("q", _TEXT, "Text."), _SEARCHED]
        )
    },
    "/files": {
        "post": operation(
            "upload",
            "Upload a file",
            _FILE,
            status="201",
            sent=body(
                {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                },
                "multipart/form-data",
            ),
        )
    },
    "/files/{id}": {"parameters": [_TASK_ID], "get": operation("file", "About a file", {"type": "object"})},
    "/files/{id}/content": {
        "parameters": [_TASK_ID],
        "get": {
            "operationId": "download",
            "summary": "Download a file",
            "responses": {"200": {"description": "The content", "content": {"*/*": {}}}},
        },
    },
}
_LIST = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "object"}}},
    "required": ["items"],
}
_SEEN = {
    "type": "array",
    "minItems": 1,
    "maxItems": 500,
    "items": {
        "type": "object",
        "properties": {"id": _ID, "version": {"type": "integer", "description": "The version that was seen."}},
        "required": ["id", "version"],
        "additionalProperties": False,
    },
}
_REHEARSE = {"type": "boolean", "description": "Only say what would become of each record; nothing is kept."}
_MANY = {
    "type": "object",
    "properties": {
        "records": _SEEN,
        "values": {"type": "object"},
        "reason": {"type": ["string", "null"]},
        "rehearse": _REHEARSE,
    },
    "required": ["records"],
    "additionalProperties": False,
}
_OUTCOME = {
    "type": "object",
    "properties": {
        "id": _ID,
        "status": {"enum": ["done", "refused"]},
        "version": {"type": "integer"},
        "http_status": {"type": "integer", "description": "What one record alone would have been answered."},
        "detail": _TEXT,
        "errors": PROBLEM["properties"]["errors"],
        "missing": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["id", "status"],
}
_OUTCOMES = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": _OUTCOME},
        "done": {"type": "integer"},
        "refused": {"type": "integer"},
    },
    "required": ["items", "done", "refused"],
}
COMPONENTS: dict[str, Any] = {
    "schemas": {
        "problem": PROBLEM,
        "list": _LIST,
        "moves": _LIST,
        "history": _LIST,
        "move": {
            "type": "object",
            "properties": {
                "values": {"type": ["object", "null"]},
                "reason": {"type": ["string", "null"]},
                "chosen": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": "array", "items": {"type": "integer"}},
                },
            },
            "additionalProperties": False,
        },
        "conditions": _CONDITIONS,
        "view": _VIEW,
        "many": _MANY,
        "outcomes": _OUTCOMES,
        "deleted": {
            "type": "object",
            "properties": {"items": {"type": "array", "items": _DELETED}, "next": {"type": ["integer", "null"]}},
        },
        "restore": _RESTORE,
        "comment": _COMMENT,
    },
    "responses": {
        "problem": {
            "description": "What is wrong, where, and what to do",
            "content": {"application/problem+json": {"schema": ref("problem")}},
        }
    },
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
}
