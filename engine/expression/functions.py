"""The functions an expression may call, each with what it takes and gives.

Enters: nothing. Leaves: the tables the checker and the documentation read. Must not compute anything: what a function
does stands in each back end, and a test proves that every function is in all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expression.types import BOOLEAN, COUNT, DATE, DATETIME, MANY, MAX_PLACES, NUMERIC, Kind, Type

_TEXT = frozenset({Kind.TEXT, Kind.CHOICE})
_MOMENT = frozenset({Kind.DATETIME})
_CALENDAR = frozenset({Kind.DATE})
_SPAN = frozenset({Kind.DURATION})
WRITTEN = _TEXT | _CALENDAR | _MOMENT | _SPAN | NUMERIC | {Kind.TIME}
"""What has one way of being written, whoever reads it; a yes or no has none, a record or person has several."""
_PLACE = frozenset({Kind.PLACE})
_ANY: frozenset[Kind] = frozenset()
_HUNDREDTHS = Type(Kind.NUMBER, scale=2)


@dataclass(frozen=True, slots=True)
class Function:
    """``takes`` holds the kinds each argument may have (empty: the checker decides); ``optional`` counts from the end.

    ``gives`` is None where the result depends on the arguments.
    """

    usage: str
    takes: tuple[frozenset[Kind], ...] = ()
    gives: Type | None = None
    optional: int = 0
    more: bool = False


FUNCTIONS: Mapping[str, Function] = {
    "if": Function("if(condition, then, else)", (frozenset({Kind.BOOLEAN}), _ANY, _ANY), optional=1),
    "default": Function("default(value, otherwise)", (_ANY, _ANY)),
    "today": Function("today()", gives=DATE),
    "now": Function("now()", gives=DATETIME),
    "date": Function("date(moment_or_text)", (_MOMENT | _TEXT,), DATE),
    "days": Function("days(duration)", (_SPAN,), COUNT),
    "hours": Function("hours(duration)", (_SPAN,), COUNT),
    "minutes": Function("minutes(duration)", (_SPAN,), COUNT),
    "year": Function("year(date)", (_CALENDAR,), COUNT),
    "month": Function("month(date)", (_CALENDAR,), COUNT),
    "month_end": Function("month_end(date)", (_CALENDAR,), DATE),
    "add_days": Function("add_days(date, days)", (_CALENDAR, frozenset({Kind.NUMBER})), DATE),
    "working_days": Function("working_days(from_date, to_date)", (_CALENDAR, _CALENDAR), COUNT),
    "working_hours": Function("working_hours(from_moment, to_moment)", (_MOMENT, _MOMENT), _HUNDREDTHS),
    "working_minutes": Function("working_minutes(from_moment, to_moment)", (_MOMENT, _MOMENT), COUNT),
    "round": Function("round(number, places)", (NUMERIC, frozenset({Kind.NUMBER})), optional=1),
    "abs": Function("abs(number)", (NUMERIC,)),
    "max": Function("max(a, b)", (_ANY, _ANY), more=True),
    "min": Function("min(a, b)", (_ANY, _ANY), more=True),
    "count": Function("count(list)", (MANY - {Kind.LINES},), COUNT),
    "length": Function("length(text)", (_TEXT,), COUNT),
    "number": Function("number(text)", (_TEXT,), Type(Kind.NUMBER, scale=MAX_PLACES)),
    "text": Function("text(value)", (WRITTEN,), Type(Kind.TEXT)),
    "contains": Function("contains(text, part)", (_TEXT, _TEXT), BOOLEAN),
    "starts_with": Function("starts_with(text, part)", (_TEXT, _TEXT), BOOLEAN),
    "distance": Function("distance(place, place)", (_PLACE, _PLACE), COUNT),
    "join": Function("join(text, text)", (_TEXT, _TEXT), Type(Kind.TEXT), more=True),
}
"""Functions of single values."""

FOLDS: Mapping[str, str] = {
    "sum": "sum(items.total)",
    "avg": "avg(items.price)",
    "median": "median(items.price)",
    "max": "max(items.discount)",
    "min": "min(items.price)",
    "count": "count(items where qty > 1)",
    "any": "any(items where discount > 15%)",
    "all": "all(items where qty > 0)",
}
"""Functions of many rows, each with its usage."""

FOLDS_OF_ROWS = frozenset({"count", "any", "all"})
"""Folds that take rows; the others take one field of the rows."""

OF_CALENDAR = frozenset({"working_days", "working_hours", "working_minutes"})
"""Functions that count by the calendar of the site."""

USAGES: Mapping[str, str] = {**FOLDS, **{name: function.usage for name, function in FUNCTIONS.items()}}
"""How each function is written."""

NAMES = tuple(dict.fromkeys([*FUNCTIONS, *FOLDS]))
