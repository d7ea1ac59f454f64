"""Working time: due moments and lengths, with Chinese holidays and make-up days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definition.model import CalendarDefinition
from engine.errors import Location
from engine.records.calendar import add_working, is_working_day, parse_amount, working_minutes

ZONE = "Asia/Shanghai"
CN = CalendarDefinition(Location("app.yaml"))
PLAIN_WEEK = CalendarDefinition(Location("app.yaml"), holidays=None)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
WORKING = st.tuples(st.integers(0, 40), st.sampled_from(["wd", "wh", "wm"]))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


def due(start: str, amount: str) -> str:
    moment = add_working(CN, ZONE, at(start), amount)
    return moment.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "amount", "expected"),
    [
        ("2026-03-03 10:00", "8wh", "2026-03-04 10:00"),  # a Tuesday, 8 working hours a day
        ("2026-03-03 11:30", "1wh", "2026-03-03 13:30"),  # lunch does not count
        ("2026-03-03 12:20", "30wm", "2026-03-03 13:30"),
        ("2026-03-03 08:30", "1wd", "2026-03-03 17:30"),  # a full day given at opening time is due at closing time
        ("2026-03-06 16:30", "1wd", "2026-03-09 16:30"),  # over a weekend
        ("2026-03-03 22:00", "1wd", "2026-03-04 17:30"),
        ("2026-03-03 22:00", "0wh", "2026-03-04 08:30"),  # no time at all still falls in working time
        ("2026-02-13 16:00", "1wd", "2026-02-14 16:00"),  # Saturday 14 February 2026 is a make-up day
        ("2026-02-14 16:00", "1wd", "2026-02-24 16:00"),  # the Spring Festival follows
        ("2026-09-30 17:00", "1wh", "2026-10-08 09:00"),  # National Day
        ("2026-03-03 10:00", "3d", "2026-03-06 10:00"),
        ("2026-03-03 22:00", "4h", "2026-03-04 02:00"),
        ("2026-03-03 22:00", "15m", "2026-03-03 22:15"),
    ],
)
def test_due_moment_counts_working_time_only(start: str, amount: str, expected: str) -> None:
    assert due(start, amount) == expected


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-02-14", True),  # make-up Saturday
        ("2026-02-17", False),  # Spring Festival
        ("2026-02-20", False),  # day off made up for on the 14th
        ("2026-02-28", True),
        ("2026-03-01", False),  # a plain Sunday
        ("2026-10-10", True),
        ("2026-10-07", False),
    ],
)
def test_make_up_days_are_worked_and_holidays_are_not(day: str, works: bool) -> None:
    assert is_working_day(CN, date.fromisoformat(day)) is works


@pytest.mark.parametrize("year", [1949, 1990, 2035, 2099, 2150])
def test_a_year_without_make_up_data_still_has_its_holidays(year: int) -> None:
    working_days = sum(is_working_day(CN, date(year, 1, 1) + timedelta(days=n)) for n in range(365))
    assert 240 <= working_days <= 262


def test_another_country_has_its_own_holidays() -> None:
    germany = CalendarDefinition(Location("app.yaml"), holidays="DE")
    assert not is_working_day(germany, date(2026, 12, 25))
    assert is_working_day(germany, date(2026, 10, 1))


def test_plain_days_keep_the_time_on_the_wall_when_the_clocks_change() -> None:
    start = datetime(2026, 3, 28, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    moment = add_working(PLAIN_WEEK, "Europe/Berlin", start, "1d")
    assert moment == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2", "wd", "-1wd", "1.5wh", "2 wd", "2w", "9999999wd", "1wd1wh", "２wd天"])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        parse_amount(text)


@pytest.mark.parametrize(
    "calendar",
    [
        CalendarDefinition(Location("app.yaml"), days=()),
        CalendarDefinition(Location("app.yaml"), hours=()),
        CalendarDefinition(Location("app.yaml"), hours=("12:00-08:00",)),
        CalendarDefinition(Location("app.yaml"), hours=("08:00-12:00", "11:00-17:00")),
    ],
)
def test_a_calendar_without_working_time_is_refused_instead_of_searched_for_ever(calendar: CalendarDefinition) -> None:
    with pytest.raises(ValueError, match="working"):
        add_working(calendar, ZONE, at("2026-03-03 10:00"), "1wh")


def test_an_amount_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than this calendar looks ahead"):
        add_working(CN, ZONE, at("2026-03-03 10:00"), "999999wd")


@settings(max_examples=150, deadline=None)
@given(start=MOMENTS, first=WORKING, second=WORKING)
def test_due_of_a_sum_is_due_from_due(start: datetime, first: tuple[int, str], second: tuple[int, str]) -> None:
    half_way = add_working(CN, ZONE, start, f"{first[0]}{first[1]}")
    both = (_minutes(first) + _minutes(second), "wm")
    assert add_working(CN, ZONE, half_way, f"{second[0]}{second[1]}") == add_working(CN, ZONE, start, f"{both[0]}wm")


@settings(max_examples=150, deadline=None)
@given(start=MOMENTS, amount=WORKING)
def test_due_falls_in_working_time(start: datetime, amount: tuple[int, str]) -> None:
    moment = add_working(CN, ZONE, start, f"{amount[0]}{amount[1]}").astimezone(ZoneInfo(ZONE))
    clock = moment.hour * 60 + moment.minute + moment.second / 60
    assert is_working_day(CN, moment.date())
    assert 8 * 60 + 30 <= clock <= 12 * 60 or 13 * 60 <= clock <= 17 * 60 + 30


@settings(max_examples=150, deadline=None)
@given(start=MOMENTS, amount=WORKING)
def test_working_minutes_measures_what_add_working_added(start: datetime, amount: tuple[int, str]) -> None:
    moment = add_working(CN, ZONE, start, f"{amount[0]}{amount[1]}")
    assert working_minutes(CN, ZONE, start, moment) == _minutes(amount)
    assert working_minutes(CN, ZONE, moment, start) == -_minutes(amount)


@settings(max_examples=50, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=3, max_size=3))
def test_working_time_adds_up(moments: list[datetime]) -> None:
    first, second, third = sorted(moment.replace(second=0, microsecond=0) for moment in moments)
    parts = working_minutes(CN, ZONE, first, second) + working_minutes(CN, ZONE, second, third)
    assert working_minutes(CN, ZONE, first, third) == parts


def _minutes(amount: tuple[int, str]) -> int:
    return amount[0] * {"wd": 8 * 60, "wh": 60, "wm": 1}[amount[1]]
