"""Every night what stands still is reported once, and administrators are told."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.automation.jobs import _look_quietly as look
from engine.changing.nightly import NIGHTLY
from engine.people import accounts
from engine.storage.stage_tables import timers
from engine.storage.system_tables import notices
from tests.workflow.site import Site


def nights(site: Site) -> list[tuple[str, str]]:
    with site.store.read() as session:
        own = select(timers.c.arming, timers.c.state).where(timers.c.kind == NIGHTLY).order_by(timers.c.id)
        return [(row[0], row[1]) for row in session.connection.execute(own)]


def told(site: Site) -> list[dict[str, Any]]:
    with site.store.read() as session:
        own = (notices.c.kind == "stranded_report", notices.c.user_id == site.people["admin"])
        return list(session.connection.scalars(select(notices.c.params).where(*own).order_by(notices.c.id)))


def disable(site: Site, login: str) -> None:
    with site.store.write() as session:
        accounts.disable_user(session, site.people[login], actor=None)


def test_every_night_is_looked_at_once_however_often_somebody_looks(site: Site) -> None:
    for _ in range(3):
        look(site.store)
    assert [state for _, state in nights(site)] == ["pending"]
    site.submitted(price=500)
    disable(site, "manager")
    for _ in range(2):
        site.clock.at += timedelta(days=1)
        for _ in range(3):
            look(site.store)
    assert [state for _, state in nights(site)] == ["fired", "fired", "pending"]
    assert [(one["count"], one["kinds"]) for one in told(site)] == [(1, {"task": 1})] * 2


def test_a_long_standstill_is_one_report_and_a_calm_night_none(site: Site) -> None:
    look(site.store)
    site.clock.at += timedelta(days=9)
    look(site.store)
    assert told(site) == []
    assert [state for _, state in nights(site)] == ["fired", "pending"]


def test_it_is_at_half_past_five_on_the_clock_of_the_site(site: Site) -> None:
    look(site.store)
    with site.store.read() as session:
        due = session.connection.scalar(select(timers.c.due_at).where(timers.c.kind == NIGHTLY))
    assert due is not None and f"{due:%H:%M}" == "21:30"  # UTC; 05:30 in Shanghai
