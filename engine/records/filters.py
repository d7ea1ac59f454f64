"""Conditions a person sets over a list: a field, an operator, a value.

Enters: the operator's name and the value as typed. Leaves: a SQL condition and its parameters. Must not check rights:
whoever lists records has checked that the field may be seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, bindparam

from engine.compiler.app import Entity
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues
from engine.records.columns import column
from engine.records.sql import IsOneOf, ListOf

OPERATORS = ("eq", "ne", "in", "gte", "lte", "gt", "lt", "contains", "missing", "present")
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left.is_distinct_from(right),
    "gte": lambda left, right: left >= right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "lt": lambda left, right: left < right,
}
_SYSTEM_COLUMNS = {"id": "link", "owner": "user", "team": "link", "created_by": "user", "updated_by": "user",
                   "created_at": "datetime", "updated_at": "datetime"}  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """One condition; ``operator`` is one of ``OPERATORS``, ``value`` as typed (a list for ``in``)."""

    field: str
    operator: str
    value: Any = None

    def parameters(self, entity: Entity, at: int, zone: ZoneInfo) -> dict[str, Any]:
        """Return the parameters of the condition; raises ``InvalidValues`` when the value does not fit the field."""
        if self.operator not in OPERATORS:
            raise InvalidValues([FieldError(self.field, "record.bad_operator", {"operator": str(self.operator)[:20]})])
        if self.operator in ("missing", "present"):
            return {}
        if self.operator == "contains":
            said = str(self.value)[:100].replace("\x00", "")
            return {f"value{at}": "%" + said.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"}
        if self.operator == "in":
            given = self.value if isinstance(self.value, list | tuple) else str(self.value).split(",")
            return {f"value{at}": [_typed(entity, self.field, one, zone) for one in given[:200]]}
        value = _typed(entity, self.field, self.value, zone, end=self.operator in ("lte", "gt"))
        return {f"value{at}": value}


def condition(table: Table, entity: Entity, one: Filter, at: int) -> ColumnElement[bool]:
    """Return the SQL condition of the filter that is number ``at`` of its list."""
    left: Any = column(table, one.field)
    if one.operator == "missing":
        return left.is_(None)
    if one.operator == "present":
        return left.is_not(None)
    if one.operator == "contains":
        return left.like(bindparam(f"value{at}"), escape="\\")
    if one.operator == "in":
        numbers = _kind(entity, one.field) in ("integer", "link", "user")
        return IsOneOf(left, bindparam(f"value{at}", type_=ListOf(numbers=numbers)))
    return _COMPARE[one.operator](left, bindparam(f"value{at}", type_=left.type))


def _kind(entity: Entity, key: str) -> str | None:
    field = entity.fields.get(key)
    return field.type.column if field is not None else _SYSTEM_COLUMNS.get(key, "text")


def _typed(entity: Entity, key: str, raw: Any, zone: ZoneInfo, *, end: bool = False) -> Any:
    field = entity.fields.get(key)
    if is_empty(raw):
        raise InvalidValues([FieldError(key, "record.empty_filter")])
    try:
        if field is not None:
            value = field.type.parse(raw, field)
            return _moment(value, zone, end) if field.type.key == "datetime" else value
        return _system_value(key, raw, zone, end)
    except (Wrong, ValueError, OverflowError) as wrong:
        code, params = (wrong.code, wrong.params) if isinstance(wrong, Wrong) else ("record.empty_filter", {})
        raise InvalidValues([FieldError(key, code, params)]) from None


def _system_value(key: str, raw: Any, zone: ZoneInfo, end: bool) -> Any:
    kind = _SYSTEM_COLUMNS.get(key)
    if kind in ("link", "user"):
        number = int(str(raw))
        if not 0 <= number < 2**63:
            raise ValueError
        return number
    if kind == "datetime":
        text = str(raw)
        if len(text) == len("2026-01-01"):
            day = date.fromisoformat(text)
            return _moment(datetime.combine(day, time()) + (timedelta(days=1) if end else timedelta()), zone, False)
        return _moment(datetime.fromisoformat(text), zone, end)
    return str(raw)[:200].replace("\x00", "")


def _moment(value: datetime, zone: ZoneInfo, end: bool) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
