"""Stretches of time a list is narrowed to by their name: today, this week, the last 30 days.

Enters: the name and the day it is. Leaves: the first day and the day after the last. Must not read a clock: whoever
asks says which day it is where the site lives. Weeks begin on Monday (ISO 8601).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

Days = tuple[date, date]
"""The first day, and the first day that is no longer in it."""

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LONGEST = 3660
_NEAR = re.compile(r"(last|next)_([0-9]{1,4})_days")


def _month(day: date, by: int) -> date:
    """Return the first day of the month ``by`` months from that of ``day``."""
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


PERIODS: Mapping[str, Callable[[date], Days]] = {
    "today": lambda day: (day, day + _DAY),
    "yesterday": lambda day: (day - _DAY, day),
    "tomorrow": lambda day: (day + _DAY, day + 2 * _DAY),
    "this_week": lambda day: (_monday(day), _monday(day) + _WEEK),
    "last_week": lambda day: (_monday(day) - _WEEK, _monday(day)),
    "next_week": lambda day: (_monday(day) + _WEEK, _monday(day) + 2 * _WEEK),
    "this_month": lambda day: (_month(day, 0), _month(day, 1)),
    "last_month": lambda day: (_month(day, -1), _month(day, 0)),
    "next_month": lambda day: (_month(day, 1), _month(day, 2)),
    "this_quarter": lambda day: (_quarter(day), _month(_quarter(day), 3)),
    "this_year": lambda day: (date(day.year, 1, 1), date(day.year + 1, 1, 1)),
    "past": lambda day: (date(1, 1, 2), day),
    "future": lambda day: (day + _DAY, date(9999, 12, 30)),
}
OFFERED = (
    "today", "yesterday", "tomorrow", "this_week", "last_week", "next_week", "this_month", "last_month", "next_month",
    "this_quarter", "this_year", "last_7_days", "last_30_days", "last_90_days", "next_7_days", "next_30_days", "past",
    "future",
)  # fmt: skip
"""What pages offer: every name, and some of the lengths that ``last_N_days`` and ``next_N_days`` may have."""


def find_period(name: str, today: date) -> Days | None:
    """Return the days called ``name`` (``last_30_days`` ends with today, ``next_7_days`` begins with it), or None."""
    known = PERIODS.get(name)
    if known is not None:
        return known(today)
    near = _NEAR.fullmatch(name)
    if near is None or not 1 <= int(near[2]) <= _LONGEST:
        return None
    length = timedelta(days=int(near[2]))
    return (today + _DAY - length, today + _DAY) if near[1] == "last" else (today, today + length)
