"""What follows from an approval's events: approvals to call or to call off, the record's stage, who is told.

Enters: an approval before and after an action, under its lock. Leaves: rows of the same transaction. Must not decide
what people may do.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.compiler.app import Entity
from engine.errors import NotPossibleNow
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import own_entity
from engine.records.writing import lock_record, save_changes
from engine.storage.journal import event_row, write_many
from engine.storage.store import Session
from engine.workflow.approval import decisions as core
from engine.workflow.approval import log
from engine.workflow.approval.beside import find_others
from engine.workflow.approval.calling import called_entity, plan_call
from engine.workflow.approval.draft import Draft
from engine.workflow.approval.flow import calling
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.planning import hash_submitted, read_again
from engine.workflow.approval.state import ApprovalState, Event, Step
from engine.workflow.approval.task_rows import Kept
from engine.workflow.requirements import find_missing, say_missing
from engine.workflow.stages import change_stage, gate, values_set

_RESTORED = ("refused", "withdrawn")


def follow(
    session: Session,
    before: ApprovalState | None,
    kept: Kept,
    events: Sequence[Event],
    actor: Actor | None,
    *,
    moves: bool = True,
    locked: Record | None = None,
    told: Mapping[str, Any] | None = None,
) -> ApprovalState:
    """Do all that follows and return the state in the end: an approval called may pass at once and let it go on.

    Without ``moves`` the caller has moved the record itself. ``locked`` is the record as the caller locked it, before
    the action; where nothing else can have changed it, it is not read again. ``told`` is what the record's history
    keeps of the action, written with what is told of it.
    """
    _tell(session, before, kept, events, told)
    followed = _follow_calls(session, before, kept, actor)
    locked, kept = (locked if followed is kept else None), followed
    if any(event.data.get("decision") == "complete" for event in events):
        locked = None
        renew_others(session, kept, actor, below=True)
        kept = log.read(session, kept.id) or kept
    ended = not kept.state.running and (before is None or before.running)
    if moves and ended and any(event.type == "ended" for event in events):
        _end(session, kept, actor, locked)
    return kept.state


def end_record(session: Session, kept: Kept, actor: Actor | None, locked: Record | None = None) -> None:
    """Move the record to where the end of its approval leads; ``locked`` is the record, if it was read after its lock.

    Into the approved stage its gate holds as for everybody. The way back is always open: a refusal must not fail
    because of what the record lacks.
    """
    state, origin = kept.state, kept.state.origin
    entity = own_entity(session.app, kept.entity)
    record = locked or lock_record(session, entity, kept.record_id, actor=None)
    to = {"approved": origin["to"], "refused": origin["refused"]}.get(state.status, origin["from"])
    moves = entity.workflow.moves if entity.workflow is not None else {}
    changes: dict[str, Any] = {}
    env = make_env(session, actor)
    if state.status == "approved":
        changes = values_set(entity, moves.get(origin["move"]), record.values, env)
        if origin["move"]:
            _require_gate(session, entity, record, origin["to"], changes, env, actor)
    if state.status in _RESTORED and state.rules.get("restore"):
        changes |= restored(entity, record, origin.get("snapshot") or {})
    told = {"approval": state.approval, "round": state.round, "result": state.status}
    if to == record.values.get("stage") and not changes:
        return
    if to == record.values.get("stage"):
        save_changes(
            session, entity, record, changes, actor=actor, action="update", event="updated", details=told, env=env
        )
        return
    why, move = state.ended_reason, origin["move"]
    change_stage(session, entity, record, to, changes, move=move, reason=why, actor=actor, details=told, env=env)


def require_end(session: Session, kept: Kept, record: Record, actor: Actor | None) -> None:
    """Raise ``NotPossibleNow`` when the record lacks what the stage asks for that its approval would end in."""
    origin = kept.state.origin
    entity = own_entity(session.app, kept.entity)
    moves = entity.workflow.moves if entity.workflow is not None else {}
    env = make_env(session, actor)
    changes = values_set(entity, moves.get(origin["move"]), record.values, env)
    if origin["move"]:
        _require_gate(session, entity, record, origin["to"], changes, env, actor)


def take_snapshot(entity: Entity, fields: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values a record may have to be put back to, as plain JSON; files by their ids."""
    found: dict[str, Any] = {}
    for key in fields:
        field, value = entity.fields[key], values.get(key)
        if field.type.has_files:
            found[key] = [one["id"] for one in value or ()]
        elif field.type.column is not None and field.computed is None:
            found[key] = None if value is None else field.type.to_json(value)
    return found


