"""Working time in expressions: what is counted and moved by the calendar of a site, and where it is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definition.model import CalendarDefinition
from engine.errors import Location
from engine.expression import compile_python
from engine.expression.sql import check_sql
from engine.records.calendar import SiteCalendar, is_working_day
from tests.expression.conftest import check_quote
from tests.expression.test_examples import WORLD

CALENDAR = CalendarDefinition(Location("app.yaml"))
SITE = SiteCalendar(CALENDAR, "Asia/Shanghai", {date(2026, 3, 4): False, date(2026, 3, 7): True})
ENV = replace(WORLD.env(), calendar=lambda: SITE)
DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)


RECORD: dict[str, Any] = {
    "signed": date(2026, 3, 2),
    "due": date(2026, 3, 9),
    "created_at": at("2026-03-05 10:00"),
    "closed_at": at("2026-03-06 09:10"),
    "effort": timedelta(hours=1),
}

MEANINGS: dict[str, Any] = {
    # Monday to Monday; the site is closed on Wednesday the 4th and works on Saturday the 7th
    "working_days(signed, due)": 5,
    "working_days(due, signed)": -5,
    "working_days(signed, signed)": 0,
    "working_days(2026-03-03, 2026-03-04)": 0,
    "working_days(2026-02-13, 2026-02-24)": 2,  # the Spring Festival, with Saturday the 14th made up
    "working_days(signed, signed + 4wd) = 4": True,
    "signed + 2wd": date(2026, 3, 5),
    "due - 2wd": date(2026, 3, 6),
    "due - 0wd": date(2026, 3, 9),
    "working_hours(created_at, closed_at)": Decimal("7.17"),
    "working_minutes(created_at, closed_at)": 430,
    "working_minutes(closed_at, created_at)": -430,
    "created_at + 8wh": at("2026-03-06 10:00"),
    "created_at - 2wh": at("2026-03-03 17:00"),
    "created_at - 90m": at("2026-03-05 08:30"),
    "closed_at - 1wd": at("2026-03-05 09:10"),
    "working_minutes(closed_at - 8wh, closed_at)": 480,
    # missing where a value is missing, and where a calendar does not look so far
    "working_days(customer.since, due)": None,
    "working_hours(created_at, if(archived, created_at))": None,
    "working_days(2026-03-02, 2146-03-02)": None,
    "working_minutes(created_at, created_at + 8000d)": None,
    "9999-12-30 + 9wd": None,
    "0001-01-02 - 9wd": None,
    "created_at + 36525wd": None,
    "working_days(signed, 9999-12-30) > 0": False,
}


@pytest.mark.parametrize("text", list(MEANINGS))
def test_working_time_goes_by_the_calendar_of_the_site(text: str) -> None:
    assert compile_python(check_quote(text))(RECORD, ENV) == MEANINGS[text]


def test_without_a_calendar_working_time_is_missing() -> None:
    for text in ("working_days(signed, due)", "signed + 2wd"):
        assert compile_python(check_quote(text))(RECORD, WORLD.env()) is None


@given(first=DAYS, last=DAYS)
@settings(deadline=None)
def test_working_days_are_those_one_meets_on_the_way(first: date, last: date) -> None:
    met = sum(
        is_working_day(CALENDAR, min(first, last) + timedelta(days=day), SITE.changed)
        for day in range(1, abs((last - first).days) + 1)
    )
    assert SITE.count_working_days(first, last) == (met if first <= last else -met)


@given(day=DAYS, count=st.integers(0, 300))
@settings(deadline=None)
def test_days_that_were_added_are_counted_and_taken_back(day: date, count: int) -> None:
    moved = SITE.add_working_days(day, count)
    assert SITE.count_working_days(day, moved) == count
    assert SITE.add_working_days(moved, -count) >= day or not is_working_day(CALENDAR, day, SITE.changed)
    if is_working_day(CALENDAR, day, SITE.changed):
        assert SITE.add_working_days(moved, -count) == day


@given(moment=MOMENTS, hours=st.integers(1, 300))
@settings(deadline=None)
def test_hours_that_were_taken_back_lie_between(moment: datetime, hours: int) -> None:
    back = SITE.add_working_hours(moment, -hours)
    assert SITE.count_working_minutes(back, moment) == hours * 60
    later = back + timedelta(minutes=1)
    assert (SITE.count_working_minutes(later, moment) or 0) < hours * 60


@pytest.mark.parametrize("text", ["working_days(signed, due)", "working_hours(created_at, now())", "due - 2wd"])
def test_what_is_counted_by_the_calendar_cannot_be_asked_of_the_database(text: str) -> None:
    checked = check_quote(text)
    (error,) = check_sql(checked)
    assert error.code == "not_in_sql" and "calendar" in checked.context
    found = str(error.params["found"])
    assert text[error.offset : error.offset + error.length] == found and found in error.text("en")
