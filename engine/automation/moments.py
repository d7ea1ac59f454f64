"""When something is due that a date of a record gives, and when a schedule comes round.

Enters: working time, a compiled moment or schedule. Leaves: moments in UTC. Must not look at a database or a clock.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.compiler.app import Moment, Schedule
from engine.records.calendar import SiteCalendar

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FURTHEST = 400
"""Days within which every schedule comes round."""


def find_moment(time_of: SiteCalendar, moment: Moment, value: date | datetime, at: time) -> datetime:
    """Return the moment that ``value`` gives; a day has its moment at the time ``at``, on the clock of the site."""
    if not isinstance(value, datetime):
        return _of_day(time_of, moment, value, at)
    if moment.amount is None:
        return value
    return time_of.before(value, moment.amount) if moment.before else time_of.due(value, moment.amount)


def _of_day(time_of: SiteCalendar, moment: Moment, day: date, at: time) -> datetime:
    amount = moment.amount or "0d"
    number, unit = int(amount.rstrip("dhmw")), amount.lstrip("0123456789")
    signed = -number if moment.before else number
    if unit == "d":
        return on_day(time_of.zone, day + timedelta(days=signed), at)
    if unit == "wd":
        return on_day(time_of.zone, time_of.add_working_days(day, signed), at)
    begins = on_day(time_of.zone, day, at)
    return time_of.before(begins, amount) if moment.before else time_of.due(begins, amount)


@lru_cache(maxsize=4096)
def on_day(zone: str, day: date, at: time) -> datetime:
    """Return the moment of a time of a day, in UTC."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def last_slot(time_of: SiteCalendar, schedule: Schedule, now: datetime) -> datetime | None:
    """Return when a schedule came round last, ``now`` included; None when that is longer ago than a year."""
    if schedule.minutes is not None:
        length = timedelta(minutes=schedule.minutes)
        return now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % length
    today = now.astimezone(ZoneInfo(time_of.zone)).date()
    for back in range(_FURTHEST):
        day = today - timedelta(days=back)
        slot = on_day(time_of.zone, day, schedule.at)
        if slot <= now and _is_its_day(time_of, schedule.day, day):
            return slot
    return None


def next_slot(time_of: SiteCalendar, schedule: Schedule, now: datetime) -> datetime | None:
    """Return when a schedule comes round next, after ``now``."""
    if schedule.minutes is not None:
        last = last_slot(time_of, schedule, now)
        return None if last is None else last + timedelta(minutes=schedule.minutes)
    today = now.astimezone(ZoneInfo(time_of.zone)).date()
    for ahead in range(_FURTHEST):
        day = today + timedelta(days=ahead)
        slot = on_day(time_of.zone, day, schedule.at)
        if slot > now and _is_its_day(time_of, schedule.day, day):
            return slot
    return None


def _is_its_day(time_of: SiteCalendar, wanted: str, day: date) -> bool:
    if wanted == "day":
        return True
    if wanted in _WEEKDAYS:
        return day.weekday() == _WEEKDAYS.index(wanted)
    if wanted == "working day":
        return _works(time_of, day)
    if wanted == "first of month":
        return day.day == 1
    if wanted == "last of month":
        return (day + timedelta(days=1)).day == 1
    if wanted == "first of quarter":
        return day.day == 1 and day.month % 3 == 1
    first = wanted.startswith("first")
    step = -1 if first else 1
    return _works(time_of, day) and not any(_works(time_of, other) for other in _rest_of_month(day, step))


def _rest_of_month(day: date, step: int) -> list[date]:
    """Return the other days of a month before ``day`` (``step`` -1) or after it."""
    others, other = [], day + timedelta(days=step)
    while other.month == day.month:
        others.append(other)
        other += timedelta(days=step)
    return others


def _works(time_of: SiteCalendar, day: date) -> bool:
    return time_of.add_working_days(day - timedelta(days=1), 1) == day
