"""Forgetting runs of automations: what came to nothing after a week, what was done after half a year.

Enters: a session. Leaves: fewer rows. Must not forget what waits, or what somebody is to look at.
"""

from datetime import timedelta

from sqlalchemy import and_, delete, or_

from engine.storage.automation_tables import runs
from engine.storage.store import Session

NOTHING_KEPT = timedelta(days=7)
"""How long a run is kept whose condition did not hold, or that was dropped."""
DONE_KEPT = timedelta(days=180)
"""How long a run is kept that did something."""


def forget_old(session: Session) -> int:
    """Forget old runs; return how many."""
    c, now = runs.c, session.now()
    nothing = and_(c.state.in_(("skipped", "dropped")), c.ended_at <= now - NOTHING_KEPT)
    done = and_(c.state == "done", c.ended_at <= now - DONE_KEPT)
    return session.connection.execute(delete(runs).where(or_(nothing, done))).rowcount
