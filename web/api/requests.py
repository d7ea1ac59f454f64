"""What a program sent: a JSON body, the version it saw, the query of a list.

Enters: the Flask request. Leaves: plain values, or one of the five errors. Must not judge values of records: the
commands do.
"""

import json
import re
from decimal import Decimal
from typing import Any

from flask import request

from engine.errors import FieldError, InvalidValues, NotFound
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from web.errors import ConditionMissing, Malformed

LIST_PARAMETERS = ("after", "count", "fields", "limit", "q", "sort")
_FILTER = "filter."
_MOST_FILTERS = 20
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


def read_fields(*names: str) -> dict[str, Any]:
    """Return the members ``names`` of the JSON object in the body, None for those left out.

    ``values`` must be an object, the others text. Raises ``InvalidValues`` for any other member or kind.
    """
    body = read_object()
    errors = [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(names)})
        for name in body
        if name not in names
    ]
    for name in names:
        value, kind = body.get(name), dict if name == "values" else str
        if value is not None and not isinstance(value, kind):
            errors.append(FieldError(name, "people.wrong_member", {"kind": "object" if kind is dict else "string"}))
    if errors:
        raise InvalidValues(errors)
    return {name: body.get(name) for name in names}


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


def read_list_query() -> tuple[ListQuery, bool]:
    """Return the list asked for, and whether it is to be counted."""
    given = request.args
    sort = given.get("sort") or None
    query = ListQuery(
        filters=tuple(_filter(name, value) for name, value in given.items(multi=True) if _is_filter(name)),
        sort=sort.lstrip("-") if sort else None,
        descending=bool(sort and sort.startswith("-")),
        after=given.get("after") or None,
        limit=read_number("limit", 50, most=200),
        text=given.get("q", ""),
        columns=tuple(name for name in given.get("fields", "").split(",") if name),
    )
    if len(query.filters) > _MOST_FILTERS:
        raise InvalidValues([FieldError("filter", "people.many_filters", {"max": _MOST_FILTERS})])
    return query, given.get("count") == "true"


def read_number(name: str, default: int, *, most: int) -> int:
    """Return a whole number from 1 to ``most`` of the query."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and 1 <= int(text) <= most):
        raise InvalidValues([FieldError(name, "people.wrong_number", {"max": most})])
    return int(text)


def _is_filter(name: str) -> bool:
    if name.startswith(_FILTER):
        return True
    if name not in LIST_PARAMETERS:
        known = ", ".join((*LIST_PARAMETERS, "filter.<field>.<operator>"))
        raise InvalidValues([FieldError(name[:60], "people.unknown_query", {"name": name[:60], "known": known})])
    return False


def _filter(name: str, value: str) -> Filter:
    field, _, operator = name.removeprefix(_FILTER).partition(".")
    return Filter(field, operator or "eq", value)


def _parse(data: bytes) -> Any:
    try:
        found = json.loads(data, parse_float=Decimal, parse_constant=_refuse_constant)
        if b"\\u" in data:  # an escape may hold half of a character, which no database takes
            json.dumps(found, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed("people.bad_json", reason=_reason(error)) from None
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, {error.lineno}:{error.colno}"
    return "too deep" if isinstance(error, RecursionError) else type(error).__name__
