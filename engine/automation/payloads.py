"""What another system sent, read by the types an automation names, and kept with its run.

Enters: the body of a request, or what was kept. Leaves: typed values, as expressions ask for them. Must not let through
what is not of its type, nor keep what nobody asked for.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.compiler.app import Automation
from engine.compiler.app.automations import Take
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues

Payload = Mapping[str, Any]
_WITHIN = "data"
"""Where senders by the Standard Webhooks convention put what they have to say."""


def parse_body(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body of JSON is; raises ``InvalidValues``."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidValues([FieldError("", "automation.bad_body")])
    return said


def take(automation: Automation, said: Mapping[str, Any], zone: ZoneInfo) -> Payload:
    """Return the parts an automation reads, None for those that were not sent; raises ``InvalidValues``.

    What has no place of its own stands under its key, in the body or in its ``data``.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for key, one in automation.on.takes.items():
        given = _find(said, one)
        try:
            values[key] = None if is_empty(given) else _read(one, given, zone)
        except Wrong as wrong:
            errors.append(FieldError(".".join(one.path), wrong.code, wrong.params))
    if errors:
        raise InvalidValues(errors)
    return values


def nest(automation: Automation, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body in which each part stands where the automation reads it."""
    body: dict[str, Any] = {}
    for key, value in sent.items():
        *above, last = automation.on.takes[key].path if key in automation.on.takes else (key,)
        within = body
        for part in above:
            within = within.setdefault(part, {})
        within[last] = value
    return body


def keep_payload(automation: Automation, values: Payload) -> dict[str, Any]:
    """Return what a run keeps of it: plain data, no digit lost."""
    takes = automation.on.takes
    return {key: takes[key].field.type.to_json(value) for key, value in values.items() if value is not None}


def read_payload(automation: Automation, kept: Mapping[str, Any]) -> Payload:
    """Return what a run kept as values again; what is of another type by now is missing."""
    takes = automation.on.takes
    found: dict[str, Any] = dict.fromkeys(takes)
    for key in takes.keys() & kept.keys():
        try:
            found[key] = takes[key].field.type.from_json(kept[key])
        except (ValueError, TypeError, ArithmeticError):
            continue
    return found


def _find(said: Mapping[str, Any], one: Take) -> Any:
    found: Any = said
    for part in one.path:
        found = found.get(part) if isinstance(found, Mapping) else None
    within = said.get(_WITHIN)
    if found is None and one.path == (one.field.key,) and isinstance(within, Mapping):
        return within.get(one.field.key)
    return found


def _read(one: Take, given: Any, zone: ZoneInfo) -> Any:
    if isinstance(given, Mapping | list):
        raise Wrong("automation.not_plain")
    value = one.field.type.parse(given, one.field)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=zone).astimezone(UTC)
    return value
