"""The routes about duplicates that were met in the OpenAPI document.

Enters: the key of an entity and what it is called. Leaves: paths. Must not say who may ask or answer: the engine does.
"""

from typing import Any

from web.api.parts import body, operation, ref

_ID = {"name": "dispute", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_HIT = {"name": "hit", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_DISPUTE = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "kind": {"enum": ["collaborate", "appeal"]},
        "state": {"enum": ["asked", "granted", "refused", "withdrawn"]},
        "record": {
            "type": ["object", "null"],
            "description": "What you may know of it.",
        },
    },
    "required": ["id", "kind", "state"],
}
_ASKED = {
    "type": "object",
    "properties": {"kind": {"enum": ["collaborate", "appeal"]}, "reason": {"type": "string", "maxLength": 500}},
    "required": ["kind", "reason"],
}
_GRANTED = {
    "type": "object",
    "properties": {"until": {"type": "string", "format": "date-time"}, "answer": {"type": "string"}},
}
_REFUSED = {"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]}
DISPUTE_PATHS: dict[str, Any] = {
    "/duplicate-hits": {"get": operation("duplicate_hits", "Records of others you met lately", ref("list"))},
    "/duplicate-hits/{hit}/disputes": {
        "parameters": [_HIT],
        "post": operation("dispute.ask", "Ask to collaborate, or appeal", _DISPUTE, sent=body(_ASKED), status="201"),
    },
    "/disputes": {"get": operation("disputes", "What you asked for, and what you are to answer", ref("list"))},
    "/disputes/{dispute}": {"parameters": [_ID], "get": operation("dispute", "One request", _DISPUTE)},
    "/disputes/{dispute}/grant": {
        "parameters": [_ID],
        "post": operation("dispute.grant", "Say yes", _DISPUTE, sent=body(_GRANTED)),
    },
    "/disputes/{dispute}/refuse": {
        "parameters": [_ID],
        "post": operation("dispute.refuse", "Say no, and why", _DISPUTE, sent=body(_REFUSED)),
    },
    "/disputes/{dispute}/withdraw": {
        "parameters": [_ID],
        "post": operation("dispute.withdraw", "Take your request back", _DISPUTE),
    },
}


def dispute_paths(key: str, label: str) -> dict[str, Any]:
    """Return the path under which everything is listed that the duplicate rules of an entity found."""
    listed = operation(f"duplicates.{key}", f"Duplicates that were met: {label}", ref("list"))
    return {f"/{key}/duplicates": {"get": listed}}
