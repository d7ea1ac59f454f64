"""What lies between moments, and working time added to them or counted between them.

Enters: dates, aware moments, a calendar. Leaves: the same. Must not know nodes or missing values.
"""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.expression.decimals import round_half_up
from engine.expression.env import WorkingCalendar
from engine.expression.types import Kind
from engine.expression.values import WorkingTime

WRITTEN_DATE = "^ *([0-9][0-9][0-9][0-9])[-/.年]([0-9][0-9]?)[-/.月]([0-9][0-9]?)日? *$"
"""A day as people write it, in the notation of regular expressions that Python and PostgreSQL share."""
FIRST_YEAR, LAST_YEAR = 1900, 2200
"""The years a field of type date takes."""
MOST_DAYS = 4_000_000
"""Days a date can be moved by; more leads out of the years 1 to 9999 from everywhere."""
_WRITTEN = re.compile(WRITTEN_DATE.removesuffix("$") + r"\Z")


def read_date(text: str) -> date | None:
    """Return the day written in a text, such as ``2026-03-04`` or ``2026年3月4日``; None when it is none."""
    written = _WRITTEN.match(text)
    if written is None or not FIRST_YEAR <= int(written[1]) <= LAST_YEAR:
        return None
    try:
        return date(*map(int, written.groups()))
    except ValueError:
        return None


def month_end(day: date) -> date:
    """Return the last day of the month of ``day``."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def add_days(day: date | None, days: Decimal | int | None) -> date | None:
    """Move a date by a number of days, rounded to whole ones; None outside the years 1 to 9999."""
    if day is None or days is None or not -MOST_DAYS <= days <= MOST_DAYS:
        return None
    try:
        return day + timedelta(days=int(round_half_up(Decimal(days), 0)))
    except OverflowError:
        return None


def seconds_between(later: datetime, earlier: datetime) -> timedelta:
    """Return what lies between two moments in whole seconds, fractions of theirs left out."""
    return later.replace(microsecond=0) - earlier.replace(microsecond=0)


def add_working_time(calendar: WorkingCalendar, kind: Kind, start: Any, span: WorkingTime) -> Any:
    """Move a date or a moment by working days or hours; None where the calendar ends."""
    try:
        if kind is Kind.DATE:
            return calendar.add_working_days(start, span.days)
        if span.days:
            return calendar.add_working_days_to_moment(start, span.days)
        return calendar.add_working_hours(start, span.hours)
    except (OverflowError, ValueError):  # before year 1, after 9999, or farther than a calendar looks ahead
        return None


def count_working_time(calendar: WorkingCalendar, function: str, start: Any, end: Any) -> int | Decimal | None:
    """Return the working days, hours (to the hundredth) or minutes between two dates or moments.

    None where the calendar does not look so far.
    """
    try:
        if function == "working_days":
            return calendar.count_working_days(start, end)
        minutes = calendar.count_working_minutes(start, end)
    except OverflowError:
        return None
    if minutes is None or function == "working_minutes":
        return minutes
    return round_half_up(Decimal(minutes) / 60, 2)
