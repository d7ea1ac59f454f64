"""Conditions a person sets over a list: a field, an operator, a value; and groups of them.

Enters: the operator's name and the value as typed. Leaves: a SQL condition and its parameters. Must not check rights:
whoever lists records has checked that the field may be seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Union
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, FromClause, bindparam, func, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from engine.compiler.app import Entity, Field
from engine.compiler.field_types import FIELD_TYPES
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues, Location
from engine.records.columns import column
from engine.records.cursors import folded
from engine.records.periods import OFFERED, Days, find_period
from engine.records.rarity import Plainly
from engine.records.sql import HasAnyOf, IsOneOf, ListOf
from engine.storage.tables import entries_name

OPERATORS = ("eq", "ne", "in", "gte", "lte", "gt", "lt", "contains", "within", "missing", "present")
ME = "me"
"""The value that stands for whoever asks, in fields of people."""
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
_ONE_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Asker:
    """Whose ``me``, and whose today: the id of a person, the moment it is and the zone of the site."""

    id: int
    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The day it is where the site lives."""
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True)
class Filter:
    """One condition; ``operator`` is one of ``OPERATORS``, ``value`` as typed (a list for ``in``).

    Over a field of several choices ``eq`` and ``contains`` ask for one of them, ``in`` for any, ``ne`` for its absence.
    ``within`` takes the name of a period (``periods.py``).
    """

    field: str
    operator: str
    value: Any = None

    def parameters(self, entity: Entity, at: int, asker: Asker) -> dict[str, Any]:
        """Return the parameters of the condition; raises ``InvalidValues`` when the value does not fit the field."""
        field = _field(entity, self.field)
        if self.operator not in field.type.operators:
            raise self._wrong("record.bad_operator", {"operator": str(self.operator)[:20]})
        if self.operator in ("missing", "present"):
            return {}
        if self.operator == "within":
            first, after = self._period(asker.today)
            if field.type.column == "datetime":
                return {f"value{at}": _begin(first, asker.zone), f"until{at}": _begin(after, asker.zone)}
            return {f"value{at}": first, f"until{at}": after}
        if self.operator == "in":
            typed = [self._typed(field, one, asker) for one in self._chosen()]
            return {f"value{at}": [value for one in typed for value in _listed(one)]}
        if self.operator == "contains" and not field.type.many:
            return {f"value{at}": like(folded(self._text()))}
        return {f"value{at}": self._typed(field, self.value, asker)}

    def _period(self, today: date) -> Days:
        found = find_period(self._text(), today)
        if found is None:
            raise self._wrong("record.bad_period", {"known": ", ".join(OFFERED)})
        return found

    def _chosen(self) -> Sequence[Any]:
        chosen = self.value if isinstance(self.value, list | tuple) else self._text().split(",")
        found = [one for one in chosen if not is_empty(one)]
        if len(found) > MOST_CHOSEN:
            raise self._wrong("record.many_chosen", {"max": MOST_CHOSEN})
        return found

    def _text(self) -> str:
        if isinstance(self.value, str) and not is_empty(self.value):
            return self.value
        raise self._wrong("record.empty_filter", {})

    def _typed(self, field: Field, raw: Any, asker: Asker) -> Any:
        if is_empty(raw):
            raise self._wrong("record.empty_filter", {})
        if raw == ME and field.type.people:
            return [asker.id] if field.type.many else asker.id
        try:
            value = field.type.parse(raw, field)
        except Wrong as wrong:
            raise self._wrong(wrong.code, wrong.params) from None
        return self._moment(value, raw, asker.zone) if isinstance(value, datetime) else value

    def _moment(self, value: datetime, raw: Any, zone: ZoneInfo) -> datetime:
        """A day alone is all of it: up to a day means to its last moment."""
        whole_day = isinstance(raw, str) and ":" not in raw and not value.hour and self.operator in ("lte", "gt")
        moment = value + _ONE_DAY - _MOMENT if whole_day else value
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)

    def _wrong(self, code: str, params: Mapping[str, object]) -> InvalidValues:
        return InvalidValues([FieldError(self.field, code, params)])


