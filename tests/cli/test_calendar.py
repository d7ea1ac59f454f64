"""``formwork calendar``: the working days of a site, and a word about a year that is not announced yet."""

from engine.definition.model import CalendarDefinition
from engine.errors import Location
from engine.records.calendar import knows_make_up_days
from tests.cli.conftest import Run


def test_days_off_are_kept_listed_and_taken_back(run: Run) -> None:
    run("calendar", "off", "2026-03-06", "2026-03-05", "--note", "power cut")
    run("calendar", "work", "2026-03-07")
    listed = run("calendar", "show").output.splitlines()
    assert listed[:3] == ["2026-03-05 off power cut", "2026-03-06 off power cut", "2026-03-07 work"]

    run("calendar", "clear", "2026-03-05", "2026-03-06", "2026-03-07")
    assert "2026-03-0" not in run("calendar", "show").output


def test_a_calendar_or_department_that_is_not_there_is_refused_in_words(run: Run) -> None:
    assert "calendar 'night' does not exist" in run("calendar", "off", "2026-03-05", "--calendar", "night").output
    assert "no department with the key 'moon'" in run("calendar", "use", "moon").output


def test_a_year_whose_make_up_days_are_not_announced_is_known_as_such() -> None:
    china, germany = (CalendarDefinition(Location("app.yaml"), holidays=country) for country in ("CN", "DE"))
    assert knows_make_up_days(china, 2026) and not knows_make_up_days(china, 2099)
    assert knows_make_up_days(germany, 2099)
