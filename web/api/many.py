"""Changing and moving many records in one request, each answered for itself.

Enters: ``records`` with the version of each that was seen, and what shall happen. Leaves: one item per record, in the
order they were sent: ``done`` with its new version, or ``refused`` with what one record alone would have been answered.
Must not hold a rule: ``engine/workflow/many.py`` calls the command of one record for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g

from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.workflow import many
from engine.workflow.many import Outcome, Seen
from web.api.answers import answer
from web.api.requests import read_object
from web.errors import write_errors, write_missing
from web.gate import locale, writes

_STATUS = ((InvalidValues, 422), (NotAllowed, 403), (NotFound, 404))


@writes
def change_many(entity: str) -> Response:
    """Change the same fields of many records."""
    body = _read_body("values")
    seen, values = _read_records(body), body.get("values") or {}
    found = many.update_many(g.session, entity, seen, values, actor=g.actor, rehearse=bool(body.get("rehearse")))
    return _answer(found)


@writes
def move_many(entity: str, move: str) -> Response:
    """Make the same move with many records."""
    body = _read_body("values", "reason")
    found = many.move_many(
        g.session, entity, move, _read_records(body), raw=body.get("values"), reason=body.get("reason"),
        actor=g.actor, rehearse=bool(body.get("rehearse")),
    )  # fmt: skip
    return _answer(found)


ROUTES = (
    ("/<entity>/changes", ["POST"], change_many),
    ("/<entity>/moves/<move>", ["POST"], move_many),
)


def _read_body(*members: str) -> dict[str, Any]:
    """Return the body; raises ``InvalidValues`` for a member that has no place here or is of the wrong kind."""
    body, kinds = read_object(), {"records": list, "values": dict, "reason": str, "rehearse": bool}
    known = ("records", *members, "rehearse")
    errors = []
    for name, value in body.items():
        if name not in known:
            errors.append(
                FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(known)})
            )
        elif value is not None and not isinstance(value, kinds[name]):
            errors.append(FieldError(name, "people.wrong_member", {"kind": _JSON[kinds[name]]}))
    if errors:
        raise InvalidValues(errors)
    return body


def _read_records(body: Mapping[str, Any]) -> list[Seen]:
    records = body.get("records") or []
    errors = [FieldError(f"records.{at}", "people.wrong_record") for at, one in enumerate(records) if not _is_seen(one)]
    if errors or not records:
        raise InvalidValues(errors[:20] or [FieldError("records", "people.wrong_record")])
    return [(one["id"], one["version"]) for one in records]


def _is_seen(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and one.keys() == {"id", "version"}
        and all(isinstance(part, int) and not isinstance(part, bool) and 0 < part < 2**63 for part in one.values())
    )


def _answer(found: Sequence[Outcome]) -> Response:
    items = [_item(outcome) for outcome in found]
    done = sum(item["status"] == "done" for item in items)
    return answer({"items": items, "done": done, "refused": len(items) - done})


def _item(outcome: Outcome) -> dict[str, Any]:
    if outcome.record is not None:
        return {"id": outcome.id, "status": "done", "version": outcome.record.version}
    refused, language = outcome.refused, locale().language
    said: dict[str, Any] = {"id": outcome.id, "status": "refused", "detail": outcome.text(language)}
    said["http_status"] = next((status for kind, status in _STATUS if isinstance(refused, kind)), 409)
    if isinstance(refused, InvalidValues):
        said["errors"] = write_errors(refused.errors, language)
        said["missing"] = write_missing(refused.missing, language)
    return said


_JSON = {list: "array", dict: "object", str: "string", bool: "boolean"}