@dataclass(frozen=True)
class FilterGroup:
    """Conditions of which ``all`` or ``any`` must hold; a group may stand among them, but not in one of those."""

    joined: str
    items: tuple[Union[Filter, "FilterGroup"], ...]


Conditions = tuple[Filter | FilterGroup, ...]


def each_filter(conditions: Sequence[Filter | FilterGroup]) -> Iterator[Filter]:
    """Yield every single condition, in the order they are numbered in."""
    for one in conditions:
        if isinstance(one, FilterGroup):
            yield from each_filter(one.items)
        else:
            yield one


def shape_of(conditions: Sequence[Filter | FilterGroup]) -> tuple[Any, ...]:
    """Return what tells the SQL of two lists of conditions apart, whatever their values."""
    return tuple(
        (one.joined, shape_of(one.items)) if isinstance(one, FilterGroup) else (one.field, one.operator)
        for one in conditions
    )


def comparisons(entity: Entity, key: str) -> frozenset[str]:
    """Return the operators that a field or system field can be compared with."""
    return _field(entity, key).type.operators


def condition(table: FromClause, entity: Entity, one: Filter, at: int, *, plainly: bool = False) -> ColumnElement[bool]:
    """Return the SQL condition of the filter that is number ``at`` of its list; ``plainly`` uses no index for it."""
    left: Any = Plainly(column(table, one.field)) if plainly else column(table, one.field)
    field = _field(entity, one.field)
    declared = field.type
    numbers = declared.column == "integer" or declared.points
    found: Any
    if one.operator == "missing":
        found = left.is_(None)
    elif one.operator == "present":
        found = left.is_not(None)
    elif declared.many and field.to is not None:
        has = _leads_to_any(table, entity, field, at)
        found = ~has if one.operator == "ne" else has
    elif declared.many:
        has = HasAnyOf(left, bindparam(f"value{at}", type_=ListOf(numbers=numbers)))
        found = left.is_(None) | ~has if one.operator == "ne" else has
    elif one.operator == "within":
        since, until = (bindparam(f"{name}{at}", type_=left.type) for name in ("value", "until"))
        found = (left >= since) & (left < until)
    elif one.operator == "contains":
        found = func.lower(left).like(bindparam(f"value{at}"), escape="\\")
    elif one.operator == "in":
        found = IsOneOf(left, bindparam(f"value{at}", type_=ListOf(numbers=numbers)))
    else:
        found = _COMPARE[one.operator](left, bindparam(f"value{at}", type_=left.type))
    condition: ColumnElement[bool] = found
    return condition


def _leads_to_any(table: FromClause, entity: Entity, field: Field, at: int) -> Any:
    """Return whether a record leads to one of those asked for, by the index of the entries."""
    columns = (sql_column("parent_id", BigInteger), sql_column("leads_to", BigInteger))
    entries = sql_table(entries_name(entity, field), *columns)
    asked = IsOneOf(entries.c.leads_to, bindparam(f"value{at}", type_=ListOf(numbers=True)))
    return select(entries.c.parent_id).where(entries.c.parent_id == table.c.id, asked).correlate(table).exists()


def like(text: str) -> str:
    """Return the pattern of LIKE that finds ``text`` anywhere, whatever it holds."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _begin(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment a day begins where the site lives."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _field(entity: Entity, key: str) -> Field:
    """Return the field as a filter reads its values: without the limits of what may be entered."""
    return (entity.fields.get(key) or _SYSTEM.get(key) or _TEXT).asked


def _system(kind: str) -> Field:
    return Field(kind, FIELD_TYPES[kind], {}, Location(""))


_TEXT = _system("text")
_SYSTEM: Mapping[str, Field] = {
    "id": _system("link"),
    "owner": _system("user"),
    "team": _system("department"),
    "created_by": _system("user"),
    "updated_by": _system("user"),
    "created_at": _system("datetime"),
    "updated_at": _system("datetime"),
}
