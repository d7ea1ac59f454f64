"""What happens while a record stays in its stage: reminders, flags and moves at the moments its workflow names.

Enters: a due timer of the kinds that ``records/stays.py`` arms. Leaves: events for notices, flags, the next timer of a
repeated one, or the record in another stage. Must not act on a stay that is over: the stay a timer was armed for is
compared after the lock.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.compiler.app import Entity, StageTimer, TimerAction, Workflow
from engine.errors import InvalidValues, NotFound, NotPossibleNow
from engine.people import directory
from engine.records.flags import raise_flag
from engine.records.record import Record
from engine.records.stays import Stay, arm_again, find_stay
from engine.records.writing import lock_record
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.timers import Timer
from engine.workflow.transitions import move_by_itself


def lock_stay(session: Session, timer: Timer) -> bool:
    """Lock the record of a timer; False when it, its workflow's timer or the stay it was armed for is gone."""
    entity = session.app.entities.get(timer.entity)
    workflow = entity.workflow if entity is not None else None
    if entity is None or workflow is None or timer.key not in workflow.timers:
        return False
    try:
        lock_record(session, entity, timer.record_id, actor=None)
    except NotFound:
        return False
    stay = find_stay(session, timer.entity, timer.record_id)
    return stay is not None and stay.version == timer.payload.get("stay")


def fire_stay(session: Session, timer: Timer) -> None:
    """Do what a timer of a stay is for, on a record that is locked."""
    entity = session.app.entities[timer.entity]
    record = lock_record(session, entity, timer.record_id, actor=None)
    stay = find_stay(session, timer.entity, timer.record_id)
    assert entity.workflow is not None and stay is not None  # noqa: S101 - ``lock_stay`` found both
    written = entity.workflow.timers[timer.key]
    _arm_next(session, entity, written, timer, record)
    overtaken = _is_overtaken(session, entity.workflow, written, stay)
    for action in written.do:
        if overtaken and action.kind == "remind":
            continue  # after a standstill: whoever is told that it is late need not be told that it will be
        _DO[action.kind](session, entity, record, stay, timer, action)


def _arm_next(session: Session, entity: Entity, written: StageTimer, timer: Timer, record: Record) -> None:
    turn = int(timer.payload.get("turn", 1))
    if written.every is None or turn >= written.at_most:
        return
    occasion = f"{timer.arming.partition('.')[0]}.{turn + 1}"
    payload = {**timer.payload, "turn": turn + 1}
    arm_again(
        session, entity, written, record.id, record.values, due_at=timer.due_at, occasion=occasion, payload=payload
    )


def _is_overtaken(session: Session, workflow: Workflow, timer: StageTimer, stay: Stay) -> bool:
    """Return whether a timer ahead of the due time comes after it, where another one speaks of being late."""
    if not _is_ahead(timer) or not stay.is_late(session.now()):
        return False
    return any(
        other.moment.of == "due" and not _is_ahead(other) and stay.stage in other.stages
        for other in workflow.timers.values()
    )


def _is_ahead(timer: StageTimer) -> bool:
    moment = timer.moment
    return moment.of == "due" and (moment.before or (moment.share is not None and moment.share < 1))


def _remind(session: Session, entity: Entity, record: Record, stay: Stay, timer: Timer, action: TimerAction) -> None:
    people = _people(session, record, action.remind)
    if not people:
        return
    payload: dict[str, Any] = {
        "users": people,
        "timer": timer.key,
        "arming": timer.arming,
        "stage": stay.stage,
        "due_at": None if stay.due_at is None else stay.due_at.isoformat(),
        "late": stay.is_late(session.now()) or stay.due_at == timer.due_at,
    }
    write_event(session, "stage.reminded", entity.key, record.id, payload)


def _people(session: Session, record: Record, words: Iterable[str]) -> list[int]:
    """Return whom the words name, each once; the manager of somebody who is disabled is told all the same."""
    owner = record.values.get("owner")
    if owner is None:
        return []
    found = []
    if "owner" in words:
        known = directory.people(session.connection, [owner]).get(owner)
        found += [owner] if known is not None and known.enabled else []
    if "manager" in words:
        manager = directory.manager_of(session.connection, owner)
        found += [manager.id] if manager is not None else []
    return list(dict.fromkeys(found))


def _flag(session: Session, entity: Entity, record: Record, stay: Stay, timer: Timer, action: TimerAction) -> None:
    reason = {"timer": timer.key, "stage": stay.stage}
    if raise_flag(session, entity.key, record.id, action.name, reason, stay=stay.version):
        write_event(session, f"{entity.key}.flagged", entity.key, record.id, {"flag": action.name, **reason})


def _move(session: Session, entity: Entity, record: Record, stay: Stay, timer: Timer, action: TimerAction) -> None:
    """What the move needs may not be there: then the record stays, and whoever looks sees that it is late."""
    try:
        with session.connection.begin_nested():
            move_by_itself(session, entity.key, record.id, action.name)
    except (InvalidValues, NotPossibleNow) as error:
        told = {"move": action.name, "timer": timer.key, "why": getattr(error, "code", "missing")}
        write_event(session, f"{entity.key}.move_refused", entity.key, record.id, told)


_Do = Callable[[Session, Entity, Record, Stay, Timer, TimerAction], None]
_DO: Mapping[str, _Do] = {"remind": _remind, "flag": _flag, "move": _move}
