"""Working time: when something is due, and how much working time lies between two moments.

Enters: a calendar, its time zone, the days a site changed, moments (aware, any zone) and amounts such as ``2wd``.
Leaves: moments in UTC and minutes. Must not read the clock or the database.

One rule carries all working amounts: a working day is as long as the working hours of one day together, so
``2wd`` = 2 x that length, and ``due(a + b) = due(b from due(a))``. A due moment is the *earliest* moment at which the
amount has passed: a task of a full day given at opening time is due when the day closes, not when the next one opens.
Holidays and the make-up days around them (调休) come from the ``holidays`` library, which carries the notices of the
Chinese State Council. A year it knows no make-up days for has its holidays only.
"""

import re
from bisect import bisect_right
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from engine.definition.model import CalendarDefinition

_AMOUNT = re.compile(r"(\d{1,6})(wd|wh|wm|d|h|m)")
_PLAIN = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_LONGEST = timedelta(days=366 * 20)

Changed = Mapping[date, bool]
"""Days for which a site says itself whether people work."""
_AS_WRITTEN: Changed = {}


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


def add_working(
    calendar: CalendarDefinition,
    zone: str,
    start: datetime,
    amount: str,
    changed: Changed = _AS_WRITTEN,
    *,
    share: Decimal = Decimal(1),
) -> datetime:
    """Return when ``amount`` (or a ``share`` of it, such as 0.8) after ``start`` has passed, in UTC.

    A working amount ends inside working hours (their last moment included). A plain amount of days ends at the same
    time on the wall, a plain amount of hours or minutes counts every minute.
    """
    wanted = parse_amount(amount)
    if not wanted.working:
        whole = _add_plain(zone, start, wanted) - start
        return start.astimezone(UTC) + _part(whole, share)
    left = _part(_working_length(calendar, wanted), share)
    if left > _LONGEST:
        raise ValueError(f"{amount} of working time is longer than this calendar looks ahead")
    return _walk(calendar, zone, start, left, changed)


def working_minutes(
    calendar: CalendarDefinition, zone: str, start: datetime, end: datetime, changed: Changed = _AS_WRITTEN
) -> int:
    """Return the whole minutes of working time between two moments; negative when ``end`` is before ``start``."""
    if end < start:
        return -working_minutes(calendar, zone, end, start, changed)
    place = ZoneInfo(zone)
    first, last = start.astimezone(place).date(), end.astimezone(place).date()
    total = timedelta(seconds=_seconds_between(calendar, zone, first, last, changed))
    for day in sorted({first, last}):
        for opens, closes in _spans_of(calendar, zone, day, changed):
            total += max(min(closes, end) - max(opens, start), timedelta())
    return total // timedelta(minutes=1)


def is_working_day(calendar: CalendarDefinition, day: date, changed: Changed = _AS_WRITTEN) -> bool:
    """Return whether people work on this day: not on holidays, on make-up days, or as the site says."""
    if day in changed:
        return changed[day]
    holidays, made_up = _year(calendar.holidays, day.year)
    if day in made_up:
        return True
    return day.isoweekday() in calendar.days and day not in holidays


def knows_make_up_days(calendar: CalendarDefinition, year: int) -> bool:
    """Return whether the make-up days of a year are known; the Chinese ones are announced late in the year before."""
    return calendar.holidays != "CN" or bool(_year("CN", year)[1])


