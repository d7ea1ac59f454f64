"""From what happened to the automations it starts: one row to be run for each, in the transaction of the delivery.

Enters: an event of the outbox. Leaves: runs, begun at once or armed for the moments that dates of the record give.
Must not judge the condition of an automation, nor do anything of it: whoever runs it does.

What is only told to people is not told of records that were brought in from a file: they are no news.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select

from engine.automation import moments
from engine.automation.runs import Begin, begin_runs, drop_armed
from engine.compiler.app import Automation, Entity
from engine.records.columns import record_columns, to_values
from engine.records.sql import is_one_of
from engine.records.working_time import find_working_time
from engine.storage.automation_tables import runs
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.system_tables import history

ARM = "automating.arm"
"""The event that arms an automation for the records there are, a batch at a time, after what starts it changed."""
PAST = timedelta(days=1)
"""What should have happened longer ago than this when a date was written is past: nothing happens any more."""
_BATCH = 500


class Happened(Protocol):
    """What is read of an event."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def type(self) -> str: ...
    @property
    def entity(self) -> str | None: ...
    @property
    def record_id(self) -> int | None: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...
    @property
    def run_id(self) -> int | None: ...
    @property
    def priority(self) -> int: ...


def begin(session: Session, event: Happened) -> None:
    """Begin what an event starts, and arm what follows from the dates it changed."""
    if event.entity is None or event.record_id is None:
        return
    candidates = session.app.automations_of.get(event.entity, ())
    if not candidates:
        return
    change = _Change(session, event)
    started = [one for one in candidates if one.on.kind in _STARTS and _STARTS[one.on.kind](one, change)]
    started = [one for one in started if not (one.only_tells and change.via == "import")]
    depth = _depth(session, event.run_id) if started else 0
    begin_runs(
        session,
        [
            Begin(
                one.key, event.entity, event.record_id, f"event-{event.id}", event.at,
                event_id=event.id, parent_id=event.run_id, depth=depth, priority=event.priority,
                actor_id=change.actor_id,
            )
            for one in started
        ],
    )  # fmt: skip
    dated = [one for one in candidates if one.on.kind == "at" and _changes_dates(one, change)]
    dated = [one for one in dated if not (one.only_tells and change.via == "import" and change.created)]
    if dated:
        entity = session.app.entities[event.entity]
        for automation in dated:
            if not change.created:
                drop_armed(session, automation.key, entity.key, [event.record_id])
            arm(session, automation, _read(session, entity, [event.record_id]), since=session.now() - PAST)


def arm(session: Session, automation: Automation, records: Sequence[Mapping[str, Any]], *, since: datetime) -> None:
    """Arm an automation for the moments that dates of records give, those before ``since`` left out.

    Of moments that have come already only the last is armed.
    """
    begin_runs(session, [one for values in records for one in _armed(session, automation, values, since)])


def arm_batch(session: Session, event: Happened) -> None:
    """Arm the next batch of the records there are, for moments that are still to come."""
    automation = session.app.automations.get(event.payload["automation"])
    entity = session.app.entities.get(event.entity or "")
    if automation is None or entity is None or automation.on.kind != "at":
        return
    table = session.tables.entity[entity.key]
    ids = session.connection.scalars(
        select(table.c.id)
        .where(table.c.id > event.payload["after"], table.c.deleted_at.is_(None))
        .order_by(table.c.id)
        .limit(_BATCH)
    ).all()
    if not ids:
        return
    drop_armed(session, automation.key, entity.key, list(ids), coming=True)
    arm(session, automation, _read(session, entity, list(ids)), since=session.now())
    write_event(session, ARM, entity.key, None, {"automation": automation.key, "after": ids[-1]})


