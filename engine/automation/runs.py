"""Runs of automations as rows: each begun once for its occasion, and where it stands.

Enters: which automation, for which record, on what occasion. Leaves: rows, and the runs that are due. Must not do what
a run is for.

A run that waits is the same row with a later moment, and so is one that is armed for a date of its record: there is
one table to look at, and its index of what is pending serves both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, bindparam, func, literal, literal_column, null, select, union_all, update

from engine.errors import NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.records.sql import insert_into, is_one_of
from engine.storage.automation_tables import runs
from engine.storage.journal import write_audit
from engine.storage.priorities import PRIORITIES, USUAL
from engine.storage.store import Session
from engine.storage.switched import of_what_is_on

RunState = Literal["pending", "done", "skipped", "dropped", "failed", "stopped", "parked"]
RUN = "run-"
"""Begins the keys of the messages that runs leave."""
AGAIN = ("failed", "stopped", "parked")
"""The states of runs that an administrator may let try again."""
NO_RECORD = 0
"""Stands for the record of a run that has none."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it lies in the table."""

    id: int
    automation: str
    entity: str | None
    record_id: int
    occasion: str
    state: str
    position: int
    program: str | None
    about: Mapping[str, Any]
    event_id: int | None
    parent_id: int | None
    depth: int
    priority: int
    actor_id: int | None
    created_at: datetime
    available_at: datetime
    ended_at: datetime | None
    attempts: int
    trace: Sequence[Mapping[str, Any]]
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Begin:
    """A run to be begun: not before ``at``, caused by an event, a run and a person, as far as there are."""

    automation: str
    entity: str | None
    record_id: int
    occasion: str
    at: datetime
    about: Mapping[str, Any] | None = None
    event_id: int | None = None
    parent_id: int | None = None
    depth: int = 0
    priority: int = USUAL
    actor_id: int | None = None


def begin_runs(session: Session, wanted: Iterable[Begin]) -> None:
    """Write runs; one that was begun for the same occasion before is not begun again.

    One that was armed for a date and dropped when the date moved away is armed again when it moves back.
    """
    rows = [_row(session, one) for one in wanted]
    if not rows:
        return

    def build() -> Any:
        values = {name: bindparam(name, type_=runs.c[name].type) for name in rows[0]}
        begun = insert_into(runs, session.connection.dialect).values(values)
        again = {"state": "pending", "available_at": begun.excluded.available_at, "ended_at": None, "error": null()}
        moved_away = (runs.c.state == "dropped") & runs.c.about.is_not(None) & (runs.c.position == 0)
        same = [runs.c.automation, runs.c.record_id, runs.c.occasion]
        return begun.on_conflict_do_update(index_elements=same, set_=again, where=moved_away)

    session.prepared("begin runs", build).execute_many(session.connection, rows)
    session.has_events = True  # somebody is to look


def find_due(session: Session, *, most: int, after: int = 0) -> list[int]:
    """Return the ids of the runs that may go on now, of those begun after run ``after``.

    Those with the smallest priority come first, of these the earliest due.
    """

    def build() -> Any:
        due, later = is_due(session, bindparam("now", type_=_MOMENT)), runs.c.id > bindparam("after")
        # Each priority in the order of the index of what is pending, so that what is done is never read.
        turns = []
        for priority in PRIORITIES:
            own = select(runs.c.id, literal(priority).label("turn"), runs.c.available_at)
            own = own.where(runs.c.priority == priority, *due, later)
            turns.append(own.order_by(runs.c.available_at, runs.c.id).limit(most).subquery().select())
        found = union_all(*turns).subquery()
        return select(found.c.id).order_by(found.c.turn, found.c.available_at, found.c.id).limit(most)

    given = {"now": session.now(), "after": after}
    return [row[0] for row in session.prepared(("due runs", most), build).fetch_all(session.connection, given)]


