"""Firing what is due: every timer at most once, never before its moment, and after it as soon as somebody looks.

Enters: a store. Leaves: for each due timer the effects of its kind, in the transaction that ends it. Must not know what
a kind does, nor depend on being called in time: after a day of standstill everything due is found, once.

One order of locks keeps the sweeper out of people's way: first the owner (a record, an approval), as every command
does, then the timer. Two sweepers at once share the work: what one holds the other passes over.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.changing import handing_over, nightly
from engine.records import disputes, protecting, reclaiming, stays
from engine.storage.faults import Unavailable
from engine.storage.store import Session, Store
from engine.storage.timers import Timer, end_timer, find_due, is_taken, put_off
from engine.workflow import staying
from engine.workflow.approval import commands
from engine.workflow.approval.task_rows import LATE

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long to wait after each failure; then the timer is parked for a person to look at."""

_BATCH = 200
_log = logging.getLogger("formwork.timers")


@dataclass(frozen=True)
class TimerKind:
    """What happens when a timer of one kind is due.

    ``lock`` locks what armed it and returns whether that is still open: if not, the timer is dropped. ``fire`` is a
    command of a layer below, run as the engine itself; it may arm the next timer.
    """

    lock: Callable[[Session, Timer], bool]
    fire: Callable[[Session, Timer], None]


KINDS: Mapping[str, TimerKind] = {
    stays.STAGE: TimerKind(staying.lock_stay, staying.fire_stay),
    stays.DATE: TimerKind(staying.lock_stay, staying.fire_stay),
    protecting.TIMER: TimerKind(reclaiming.lock_owned, reclaiming.fire),
    LATE: TimerKind(commands.is_waiting, commands.fire_late),
    handing_over.HAND_OVER: TimerKind(handing_over.is_due, handing_over.fire),
    disputes.DUE: TimerKind(disputes.is_due, disputes.fire_due),
    nightly.NIGHTLY: TimerKind(nightly.is_due, nightly.fire),
}
"""By the ``kind`` a timer was armed with."""


def sweep(store: Store, *, most: int = 10_000) -> int:
    """Fire what is due, earliest first, and return how many timers ended (``most`` at most)."""
    ended = 0
    while ended < most:
        batch = min(_BATCH, most - ended)
        with store.read() as session:
            due = find_due(session, most=batch)
        done = sum(_fire_alone(store, timer) for timer in due)
        ended += done
        if len(due) < batch or not done:
            break
    return ended


def fire_timer(session: Session, timer: Timer) -> bool:
    """Fire one due timer in this transaction; False when another has it, or it ended or was put off meanwhile."""
    if is_taken(session, timer.id):
        return False
    kind = KINDS[timer.kind]
    is_open = kind.lock(session, timer)
    if not end_timer(session, timer.id, "fired" if is_open else "dropped"):
        return False
    if is_open:
        kind.fire(session, timer)
    return True


def fire_due(session: Session, *, after: int) -> None:
    """Fire in this transaction what is due of the timers armed after ``after``: for what is played and taken back."""
    for timer in find_due(session, most=_BATCH, after=after):
        fire_timer(session, timer)


def _fire_alone(store: Store, timer: Timer) -> bool:
    """Fire one timer in a transaction of its own, so that one that fails holds up no other."""
    try:
        with store.write() as session:
            return fire_timer(session, timer)
    except Unavailable:
        raise  # nobody's fault: the next sweep tries again
    except Exception as error:  # whatever a kind does wrong must not stop the others
        _log.exception("Timer %s (%s of %s %s) failed", timer.id, timer.kind, timer.entity, timer.record_id)
        _put_off(store, timer, error)
        return False


def _put_off(store: Store, timer: Timer, error: Exception) -> None:
    wait = RETRY_AFTER[min(timer.attempts, len(RETRY_AFTER) - 1)]
    parked = timer.attempts >= len(RETRY_AFTER)
    with store.write() as session:
        put_off(session, timer, session.now() + wait, str(error), parked=parked)
