"""Approvals as they lie in the database: the log of events is the truth, rows of approvals and tasks follow from it.

Enters: events decided by the pure core, inside a transaction that holds the approval's row. Leaves: the state folded
from the log. Must not decide anything.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, case, cast, func, insert, select, update

from engine.people.actor import Actor
from engine.storage.approval_tables import approval_events, approvals, tasks
from engine.storage.journal import write_history
from engine.storage.lists import Joined
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.workflow.approval.beside import has_others, lock_beside, stands_alone
from engine.workflow.approval.draft import Made
from engine.workflow.approval.evolving import evolve
from engine.workflow.approval.fold import apply, fold
from engine.workflow.approval.state import ApprovalState, Event, Task
from engine.workflow.approval.task_rows import (
    Kept,
    follow_task,
    open_task,
    task_row,
    update_task,
    write_copies,
)


@dataclass(frozen=True)
class HeldTask:
    """A task: the approval it belongs to, who holds it, and whether whoever asks is still enabled."""

    approval_id: int
    holder: int
    enabled: bool


def find_task(session: Session, task_id: int, *, actor: int) -> HeldTask | None:
    """Return where a task belongs and whose it is."""

    given = {"task_id": task_id, "actor": actor}
    row = session.prepared("approval of a task", _select_held).fetch_one(session.connection, given)
    return None if row is None else HeldTask(int(row[0]), int(row[1]), bool(row[2]))


def lock_held(session: Session, task_id: int, *, actor: int) -> tuple[HeldTask, Kept] | None:
    """Lock the approval of a task as ``lock`` does, where nothing stands beside it; None where something does, or
    where there is no such task."""

    def build() -> Any:  # no join: an approval is looked up first, and only then asked what stands beside it
        of, holder = (select(c).where(tasks.c.id == bindparam("task_id")).scalar_subquery() for c in _HELD)
        found = select(approvals.c.id, holder, _enabled(), *_ADDRESS)
        return found.where(approvals.c.id == of, stands_alone()).with_for_update(of=approvals)

    given = {"task_id": task_id, "actor": actor}
    row = session.prepared("approval of a task, locked", build).fetch_one(session.connection, given)
    if row is None:
        return None
    held = HeldTask(int(row[0]), int(row[1]), bool(row[2]))
    kept = _read_log(session, held.approval_id, row[3:])
    return held, kept if _waits_for_locks(session) else evolve(kept, others=False)


def _select_held() -> Any:
    return select(*_HELD, _enabled()).where(tasks.c.id == bindparam("task_id"))


def _enabled() -> Any:
    return select(users.c.disabled_at.is_(None)).where(users.c.id == bindparam("actor")).scalar_subquery()


def find_running(session: Session, entity: str, record_id: int) -> int | None:
    """Return the approval that is running for a record; those that others wait for come after their own."""
    return _find_last(session, entity, record_id, "running", _RUNNING)


def find_latest(session: Session, entity: str, record_id: int) -> int | None:
    """Return the last approval of a record, running or ended."""
    return _find_last(session, entity, record_id, "latest", _OWN)


def find_rounds(session: Session, entity: str, record_id: int) -> list[int]:
    """Return all approvals of a record, the oldest first."""
    own = (approvals.c.entity == entity, approvals.c.record_id == record_id, _OWN)
    return list(session.connection.scalars(select(approvals.c.id).where(*own).order_by(approvals.c.id)))


def count_rounds(session: Session, approval: str, entity: str, record_id: int) -> int:
    """Return how often a record was submitted to this approval."""
    own = (approvals.c.entity == entity, approvals.c.record_id == record_id, approvals.c.approval == approval)
    return session.connection.scalar(select(func.count()).select_from(approvals).where(*own)) or 0


def lock(session: Session, approval_id: int) -> Kept | None:
    """Lock an approval until the transaction ends and return it as it is then; None when there is none.

    With it is locked what an action on it may touch: those that wait for it, and others that run about the same
    records; the oldest first, so that two people never wait for each other.
    """
    lock_beside(session, approval_id)
    return _read(session, approval_id, locked=True)


def read(session: Session, approval_id: int) -> Kept | None:
    """Return an approval; None when there is none."""
    return _read(session, approval_id, locked=False)


def find_children(session: Session, approval_id: int) -> dict[str, int]:
    """Return the approvals that steps of this one wait for, by step; the last of each."""
    c = approvals.c
    rows = session.connection.execute(select(c.id).where(c.parent_id == approval_id).order_by(c.id))
    found: dict[str, int] = {}
    for (id_,) in rows:
        kept = read(session, id_)
        if kept is not None and kept.state.parent is not None:
            found[kept.state.parent["step"]] = id_
    return found


def find_answer(kept: Kept, action: str | None) -> ApprovalState | None:
    """Return the state this action led to, when it was done before."""
    if action is None or action not in kept.actions:
        return None
    first = kept.actions.index(action)
    later = [at for at, other in enumerate(kept.actions) if other is not None and at > first]
    return fold(kept.events[: later[0] if later else None])


def create(
    session: Session,
    entity: str,
    record_id: int,
    move: str,
    events: Sequence[Event],
    *,
    actor: Actor | None,
) -> Kept:
    """Write a new approval with its first events."""
    known = events.lead_from(None) if isinstance(events, Made) else None
    state = known or fold(events)
    row = {
        "approval": state.approval,
        "entity": entity,
        "record_id": record_id,
        "move": move,
        "release_id": session.release_id,
        "round": state.round,
        "started_by": state.starter.id,
        "started_at": session.now(),
        "content_hash": state.content,
        "plan": queue_plan(state),
        "parent_id": state.parent["approval"] if state.parent else None,
        **_ending(state),
    }
    statement = session.prepared("insert approval", lambda: insert(approvals).returning(approvals.c.id), tuple(row))
    found = statement.fetch_one(session.connection, row)
    assert found is not None  # noqa: S101 - an insert returns its row
    kept = Kept(int(found[0]), entity, record_id, row["parent_id"], (), (), (), evolve(state, tasks=()))
    return _write(session, kept, events, state, actor, None, ends=False)


def append(session: Session, kept: Kept, events: Sequence[Event], *, actor: Actor | None, action: str | None) -> Kept:
    """Write what follows to a locked approval: its events, its tasks, its row."""
    state = events.lead_from(kept.state) if isinstance(events, Made) else None
    if state is None:
        state = kept.state
        for event in events:
            state = apply(state, event)
    return _write(session, kept, events, state, actor, action, ends=True)


def note(
    session: Session, kept: Kept, action: str, version: int, told: Mapping[str, Any], *, actor: Actor, reason: str
) -> None:
    """Write to the record's history what was done with its approval."""
    write_history(session, kept.entity, kept.record_id, version, action, told, actor=actor, note=reason or None)


