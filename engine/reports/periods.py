"""The stretch of time a report is of: this month, the last 7 days, 2026-Q1; the one before it and the year before.

Enters: the name of a period, the day it is and the zone of the site. Leaves: ``Period``. Must not read a clock: whoever
asks says which day it is. Weeks run from Monday to Sunday (ISO 8601). A period is whole even while it lasts.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

from engine.compiler.app.reports import Span

Kind = Literal["day", "week", "month", "quarter", "year", "days", "all"]
ALL: Final = "all"
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_FIRST, _LAST = date(1, 1, 2), date(9999, 12, 30)
_YEARS = 1900, 2200
MOST_DAYS: Final = 366 * 30
_MONTHS: Final[Mapping[str, int]] = {"month": 1, "quarter": 3, "year": 12}
_LASTING = re.compile(r"last ([1-9][0-9]{0,2}) (day|week|month|quarter|year)s?")
_NAMED = re.compile(r"(this|last|previous) (day|week|month|quarter|year)")
_WRITTEN = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?|-Q(?P<quarter>[1-4])|-W(?P<week>[0-9]{2}))?"
)


@dataclass(frozen=True)
class Period:
    """The days from ``first`` to ``last``, both included; ``all`` has no bounds.

    ``kind`` is what it is one of, or several of: ``days`` for any other stretch. ``name`` says it so that it can be
    asked for again: ``2026-03``, ``2026-Q1``, ``2026-W10``, ``2026-03-01..2026-03-31``.
    """

    kind: Kind
    first: date
    last: date

    @property
    def name(self) -> str:
        """The period as it can be asked for again, whatever day it is."""
        first = self.first
        if self.kind == "all":
            return ALL
        one = _of(self.kind, first) if self.kind != "days" else None
        if one != self:
            return f"{first.isoformat()}..{self.last.isoformat()}"
        if self.kind == "week":
            year, week, _ = first.isocalendar()
            return f"{year:04}-W{week:02}"
        if self.kind == "quarter":
            return f"{first.year:04}-Q{(first.month + 2) // 3}"
        return {"day": first.isoformat(), "month": f"{first:%Y-%m}", "year": f"{first.year:04}"}[self.kind]

    @property
    def plain(self) -> tuple[str, str, str]:
        """The period as plain data: two of the same days may have different ones before them."""
        return self.kind, self.first.isoformat(), self.last.isoformat()

    @classmethod
    def of(cls, plain: Sequence[str]) -> "Period":
        """Return the period that plain data describes."""
        return cls(cast(Kind, plain[0]), date.fromisoformat(plain[1]), date.fromisoformat(plain[2]))

    def start(self, zone: ZoneInfo) -> datetime:
        """Return the moment it begins where the site lives, in UTC."""
        return datetime.combine(self.first, time(), zone).astimezone(UTC)

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the moment it is over."""
        return datetime.combine(self.last + _DAY, time(), zone).astimezone(UTC)

    @property
    def previous(self) -> "Period | None":
        """The period of the same kind and length that ends where this one begins; None for all time."""
        if self.kind == "all":
            return None
        if self.kind in _MONTHS:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            return Period(self.kind, _month(self.first, -months), self.first - _DAY)
        length = self.last - self.first + _DAY
        return Period(self.kind, self.first - length, self.first - _DAY)

    @property
    def last_year(self) -> "Period | None":
        """The same period a year before: weeks 52 weeks before, so that they are weeks; None for all time."""
        if self.kind == "all":
            return None
        if self.kind == "week":
            return Period("week", self.first - 52 * _WEEK, self.last - 52 * _WEEK)
        if self.kind in _MONTHS:
            return Period(self.kind, _month(self.first, -12), _month(self.last + _DAY, -12) - _DAY)
        return Period(self.kind, _year_before(self.first), _year_before(self.last))

    def beside(self, other: "Period", today: date) -> "Period":
        """Return ``other`` as far as this one has come by ``today``; all of it when this one is over, or is a day.

        On the second of a month two days are compared with two, not with a month.
        """
        if self.kind == "all" or not self.first <= today < self.last:
            return other
        return Period("days", other.first, min(other.first + (today - self.first), other.last))

    def parts(self, span: Span) -> "list[Period]":
        """Return the days, weeks, months, quarters or years that lie in it, the first and the last as far as they do.

        An empty list for all time, which has no first.
        """
        found: list[Period] = []
        day = self.first
        while self.kind != "all" and day <= self.last:
            whole = _of(span, day)
            last = min(whole.last, self.last)
            found.append(Period(span, day, last))
            day = last + _DAY
        return found


