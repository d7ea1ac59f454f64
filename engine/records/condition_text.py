"""Groups of conditions as text: how an address, the API and a saved view hold them.

Enters: JSON, ``{"any": [["amount", "gte", "1000"], {"all": [["stage", "eq", "won"], ["owner", "eq", "me"]]}]}``.
Leaves: a ``FilterGroup``, or the JSON of one. Must not judge fields, operators or values: the list they are asked
of does.
"""

import json
from collections.abc import Mapping
from typing import Any

from engine.errors import FieldError, InvalidValues
from engine.records.filters import Filter, FilterGroup

LONGEST = 6_000
"""Characters of the text."""

JOINED = ("all", "any")
_MOST = 30
_VALUES = (str, int, float, bool, type(None))


def read_conditions(text: str) -> FilterGroup | None:
    """Return the group the text describes, None for an empty one; raises ``InvalidValues`` at ``where``."""
    if not text.strip():
        return None
    try:
        if len(text) > LONGEST:
            raise ValueError
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # an escape may hold half of a character
    except (ValueError, RecursionError):
        raise _wrong() from None
    return conditions_of(found)


def conditions_of(found: Any) -> FilterGroup | None:
    """Return the group that plain data describes; raises ``InvalidValues`` at ``where``."""
    if found is None or found == {}:
        return None
    return _group(found, deep=False)


def write_conditions(group: FilterGroup) -> str:
    """Return the text of a group, as short as it can be."""
    return json.dumps(plain(group), ensure_ascii=False, separators=(",", ":"))


def plain(one: FilterGroup | Filter) -> Any:
    """Return a group or condition as plain data."""
    if isinstance(one, FilterGroup):
        return {one.joined: [plain(item) for item in one.items]}
    return [one.field, one.operator] + ([] if one.value is None else [one.value])


def _group(found: Any, *, deep: bool) -> FilterGroup:
    if not isinstance(found, Mapping) or len(found) != 1:
        raise _wrong()
    joined, items = next(iter(found.items()))
    if joined not in JOINED or not isinstance(items, list) or not 0 < len(items) <= _MOST:
        raise _wrong()
    read: list[Filter | FilterGroup] = []
    for item in items:
        if isinstance(item, Mapping) and not deep:
            read.append(_group(item, deep=True))
        else:
            read.append(_filter(item))
    return FilterGroup(joined, tuple(read))


def _filter(found: Any) -> Filter:
    if not isinstance(found, list) or not 2 <= len(found) <= 3 or not all(isinstance(one, str) for one in found[:2]):
        raise _wrong()
    value = found[2] if len(found) == 3 else None
    plain_list = isinstance(value, list) and all(isinstance(one, _VALUES) for one in value)
    if not plain_list and not isinstance(value, _VALUES):
        raise _wrong()
    return Filter(found[0], found[1], value)


def _wrong() -> InvalidValues:
    return InvalidValues([FieldError("where", "record.bad_where")])
