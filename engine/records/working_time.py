"""Whose working time counts, and the days a site changed in it.

Enters: a session, a department, the key of a calendar. Leaves: a ``SiteCalendar``; or a changed day, written with an
audit entry. Must not touch what is armed already: a changed day holds for what is counted from now on.

The department's own calendar comes first (or that of the nearest department above it), then the one that is named, then
the app's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.people.actor import Actor
from engine.records.calendar import SiteCalendar
from engine.records.sql import insert_into
from engine.storage.journal import write_audit
from engine.storage.stage_tables import calendar_days
from engine.storage.store import Session
from engine.storage.system_tables import departments

EVERY = ""
"""Stands for every calendar in the table of changed days."""


@dataclass(frozen=True)
class ChangedDay:
    """A day for which the site says whether people work; ``calendar`` is empty for every calendar."""

    calendar: str
    day: date
    works: bool
    note: str | None


def find_working_time(session: Session, *, team: int | None = None, calendar: str | None = None) -> SiteCalendar:
    """Return the working time of a department, else of calendar ``calendar`` of the app, else of the app."""
    app = session.app
    key = (_calendar_of(session, team) if team is not None and app.calendars else None) or calendar
    found = app.calendars.get(key) if key else None
    return SiteCalendar(found or app.calendar, app.timezone, _changed(session, key if found else EVERY))


def list_changed_days(session: Session) -> list[ChangedDay]:
    """Return every day the site changed, in order."""
    c = calendar_days.c
    rows = session.connection.execute(select(c.calendar, c.day, c.works, c.note).order_by(c.day, c.calendar))
    return [ChangedDay(row[0], date.fromisoformat(row[1]), bool(row[2]), row[3]) for row in rows]


def change_days(
    session: Session,
    days: Iterable[date],
    works: bool | None,
    *,
    calendar: str = EVERY,
    note: str | None,
    actor: Actor | None,
) -> None:
    """Say whether people work on these days, or with None that the calendar is right after all.

    For administrators, and for whoever has the machine (``actor=None``).

    Raises ``NotAllowed`` and ``InvalidValues`` (no such calendar).
    """
    _require(session, calendar, actor)
    for day in days:
        own = (calendar_days.c.calendar == calendar, calendar_days.c.day == day.isoformat())
        session.connection.execute(delete(calendar_days).where(*own))
        if works is not None:
            row = {"calendar": calendar, "day": day.isoformat(), "works": int(works), "note": note}
            row |= {"at": session.now(), "by": None if actor is None else actor.id}
            session.connection.execute(insert_into(calendar_days, session.connection.dialect).values(row))
        details = {"calendar": calendar, "works": works, "note": note}
        write_audit(session, "change_day", day.isoformat(), details, actor=actor)


def use_calendar(session: Session, department: str, calendar: str | None, *, actor: Actor | None) -> None:
    """Let the people of a department (and those below it) work by a calendar of the app; None: by the usual one.

    Raises ``NotAllowed`` and ``InvalidValues`` (no such department or calendar).
    """
    _require(session, calendar or EVERY, actor)
    own = departments.c.key == department
    if session.connection.execute(update(departments).where(own).values(calendar=calendar)).rowcount != 1:
        raise InvalidValues([FieldError("department", "calendar.no_department", {"department": department})])
    write_audit(session, "use_calendar", department, {"calendar": calendar}, actor=actor)


def _require(session: Session, calendar: str, actor: Actor | None) -> None:
    if actor is not None and not actor.is_admin:
        raise NotAllowed("calendar.not_yours")
    if calendar != EVERY and calendar not in session.app.calendars:
        known = ", ".join(session.app.calendars) or "—"
        raise InvalidValues([FieldError("calendar", "calendar.unknown", {"calendar": calendar, "known": known})])


def _calendar_of(session: Session, team: int) -> str | None:
    """Return the calendar of a department, or of the nearest one above it that has one."""
    c = departments.c
    statement = session.prepared("calendars of departments", lambda: select(c.id, c.parent_id, c.calendar))
    known = {row[0]: row for row in statement.fetch_all(session.connection, {})}
    seen: set[int] = set()
    here = known.get(team)
    while here is not None and here[0] not in seen:
        if here[2]:
            return str(here[2])
        seen.add(here[0])
        here = known.get(here[1])
    return None


def _changed(session: Session, calendar: str | None) -> dict[date, bool]:
    """Return the days changed in a calendar; what is said of it alone outweighs what is said of every calendar."""

    def build() -> Any:
        c = calendar_days.c
        of_it = (c.calendar == EVERY) if not calendar else (c.calendar == EVERY) | (c.calendar == bindparam("of"))
        return select(c.day, c.works).where(of_it).order_by(c.calendar)

    statement = session.prepared(("changed days", bool(calendar)), build)
    rows = statement.fetch_all(session.connection, {"of": calendar})
    return {date.fromisoformat(day): bool(works) for day, works in rows}