def find_period(text: str, today: date) -> Period | None:
    """Return the period called ``text``; None when no period is called so.

    ``month`` is the one that is now, ``last 12 months`` this one and the eleven before, ``last 7 days`` end with today;
    ``last month`` is the one before. ``2026``, ``2026-Q1``, ``2026-03``, ``2026-W10`` and ``2026-03-05`` are
    themselves, ``2026-03-01..2026-03-20`` the days from one to the other. None lies outside the years 1900 to 2200, so
    that there is one before each, and a year before.
    """
    said = " ".join(text.replace("_", " ").split())
    try:
        found = _find(said, today)
    except (ValueError, OverflowError):
        return None
    if found is None or found.kind == ALL:
        return found
    return found if _YEARS[0] <= found.first.year and found.last.year <= _YEARS[1] else None


def _find(said: str, today: date) -> Period | None:
    if said == ALL:
        return Period("all", _FIRST, _LAST)
    if said in ("today", "yesterday"):
        return _of("day", today - (_DAY if said == "yesterday" else timedelta()))
    if said in _OF:
        return _of(said, today)
    if named := _NAMED.fullmatch(said):
        now = _of(named[2], today)
        return now if named[1] == "this" else now.previous
    if lasting := _LASTING.fullmatch(said):
        return _lasting(int(lasting[1]), lasting[2], today)
    first, dots, last = said.partition("..")
    if dots:
        found = Period("days", date.fromisoformat(first), date.fromisoformat(last))
        return found if timedelta() <= found.last - found.first <= timedelta(days=MOST_DAYS) else None
    written = _WRITTEN.fullmatch(said)
    return None if written is None else _read(written)


def _lasting(count: int, kind: str, today: date) -> Period | None:
    now = _of(kind, today)
    if kind in _MONTHS:
        first = _month(now.first, -_MONTHS[kind] * (count - 1))
    else:
        first = now.first - (count - 1) * (_WEEK if kind == "week" else _DAY)
    found = Period(now.kind, first, now.last)
    return found if found.last - found.first <= timedelta(days=MOST_DAYS) else None


def _read(written: "re.Match[str]") -> Period:
    year = int(written["year"])
    if written["week"]:
        return _of("week", date.fromisocalendar(year, int(written["week"]), 1))
    if written["quarter"]:
        return _of("quarter", date(year, int(written["quarter"]) * 3, 1))
    kind = "day" if written["day"] else "month" if written["month"] else "year"
    return _of(kind, date(year, int(written["month"] or 1), int(written["day"] or 1)))


def _of(kind: str, day: date) -> Period:
    """Return the period of a kind that a day lies in."""
    return _OF[kind](day)


def _month(day: date, by: int) -> date:
    """Return the first day of the month ``by`` months from that of ``day``."""
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _year_before(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, monthrange(day.year - 1, day.month)[1]))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


_OF: Final[Mapping[str, Callable[[date], Period]]] = {
    "day": lambda day: Period("day", day, day),
    "week": lambda day: Period("week", _monday(day), _monday(day) + 6 * _DAY),
    "month": lambda day: Period("month", _month(day, 0), _month(day, 1) - _DAY),
    "quarter": lambda day: Period("quarter", _quarter(day), _month(_quarter(day), 3) - _DAY),
    "year": lambda day: Period("year", date(day.year, 1, 1), date(day.year, 12, 31)),
}
