"""What is sent to hand over what somebody holds, and to let somebody decide for oneself, in the OpenAPI document.

Enters: nothing. Leaves: schemas. Must not know an app.
"""

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
HAND_OVER = {
    "type": "object",
    "description": "Without digest: answers what would move. With the digest of that answer: moves it.",
    "properties": {
        "from": {"type": "string", "description": "The id of whose things they are."},
        "to": {"type": "string", "description": "The id of who gets them; their manager without it."},
        "parts": {"type": "array", "items": {"enum": ["tasks", "records", "fields", "groups", "responsibilities"]}},
        "tasks": {"type": "array", "items": {"type": "integer"}, "description": "Only these tasks."},
        "pools": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "By entity, the pool its records go to instead.",
        },
        "digest": _TEXT,
        "reason": _TEXT,
        "on": _MOMENT,
    },
    "required": ["from"],
}
DELEGATION = {
    "type": "object",
    "properties": {"to": _TEXT, "from": _MOMENT, "until": _MOMENT},
    "required": ["to", "from", "until"],
}
