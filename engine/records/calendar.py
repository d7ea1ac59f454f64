"""Working time: when something is due, and how much working time lies between two moments.

Enters: the calendar of the app, its time zone, moments (aware, any zone) and amounts such as ``2wd``. Leaves: moments
in UTC and minutes. Must not read the clock or the database.

One rule carries all working amounts: a working day is as long as the working hours of one day together, so
``2wd`` = 2 x that length, and ``due(a + b) = due(b from due(a))``. A due moment is the *earliest* moment at which the
amount has passed: a task of a full day given at opening time is due when the day closes, not when the next one opens.
Holidays and the make-up days around them (调休) come from the ``holidays`` library, which carries the notices of the
Chinese State Council. A year it knows no make-up days for has its holidays only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from engine.definition.model import CalendarDefinition

_AMOUNT = re.compile(r"(\d{1,6})(wd|wh|wm|d|h|m)")
_PLAIN = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_LONGEST = timedelta(days=366 * 20)


@dataclass(frozen=True)
class Amount:
    """A length of time: ``number`` of ``unit`` (``wd wh wm`` of working time, ``d h m`` of the clock on the wall)."""

    number: int
    unit: str

    @property
    def working(self) -> bool:
        """Whether only working time counts."""
        return self.unit.startswith("w")


def parse_amount(text: str) -> Amount:
    """Return the amount written as ``7wd``, ``8wh``, ``30wm``, ``3d``, ``4h`` or ``15m``; ``ValueError`` otherwise."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not an amount of time such as 2wd, 8wh, 30wm, 3d, 4h or 15m")
    return Amount(int(found[1]), found[2])


def add_working(calendar: CalendarDefinition, zone: str, start: datetime, amount: str) -> datetime:
    """Return when ``amount`` after ``start`` has passed, in UTC.

    A working amount ends inside working hours (their last moment included). A plain amount of days ends at the same
    time on the wall, a plain amount of hours or minutes counts every minute.
    """
    wanted = parse_amount(amount)
    if not wanted.working:
        return _add_plain(zone, start, wanted)
    left = _working_length(calendar, wanted)
    if left > _LONGEST:
        raise ValueError(f"{amount} of working time is longer than this calendar looks ahead")
    return _walk(calendar, zone, start, left)


def working_minutes(calendar: CalendarDefinition, zone: str, start: datetime, end: datetime) -> int:
    """Return the whole minutes of working time between two moments; negative when ``end`` is before ``start``."""
    if end < start:
        return -working_minutes(calendar, zone, end, start)
    total = timedelta()
    for opens, closes in _spans(calendar, zone, start):
        if opens >= end:
            break
        total += max(min(closes, end) - max(opens, start), timedelta())
    return total // timedelta(minutes=1)


def is_working_day(calendar: CalendarDefinition, day: date) -> bool:
    """Return whether people work on this day: a make-up day counts, a holiday does not."""
    holidays, made_up = _year(calendar.holidays, day.year)
    if day in made_up:
        return True
    return day.isoweekday() in calendar.days and day not in holidays


@dataclass(frozen=True)
class SiteCalendar:
    """The working time of one site, as expressions add it (``WorkingCalendar``); negative amounts are not added."""

    calendar: CalendarDefinition
    zone: str

    def add_working_days(self, day: date, days: int) -> date:
        """Return the day that is ``days`` working days after ``day``."""
        while days > 0:
            day += timedelta(days=1)
            days -= is_working_day(self.calendar, day)
        return day

    def add_working_days_to_moment(self, moment: datetime, days: int) -> datetime:
        """Return the moment ``days`` working days after ``moment``."""
        return add_working(self.calendar, self.zone, moment, f"{max(days, 0)}wd")

    def add_working_hours(self, moment: datetime, hours: int) -> datetime:
        """Return the moment ``hours`` working hours after ``moment``."""
        return add_working(self.calendar, self.zone, moment, f"{max(hours, 0)}wh")


def _working_length(calendar: CalendarDefinition, amount: Amount) -> timedelta:
    units = {"wh": timedelta(hours=1), "wm": timedelta(minutes=1)}
    return amount.number * (units.get(amount.unit) or _day_length(calendar.hours))


def _add_plain(zone: str, start: datetime, amount: Amount) -> datetime:
    if amount.unit != "d":
        return start.astimezone(UTC) + amount.number * _PLAIN[amount.unit]
    # Days are added to the time on the wall, so that 09:00 stays 09:00 when a zone changes its offset.
    return (start.astimezone(ZoneInfo(zone)) + amount.number * _PLAIN["d"]).astimezone(UTC)


def _walk(calendar: CalendarDefinition, zone: str, start: datetime, left: timedelta) -> datetime:
    for opens, closes in _spans(calendar, zone, start):
        begin = max(opens, start)
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
    raise AssertionError("a calendar has no end")


def _spans(calendar: CalendarDefinition, zone: str, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of working time that end at or after ``start``, in UTC, without an end."""
    if not calendar.days:
        raise ValueError("a calendar without working days has no working time")
    place = ZoneInfo(zone)
    hours = _parse_hours(calendar.hours)
    day = start.astimezone(place).date()
    while True:
        if is_working_day(calendar, day):
            for opens, closes in hours:
                span = _moment(day, opens, place), _moment(day, closes, place)
                if span[1] >= start:
                    yield span
        day += timedelta(days=1)


def _moment(day: date, after_midnight: timedelta, place: ZoneInfo) -> datetime:
    wall = datetime.combine(day, time()) + after_midnight
    return wall.replace(tzinfo=place).astimezone(UTC)


@cache
def _parse_hours(hours: tuple[str, ...]) -> tuple[tuple[timedelta, timedelta], ...]:
    """Return the opening and closing times of a day as time after midnight, checked to follow one another."""
    spans = tuple(tuple(_after_midnight(part) for part in span.split("-", 1)) for span in hours)
    edges = [edge for span in spans for edge in span]
    if not edges or len(edges) % 2 or any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValueError(f"working hours {', '.join(hours)!r} must be spans of one day, one after another")
    return tuple((span[0], span[1]) for span in spans)


def _after_midnight(text: str) -> timedelta:
    hour, minute = (int(part) for part in text.strip().split(":"))
    return timedelta(hours=hour, minutes=minute)


@cache
def _day_length(hours: tuple[str, ...]) -> timedelta:
    return sum((closes - opens for opens, closes in _parse_hours(hours)), timedelta())


@cache
def _year(country: str | None, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Return the days off and the make-up working days of one year; both empty without a country."""
    if country is None:
        return frozenset(), frozenset()
    import holidays  # the library takes a tenth of a second to load; most commands never ask for a due time

    known = holidays.country_holidays(country, years=year)
    made_up = getattr(known, "weekend_workdays", ())
    return frozenset(known), frozenset(day for day in made_up if day.year == year)