def queue_plan(state: ApprovalState) -> dict[str, Any]:
    """What queues show, so that a page of them reads no logs."""
    return {
        "shown": state.origin.get("shown") or {},
        "steps": {step.key: dict(step.plan.label) for step in state.steps},
        "guard": sorted(_guarded_now(state)),
        "urge": dict(state.rules.get("urge") or {}),
    }


def _guarded_now(state: ApprovalState) -> list[str]:
    """Return what is guarded, by the keys fields have today."""
    renamed = state.origin.get("renamed") or {}
    return [renamed.get(key, key) for key in state.origin.get("guard") or ()]


def _write(
    session: Session,
    kept: Kept,
    events: Sequence[Event],
    state: ApprovalState,
    actor: Actor | None,
    action: str | None,
    *,
    ends: bool,
) -> Kept:
    """Write events to the log and bring the rows of tasks to the state, with ``ends`` that of the approval too.

    Of tasks only those that differ are touched, what closes before what opens.
    """
    # Every action has an id, so that the answer to a repeated one can be told from what came after it.
    actions = [action or secrets.token_hex(16), *([None] * (len(events) - 1))][: len(events)]
    rows = [
        {
            "approval_id": kept.id,
            "seq": len(kept.events) + at,
            "at": session.now(),
            "actor_id": actor.id if actor is not None else None,
            "type": event.type,
            "data": event.data,
            "action_id": named,
        }
        for at, (event, named) in enumerate(zip(events, actions, strict=True), start=1)
    ]
    known = sorted(zip(state.tasks, kept.state.tasks, kept.task_ids, strict=False), key=_closes_first)
    changed = [one for one in known if one[0] is not one[1] and one[0] != one[1]]
    done = [task_row(task) | {"task_id": id_} for task, _, id_ in changed]
    others = _write_rows(session, kept, rows, done, _ending(state) | {"approval_id": kept.id} if ends else None)
    log = (*kept.events, *events)
    for task, old, id_ in changed:
        follow_task(session, kept, task, old, id_, log)
    opened = [open_task(session, kept, state, task, events) for task in state.tasks[len(kept.state.tasks) :]]
    write_copies(session, kept, events)
    task_ids = (*kept.task_ids, *opened)
    return evolve(kept, events=log, actions=(*kept.actions, *actions), task_ids=task_ids, state=state, others=others)


Row = Mapping[str, Any]


