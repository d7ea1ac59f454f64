"""Figures about automations for whoever looks after them.

Enters: a session. Leaves: counts of the last week, and the newest records of an entity. Must not be asked on behalf of
somebody with rights of their own.
"""

from datetime import timedelta

from sqlalchemy import func, select

from engine.storage.automation_tables import runs
from engine.storage.store import Session

WEEK = timedelta(days=7)


def count_runs(session: Session) -> dict[str, dict[str, int]]:
    """Return how many runs of the last week are in which state, by automation."""
    c = runs.c
    recent = select(c.automation, c.state, func.count()).where(c.created_at > session.now() - WEEK)
    found: dict[str, dict[str, int]] = {}
    for automation, state, count in session.connection.execute(recent.group_by(c.automation, c.state)):
        found.setdefault(automation, {})[state] = count
    return found
