"""What the document of the API says of buttons: automations that somebody starts on a record.

Enters: an entity's key, its automations. Leaves: plain data. Must not ask who reads.
"""

from collections.abc import Iterable
from typing import Any

from engine.compiler.app import Automation
from web.api.parts import RECORD_ID, operation, ref
from web.i18n import Locale

_RUN = {
    "type": "object",
    "properties": {
        "run": {"type": "integer"},
        "state": {"type": "string", "enum": ["done", "pending", "skipped", "dropped", "failed", "stopped"]},
        "why": {"type": ["string", "null"]},
    },
    "required": ["run", "state", "why"],
}


def button_paths(key: str, label: str, automations: Iterable[Automation], language: Locale) -> dict[str, Any]:
    """Return the routes of the buttons of an entity; none when it has none."""
    buttons = [one for one in automations if one.on.kind == "button" and not one.retired]
    if not buttons:
        return {}
    listed = operation(f"buttons.{key}", f"Buttons that can be pressed now: {label}", ref("list"))
    paths: dict[str, Any] = {f"/{key}/{{id}}/buttons": {"parameters": [RECORD_ID], "get": listed}}
    for one in buttons:
        pressed = operation(f"press.{one.key}", f"{label}: {language.label(one.label)}", _RUN)
        paths[f"/{key}/{{id}}/buttons/{one.key}"] = {"parameters": [RECORD_ID], "post": pressed}
    return paths
