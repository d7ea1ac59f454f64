"""Time that passes in an example: what is due happens at its moment, and people are told, within the transaction.

Enters: the session of an example, its clock, the moment to come to. Leaves: the clock there, everything that was due
done. Must not touch what was there before the example began: timers and events of the site it is played on stay.
"""

from dataclasses import dataclass
from datetime import datetime

from engine.automation import outbox, running, runs, scheduling
from engine.automation import timers as firing
from engine.clock import SetClock
from engine.storage import timers
from engine.storage.store import Session

_MOST_MOMENTS = 5_000
_MOST_ROUNDS = 50


@dataclass(frozen=True)
class Passage:
    """Where the timers, events and runs of an example begin."""

    timer: int
    event: int
    run: int


def begin_passage(session: Session) -> Passage:
    """Return the passage of what is played from here."""
    scheduling.arm_here(session)
    scheduling.keep_here(session)
    return Passage(timers.find_last_id(session), outbox.find_last_id(session), runs.find_last_id(session))


def let_pass(session: Session, clock: SetClock, passage: Passage, until: datetime) -> None:
    """Go forward to ``until``, from one due moment to the next; backward nothing happens."""
    for _ in range(_MOST_MOMENTS):
        moment = _find_next(session, clock, passage)
        if moment is None or moment > until:
            break
        clock.at = max(clock.at, moment)
        firing.fire_due(session.again(), after=passage.timer)
        settle(session, passage)
    clock.at = until
    outbox.deliver_here(session.again(), after=passage.event)
    settle(session, passage)


def settle(session: Session, passage: Passage) -> None:
    """Let everything follow that what was done brings about by itself."""
    if not session.app.automations:
        return
    scheduling.keep_here(session.again())
    for _ in range(_MOST_ROUNDS):
        outbox.deliver_here(session.again(), after=passage.event)
        if not running.run_here(session.again(), after=passage.run):
            break


def _find_next(session: Session, clock: SetClock, passage: Passage) -> datetime | None:
    found = [timers.find_next_moment(session, after=passage.timer)]
    if session.app.automations:
        found += [runs.find_next_moment(session, after=passage.run), scheduling.find_next_moment(session.again())]
    return min((one for one in found if one is not None), default=None)
