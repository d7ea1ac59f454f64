"""What functions and folds compute from values, in Python.

Enters: values, None where one is missing. Leaves: a value or None. Must not know records or where values come from.
"""

from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from engine.expression import resolved
from engine.expression.decimals import divide, read_number, total
from engine.expression.earth import distance
from engine.expression.moments import add_days, month_end, read_date
from engine.expression.types import MAX_DIGITS
from engine.expression.writing import say_duration, short


def present(values: Any) -> list[Any]:
    """Return the values that are not missing."""
    return [value for value in values if value is not None]


def average(node: resolved.Fold) -> Callable[[list[Any]], Decimal | None]:
    """Return what averages the values of a fold; missing when their sum has too many digits."""
    limit = 10 ** (MAX_DIGITS - (0 if node.value is None else node.value.type.places))

    def averaged(values: list[Any]) -> Decimal | None:
        added = total(values)
        return divide(added, len(values)) if -limit < added < limit else None

    return averaged


def _largest(*values: Any) -> Any:
    return max(present(values), default=None)


def _smallest(*values: Any) -> Any:
    return min(present(values), default=None)


def _both(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda text, part: text is not None and part is not None and test(text, part)


def write(value: Any) -> str:
    """Write a value as people type it; shares and moments are written elsewhere, since their values do not say it."""
    if isinstance(value, timedelta):
        return say_duration(value)
    if isinstance(value, Decimal | int):
        return short(value + 0)  # no minus before a zero
    return value if isinstance(value, str) else value.isoformat()[: _LONGEST[type(value)]]


_LONGEST = {date: 10, time: 5}


def _of(calculate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else calculate(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "default": lambda value, otherwise: otherwise if value is None else value,
    "days": _of(lambda span: span // timedelta(days=1)),
    "hours": _of(lambda span: span // timedelta(hours=1)),
    "minutes": _of(lambda span: span // timedelta(minutes=1)),
    "year": _of(lambda day: day.year),
    "month": _of(lambda day: day.month),
    "month_end": _of(month_end),
    "add_days": add_days,
    "abs": _of(abs),
    "max": _largest,
    "min": _smallest,
    "count": lambda many: len(many or ()),
    "length": _of(len),
    "number": _of(read_number),
    "date": _of(read_date),
    "text": _of(write),
    "contains": _both(lambda text, part: part in text),
    "starts_with": _both(str.startswith),
    "distance": distance,
    "join": lambda *texts: "".join(present(texts)) or None,
}


def median(values: Sequence[Any]) -> Decimal | None:
    """Return the middle of some numbers; between two, what lies in the middle of them."""
    there, half = sorted(values), len(values) // 2
    return divide(total([there[half], there[-half - 1]]), 2) if there else None


FOLDS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": total,
    "median": median,
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "count": len,
    "any": bool,
}
