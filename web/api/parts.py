"""The parts of the OpenAPI document that are the same for every application.

Enters: nothing. Leaves: plain data and small functions that put it together. Must not know an app.
"""

from typing import Any

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
    """Return an operation with its errors, all of them problem+json."""
    good: dict[str, Any] = {"description": summary}
    if answered is not None:
        good["content"] = {"application/json": {"schema": answered}}
    said: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {status: good, "default": {"$ref": "#/components/responses/problem"}},
    }
    if parameters:
        said["parameters"] = parameters
    if sent is not None:
        said["requestBody"] = sent
    return said


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


LIST_PARAMETERS = [
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Records a page."),
    _query("after", _TEXT, "The cursor of the page before (its `next`)."),
    _query("sort", _TEXT, "A field; with a minus in front the largest first."),
    _query("q", _TEXT, "Words to search for."),
    _query("fields", _TEXT, "Fields to answer, separated by commas."),
    _query("count", {"type": "boolean"}, "Whether to count the records, up to 1000."),
]
_LIMIT = _query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "How many at most.")
_DECISION = {
    "type": "object",
    "properties": {"reason": {"type": ["string", "null"]}, "action_id": {"type": ["string", "null"]}},
    "additionalProperties": False,
}
_FILE = {
    "type": "object",
    "properties": {"id": _ID, "name": _TEXT, "size": {"type": "integer"}, "content_type": _TEXT},
    "required": ["id", "name", "size", "content_type"],
}
_TASK_ID = {"name": "id", "in": "path", "required": True, "schema": _ID}

COMMON_PATHS: dict[str, Any] = {
    "/tasks": {"get": operation("tasks", "Approvals that wait for you", ref("list"), parameters=[_LIMIT])},
    **{
        f"/tasks/{{id}}/{decision}": {
            "parameters": [_TASK_ID],
            "post": operation(f"task.{decision}", f"Decide: {decision}", {"type": "object"}, sent=body(_DECISION)),
        }
        for decision in ("approve", "refuse", "return")
    },
    "/search": {"get": operation("search", "Search everything", ref("list"), parameters=[_query("q", _TEXT, "Text.")])},
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
            "responses": {
                "200": {"description": "The content", "content": {"application/octet-stream": {}}},
                "default": {"$ref": "#/components/responses/problem"},
            },
        },
    },
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"path": _TEXT, "code": _TEXT, "text": _TEXT}},
        },
        "missing": {"type": "array", "items": {"type": "object"}},
        "current": {"type": "object"},
        "conflicts": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
_LIST = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "object"}}},
    "required": ["items"],
}
COMPONENTS: dict[str, Any] = {
    "schemas": {
        "problem": _PROBLEM,
        "list": _LIST,
        "moves": _LIST,
        "history": _LIST,
        "move": {
            "type": "object",
            "properties": {"values": {"type": ["object", "null"]}, "reason": {"type": ["string", "null"]}},
            "additionalProperties": False,
        },
    },
    "responses": {
        "problem": {
            "description": "What is wrong, where, and what to do",
            "content": {"application/problem+json": {"schema": ref("problem")}},
        }
    },
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
}
