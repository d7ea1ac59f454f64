"""What a program sent: a JSON body, the version it saw, the query of a list.

Enters: the Flask request. Leaves: plain values, or one of the five errors. Must not judge values of records: the
commands do.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import request

from engine.errors import FieldError, InvalidValues, NotFound
from engine.records.condition_text import read_conditions
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from web.errors import ConditionMissing, Malformed

LIST_PARAMETERS = ("after", "count", "expand", "fields", "limit", "q", "sort", "view", "where")
RECORD_PARAMETERS = ("expand", "fields")
FIGURE_PARAMETERS = ("group", "q", "sums", "where")
_FILTER = "filter."
_MOST_SUMS = 10
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})(?::[a-z]+)?"')


def read_object() -> dict[str, Any]:
    """Return the JSON object in the body; an empty body is an empty object. Raises ``Malformed``."""
    data = request.get_data()
    if not data:
        return {}
    if request.mimetype not in ("application/json", "application/merge-patch+json"):
        raise Malformed("people.json_type")
    found = _parse(data)
    if not isinstance(found, dict):
        raise Malformed("people.json_object")
    return found


def as_sent(value: Any) -> Any:
    """Return a value of a body as JSON has it: a number with a point is a number, as text only where none can hold it.

    A share sent as 0.12 is 12 %, and as text it would be 0.12 %.
    """
    if isinstance(value, dict):
        return {key: as_sent(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_sent(one) for one in value]
    if isinstance(value, Decimal):
        number = float(value)
        return number if math.isfinite(number) else str(value)
    return value


def read_fields(*names: str, lists: tuple[str, ...] = (), objects: tuple[str, ...] = ("values",)) -> dict[str, Any]:
    """Return the members ``names`` of the JSON object in the body, None for those left out.

    Those in ``objects`` must be objects, those in ``lists`` lists, the others text.
    Raises ``InvalidValues`` for any other member or kind.
    """
    body = read_object()
    errors = [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(names)})
        for name in body
        if name not in names
    ]
    for name in names:
        value, kind = body.get(name), dict if name in objects else list if name in lists else str
        if value is not None and not isinstance(value, kind):
            said = {dict: "object", list: "array", str: "string"}[kind]
            errors.append(FieldError(name, "people.wrong_member", {"kind": said}))
    if errors:
        raise InvalidValues(errors)
    return {name: body.get(name) for name in names}


def read_texts(found: Any, name: str, *, known: Sequence[str] | None = None) -> dict[str, str]:
    """Return the texts that a member says by name, by one of ``known`` if they are given; raises ``InvalidValues``."""
    said, errors = dict(found or {}), []
    for key, value in said.items():
        path = f"{name}.{key}"[:60]
        if known is not None and key not in known:
            errors.append(FieldError(path, "people.unknown_member", {"name": key[:60], "known": ", ".join(known[:20])}))
        elif not isinstance(value, str):
            errors.append(FieldError(path, "people.wrong_member", {"kind": "string"}))
    if errors:
        raise InvalidValues(errors)
    return said


def read_chosen(found: Any) -> dict[str, list[int]]:
    """Return people chosen by step; raises ``InvalidValues`` for anything but lists of ids."""
    chosen = found or {}
    for step, ids in chosen.items():
        if not isinstance(ids, list) or not all(map(_is_id, ids)):
            raise InvalidValues([FieldError(f"chosen.{step}"[:60], "people.wrong_member", {"kind": "array of ids"})])
    return dict(chosen)


def read_version() -> int:
    """Return the version in ``If-Match``; raises ``ConditionMissing`` (428) without one."""
    header = request.headers.get("If-Match")
    if header is None:
        raise ConditionMissing("people.version_required")
    found = _ETAG.fullmatch(header.strip())
    if found is None:
        raise Malformed("people.version_malformed")
    return int(found[1])


def read_id(text: str) -> int:
    """Return a record's id from an address; anything that cannot be one is ``NotFound``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound
    return int(text)


