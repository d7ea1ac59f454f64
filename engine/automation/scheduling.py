"""Schedules: what comes round by the clock, and records in which nothing happens.

Enters: a store. Leaves: for each schedule that came round, once, a run for each record that meets its condition. Must
not depend on being looked at in time: after a standstill a schedule that came round several times is kept once, and
what became idle meanwhile is found.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from engine.automation import moments, states
from engine.automation.runs import NO_RECORD, Begin, begin_runs
from engine.automation.triggering import ARM
from engine.compiler.app import Automation, Schedule
from engine.expression.sql import compile_where, sql_parameters
from engine.records.calendar import SiteCalendar
from engine.records.evaluation import make_env
from engine.records.working_time import find_working_time
from engine.storage.journal import write_event
from engine.storage.store import Session, Store
from engine.storage.table_source import TableSource

_BATCH = 500
_FIRST_LOOK = timedelta(days=1)
"""How far back is looked for what became idle when an automation is new."""


def keep_schedules(store: Store) -> int:
    """Begin what came round since the last look; return how many schedules were kept."""
    with store.read() as session:
        due = [one.key for one, _, _ in _come_round(session)]
    return sum(_keep_alone(store, key) for key in due)


def keep_here(session: Session) -> int:
    """Begin in this transaction what came round: for what is played and taken back."""
    return sum(_keep(session, one, slot, before) for one, slot, before in list(_come_round(session)))


def begin_now(session: Session, key: str) -> bool:
    """Begin what a schedule is for with each record, as it came round at this moment; False for no such schedule.

    For a story that is told of a time before anybody looked.
    """
    found = session.app.automations.get(key)
    if found is None or found.on.kind != "every" or not found.entity or found.retired:
        return False
    _begin_each(session, found, session.now())
    return True


def keep_armed(store: Store) -> int:
    """Arm the records there are for automations whose moments are new or changed; return how many there were."""
    with store.read() as session:
        waiting = _unarmed(session)
    if not waiting:
        return 0
    with store.write() as session:
        return _arm_unarmed(session)


def arm_here(session: Session) -> None:
    """Note in this transaction that automations are armed: for what is played where nothing was before."""
    for one in _unarmed(session):
        states.keep_trigger(session, one.key, _trigger_of(one))


def _unarmed(session: Session) -> list[Automation]:
    dated = [one for one in session.app.automations.values() if one.on.kind == "at" and not one.retired]
    if not dated:
        return []
    known = states.read_states(session)
    return [one for one in dated if one.key not in known or known[one.key].trigger != _trigger_of(one)]


def _arm_unarmed(session: Session) -> int:
    waiting = _unarmed(session)
    for one in waiting:
        states.keep_trigger(session, one.key, _trigger_of(one))
        write_event(session, ARM, one.entity, None, {"automation": one.key, "after": 0})
    return len(waiting)


def _trigger_of(automation: Automation) -> str:
    """Return what says when an automation starts, so that two can be compared."""
    on = automation.on
    said = [(one.of, one.amount, one.before) for one in on.moments]
    return hashlib.sha256(repr((said, on.time, automation.calendar, automation.entity)).encode()).hexdigest()[:16]


def find_next_moment(session: Session) -> datetime | None:
    """Return when the next schedule comes round; None when there is none."""
    time_of = _times(session)
    found = [moments.next_slot(time_of(one.calendar), _schedule_of(one), session.now()) for one in _scheduled(session)]
    return min((one for one in found if one is not None), default=None)


def _keep_alone(store: Store, key: str) -> bool:
    with store.write() as session:
        found = next((found for found in _come_round(session) if found[0].key == key), None)
        return found is not None and _keep(session, *found)


def _come_round(session: Session) -> Iterator[tuple[Automation, datetime, datetime | None]]:
    """Yield the schedules that came round and were not kept yet, each with when that was and when it was kept last."""
    scheduled = list(_scheduled(session))
    if not scheduled:
        return
    known, time_of = states.read_states(session), _times(session)
    for one in scheduled:
        state = known.get(one.key)
        if state is not None and state.disabled_at is not None:
            continue
        slot = moments.last_slot(time_of(one.calendar), _schedule_of(one), session.now())
        before = state.slot if state is not None else None
        if slot is not None and (before is None or slot > before):
            yield one, slot, before


def _keep(session: Session, automation: Automation, slot: datetime, before: datetime | None) -> bool:
    """Begin what one schedule is for; a schedule that was never looked at begins now, with nothing.

    ``before`` is when it was kept last: if another kept it since that was read, nothing begins.
    """
    if not states.keep_slot(session, automation.key, before, slot):
        return False
    if before is None and automation.on.kind == "every":
        return True
    if automation.on.kind == "idle":
        _begin_idle(session, automation, since=before or slot - _FIRST_LOOK, slot=slot)
    elif automation.entity:
        _begin_each(session, automation, slot)
    else:
        begin_runs(session, [Begin(automation.key, None, NO_RECORD, f"slot {slot.isoformat()}", slot)])
    return True


def _begin_each(session: Session, automation: Automation, slot: datetime) -> None:
    for ids in _batches(session, automation, {}):
        begin_runs(
            session, [Begin(automation.key, automation.entity, id_, f"slot {slot.isoformat()}", slot) for id_ in ids]
        )


def _begin_idle(session: Session, automation: Automation, *, since: datetime, slot: datetime) -> None:
    """Begin for each record whose last sign of life fell out of the span between two looks."""
    time_of = find_working_time(session, calendar=automation.calendar)
    later, earlier = time_of.before(slot, automation.on.span), time_of.before(since, automation.on.span)
    for ids in _batches(session, automation, {"earlier": earlier, "later": later}):
        occasion = f"idle {slot.isoformat()}"
        begin_runs(session, [Begin(automation.key, automation.entity, id_, occasion, slot) for id_ in ids])


def _condition(session: Session, automation: Automation) -> Iterator[ColumnElement[bool]]:
    """Yield what a record must meet; of an idle one also that it fell silent between ``earlier`` and ``later``."""
    table = session.tables.entity[automation.entity]
    yield table.c.deleted_at.is_(None)
    if automation.when is not None:
        yield compile_where(automation.when.checked, TableSource(session.tables), table)
    if automation.on.kind != "idle":
        return
    last: ColumnElement[Any] = table.c.updated_at
    if automation.on.without is not None:
        other, via = automation.on.without
        linked = session.tables.entity[other]
        newest = select(func.max(linked.c.created_at)).where(linked.c[via] == table.c.id, linked.c.deleted_at.is_(None))
        last = func.coalesce(newest.scalar_subquery(), table.c.created_at)
    yield last > bindparam("earlier", type_=table.c.created_at.type)
    yield last <= bindparam("later", type_=table.c.created_at.type)


def _batches(session: Session, automation: Automation, given: Mapping[str, Any]) -> Iterator[list[int]]:
    """Yield the ids of the records an automation begins for."""
    table = session.tables.entity[automation.entity]

    def build() -> Any:
        after = bindparam("after", type_=table.c.id.type)
        return (
            select(table.c.id)
            .where(table.c.id > after, *_condition(session, automation))
            .order_by(table.c.id)
            .limit(_BATCH)
        )

    statement = session.prepared(("scheduled", automation.key), build)
    met = {} if automation.when is None else sql_parameters(automation.when.checked, make_env(session, None))
    last = 0
    while True:
        rows = statement.fetch_all(session.connection, {**met, **given, "after": last})
        ids = [row[0] for row in rows]
        if ids:
            yield ids
            last = ids[-1]
        if len(ids) < _BATCH:
            return


def _scheduled(session: Session) -> Iterator[Automation]:
    return (one for one in session.app.automations.values() if one.on.kind in ("every", "idle") and not one.retired)


def _schedule_of(automation: Automation) -> Schedule:
    return automation.on.schedule or Schedule("day", automation.on.time)


def _times(session: Session) -> Callable[[str | None], SiteCalendar]:
    """Return what tells the working time of a calendar, which is read once for all schedules of one look."""
    return cache(lambda calendar: find_working_time(session, calendar=calendar))
