"""The calendar of an entity with dates: every record on its day, and nobody sees more than in the list."""

import re

import pytest

from tests.web.conftest import Desk
from tests.web.test_pages_bad_input import words
from tests.web.test_preview_cost import statements


@pytest.fixture
def march(desk: Desk) -> Desk:
    program = desk.program("rep1")
    program.made("ticket", title="月初", due_on="2026-03-01", called="2026-03-09 23:30")
    program.made("ticket", title="今天", due_on="2026-03-02", kind="repair")
    program.made("ticket", title="下月", due_on="2026-04-15")
    return desk


def days(page: str) -> dict[str, list[str]]:
    """The names of the records of each day that has some."""
    found = {}
    for cell in re.findall(r'<td role="cell".*?</td>', page, flags=re.DOTALL):
        names = re.findall(r'title="GD\S+ (\S+?)["\s]', cell)
        if names:
            found[re.search(r'datetime="([^"]+)"', cell)[1]] = names  # type: ignore[index]
    return found


def test_records_stand_on_their_day_in_weeks_that_begin_on_monday(march: Desk) -> None:
    rep = march.browser("rep1")
    page = rep.get("/e/ticket/calendar").get_data(as_text=True)
    assert days(page) == {"2026-03-01": ["月初"], "2026-03-02": ["今天"]}
    assert re.search(r'<time class="calendar-day" datetime="([^"]+)"', page)[1] == "2026-02-23"  # type: ignore[index]
    assert len(re.findall(r'class="calendar-day"', page)) == 42
    assert 'datetime="2026-03-02" aria-current="date"' in page
    assert "2026 年 3 月" in words(rep.get("/e/ticket/calendar"))
    assert days(rep.get("/e/ticket/calendar?at=2026-04-01").get_data(as_text=True)) == {"2026-04-15": ["下月"]}
    week = rep.get("/e/ticket/calendar?show=week").get_data(as_text=True)
    assert days(week) == {"2026-03-02": ["今天"]} and week.count('class="calendar-day"') == 7


def test_another_date_is_looked_by_and_moments_stand_where_the_site_lives(march: Desk) -> None:
    page = march.browser("rep1").get("/e/ticket/calendar?by=called").get_data(as_text=True)
    assert days(page) == {"2026-03-09": ["月初"]} and "23:30" in page


def test_conditions_of_the_list_hold_in_the_calendar(march: Desk) -> None:
    rep = march.browser("rep1")
    assert days(rep.get("/e/ticket/calendar?kind=repair").get_data(as_text=True)) == {"2026-03-02": ["今天"]}
    assert days(rep.get("/e/ticket/calendar?q=月初").get_data(as_text=True)) == {"2026-03-01": ["月初"]}


def test_the_calendar_shows_nobody_what_the_list_does_not(march: Desk) -> None:
    assert days(march.browser("rep2").get("/e/ticket/calendar").get_data(as_text=True)) == {}
    assert march.browser("guest").get("/e/ticket/calendar").status_code == 403
    assert march.browser("rep1").get("/e/client/calendar").status_code == 404
    hidden, missing = (march.browser("rep1").get(f"/e/ticket/calendar?by={key}") for key in ("floor", "nix"))
    assert hidden.status_code == missing.status_code == 422


@pytest.mark.parametrize(
    "query", ["at=x", "at=9999-99-99", "at=0001-01-01", "at=9999-12-31", "show=x", "at=2026-02-30"]
)
def test_any_month_is_shown(march: Desk, query: str) -> None:
    assert march.browser("rep1").get(f"/e/ticket/calendar?{query}").status_code == 200


def test_a_month_takes_as_many_statements_whatever_stands_in_it(march: Desk) -> None:
    rep, counts = march.browser("rep1"), []
    for many in (0, 6):
        for at in range(many):
            march.program("rep1").made("ticket", title=f"n{at}", due_on="2026-03-05")
        rep.get("/e/ticket/calendar")
        with statements() as sent:
            page = rep.get("/e/ticket/calendar").get_data(as_text=True)
        counts.append(len(sent))
    assert len(set(counts)) == 1
    assert "还有 2 条" in page


def test_a_wrong_address_is_told_in_its_own_words(desk: Desk) -> None:
    rep = desk.browser("rep1")
    for address in ("/e/ticket/calendar?by=nothing", "/e/ticket/calendar?by=nothing&show=week"):
        answer = rep.get(address)
        said = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert "nothing" in said
        assert "才能保存" not in said
    for address in ("/e/ticket/calendar?at=2026-13-45", "/e/ticket/calendar?show=year&at=x"):
        assert rep.get(address).status_code == 200
