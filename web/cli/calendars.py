"""``formwork calendar``: working days as the site has them, for whoever has the machine.

Enters: days, the key of a calendar or a department. Leaves: changed days, which hold for what is counted from now on;
or a list of them, and a warning for a year whose make-up days are not known yet. Must not touch what is armed already.
"""

from datetime import date, datetime

import click

from engine.records import working_time
from engine.records.calendar import knows_make_up_days
from web.cli.site import Site

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("calendar", help="cli.calendar")
def calendar_command() -> None:
    """Hold the commands about working time."""


@calendar_command.command("show", help="cli.calendar_show")
@click.pass_obj
def show_calendar(site: Site) -> None:
    """List the days the site changed, and warn of a year that is not announced yet."""
    store = site.open_store()
    with store.read() as session:
        for one in working_time.list_changed_days(session):
            works = site.text("cli.calendar_works" if one.works else "cli.calendar_is_off")
            click.echo(" ".join(filter(None, (one.day.isoformat(), works, one.calendar, one.note))))
        this_year = session.now().year
    used = [store.app.calendar, *store.app.calendars.values()]
    for year in (this_year, this_year + 1):
        if not all(knows_make_up_days(calendar, year) for calendar in used):
            site.say("cli.calendar_unknown_year", year=year)


@calendar_command.command("off", help="cli.calendar_off")
@click.argument("days", nargs=-1, required=True, type=DAY)
@click.option("--calendar", default=working_time.EVERY, help="cli.calendar_which")
@click.option("--note", help="cli.calendar_note")
@click.pass_obj
def take_off(site: Site, days: tuple[datetime, ...], calendar: str, note: str | None) -> None:
    """Say that nobody works on these days."""
    _change(site, days, False, calendar, note)


@calendar_command.command("work", help="cli.calendar_work")
@click.argument("days", nargs=-1, required=True, type=DAY)
@click.option("--calendar", default=working_time.EVERY, help="cli.calendar_which")
@click.option("--note", help="cli.calendar_note")
@click.pass_obj
def make_up(site: Site, days: tuple[datetime, ...], calendar: str, note: str | None) -> None:
    """Say that people work on these days."""
    _change(site, days, True, calendar, note)


@calendar_command.command("clear", help="cli.calendar_clear")
@click.argument("days", nargs=-1, required=True, type=DAY)
@click.option("--calendar", default=working_time.EVERY, help="cli.calendar_which")
@click.pass_obj
def clear_days(site: Site, days: tuple[datetime, ...], calendar: str) -> None:
    """Go by the calendar again on these days."""
    _change(site, days, None, calendar, None)


@calendar_command.command("use", help="cli.calendar_use")
@click.argument("department")
@click.argument("calendar", required=False)
@click.pass_obj
def use_calendar(site: Site, department: str, calendar: str | None) -> None:
    """Let a department work by a calendar of the app, or by the usual one."""
    with site.open_store().write() as session:
        working_time.use_calendar(session, department, calendar, actor=None)
    site.say("cli.calendar_used", department=department, calendar=calendar or "—")


def _change(site: Site, days: tuple[datetime, ...], works: bool | None, calendar: str, note: str | None) -> None:
    dates: list[date] = [day.date() for day in days]
    with site.open_store().write() as session:
        working_time.change_days(session, dates, works, calendar=calendar, note=note, actor=None)
    site.say("cli.calendar_changed", count=len(dates))
