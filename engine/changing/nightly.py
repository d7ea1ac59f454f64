"""The look every night at what stands still: a report in the outbox, a notice to every administrator when there is any.

Enters: a store, or the timer of this night. Leaves: an event with the counts, and the timer of the next night; answers
kept for repeated requests, drafts of forms, pictures, runs, messages and events that are too old are forgotten. Must
not mend anything, nor write a second report for one night, however often it is called.
"""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.changing.stranded import find_stranded
from engine.channels import pictures
from engine.people import directory
from engine.records import form_drafts
from engine.storage import tidying
from engine.storage.answers import forget_old
from engine.storage.journal import write_event
from engine.storage.stage_tables import timers
from engine.storage.store import Session, Store
from engine.storage.timers import Timer, arm_timer

NIGHTLY = "nightly"
AT = time(5, 30)
"""On the clock of the site: before people come, after what runs by night."""


def keep_nightly(store: Store) -> int:
    """Arm the timer of the next night where none is pending; return how many were armed."""
    if store.release_id is None:
        return 0
    with store.read() as session:
        if _is_armed(session):
            return 0
    try:
        with store.write() as session:
            if _is_armed(session):
                return 0
            _arm(session)
    except IntegrityError:  # somebody else was first: one night has one timer
        return 0
    return 1


def is_due(session: Session, timer: Timer) -> bool:
    """Return whether the report is still to be made."""
    return True


def fire(session: Session, timer: Timer) -> None:
    """Write what stands still, tell the administrators, forget what is too old, and arm the next night."""
    counted = Counter(one.kind for one in find_stranded(session))
    if counted:
        users = [person.id for person in directory.holders_of(session.connection, "admin")]
        told = {"night": timer.arming, "count": counted.total(), "kinds": dict(counted), "users": users}
        write_event(session, "standstill.reported", None, None, told)
    forget_old(session)
    form_drafts.forget_old(session)
    pictures.forget_old(session)
    tidying.begin_tidying(session)
    _arm(session)


def _arm(session: Session) -> None:
    due = _next(session.now(), ZoneInfo(session.app.timezone))
    arm_timer(session, "", 0, NIGHTLY, "stranded", arming=f"{due:%Y-%m-%dT%H:%M}", due_at=due)


def _next(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next moment at which the clock of the site says ``AT``; a long standstill is one night."""
    today = now.astimezone(zone).date()
    due = datetime.combine(today, AT, zone)
    due = due if due > now else datetime.combine(today + timedelta(days=1), AT, zone)
    return due.astimezone(UTC)


def _is_armed(session: Session) -> bool:
    c = timers.c
    own = (c.entity == "", c.record_id == 0, c.kind == NIGHTLY, c.state == "pending")
    return session.connection.scalar(select(c.id).where(*own).limit(1)) is not None
