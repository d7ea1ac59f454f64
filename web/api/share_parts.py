"""The routes about the shares of a record in the OpenAPI document.

Enters: the key of an entity and what it is called. Leaves: paths. Must not say who may share: the engine decides.
"""

from typing import Any

from web.api.parts import RECORD_ID, body, operation, ref

_SHARE_ID = {"name": "share", "in": "path", "required": True, "schema": {"type": "integer"}}
_SHARE = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "description": "user:7, department:2, group:board, or a login."},
        "access": {"enum": ["read", "write"]},
        "until": {"type": "string", "format": "date-time"},
    },
    "required": ["to"],
}


def share_paths(key: str, label: str) -> dict[str, Any]:
    """Return the paths under which records of an entity are shared."""
    return {
        f"/{key}/{{id}}/shares": {
            "parameters": [RECORD_ID],
            "get": operation(f"shares.{key}", f"Shared with: {label}", ref("list")),
            "post": operation(f"share.{key}", f"Share: {label}", ref("list"), sent=body(_SHARE), status="201"),
        },
        f"/{key}/{{id}}/shares/{{share}}": {
            "parameters": [RECORD_ID, _SHARE_ID],
            "delete": operation(f"unshare.{key}", f"End a share: {label}", {"type": "object"}),
        },
    }