@dataclass(frozen=True)
class SiteCalendar:
    """The working time of one site, as expressions add and count it (``WorkingCalendar``).

    ``changed`` are the days for which the site says itself whether people work.
    """

    calendar: CalendarDefinition
    zone: str
    changed: Changed = field(default_factory=dict)

    def due(self, start: datetime, amount: str, *, share: Decimal = Decimal(1)) -> datetime:
        """Return when ``amount``, or a share of it, after ``start`` has passed, in UTC."""
        return add_working(self.calendar, self.zone, start, amount, self.changed, share=share)

    def before(self, moment: datetime, amount: str) -> datetime:
        """Return the moment from which ``amount`` passes until ``moment``, in UTC."""
        parsed = parse_amount(amount)
        if parsed.working:
            return self._moved(moment, parsed, back=True)
        return _add_plain(self.zone, moment, Amount(-parsed.number, parsed.unit))

    def opening(self, day: date) -> datetime:
        """Return when people would begin to work on this day, in UTC."""
        return _moment(day, _parse_hours(self.calendar.hours)[0][0], ZoneInfo(self.zone))

    def add_working_days(self, day: date, days: int) -> date:
        """Return the day that is ``days`` working days after ``day``, or before it when ``days`` is negative."""
        step = timedelta(days=1 if days > 0 else -1)
        left = abs(days)
        while left > 0:
            day += step
            left -= is_working_day(self.calendar, day, self.changed)
        return day

    def add_working_days_to_moment(self, moment: datetime, days: int) -> datetime:
        """Return the moment ``days`` working days after ``moment``, or before it when ``days`` is negative."""
        return self._moved(moment, Amount(abs(days), "wd"), back=days < 0)

    def add_working_hours(self, moment: datetime, hours: int) -> datetime:
        """Return the moment ``hours`` working hours after ``moment``, or before it when ``hours`` is negative."""
        return self._moved(moment, Amount(abs(hours), "wh"), back=hours < 0)

    def count_working_days(self, first: date, last: date) -> int | None:
        """Return how many working days come after ``first``, ``last`` included; negative the other way round.

        So ``first`` moved by as many working days is ``last``, where that is a working day. None over more than 20
        years.
        """
        if last < first:
            back = self.count_working_days(last, first)
            return None if back is None else -back
        if last - first > _LONGEST:
            return None
        counted = sum(_count_days(self.calendar, year, first, last) for year in range(first.year, last.year + 1))
        changed = [day for day in self.changed if first < day <= last]
        return counted + sum(self.changed[day] - is_working_day(self.calendar, day) for day in changed)

    def count_working_minutes(self, start: datetime, end: datetime) -> int | None:
        """Return the whole working minutes between two moments; None over more than 20 years."""
        if abs(end - start) > _LONGEST:
            return None
        return working_minutes(self.calendar, self.zone, start, end, self.changed)

    def _moved(self, moment: datetime, amount: Amount, *, back: bool) -> datetime:
        length = _working_length(self.calendar, amount)
        if length > _LONGEST:
            raise ValueError(f"{amount.number}{amount.unit} is longer than this calendar looks ahead")
        walk = _walk_back if back else _walk
        return walk(self.calendar, self.zone, moment, length, self.changed)


def _count_days(calendar: CalendarDefinition, year: int, first: date, last: date) -> int:
    """Return how many working days of one year come after ``first``, ``last`` included."""
    known = _working_days(calendar.days, calendar.holidays, year)
    return bisect_right(known, last) - bisect_right(known, first)


def _working_length(calendar: CalendarDefinition, amount: Amount) -> timedelta:
    units = {"wh": timedelta(hours=1), "wm": timedelta(minutes=1)}
    return amount.number * (units.get(amount.unit) or _day_length(calendar.hours))


def _add_plain(zone: str, start: datetime, amount: Amount) -> datetime:
    if amount.unit != "d":
        return start.astimezone(UTC) + amount.number * _PLAIN[amount.unit]
    # Days are added to the time on the wall, so that 09:00 stays 09:00 when a zone changes its offset.
    return (start.astimezone(ZoneInfo(zone)) + amount.number * _PLAIN["d"]).astimezone(UTC)


def _part(length: timedelta, share: Decimal) -> timedelta:
    """Return a share of a length of time, whole seconds of it."""
    return length if share == 1 else timedelta(seconds=int(int(length.total_seconds()) * share))


def _walk(calendar: CalendarDefinition, zone: str, start: datetime, left: timedelta, changed: Changed) -> datetime:
    for opens, closes in _spans(calendar, zone, start, changed):
        begin = max(opens, start)
        if begin + left <= closes:
            return begin + left
        left -= closes - begin
    raise AssertionError("a calendar has no end")


