"""Figures about automations for whoever looks after them.

Enters: a session. Leaves: counts of the last week. Must not be asked on behalf of somebody with rights of their own,
nor read all that ever ran.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from engine.storage.automation_tables import runs
from engine.storage.store import Session

WEEK = timedelta(days=7)
COUNTED = 1_000
"""Of each automation so many runs are counted, the newest, and no more."""


def count_runs(session: Session) -> dict[str, dict[str, int]]:
    """Return how many runs of the last week are in which state, by automation; of each the newest ``COUNTED``."""

    def build() -> Any:
        c = runs.c
        newest = select(c.state, c.created_at).where(c.automation == bindparam("of")).order_by(c.id.desc())
        last = newest.limit(COUNTED).subquery()
        recent = last.c.created_at > bindparam("since", type_=c.created_at.type)
        return select(last.c.state, func.count()).where(recent).group_by(last.c.state)

    statement, since = session.prepared("recent runs", build), session.now() - WEEK
    counted = {
        key: {row[0]: row[1] for row in statement.fetch_all(session.connection, {"of": key, "since": since})}
        for key in session.app.automations
    }
    return {key: by_state for key, by_state in counted.items() if by_state}
