"""The stretches of time a report is of, and those it is compared with."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.reports.periods import Period, find_period

TODAY = date(2026, 3, 4)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "first", "last", "name"),
    [
        ("day", "2026-03-04", "2026-03-04", "2026-03-04"),
        ("yesterday", "2026-03-03", "2026-03-03", "2026-03-03"),
        ("week", "2026-03-02", "2026-03-08", "2026-W10"),
        ("last week", "2026-02-23", "2026-03-01", "2026-W09"),
        ("month", "2026-03-01", "2026-03-31", "2026-03"),
        ("last month", "2026-02-01", "2026-02-28", "2026-02"),
        ("quarter", "2026-01-01", "2026-03-31", "2026-Q1"),
        ("last quarter", "2025-10-01", "2025-12-31", "2025-Q4"),
        ("year", "2026-01-01", "2026-12-31", "2026"),
        ("last 7 days", "2026-02-26", "2026-03-04", "2026-02-26..2026-03-04"),
        ("last_7_days", "2026-02-26", "2026-03-04", "2026-02-26..2026-03-04"),
        ("last 1 days", "2026-03-04", "2026-03-04", "2026-03-04"),
        ("last 2 weeks", "2026-02-23", "2026-03-08", "2026-02-23..2026-03-08"),
        ("last 12 months", "2025-04-01", "2026-03-31", "2025-04-01..2026-03-31"),
        ("last 4 quarters", "2025-04-01", "2026-03-31", "2025-04-01..2026-03-31"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-02"),
        ("2026-Q3", "2026-07-01", "2026-09-30", "2026-Q3"),
        ("2026-W53", "2026-12-28", "2027-01-03", "2026-W53"),
        ("2026-02-28..2026-03-01", "2026-02-28", "2026-03-01", "2026-02-28..2026-03-01"),
    ],
)
def test_a_period_has_its_days_and_can_be_asked_for_again(text: str, first: str, last: str, name: str) -> None:
    found = find_period(text, TODAY)
    assert found is not None
    assert (found.first.isoformat(), found.last.isoformat(), found.name) == (first, last, name)
    again = find_period(found.name, date(2030, 1, 1))
    assert again is not None
    assert (again.first, again.last) == (found.first, found.last)


@pytest.mark.parametrize(
    "text",
    ["", "fortnight", "2026-13", "2026-02-30", "2025-W53", "last 0 days", "last 9999 days", "2026-03-02..2026-03-01",
     "0000", "0001", "0001-01-01", "9999-12-31", "9999-W52", "1899-12-31", "2201-01", "9999-99-99",
     "last 900 years", "2026-Q5", "..", "1900-01-01..2026-01-01", "٢٠٢٦"],
)  # fmt: skip
def test_what_is_no_period_is_none(text: str) -> None:
    assert find_period(text, TODAY) is None


@pytest.mark.parametrize(
    ("text", "previous", "last_year"),
    [
        ("2026-03", ("2026-02-01", "2026-02-28"), ("2025-03-01", "2025-03-31")),
        ("2024-02", ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
        ("2026-Q1", ("2025-10-01", "2025-12-31"), ("2025-01-01", "2025-03-31")),
        ("2026", ("2025-01-01", "2025-12-31"), ("2025-01-01", "2025-12-31")),
        ("2026-W10", ("2026-02-23", "2026-03-01"), ("2025-03-03", "2025-03-09")),
        ("last 7 days", ("2026-02-19", "2026-02-25"), ("2025-02-26", "2025-03-04")),
        ("last 12 months", ("2024-04-01", "2025-03-31"), ("2024-04-01", "2025-03-31")),
        ("2024-02-29", ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
    ],
)
def test_a_period_is_compared_with_one_of_its_own_length(
    text: str, previous: tuple[str, str], last_year: tuple[str, str]
) -> None:
    found = find_period(text, TODAY)
    assert found is not None
    for other, (first, last) in ((found.previous, previous), (found.last_year, last_year)):
        assert other is not None
        assert (other.first.isoformat(), other.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("text", "day", "compared"),
    [
        ("2026-03", date(2026, 3, 1), ("2026-02-01", "2026-02-01")),
        ("2026-03", date(2026, 3, 30), ("2026-02-01", "2026-02-28")),  # February has no thirtieth
        ("2026-03", date(2026, 3, 31), ("2026-02-01", "2026-02-28")),
        ("2026-03", date(2026, 4, 9), ("2026-02-01", "2026-02-28")),
        ("2026-04", date(2026, 3, 9), ("2026-03-01", "2026-03-31")),  # it has not begun
        ("2026-03-05", date(2026, 3, 5), ("2026-03-04", "2026-03-04")),
        ("2026-Q2", date(2026, 4, 10), ("2026-01-01", "2026-01-10")),
    ],
)
def test_what_lasts_is_compared_as_far_as_it_has_come(text: str, day: date, compared: tuple[str, str]) -> None:
    found = find_period(text, TODAY)
    assert found is not None and found.previous is not None
    beside = found.beside(found.previous, day)
    assert (beside.first.isoformat(), beside.last.isoformat()) == compared


def test_the_parts_of_a_period_lie_in_it_and_leave_no_hole() -> None:
    found = find_period("2026-02", TODAY)
    assert found is not None
    weeks = found.parts("week")
    assert [(one.first.day, one.last.day) for one in weeks] == [(1, 1), (2, 8), (9, 15), (16, 22), (23, 28)]
    assert len(found.parts("day")) == 28
    assert find_period("all", TODAY) is not None
    assert find_period("all", TODAY).parts("month") == []  # type: ignore[union-attr]


def test_a_day_begins_by_the_clocks_of_the_site_also_when_they_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    summer = Period("day", date(2026, 3, 29), date(2026, 3, 29))  # 23 hours long
    assert summer.start(berlin) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert summer.end(berlin) == datetime(2026, 3, 29, 22, tzinfo=UTC)
