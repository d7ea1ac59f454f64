"""Conditions a person sets over a list: a field, an operator, a value.

Enters: the operator's name and the value as typed. Leaves: a SQL condition and its parameters. Must not check rights:
whoever lists records has checked that the field may be seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, bindparam, func

from engine.compiler.app import Entity, Field
from engine.compiler.field_types import FIELD_TYPES
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues, Location
from engine.records.columns import column
from engine.records.cursors import folded
from engine.records.sql import HasAnyOf, IsOneOf, ListOf

OPERATORS = ("eq", "ne", "in", "gte", "lte", "gt", "lt", "contains", "missing", "present")
MOST_CHOSEN = 200
"""Values that ``in`` looks at."""

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left.is_distinct_from(right),
    "gte": lambda left, right: left >= right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "lt": lambda left, right: left < right,
}
_ANY = frozenset({"eq", "ne", "missing", "present"})
_ORDERED = _ANY | {"gte", "lte", "gt", "lt"}
_OPERATORS_OF: Mapping[str, frozenset[str]] = {
    "text": _ORDERED | {"in", "contains"},
    "long_text": _ORDERED | {"contains"},
    "integer": _ORDERED | {"in"},
    "link": _ORDERED | {"in"},
    "user": _ORDERED | {"in"},
    "decimal": _ORDERED,
    "date": _ORDERED,
    "datetime": _ORDERED,
    "boolean": _ANY,
    "json": _ANY | {"in", "contains"},
}
_ONE_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Filter:
    """One condition; ``operator`` is one of ``OPERATORS``, ``value`` as typed (a list for ``in``).

    Over a field of several choices ``eq`` and ``contains`` ask for one of them, ``in`` for any, ``ne`` for its absence.
    """

    field: str
    operator: str
    value: Any = None

    def parameters(self, entity: Entity, at: int, zone: ZoneInfo) -> dict[str, Any]:
        """Return the parameters of the condition; raises ``InvalidValues`` when the value does not fit the field."""
        field = _field(entity, self.field)
        if self.operator not in _OPERATORS_OF[field.type.column or "text"]:
            raise self._wrong("record.bad_operator", {"operator": str(self.operator)[:20]})
        if self.operator in ("missing", "present"):
            return {}
        if self.operator == "in":
            return {f"value{at}": [value for one in self._chosen() for value in _listed(self._typed(field, one, zone))]}
        if self.operator == "contains" and field.type.column != "json":
            return {f"value{at}": like(folded(self._text()))}
        return {f"value{at}": self._typed(field, self.value, zone)}

    def _chosen(self) -> Sequence[Any]:
        chosen = self.value if isinstance(self.value, list | tuple) else self._text().split(",")
        return [one for one in chosen if not is_empty(one)][:MOST_CHOSEN]

    def _text(self) -> str:
        if isinstance(self.value, str) and not is_empty(self.value):
            return self.value
        raise self._wrong("record.empty_filter", {})

    def _typed(self, field: Field, raw: Any, zone: ZoneInfo) -> Any:
        if is_empty(raw):
            raise self._wrong("record.empty_filter", {})
        try:
            value = field.type.parse(raw, field)
        except Wrong as wrong:
            raise self._wrong(wrong.code, wrong.params) from None
        return self._moment(value, raw, zone) if isinstance(value, datetime) else value

    def _moment(self, value: datetime, raw: Any, zone: ZoneInfo) -> datetime:
        """A day alone is all of it: up to a day means to its last moment."""
        whole_day = isinstance(raw, str) and ":" not in raw and not value.hour and self.operator in ("lte", "gt")
        moment = value + _ONE_DAY - _MOMENT if whole_day else value
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    def _wrong(self, code: str, params: Mapping[str, object]) -> InvalidValues:
        return InvalidValues([FieldError(self.field, code, params)])


def condition(table: Table, entity: Entity, one: Filter, at: int) -> ColumnElement[bool]:
    """Return the SQL condition of the filter that is number ``at`` of its list."""
    left: Any = column(table, one.field)
    kind = _field(entity, one.field).type.column
    found: Any
    if one.operator == "missing":
        found = left.is_(None)
    elif one.operator == "present":
        found = left.is_not(None)
    elif kind == "json":
        has = HasAnyOf(left, bindparam(f"value{at}", type_=ListOf(numbers=False)))
        found = left.is_(None) | ~has if one.operator == "ne" else has
    elif one.operator == "contains":
        found = func.lower(left).like(bindparam(f"value{at}"), escape="\\")
    elif one.operator == "in":
        found = IsOneOf(left, bindparam(f"value{at}", type_=ListOf(numbers=kind in ("integer", "link", "user"))))
    else:
        found = _COMPARE[one.operator](left, bindparam(f"value{at}", type_=left.type))
    condition: ColumnElement[bool] = found
    return condition


def like(text: str) -> str:
    """Return the pattern of LIKE that finds ``text`` anywhere, whatever it holds."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _field(entity: Entity, key: str) -> Field:
    """Return the field as a filter reads its values: without the limits of what may be entered."""
    field = entity.fields.get(key) or _SYSTEM.get(key) or _TEXT
    return replace(field, min=None, max=None, min_length=None, max_length=None, pattern=None, many=True)


def _system(kind: str) -> Field:
    return Field(kind, FIELD_TYPES[kind], {}, Location(""))


_TEXT = _system("text")
_SYSTEM: Mapping[str, Field] = {
    "id": _system("link"),
    "owner": _system("user"),
    "team": _system("link"),
    "created_by": _system("user"),
    "updated_by": _system("user"),
    "created_at": _system("datetime"),
    "updated_at": _system("datetime"),
}