def _write_rows(
    session: Session, kept: Kept, events: Sequence[Row], done: Sequence[Row], ending: Row | None
) -> bool | None:
    """Write the rows of events, of tasks that changed and, if it is given, of the approval; return what is known of
    others. PostgreSQL takes a usual answer, which changes one task, in one statement."""
    connection = session.connection
    if events and ending is not None and len(done) == 1 and _waits_for_locks(session):
        given = {f"{key}_{at}": value for at, row in enumerate(events) for key, value in row.items()}
        given |= {**ending, **{f"task_{key}": value for key, value in done[0].items()}}
        statement = session.prepared(("append to approval", len(events)), lambda: _append_at_once(events))
        found = statement.fetch_one(connection, given)
        return bool(found and found[0])
    if events:
        statement = session.prepared(
            "insert approval events", lambda: insert(approval_events).inline(), tuple(events[0])
        )
        statement.execute_many(connection, events)
    for row in done:
        session.prepared("update approval task", update_task).execute(connection, row)
    if ending is not None:
        session.prepared("update approval", _update_approval).execute(connection, ending)
    return kept.others


def _waits_for_locks(session: Session) -> bool:
    """Whether others may write while this transaction waits for a lock; SQLite has one writer at a time."""
    return session.connection.dialect.name == "postgresql"


def _append_at_once(events: Sequence[Row]) -> Any:
    """One statement for the log, a task and the approval; its parameters are those of the three, told apart."""
    rows = [
        {key: bindparam(f"{key}_{at}", type_=approval_events.c[key].type) for key in row}
        for at, row in enumerate(events)
    ]
    told = insert(approval_events).inline().values(rows).cte("told")
    return _update_approval().returning(has_others()).add_cte(told, update_task("task_").cte("answered"))


def _closes_first(one: tuple[Task, Task, int]) -> bool:
    return one[0].status == "open"


def _ending(state: ApprovalState) -> dict[str, Any]:
    return {"state": state.status, "ended_at": state.ended_at}


def _find_last(
    session: Session, entity: str, record_id: int, name: str, *conditions: ColumnElement[bool]
) -> int | None:
    def build() -> Any:
        own = (approvals.c.entity == bindparam("entity"), approvals.c.record_id == bindparam("record_id"))
        own_first = case((_OWN, 0), else_=1)
        return select(approvals.c.id).where(*own, *conditions).order_by(own_first, approvals.c.id.desc()).limit(1)

    given = {"entity": entity, "record_id": record_id}
    row = session.prepared(f"{name} approval", build).fetch_one(session.connection, given)
    return None if row is None else int(row[0])


def _read(session: Session, approval_id: int, *, locked: bool) -> Kept | None:
    def build() -> Any:
        found = select(*_ADDRESS).where(approvals.c.id == bindparam("approval_id"))
        return found.with_for_update() if locked else found

    given = {"approval_id": approval_id}
    row = session.prepared(("approval", locked), build).fetch_one(session.connection, given)
    return None if row is None else _read_log(session, approval_id, row)


def _read_log(session: Session, approval_id: int, address: Sequence[Any]) -> Kept:
    given = {"approval_id": approval_id}
    log = session.prepared("approval events", _select_events).fetch_all(session.connection, given)
    events = tuple(Event(type_, data) for type_, data, _, _ in log)
    actions = tuple(action for _, _, action, _ in log)
    tasks_ = tuple(sorted(int(id_) for id_ in (log[0][3] or "").split(",") if id_)) if log else ()
    entity, record_id, parent_id = address
    return Kept(approval_id, entity, record_id, parent_id, events, actions, tasks_, fold(events))


def _select_events() -> Any:
    """The log, with the ids of the tasks beside it: both are read by every action, and change together."""
    own: Any = bindparam("approval_id")
    c = approval_events.c
    ids = select(Joined(cast(tasks.c.id, Text))).where(tasks.c.approval_id == own)
    columns = (c.type, c.data, c.action_id, ids.scalar_subquery())
    return select(*columns).where(c.approval_id == own).order_by(c.seq)


def _update_approval() -> Any:
    row = {
        "state": bindparam("state", type_=approvals.c.state.type),
        "ended_at": bindparam("ended_at", type_=approvals.c.ended_at.type),
        "version": approvals.c.version + 1,
    }
    return update(approvals).where(approvals.c.id == bindparam("approval_id")).values(row)


_HELD = (tasks.c.approval_id, tasks.c.holder_id)
_ADDRESS = (approvals.c.entity, approvals.c.record_id, approvals.c.parent_id)
"""What an approval is about, and who waits for it."""

_RUNNING = approvals.c.state == "running"
_OWN = approvals.c.parent_id.is_(None)