def _walk_back(calendar: CalendarDefinition, zone: str, end: datetime, left: timedelta, changed: Changed) -> datetime:
    """Return the latest moment from which ``left`` of working time lies before ``end``, in UTC."""
    day = end.astimezone(ZoneInfo(zone)).date()
    while left:
        for opens, closes in reversed(_spans_of(calendar, zone, day, changed)):
            last = min(closes, end)
            if last - opens >= left:
                return last - left
            left -= max(last - opens, timedelta())
        day -= timedelta(days=1)
    return end.astimezone(UTC)


def _spans(
    calendar: CalendarDefinition, zone: str, start: datetime, changed: Changed
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of working time that end at or after ``start``, in UTC, without an end."""
    if not calendar.days:
        raise ValueError("a calendar without working days has no working time")
    day = start.astimezone(ZoneInfo(zone)).date()
    while True:
        for span in _spans_of(calendar, zone, day, changed):
            if span[1] >= start:
                yield span
        day += timedelta(days=1)


def _spans_of(
    calendar: CalendarDefinition, zone: str, day: date, changed: Changed
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the stretches of working time of one day, in UTC."""
    if not is_working_day(calendar, day, changed):
        return ()
    place = ZoneInfo(zone)
    return tuple(
        (_moment(day, opens, place), _moment(day, closes, place)) for opens, closes in _parse_hours(calendar.hours)
    )


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


def _seconds_between(calendar: CalendarDefinition, zone: str, first: date, last: date, changed: Changed) -> int:
    """Return the working seconds of the days after ``first`` and before ``last``."""
    found = 0
    for year in range(first.year, last.year + 1):
        sums = _seconds_until(calendar.days, calendar.hours, calendar.holidays, zone, year)
        begin = first.timetuple().tm_yday if year == first.year else 0
        end = last.timetuple().tm_yday - 1 if year == last.year else len(sums) - 1
        found += sums[max(end, begin)] - sums[begin]
    for day in (day for day in changed if first < day < last):
        if changed[day] != is_working_day(calendar, day):
            length = _seconds_of(calendar.hours, zone, day)
            found += length if changed[day] else -length
    return found


@lru_cache(maxsize=400)
def _seconds_until(
    days: tuple[int, ...], hours: tuple[str, ...], country: str | None, zone: str, year: int
) -> tuple[int, ...]:
    """Return the working seconds of a year before each of its days, and of all its days, whatever a site changed."""
    works = frozenset(_working_days(days, country, year))
    whole = (date(year, 1, 1) + timedelta(days=number) for number in range(365 + isleap(year)))
    return tuple(accumulate((_seconds_of(hours, zone, day) if day in works else 0 for day in whole), initial=0))


def _seconds_of(hours: tuple[str, ...], zone: str, day: date) -> int:
    """Return the working seconds of a day people work on, which differ where the clock is changed in working hours."""
    place = ZoneInfo(zone)
    lengths = (_moment(day, closes, place) - _moment(day, opens, place) for opens, closes in _parse_hours(hours))
    return sum(length // timedelta(seconds=1) for length in lengths)


@lru_cache(maxsize=400)
def _working_days(days: tuple[int, ...], country: str | None, year: int) -> tuple[date, ...]:
    """Return the working days of one year, in order, whatever a site changed."""
    off, made_up = _year(country, year)
    whole = (date(year, 1, 1) + timedelta(days=number) for number in range(365 + isleap(year)))
    return tuple(day for day in whole if day in made_up or (day.isoweekday() in days and day not in off))


@cache
def _year(country: str | None, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Return the days off and the make-up working days of one year; both empty without a country."""
    if country is None:
        return frozenset(), frozenset()
    import holidays  # the library takes a tenth of a second to load; most commands never ask for a due time

    known = holidays.country_holidays(country, years=year)
    made_up = getattr(known, "weekend_workdays", ())
    return frozenset(known), frozenset(day for day in made_up if day.year == year)