def has_moment(session: Session, automation: Automation, about: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a record still has the date a run was armed for."""
    return any(
        one.of == about.get("of") and _text(values.get(one.of)) == about.get("value") for one in automation.on.moments
    )


def _armed(session: Session, automation: Automation, values: Mapping[str, Any], since: datetime) -> Iterator[Begin]:
    time_of = find_working_time(session, team=values.get("team"), calendar=automation.calendar)
    past: list[Begin] = []
    for moment in automation.on.moments:
        value = values.get(moment.of)
        if value is None:
            continue
        at = moments.find_moment(time_of, moment, value, automation.on.time)
        if at < since:
            continue
        side = "-" if moment.before else "+"
        occasion = f"{moment.of} {_text(value)} {side}{moment.amount or '0'}"
        about = {"of": moment.of, "value": _text(value)}
        one = Begin(automation.key, automation.entity, values["id"], occasion, at, about=about)
        if at > session.now():
            yield one
        else:
            past.append(one)
    yield from sorted(past, key=lambda one: one.at)[-1:]


def _text(value: date | datetime | None) -> str | None:
    return None if value is None else value.isoformat()


# ---- what an event is


class _Change:
    """What happened, looked up in the history where an automation asks."""

    def __init__(self, session: Session, event: Happened) -> None:
        self._session = session
        self.event = event
        self.verb = event.type.rpartition(".")[2] if event.type.startswith(f"{event.entity}.") else ""
        self.created = self.verb == "created"
        self.changed: frozenset[str] = frozenset(event.payload.get("changed") or ())
        self._row: tuple[Any, ...] | None = None

    @property
    def via(self) -> str | None:
        """The way it came: web, api, import, automation."""
        via: str | None = self._history[1]
        return via

    @property
    def actor_id(self) -> int | None:
        """Who did it, where somebody did."""
        actor: int | None = self._history[2]
        return actor

    def pair(self, field: str) -> tuple[Any, Any]:
        """Return what a field was and is."""
        found = (self._history[0] or {}).get(field) or (None, None)
        return found[0], found[1]

    @property
    def _history(self) -> tuple[Any, ...]:
        if self._row is None:
            c, event = history.c, self.event
            version = event.payload.get("version")
            own = (c.entity == event.entity, c.record_id == event.record_id, c.version == version)
            query = select(c.changes, c.via, c.actor_id).where(*own).limit(1)
            found = None if version is None else self._session.connection.execute(query).one_or_none()
            self._row = tuple(found or (None, None, None))
        return self._row


def _is_created(one: Automation, change: _Change) -> bool:
    return change.created


def _is_commented(one: Automation, change: _Change) -> bool:
    return change.event.type == "remark.made"


def _is_changed(one: Automation, change: _Change) -> bool:
    asked = one.on.fields
    if not change.changed or change.created or (asked and not asked & change.changed):
        return False
    if one.on.not_via and change.via in one.on.not_via:
        return False
    if not (one.on.from_ or one.on.to):
        return True
    (field,) = asked
    was, now = change.pair(field)
    return (not one.on.from_ or was in one.on.from_) and (not one.on.to or now in one.on.to)


def _is_moved(one: Automation, change: _Change) -> bool:
    told = change.event.payload
    if change.verb != "moved":
        return False
    return (not one.on.from_ or told.get("from") in one.on.from_) and (not one.on.to or told.get("to") in one.on.to)


def _is_approval(one: Automation, change: _Change) -> bool:
    told, type_ = change.event.payload, change.event.type
    if type_ not in ("approval.started", "approval.ended") or told.get("key") != one.on.approval:
        return False
    return ("started" if type_ == "approval.started" else told.get("status")) in one.on.to


def _has_file(one: Automation, change: _Change) -> bool:
    (field,) = one.on.fields
    if field not in change.changed and not change.created:
        return False
    was, now = change.pair(field)
    return len(now or ()) > len(was or ())


def _changes_dates(one: Automation, change: _Change) -> bool:
    if change.created or change.verb == "restored":
        return True
    return not change.changed.isdisjoint({moment.of for moment in one.on.moments})


_STARTS: Mapping[str, Callable[[Automation, _Change], bool]] = {
    "created": _is_created,
    "changed": _is_changed,
    "moved": _is_moved,
    "approval": _is_approval,
    "file": _has_file,
    "commented": _is_commented,
}


def _depth(session: Session, parent: int | None) -> int:
    if parent is None:
        return 0
    return 1 + (session.connection.scalar(select(runs.c.depth).where(runs.c.id == parent)) or 0)


def _read(session: Session, entity: Entity, ids: list[int]) -> list[dict[str, Any]]:
    table = session.tables.entity[entity.key]

    def build() -> Any:
        found = (is_one_of(table.c.id, "ids"), table.c.deleted_at.is_(None))
        return select(*record_columns(table, entity)).where(*found)

    rows = session.prepared(("dated", entity.key), build).fetch_all(session.connection, {"ids": ids})
    return [to_values(entity, row) for row in rows]
