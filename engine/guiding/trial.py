"""A trial of two weeks: begun on a day, ended with a report.

Enters: who begins or ends it. Leaves: one row of ``fw_settings`` and lines in the audit. Must not change records.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.errors import NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.storage.chosen import keep_setting, read_setting
from engine.storage.journal import write_audit
from engine.storage.store import Session

LENGTH = timedelta(days=14)
_KEY = "guide_trial"


@dataclass(frozen=True)
class Trial:
    """A trial: its first day, the day of its report, and when an administrator ended it."""

    began: date
    until: date
    ended: datetime | None

    def day(self, today: date) -> int:
        """Return which day of the trial it is, from 1."""
        return max(1, (today - self.began).days + 1)


def read_trial(session: Session) -> Trial | None:
    """Return the trial that runs or ran last."""
    found = read_setting(session.connection, _KEY)
    if found is None:
        return None
    ended = datetime.fromisoformat(found["ended"]) if found.get("ended") else None
    began = date.fromisoformat(found["began"])
    return Trial(began, began + LENGTH, ended)


def begin_trial(session: Session, *, actor: Actor | None) -> Trial:
    """Begin a trial today; raises ``NotPossibleNow`` while one runs, and ``NotAllowed``."""
    require_admin(actor)
    running = read_trial(session)
    if running is not None and running.ended is None:
        raise NotPossibleNow("guide.trial_runs")
    today = session.now().astimezone(ZoneInfo(session.app.timezone)).date()
    keep_setting(session.connection, _KEY, {"began": today.isoformat()})
    write_audit(session, "setting.trial_begun", today.isoformat(), {}, actor=actor)
    return Trial(today, today + LENGTH, None)


def end_trial(session: Session, *, actor: Actor | None) -> Trial:
    """End the trial that runs; raises ``NotPossibleNow`` when none does, and ``NotAllowed``."""
    require_admin(actor)
    running = read_trial(session)
    if running is None or running.ended is not None:
        raise NotPossibleNow("guide.no_trial")
    kept = {"began": running.began.isoformat(), "ended": session.now().isoformat()}
    keep_setting(session.connection, _KEY, kept)
    write_audit(session, "setting.trial_ended", running.began.isoformat(), {}, actor=actor)
    return Trial(running.began, running.until, session.now())