def read_ids(found: Any, name: str) -> list[int]:
    """Return a list of ids from a body; raises ``InvalidValues`` for anything else."""
    if not all(map(_is_id, found or ())):
        raise InvalidValues([FieldError(name, "people.wrong_member", {"kind": "array of ids"})])
    return list(found or ())


def _is_id(given: Any) -> bool:
    """Whether a value may be an id; a number that no database holds is none."""
    return isinstance(given, int) and not isinstance(given, bool) and abs(given) < 2**63


def read_moment(name: str, given: str) -> dt.datetime:
    """Return a moment with its offset; a day, one without an offset, or of a year not from 1900 to 2200 is refused."""
    try:
        found = dt.datetime.fromisoformat(given)
    except ValueError:
        raise InvalidValues([FieldError(name, "hand_over.moment")]) from None
    if found.tzinfo is None or not 1900 <= found.year <= 2200:
        raise InvalidValues([FieldError(name, "hand_over.moment")])
    return found.astimezone(dt.UTC)


def read_list_query() -> tuple[ListQuery, bool]:
    """Return the list asked for, and whether it is to be counted."""
    counted = request.args.get("count", "false")
    if counted not in ("true", "false"):
        raise InvalidValues([FieldError("count", "people.wrong_member", {"kind": "true or false"})])
    return _query(LIST_PARAMETERS), counted == "true"


def read_figure_query() -> tuple[ListQuery, str | None, tuple[str, ...]]:
    """Return the list to be added up, the field to group by, and those to add up."""
    sums = tuple(dict.fromkeys(name for name in request.args.get("sums", "").split(",") if name))
    return _query(FIGURE_PARAMETERS), request.args.get("group") or None, sums[:_MOST_SUMS]


def check_query(known: tuple[str, ...]) -> None:
    """Raise ``InvalidValues`` for a parameter of the query that is none of ``known``."""
    for name in request.args:
        if name not in known:
            said = {"name": name[:60], "known": ", ".join(known)}
            raise InvalidValues([FieldError(name[:60], "people.unknown_query", said)])


def _query(known: tuple[str, ...]) -> ListQuery:
    given = request.args
    sort = given.get("sort") or None
    filters = tuple(_filter(name, value) for name, value in given.items(multi=True) if _is_filter(name, known))
    group = read_conditions(given.get("where", ""))
    return ListQuery(
        filters=filters if group is None else (*filters, group),
        sort=sort.lstrip("-") if sort else None,
        descending=bool(sort and sort.startswith("-")),
        after=given.get("after") or None,
        limit=read_number("limit", 50, most=200),
        text=given.get("q", ""),
        columns=tuple(name for name in given.get("fields", "").split(",") if name),
    )


def read_number(name: str, default: int, *, most: int) -> int:
    """Return a whole number from 1 to ``most`` of the query."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and 1 <= int(text) <= most):
        raise InvalidValues([FieldError(name, "people.wrong_number", {"max": most})])
    return int(text)


def _is_filter(name: str, parameters: tuple[str, ...]) -> bool:
    if name.startswith(_FILTER):
        return True
    if name not in parameters:
        known = ", ".join((*parameters, "filter.<field>.<operator>"))
        raise InvalidValues([FieldError(name[:60], "people.unknown_query", {"name": name[:60], "known": known})])
    return False


def _filter(name: str, value: str) -> Filter:
    field, _, operator = name.removeprefix(_FILTER).partition(".")
    return Filter(field, operator or "eq", value)


def _parse(data: bytes) -> Any:
    try:
        found = _decode(data.decode(json.detect_encoding(data), "surrogatepass"))
        if b"\\u" in data:  # an escape may hold half of a character, which no database takes
            _encode(found).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed("people.bad_json", reason=_reason(error)) from None
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


# One of each for all: the functions of json, given arguments, would build one per call.
_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, {error.lineno}:{error.colno}"
    return "too deep" if isinstance(error, RecursionError) else type(error).__name__