def is_due(session: Session, now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a run may go on; with its priority, the index of what is pending serves."""
    return (runs.c.state == _PENDING, runs.c.available_at <= now, *of_what_is_on(session, runs.c.entity))


def find_next_moment(session: Session, *, after: int = 0) -> datetime | None:
    """Return when the next run may go on of those begun after run ``after``; None when none is pending."""

    def build() -> Any:
        own = (runs.c.state == _PENDING, runs.c.id > bindparam("after"))
        return select(func.min(runs.c.available_at)).where(*own, *of_what_is_on(session, runs.c.entity))

    found = session.prepared("next run", build).fetch_one(session.connection, {"after": after})
    return found[0] if found is not None else None


def find_last_id(session: Session) -> int:
    """Return the run that was begun last; 0 when there is none."""
    return session.connection.scalar(select(func.max(runs.c.id))) or 0


def claim(session: Session, id: int) -> Run | None:
    """Lock and return a due run; None when another has it, or it ended or was put off since it was seen."""

    def build() -> Any:
        now = bindparam("now", type_=_MOMENT)
        due = (runs.c.id == bindparam("run"), runs.c.state == _PENDING, runs.c.available_at <= now)
        return select(*_COLUMNS).where(*due).with_for_update(skip_locked=True)

    row = session.prepared("claim run", build).fetch_one(session.connection, {"run": id, "now": session.now()})
    return None if row is None else _to_run(row)


def get_run(session: Session, id: int) -> Run | None:
    """Return one run, None when there is none."""
    row = session.connection.execute(select(*_COLUMNS).where(runs.c.id == id)).one_or_none()
    return None if row is None else _to_run(tuple(row))


def list_runs(
    session: Session,
    *,
    automation: str | None = None,
    entity: str | None = None,
    record_id: int | None = None,
    states: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[Run]:
    """Return runs, newest first, before run ``before``: of one automation, entity, record of it, in some states."""
    where: list[ColumnElement[bool]] = []
    where += [runs.c.automation == automation] if automation is not None else []
    where += [runs.c.entity == entity] if entity is not None else []
    where += [runs.c.record_id == record_id] if record_id is not None else []
    where += [runs.c.id < before] if before is not None else []
    in_states = [[runs.c.state == one] for one in dict.fromkeys(states)] or [[]]
    found: list[Run] = []
    for state in in_states:  # each by itself, in the order of an index: so what is rare is found without reading all
        newest = select(*_COLUMNS).where(*where, *state).order_by(runs.c.id.desc()).limit(limit)
        found += [_to_run(tuple(row)) for row in session.connection.execute(newest)]
    return sorted(found, key=lambda run: run.id, reverse=True)[:limit]


def end_run(
    session: Session, run: Run, state: str, *, trace: Sequence[Any] = (), error: Mapping[str, Any] | None = None
) -> None:
    """Write how a run ended."""

    def build() -> Any:
        ended = {
            name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in ("state", "ended_at", "trace", "error")
        }
        return update(runs).where(runs.c.id == bindparam("run")).values(ended)

    ended = {"new_state": state, "new_ended_at": session.now(), "new_trace": [*run.trace, *trace], "new_error": error}
    session.prepared("end run", build).execute(session.connection, {**ended, "run": run.id})


def let_wait(session: Session, run: Run, until: datetime, position: int, program: str, trace: Sequence[Any]) -> None:
    """Let a run go on at ``position`` of its program, not before ``until``."""
    later = {"position": position, "available_at": until, "program": program, "trace": [*run.trace, *trace]}
    session.connection.execute(update(runs).where(runs.c.id == run.id).values(**later, attempts=0))


def put_off(session: Session, run: Run, until: datetime, error: str, *, parked: bool) -> None:
    """Let a run that broke wait ``until`` its next try, or for a person (``parked``)."""
    unchanged = (runs.c.id == run.id, runs.c.state == _PENDING, runs.c.attempts == run.attempts)
    later = {"attempts": run.attempts + 1, "available_at": until, "error": {"code": "broken", "text": error[:500]}}
    state = "parked" if parked else "pending"
    session.connection.execute(update(runs).where(*unchanged).values(**later, state=state))


def try_again(session: Session, id: int, *, actor: Actor | None) -> None:
    """Let a run that failed, stopped or was parked go on from where it stood.

    Raises ``NotAllowed`` and ``NotPossibleNow``.
    """
    require_admin(actor)
    ended = (runs.c.id == id, runs.c.state.in_(AGAIN))
    now = session.now()
    due = {"state": "pending", "available_at": now, "attempts": 0, "ended_at": None, "error": None}
    if not session.connection.execute(update(runs).where(*ended).values(**due)).rowcount:
        raise NotPossibleNow("automation.not_again")
    session.has_events = True
    write_audit(session, "automating.again", f"run:{id}", {}, actor=actor)


def drop_armed(
    session: Session, automation: str, entity: str, record_ids: Sequence[int], *, coming: bool = False
) -> None:
    """Drop what is armed of an automation for dates of these records that changed; only what is still ``coming``."""

    def build() -> Any:
        armed = (runs.c.automation == bindparam("of"), runs.c.entity == bindparam("of_entity"))
        open_ = (is_one_of(runs.c.record_id, "ids"), runs.c.state == _PENDING, runs.c.position == 0)
        now = bindparam("now", type_=_MOMENT)
        later = (runs.c.available_at > now,) if coming else ()
        gone = {"state": "dropped", "ended_at": now, "error": literal({"code": "moved"}, runs.c.error.type)}
        return update(runs).where(*armed, *open_, *later).values(**gone)

    given = {"of": automation, "of_entity": entity, "ids": list(record_ids), "now": session.now()}
    session.prepared(("drop armed", coming), build).execute(session.connection, given)


def is_overtaken(session: Session, run: Run) -> bool:
    """Return whether a later moment of the same date has come too: whoever hears that need not hear this."""
    c = runs.c
    own = (c.automation == run.automation, c.entity == run.entity, c.record_id == run.record_id)
    later = (c.state == _PENDING, c.position == 0, c.available_at > run.available_at, c.available_at <= session.now())
    return session.connection.scalar(select(c.id).where(*own, *later).limit(1)) is not None


def goes_round(session: Session, run: Run) -> bool:
    """Return whether one of the runs that led to this one was of the same automation for the same record."""
    parent = run.parent_id
    while parent is not None:
        row = session.connection.execute(
            select(runs.c.automation, runs.c.record_id, runs.c.parent_id).where(runs.c.id == parent)
        ).one_or_none()
        if row is None:
            return False
        if (row[0], row[1]) == (run.automation, run.record_id):
            return True
        parent = row[2]
    return False


def _row(session: Session, one: Begin) -> dict[str, Any]:
    return {
        "automation": one.automation,
        "entity": one.entity,
        "record_id": one.record_id,
        "occasion": one.occasion,
        "state": "pending",
        "about": dict(one.about) if one.about is not None else None,
        "event_id": one.event_id,
        "parent_id": one.parent_id,
        "depth": one.depth,
        "priority": one.priority,
        "actor_id": one.actor_id,
        "release_id": session.release_id,
        "created_at": session.now(),
        "available_at": one.at,
    }


def _to_run(row: Sequence[Any]) -> Run:
    values = dict(zip(_NAMES, row, strict=True))
    return Run(**{**values, "about": values["about"] or {}, "trace": values["trace"] or ()})


# Not a parameter: only so do the databases know that the index of what is pending serves.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_MOMENT = runs.c.available_at.type
_NAMES = (
    "id", "automation", "entity", "record_id", "occasion", "state", "position", "program", "about", "event_id",
    "parent_id", "depth", "priority", "actor_id", "created_at", "available_at", "ended_at", "attempts", "trace",
    "error",
)  # fmt: skip
_COLUMNS = tuple(runs.c[name] for name in _NAMES)
