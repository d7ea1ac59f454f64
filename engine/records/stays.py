"""A record's stay in its stage: since when, until when, and the timers that go with it.

Enters: a record that was just written in a stage. Leaves: its one stay, and its timers armed anew, in the same
transaction: whoever changes a stage (a form, an import, an approval) comes through ``writing.py``, which calls this.
Must not judge whether the record may be there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, or_, select

from engine.compiler.app import Entity, Moment, StageTimer, Workflow
from engine.records.calendar import SiteCalendar
from engine.records.flags import ending_flags_of_stay, some_of_stays
from engine.records.sql import insert_into, is_one_of
from engine.records.stage_moves import begin_moves, move_row, noting_move
from engine.records.working_time import find_working_time
from engine.storage.stage_tables import stays
from engine.storage.store import Session
from engine.storage.timers import (
    arm_dropped,
    arm_timer,
    drop_timers,
    dropping_timers,
    find_last_id,
    some_pending,
)

STAGE = "stage"
"""The kind of timers that are counted from the stay."""
DATE = "stage_date"
"""The kind of timers that are counted from a date of the record, and armed again when it changes."""


@dataclass(frozen=True)
class Stay:
    """Where a record is since when; ``version`` is the one it had when it entered and tells stays apart.

    ``before`` is the last stage, no outcome, that it was in before.
    """

    stage: str
    version: int
    since: datetime
    due_at: datetime | None
    before: str | None

    def is_late(self, now: datetime) -> bool:
        """Return whether the record should have moved on by now."""
        return self.due_at is not None and self.due_at < now


def begin_stays(
    session: Session,
    entity: Entity,
    many: Sequence[Mapping[str, Any]],
    *,
    by: int | None,
    version: int = 1,
    reminds: bool = True,
) -> None:
    """Note that new records are in their first stage, and arm what happens there, reminders only with ``reminds``."""
    if entity.workflow is None:
        return
    times = _Times(session, entity)
    rows = [_new_row(session, entity, values, version, times) for values in many]
    statement = session.prepared("begin stays", lambda: insert(stays).inline(), tuple(rows[0]))
    statement.execute_many(session.connection, rows)
    begin_moves(session, entity.key, many, by=by)
    timed = frozenset(stage for timer in entity.workflow.timers.values() for stage in timer.stages)
    for values, row in zip(many, rows, strict=True):
        if row["stage"] in timed:
            _arm(session, entity, values["id"], values, _to_stay(row), times, reminds)


def follow_stay(
    session: Session,
    entity: Entity,
    record_id: int,
    version: int,
    before: Mapping[str, Any],
    values: Mapping[str, Any],
    changed: Iterable[str],
    *,
    by: int | None,
) -> None:
    """Keep the stay of a record and its timers in step with a change of it."""
    if "stage" in changed:
        _change_stay(session, entity, record_id, version, values, before.get("stage"), by)
    else:
        follow_dates(session, entity, record_id, version, values, changed)


def follow_dates(
    session: Session, entity: Entity, record_id: int, version: int, values: Mapping[str, Any], changed: Iterable[str]
) -> None:
    """Arm anew what is counted from a date that changed while the record stays where it is, and nothing else.

    ``version`` is the one the record has now; a date that is rolled up changes several times in one version.
    """
    if entity.workflow is None:
        return
    moved = set(changed)
    timers = [one for one in _timers_here(entity.workflow, values["stage"], DATE) if one.moment.field in moved]
    stay = find_stay(session, entity.key, record_id) if timers else None
    if stay is not None and stay.stage == values["stage"]:
        for timer in timers:
            drop_timers(session, entity.key, record_id, DATE, key=timer.key)
        occasion = f"{version}-{find_last_id(session)}"
        _arm_each(session, entity, timers, record_id, values, stay, occasion, _Times(session, entity))


def resume_stay(session: Session, entity: Entity, record_id: int, version: int, *, since: datetime) -> None:
    """Arm again what fell due while a record lay in the recycle bin, from ``since`` on: it happens now, once.

    What is due later was left armed. ``version`` is the one the record has now, and names the occasion.
    """
    if entity.workflow is not None:
        for kind in (STAGE, DATE):
            arm_dropped(session, entity.key, record_id, kind, since=since, arming=version)


def find_stay(session: Session, entity: str, record_id: int) -> Stay | None:
    """Return the stay of a record; None when it has no stage, or has not moved since stays are kept."""
    return read_stays(session, entity, [record_id]).get(record_id)


def read_stays(session: Session, entity: str, ids: Sequence[int]) -> dict[int, Stay]:
    """Return the stays of many records by id."""

    def build() -> Any:
        c = stays.c
        columns = (c.record_id, c.stage, c.version, c.since, c.due_at, c.before)
        return select(*columns).where(c.entity == bindparam("of_entity"), is_one_of(c.record_id, "ids"))

    statement = session.prepared("stays", build)
    rows = statement.fetch_all(session.connection, {"of_entity": entity, "ids": list(ids)})
    return {row[0]: Stay(*row[1:]) for row in rows}


def arm_again(
    session: Session, entity: Entity, timer: StageTimer, record_id: int, values: Mapping[str, Any], *, due_at: datetime,
    occasion: str, payload: Mapping[str, Any],
) -> None:  # fmt: skip
    """Arm the next firing of a timer with ``every``: the first of its moments that is still to come.

    After a standstill it goes on from now: what was missed is one firing, not a burst.
    """
    assert timer.every is not None  # noqa: S101 - the caller asked
    time_of = _Times(session, entity).of(values)
    coming = time_of.due(due_at, timer.every)
    for _ in range(_MOST_SKIPPED):
        if coming > session.now():
            break
        coming = time_of.due(coming, timer.every)
    else:
        coming = time_of.due(session.now(), timer.every)
    kind = DATE if timer.moment.field else STAGE
    arm_timer(session, entity.key, record_id, kind, timer.key, arming=occasion, due_at=coming, payload=payload)


_MOST_SKIPPED = 500


def _change_stay(
    session: Session,
    entity: Entity,
    record_id: int,
    version: int,
    values: Mapping[str, Any],
    left: str | None,
    by: int | None,
) -> None:
    """The record left stage ``left`` for another: what was armed there is dropped, what is due here is armed."""
    workflow = entity.workflow
    if workflow is None or values["stage"] not in workflow.stages:
        return
    times = _Times(session, entity)
    row = _new_row(session, entity, {**values, "id": record_id}, version, times)
    ordinary = left is not None and left in workflow.stages and not workflow.stages[left].outcome
    old = None if ordinary else find_stay(session, entity.key, record_id)
    row["before"] = left if ordinary else old.before if old else None
    moved = move_row(session, entity.key, record_id, values, left, by=by)
    _enter(session, row, moved, armed=_may_be_armed(session, entity.key, workflow))
    _arm(session, entity, record_id, values, _to_stay(row), times)


class _Times:
    """The working time of each team, looked up once."""

    def __init__(self, session: Session, entity: Entity) -> None:
        self._session = session
        self._calendar = entity.workflow.calendar if entity.workflow is not None else None
        self._known: dict[int | None, SiteCalendar] = {}

    def of(self, values: Mapping[str, Any]) -> SiteCalendar:
        """Return the working time that counts for a record."""
        team = values.get("team")
        if team not in self._known:
            self._known[team] = find_working_time(self._session, team=team, calendar=self._calendar)
        return self._known[team]


def _new_row(
    session: Session, entity: Entity, values: Mapping[str, Any], version: int, times: _Times
) -> dict[str, Any]:
    assert entity.workflow is not None  # noqa: S101 - the caller asked
    stage, now = entity.workflow.stages[values["stage"]], session.now()
    due_at = None if stage.due is None else times.of(values).due(now, stage.due)
    about = {"entity": entity.key, "record_id": values["id"], "stage": stage.key, "version": version}
    return {**about, "since": now, "due_at": due_at, "before": None}


def _to_stay(row: Mapping[str, Any]) -> Stay:
    return Stay(row["stage"], row["version"], row["since"], row["due_at"], row["before"])


def _may_be_armed(session: Session, entity: str, workflow: Workflow) -> bool:
    """Whether something may be armed, or flagged, for as long as a record of ``entity`` stays where it is.

    Only timers of its workflow do so. Where it has none, what an earlier release armed is looked for once.
    """

    def find(session: Session) -> bool:
        left = or_(some_pending(entity, STAGE, DATE), some_of_stays(entity))
        return bool(session.connection.scalar(select(left)))

    return bool(workflow.timers) or session.lasting(("armed for stays", entity), find)


def _enter(session: Session, row: Mapping[str, Any], moved: Mapping[str, Any], *, armed: bool) -> None:
    """Write the stay a record has now, and how it came there; what was armed in the one before is dropped, its flags
    end."""
    given = {**row, **moved, "of_entity": row["entity"], "of_record": row["record_id"], "now": session.now()}
    if session.connection.dialect.name == "postgresql":
        statement = session.prepared(("enter stage", armed), lambda: _enter_at_once(session, row, armed))
        statement.execute(session.connection, given)
        return
    if armed:
        session.prepared("timers of stay", lambda: dropping_timers(STAGE, DATE)).execute(session.connection, given)
        session.prepared("flags of stay", ending_flags_of_stay).execute(session.connection, given)
    session.prepared("note stage move", noting_move).execute(session.connection, given)
    session.prepared("change stay", lambda: _upsert(session, row)).execute(session.connection, given)


def _enter_at_once(session: Session, row: Mapping[str, Any], armed: bool) -> Any:
    """All of it in one statement, as PostgreSQL takes it."""
    over = (noting_move(), *((dropping_timers(STAGE, DATE), ending_flags_of_stay()) if armed else ()))
    return _upsert(session, row).add_cte(*(end.cte(f"over_{n}") for n, end in enumerate(over)))


def _upsert(session: Session, row: Mapping[str, Any]) -> Any:
    own = insert_into(stays, session.connection.dialect).values(
        {name: bindparam(name, type_=stays.c[name].type) for name in row}
    )
    changed = {name: own.excluded[name] for name in row if name not in ("entity", "record_id")}
    return own.on_conflict_do_update(index_elements=[stays.c.entity, stays.c.record_id], set_=changed)


def _timers_here(workflow: Workflow, stage: str, kind: str) -> list[StageTimer]:
    return [
        timer
        for timer in workflow.timers.values()
        if stage in timer.stages and (timer.moment.field is not None) == (kind == DATE)
    ]


def _arm(
    session: Session,
    entity: Entity,
    record_id: int,
    values: Mapping[str, Any],
    stay: Stay,
    times: _Times,
    reminds: bool = True,
) -> None:
    if entity.workflow is None:
        return
    for kind in (STAGE, DATE):
        timers = [one for one in _timers_here(entity.workflow, stay.stage, kind) if reminds or not _only_reminds(one)]
        _arm_each(session, entity, timers, record_id, values, stay, str(stay.version), times)


def _only_reminds(timer: StageTimer) -> bool:
    return all(action.kind == "remind" for action in timer.do)


def _arm_each(
    session: Session,
    entity: Entity,
    timers: Sequence[StageTimer],
    record_id: int,
    values: Mapping[str, Any],
    stay: Stay,
    occasion: str,
    times: _Times,
) -> None:
    """``occasion`` begins with the version of the record when it entered, or when a date changed."""
    stage = entity.workflow.stages[stay.stage] if entity.workflow is not None else None
    for timer in timers:
        due_at = _due(times.of(values), timer.moment, stay, stage.due if stage else None, values)
        if due_at is not None:
            kind = DATE if timer.moment.field else STAGE
            told = {"stay": stay.version, "turn": 1}
            arming = f"{occasion}.1"
            arm_timer(session, entity.key, record_id, kind, timer.key, arming=arming, due_at=due_at, payload=told)


def _due(
    time_of: SiteCalendar, moment: Moment, stay: Stay, due: str | None, values: Mapping[str, Any]
) -> datetime | None:
    """Return when a timer fires, None when what it is counted from is empty."""
    if moment.share is not None:
        return None if due is None else time_of.due(stay.since, due, share=moment.share)
    if moment.field is not None:
        value = values.get(moment.field)
        return None if value is None else _from_date(time_of, moment, value)
    base = stay.due_at if moment.of == "due" else stay.since
    return None if base is None else _shifted(time_of, base, moment)


def _shifted(time_of: SiteCalendar, base: datetime, moment: Moment) -> datetime:
    if moment.amount is None:
        return base
    if moment.before:
        return base - (time_of.due(base, moment.amount) - base)
    return time_of.due(base, moment.amount)


def _from_date(time_of: SiteCalendar, moment: Moment, value: date | datetime) -> datetime:
    """A date has passed when its day is over; so many days before or after it is the opening hour of that day."""
    if isinstance(value, datetime):
        return _shifted(time_of, value, moment)
    amount = moment.amount or ""
    if amount.endswith("d") and amount[:-1].isdigit():
        days = timedelta(days=int(amount[:-1]))
        return time_of.opening(value - days if moment.before else value + days)
    over = datetime.combine(value + timedelta(days=1), time(), ZoneInfo(time_of.zone)).astimezone(UTC)
    return _shifted(time_of, time_of.opening(value) if moment.before else over, moment)
