"""The routes about people and departments in the OpenAPI document, for administrators only.

Enters: nothing. Leaves: ``ADMIN_PATHS``. Must not name an entity: these are the same for every application.
"""

from typing import Any

from web.api.parts import body, operation, ref

_TEXT = {"type": ["string", "null"]}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
_OBJECT = {"type": "object"}
_PERSON = {
    "type": "object",
    "description": "A department is named by its key, a manager by their login; null for none.",
    "properties": {
        **{name: _TEXT for name in ("name", "login", "email", "mobile", "department", "manager", "language")},
        "roles": {"type": "array", "items": {"type": "string"}},
    },
}
_DEPARTMENT = {
    "type": "object",
    "description": "The department above is named by its key, the manager by their login; null for none.",
    "properties": {name: _TEXT for name in ("key", "name", "parent", "manager")},
}
_FILTERS = [
    {"name": name, "in": "query", "schema": schema}
    for name, schema in (
        ("q", {"type": "string"}),
        ("department", {"type": "string"}),
        ("role", {"type": "string"}),
        ("state", {"enum": ["enabled", "disabled"]}),
        ("after", {"type": "string"}),
        ("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    )
]

ADMIN_PATHS: dict[str, Any] = {
    "/admin/people": {
        "get": operation("people", "People", ref("list"), parameters=_FILTERS),
        "post": operation("person.create", "Add a person", _OBJECT, status="201", sent=body(_PERSON)),
    },
    "/admin/people/{id}": {
        "parameters": [_ID],
        "get": operation("person", "One person", _OBJECT),
        "patch": operation("person.update", "Change a person", _OBJECT, sent=body(_PERSON)),
    },
    **{
        f"/admin/people/{{id}}/{action}": {
            "parameters": [_ID],
            "post": operation(f"person.{action}", f"Person: {action}", _OBJECT),
        }
        for action in ("disable", "enable", "end-access", "reset-second-factor")
    },
    "/admin/people/{id}/link": {
        "parameters": [_ID],
        "post": operation("person.link", "Make a link to set a password", _OBJECT, status="201"),
    },
    "/admin/departments": {
        "get": operation("departments", "Departments", ref("list")),
        "post": operation("department.create", "Add a department", _OBJECT, status="201", sent=body(_DEPARTMENT)),
    },
    "/admin/departments/{id}": {
        "parameters": [_ID],
        "patch": operation("department.update", "Change a department", _OBJECT, sent=body(_DEPARTMENT)),
        "delete": operation("department.delete", "Delete a department that nothing belongs to", None, status="204"),
    },
}
