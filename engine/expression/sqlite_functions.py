"""What SQLite cannot work out exactly, or only in SQL too deep for its parser.

Enters: a connection; numbers as integers scaled by a power of ten, dates and moments as ISO texts in UTC, durations in
seconds. Leaves: deterministic functions for its statements (``sql_terms.py`` writes the calls). Must not know types or
records.

A number has at most ``MAX_DIGITS`` digits; what would have more is NULL. SQLite answers a product of integers that is
too large with a floating-point number, which is always above that bound.
"""

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from engine.expression import decimals, earth, moments, writing
from engine.expression.types import MAX_DIGITS, MAX_PLACES

_LIMIT = 10**MAX_DIGITS
_DAY = 86400
_ALL = 10_000  # hundredths of a percent
_Number = int | None


def install(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for name, count, function in (
        ("bounded", 1, bounded),
        ("product", 3, product),
        ("quotient", 3, quotient),
        ("rounded", 2, _divide),
        ("max", -1, lambda *values: max(_present(values), default=None)),
        ("min", -1, lambda *values: min(_present(values), default=None)),
        ("read_number", 1, read_number),
        ("read_date", 1, read_date),
        ("write_number", 2, write_number),
        ("write_share", 2, write_share),
        ("write_moment", 2, write_moment),
        ("write_span", 1, write_span),
        ("local_day", 2, local_day),
        ("moved_date", 3, moved_date),
        ("month_end", 1, month_end),
        ("moved_moment", 3, moved_moment),
        ("distance", 2, distance),
    ):
        connection.create_function(f"formwork_{name}", count, function, deterministic=True)
    connection.create_aggregate("formwork_percentile", 3, Percentile)  # type: ignore[arg-type]


def bounded(value: int | float | None) -> _Number:
    """Return a number, or None where it has too many digits."""
    return int(value) if value is not None and -_LIMIT < value < _LIMIT else None


def product(left: _Number, right: _Number, step: int) -> _Number:
    """Return ``left * right / step``, halves rounded away from zero."""
    return None if left is None or right is None else bounded(_divide(left * right, step))


def quotient(left: _Number, right: _Number, step: int) -> _Number:
    """Return ``left * step / right``, halves rounded away from zero; None for a divisor of zero."""
    return None if left is None or not right else bounded(_divide(left * step, right))


def read_number(text: str | None) -> _Number:
    """Return the number written in a text, at ``MAX_PLACES``."""
    found = None if text is None else decimals.read_number(text)
    return None if found is None else int(found.scaleb(MAX_PLACES))


def read_date(text: str | None) -> str | None:
    """Return the day written in a text."""
    found = None if text is None else moments.read_date(text)
    return None if found is None else found.isoformat()


def write_number(value: _Number, places: int) -> str | None:
    """Write a number that is scaled by ``places``."""
    return None if value is None else writing.short(Decimal(value).scaleb(-places))


def write_share(value: _Number, places: int) -> str | None:
    """Write a share that is scaled by ``places``."""
    return None if value is None else writing.as_percentage(Decimal(value).scaleb(-places))


def write_moment(moment: str | None, offset: int) -> str | None:
    """Write a moment as clocks show it that show ``offset`` seconds more; None outside the years 1 to 9999."""
    try:
        local = None if moment is None else datetime.fromisoformat(moment) + timedelta(seconds=offset)
    except OverflowError:
        return None
    return None if local is None else writing.say_minute(local)


def local_day(moment: str | None, zone: str) -> str | None:
    """Return the day of a moment where clocks show the time of a zone; None outside the years 1 to 9999."""
    try:
        local = (
            None if moment is None else datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        )
    except OverflowError:
        return None
    return None if local is None else local.date().isoformat()


def write_span(seconds: _Number) -> str | None:
    """Write a duration."""
    return None if seconds is None else writing.say_duration(timedelta(seconds=seconds))


def moved_date(day: str | None, sign: int, seconds: _Number) -> str | None:
    """Return a date moved by the whole days of a duration; None outside the years 1 to 9999."""
    if day is None or seconds is None:
        return None
    try:
        return (date.fromisoformat(day) + timedelta(days=sign * (seconds // _DAY))).isoformat()
    except OverflowError:
        return None


def month_end(day: str | None) -> str | None:
    """Return the last day of the month of a date."""
    return None if day is None else moments.month_end(date.fromisoformat(day)).isoformat()


def moved_moment(moment: str | None, sign: int, seconds: _Number) -> str | None:
    """Return a moment moved by a duration; None outside the years 1 to 9999."""
    if moment is None or seconds is None:
        return None
    try:
        moved = datetime.fromisoformat(moment) + timedelta(seconds=sign * seconds)
    except OverflowError:
        return None
    return moved.isoformat(" ", "microseconds")


def distance(one: str | None, other: str | None) -> int | None:
    """Return how many metres two places are apart, given as the JSON texts columns hold."""
    try:
        return None if one is None or other is None else earth.distance(json.loads(one), json.loads(other))
    except (ValueError, TypeError, LookupError):  # an old value of another type
        return None


class Percentile:
    """The percentile of values scaled by ``places``, at hundredths of a percent; the result is at ``MAX_PLACES``.

    ``sql_aggregates.py`` says how it is interpolated.
    """

    def __init__(self) -> None:
        self._values: list[int] = []
        self._at = self._places = 0

    def step(self, value: _Number, at: int, places: int) -> None:
        """Take the value of one row."""
        self._at, self._places = at, places
        if value is not None:
            self._values.append(value)

    def finalize(self) -> _Number:
        """Return the percentile; None without a value."""
        if not self._values:
            return None
        values = sorted(self._values)
        along = self._at * (len(values) - 1)
        low, high = values[along // _ALL], values[-(-along // _ALL)]
        exact = low * _ALL + (high - low) * (along % _ALL)
        return bounded(_divide(exact * 10 ** (MAX_PLACES - self._places), _ALL))


def _divide(dividend: _Number, divisor: int) -> _Number:
    if dividend is None:
        return None
    whole, rest = divmod(abs(dividend), abs(divisor))
    size = whole + (2 * rest >= abs(divisor))
    return size if (dividend < 0) == (divisor < 0) else -size


def _present(values: tuple[int | str | None, ...]) -> list[int | str]:
    return [value for value in values if value is not None]
