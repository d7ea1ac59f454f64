"""What a request that fails is answered, as the OpenAPI document says it.

Enters: nothing. Leaves: plain data. Must not differ from what ``web/errors.py`` writes.
"""

from typing import Any

_ID = {"type": "integer", "minimum": 1}
_TEXT = {"type": "string"}

PROBLEM: dict[str, Any] = {
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
            "items": {
                "type": "object",
                "properties": {
                    "path": _TEXT,
                    "code": _TEXT,
                    "text": _TEXT,
                    "params": {
                        "type": "object",
                        "description": "The records in the way, of those you may see.",
                        "properties": {
                            "records": {
                                "type": "array",
                                "items": {"type": "object", "properties": {"entity": _TEXT, "id": _ID}},
                            }
                        },
                    },
                },
            },
        },
        "missing": {"type": "array", "items": {"type": "object"}},
        "current": {"type": "object"},
        "conflicts": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail", "code"],
}

_ALWAYS = ("400", "401", "403", "404", "409", "422", "503")


def with_refusals(told: dict[str, Any], *, changes: bool, by_version: bool) -> dict[str, Any]:
    """Return an operation with every way it may fail; ``by_version`` is whether it asks for ``If-Match``."""
    codes = [*_ALWAYS, *(["413"] if changes else []), *(["428"] if by_version else [])]
    problem = {"$ref": "#/components/responses/problem"}
    return told | {"responses": told["responses"] | dict.fromkeys(codes, problem)}