def restored(entity: Entity, record: Record, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that put a record back to a snapshot; a file that is gone stays gone."""
    changes: dict[str, Any] = {}
    for key, kept in snapshot.items():
        field = entity.fields.get(key)
        if field is None or field.retired:
            continue
        if field.type.has_files:
            value: Any = [one for one in record.values.get(key) or () if one["id"] in kept]
        else:
            value = None if kept is None else field.type.parse(kept, field)
        if value != record.values.get(key):
            changes[key] = value
    return changes


# ---- other approvals about the same record


def renew_others(session: Session, kept: Kept, actor: Actor | None, *, below: bool | None = None) -> None:
    """Let the other approvals about a record be about what it is now, since this one has changed it.

    Votes about other content fall, and conditions of steps to come are read again, as when work is done in their own.
    ``below``: only those that steps of this one wait for, or only the others. Nothing is looked for where none was seen
    when the row of this one was written: the record was locked by then, and nobody submits it meanwhile.
    """
    if kept.others is False:
        return
    for id_ in find_others(session, kept.entity, kept.record_id, kept.id):
        if below is None or below == _is_below(session, id_, kept.id):
            _renew(session, id_, actor)


def _is_below(session: Session, approval_id: int, top: int) -> bool:
    kept = log.read(session, approval_id)
    while kept is not None and kept.parent_id is not None:
        if kept.parent_id == top:
            return True
        kept = log.read(session, kept.parent_id)
    return False


def _renew(session: Session, approval_id: int, actor: Actor | None) -> None:
    kept = log.lock(session, approval_id)
    if kept is None or not kept.state.running:
        return
    entity = own_entity(session.app, kept.entity)
    record = lock_record(session, entity, kept.record_id, actor=None)
    draft, now = Draft(kept.state), session.now()
    content = hash_submitted(kept.state.origin, record.values)
    if content != kept.state.content:
        draft.add("content_changed", now, content=content)
    approval = session.app.approvals.get(kept.state.approval)
    applies = read_again(approval, draft.state, record.values, make_env(session, actor))
    if applies:
        draft.add("replanned", now, applies=applies)
    if draft.events:
        draft.advance(LiveWorld.of(session, kept.state, record.values), now)
        events = draft.made()
        after = log.append(session, kept, events, actor=actor, action=None)
        follow(session, kept.state, after, events, actor)


# ---- approvals that steps wait for


def _follow_calls(session: Session, before: ApprovalState | None, kept: Kept, actor: Actor | None) -> Kept:
    """Start the approvals of steps that opened, call off those of steps that no longer wait."""
    was = calling(before) if before is not None else {}
    now = calling(kept.state)
    gone = [key for key, turn in was.items() if now.get(key) != turn]
    if gone:
        children = log.find_children(session, kept.id)
        for key in gone:
            _call_off(session, children.get(key), kept.state, actor)
    for key in [key for key, turn in now.items() if was.get(key) != turn]:
        if kept.state.running and kept.state.step(key).status == "open":
            kept = _call(session, kept, kept.state.step(key), actor)
    return kept


def _call(session: Session, kept: Kept, step: Step, actor: Actor | None) -> Kept:
    """Start the approval a step waits for; it may pass at once, and then this one goes on."""
    entity = called_entity(session, step.plan)
    record = lock_record(session, own_entity(session.app, kept.entity), kept.record_id, actor=None)
    if step.plan.of:
        record = lock_record(session, entity, record.values[step.plan.of], actor=None)
    submission, world = plan_call(session, kept.state, kept.id, step.plan, record.id, record.values)
    events = core.start(submission, world, at=session.now())
    child = log.create(session, entity.key, record.id, "", events, actor=actor)
    follow(session, None, child, events, actor)
    return log.read(session, kept.id) or kept


def _call_off(session: Session, child_id: int | None, parent: ApprovalState, actor: Actor | None) -> None:
    child = log.lock(session, child_id) if child_id is not None else None
    if child is None or not child.state.running:
        return
    draft = Draft(child.state)
    status = "withdrawn" if parent.status in ("withdrawn", "running") else "terminated"
    draft.end(status, session.now(), by=parent.ended_by or parent.starter, reason=parent.ended_reason)
    events = draft.made()
    after = log.append(session, child, events, actor=actor, action=None)
    _tell(session, child.state, after, events)
    _follow_calls(session, child.state, after, actor)


def _end(session: Session, kept: Kept, actor: Actor | None, locked: Record | None) -> None:
    if kept.parent_id is not None:
        _answer_parent(session, kept, actor)
    else:
        end_record(session, kept, actor, locked)
        renew_others(session, kept, actor)
        revoked = kept.state.origin.get("revokes")
        if revoked is not None and kept.state.status == "approved":
            _revoke(session, revoked, kept, actor)


def _answer_parent(session: Session, kept: Kept, actor: Actor | None) -> None:
    """Let the step that waits for this approval go on; a withdrawal or a return ends the approval that called it."""
    parent = log.lock(session, kept.parent_id or 0)
    asked = kept.state.parent
    if parent is None or asked is None or not parent.state.running:
        return
    entity = own_entity(session.app, parent.entity)
    record = lock_record(session, entity, parent.record_id, actor=None)
    world = LiveWorld.of(session, parent.state, record.values)
    status, now = kept.state.status, session.now()
    if status in ("approved", "refused"):
        events = core.settle_call(parent.state, world, step=asked["step"], passed=status == "approved", at=now)
    elif parent.state.step(asked["step"]).status == "open":
        draft = Draft(parent.state)
        draft.end(status, now, by=kept.state.ended_by, reason=kept.state.ended_reason, world=world)
        events = draft.made()
    else:
        events = ()
    if events:
        after = log.append(session, parent, events, actor=actor, action=None)
        follow(session, parent.state, after, events, actor)


def _revoke(session: Session, approval_id: int, kept: Kept, actor: Actor | None) -> None:
    """Note at an approval that it was undone, through the one that agreed to it."""
    undone = log.lock(session, approval_id)
    if undone is None or undone.state.status != "approved":
        return
    event = Event("revoked", {"through": kept.id, "at": session.now().isoformat()})
    after = log.append(session, undone, (event,), actor=actor, action=None)
    _tell(session, undone.state, after, (event,))


def _require_gate(
    session: Session, entity: Entity, record: Record, to: str, changes: Mapping[str, Any], env: Env, actor: Actor | None
) -> None:
    if entity.workflow is None or to not in entity.workflow.stages:
        return  # writing the stage says so
    values = {**record.values, **changes}
    needed = gate(entity, record.values["stage"], to)
    missing = find_missing(session, entity, values, needed, env, actor=actor or NOBODY)
    if missing:
        language = (actor.language if actor else None) or session.app.language
        raise NotPossibleNow("approval.target_not_ready", missing=say_missing(missing, language))


NOBODY = Actor(0, "", "", frozenset(), None, frozenset(), None, "system")
"""Whose rights the engine itself has when it has to say what is missing: none, so it names no hidden field."""


# ---- who is told


def _tell(
    session: Session,
    before: ApprovalState | None,
    kept: Kept,
    events: Sequence[Event],
    history: Mapping[str, Any] | None = None,
) -> None:
    """Write to the outbox who is newly asked, who gets a copy or a reminder, and how it ended; and to the history."""
    rows = [
        event_row(session, f"approval.{name}", kept.entity, kept.record_id, payload)
        for name, payload in _to_tell(before, kept, events)
    ]
    write_many(session, [] if history is None else [history], rows)


def _to_tell(before: ApprovalState | None, kept: Kept, events: Sequence[Event]) -> Iterator[tuple[str, dict[str, Any]]]:
    known = {task.number for task in before.open_tasks} if before is not None else set()
    state = kept.state
    asked = [
        {"task": kept.task_ids[task.number - 1], "user": task.person.id, "step": task.step}
        for task in state.open_tasks
        if task.number not in known
    ]
    about = {"approval": kept.id, "starter": state.starter.id, "key": state.approval}
    if before is None and kept.parent_id is None:
        yield "started", about
    if asked:
        yield "asked", {**about, "tasks": asked}
    if state.stranded is not None and state.running:
        yield "stranded", {**about, "step": state.stranded.key}
    for event in events:
        told = _TOLD[event.type](kept, event) if event.type in _TOLD else None
        if told:
            name, payload = told
            yield name, {**about, **payload}


Told = tuple[str, dict[str, Any]] | None


def _tell_ended(kept: Kept, event: Event) -> Told:
    alone = kept.state.auto_note is not None  # nobody was asked
    return ("ended", {"status": kept.state.status, "alone": alone}) if kept.parent_id is None else None


def _tell_revoked(kept: Kept, event: Event) -> Told:
    return "ended", {"status": "revoked"}


def _tell_copied(kept: Kept, event: Event) -> Told:
    return "copied", {"users": [person["id"] for person in event.data["people"]], "point": event.data["point"]}


def _tell_commented(kept: Kept, event: Event) -> Told:
    users = [person["id"] for person in event.data.get("mentions", ())]
    told = {"users": users, "by": event.data["person"]["name"], "number": len(kept.state.comments)}
    return ("mentioned", told) if users else None


def _tell_urged(kept: Kept, event: Event) -> Told:
    tasks = [
        {"task": kept.task_ids[task.number - 1], "user": task.person.id, "step": task.step}
        for task in kept.state.open_tasks
    ]
    return "urged", {"tasks": tasks, "number": len(kept.state.urges)}


def _tell_answered(kept: Kept, event: Event) -> Told:
    task = kept.state.find_task(event.data["task"])
    asker = kept.state.find_task(task.asked_by) if task is not None and task.asked_by else None
    if task is None or asker is None:
        return None
    return "answered", {"user": asker.person.id, "task": kept.task_ids[asker.number - 1], "by": task.person.name}


_TOLD = {
    "ended": _tell_ended,
    "revoked": _tell_revoked,
    "copied": _tell_copied,
    "commented": _tell_commented,
    "urged": _tell_urged,
    "answered": _tell_answered,
}
