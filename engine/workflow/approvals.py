"""What people do with approvals: submit, decide, hand over, withdraw, remark. One function per mutation.

Enters: a session in a write transaction, the address of a task or approval, the actor. Leaves: the state after it, with
events, tasks, history, outbox and the record's stage written in the same transaction; or one of the five errors, and
nothing written. Must not decide itself who may do what when: ``approval_decisions`` does, under the lock taken here.

Locks are taken in one order, approval before record, and everything is read after the lock: of a hundred clicks at once
one has its effect, the others are told who was first. ``action_id`` names a click: sent again it gets the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import Approval, Entity, Move
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import directory
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import get_entity
from engine.records.writing import lock_record
from engine.storage.journal import write_event, write_history
from engine.storage.store import Session
from engine.workflow import approval_decisions as core
from engine.workflow import approval_log as log
from engine.workflow.approval_log import Kept
from engine.workflow.approval_state import ApprovalState, Decision, Event, Person, Why
from engine.workflow.people_rules import Case
from engine.workflow.planning import LiveWorld, Path, content_hash, move_origin, plan_submission, preview
from engine.workflow.refusals import checked_text, said_moment, to_error
from engine.workflow.requirements import find_missing, read_whole, say_missing
from engine.workflow.shown import collect_shown
from engine.workflow.stages import change_stage, gate, values_set

DECISIONS: tuple[Decision, ...] = ("approve", "refuse", "return")


def preview_path(session: Session, record: Record, approval: str, *, actor: Actor) -> Path:
    """Return who would sign if ``actor`` submitted this record now; nothing is written.

    The whole record is read again: what decides about the path may be hidden from whoever submits.
    """
    entity = get_entity(session.app, record.entity)
    compiled = _get_approval(session, entity, approval)
    env = make_env(session, actor)
    values = read_whole(session, entity, record.id, env)
    if not values:
        raise NotFound()
    submission = plan_submission(entity, compiled, values, env, actor=actor)
    return preview(submission, _world(session, values, submission.starter, submission.self_, submission.empty))


def start(
    session: Session,
    entity: Entity,
    record: Record,
    move: Move,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    actor: Actor,
) -> Record:
    """Submit a locked record whose gates were checked: it waits in the move's ``during`` stage, or passes at once.

    ``changes`` are values written with it. Raises ``NotPossibleNow`` when a step would find nobody to ask.
    """
    approval = _get_approval(session, entity, move.approval or "")
    env = make_env(session, actor)
    values = {**record.values, **changes}
    origin = move_origin(move, record.values["stage"], collect_shown(session.app, entity, approval, values, env))
    round_ = 1 + log.count_rounds(session, approval.key, entity.key, record.id)
    submission = plan_submission(entity, approval, values, env, actor=actor, round_=round_, origin=origin)
    world = _world(session, values, submission.starter, submission.self_, submission.empty)
    _require_somebody(preview(submission, world))
    events = core.start(submission, world, at=session.now())
    kept = log.create(session, entity.key, record.id, move.key, events, actor=actor)
    told = {"approval": approval.key, "round": round_}
    stage = origin["during"] if kept.state.running else move.to
    if not kept.state.running:
        changes = {**changes, **values_set(entity, move, values, env)}
    _tell(session, kept, (), events)
    return change_stage(
        session, entity, record, stage, changes, move=move.key, reason=reason, actor=actor, details=told
    )


def decide(
    session: Session,
    task_id: int,
    decision: str,
    *,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Approve, refuse or return a task of the actor's; the last decision moves the record.

    Raises ``NotFound`` (no such task of theirs), ``NotAllowed`` (a decision this step does not offer),
    ``NotPossibleNow`` (decided already: who, when; or what was submitted changed) and ``InvalidValues`` (no reason).
    """
    wanted = next((known for known in DECISIONS if known == decision), None)
    if wanted is None:
        raise InvalidValues([FieldError("decision", "approval.unknown_decision")])
    said = checked_text(reason)

    def act(case: _Open) -> Sequence[Event]:
        return core.decide(
            case.state,
            case.world,
            task=case.kept.task_number(task_id),
            by=actor.id,
            decision=wanted,
            reason=said,
            content=content_hash(case.state.origin["guard"], case.record.values),
            at=session.now(),
        )

    return _act_on_task(session, task_id, act, action=wanted, reason=said, action_id=action_id, actor=actor)


def transfer(
    session: Session,
    task_id: int,
    to: int,
    *,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Hand a task of the actor's over to somebody else for good (转交)."""
    said = checked_text(reason)

    def act(case: _Open) -> Sequence[Event]:
        number = case.kept.task_number(task_id)
        heir = _heir(session, to, actor)
        return core.transfer(case.state, task=number, by=actor.id, to=heir, reason=said, at=session.now())

    return _act_on_task(session, task_id, act, action="transfer", reason=said, action_id=action_id, actor=actor)


def withdraw(
    session: Session,
    approval_id: int,
    *,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Take the actor's own submission back; the record returns to the stage it was submitted from."""
    said = checked_text(reason)

    def act(case: _Open) -> Sequence[Event]:
        return core.withdraw(case.state, by=actor.id, reason=said, at=session.now())

    kept = _get_visible(session, approval_id, actor)
    return _act(session, kept, act, action="withdraw", reason=said, action_id=action_id, actor=actor)


def comment(
    session: Session, approval_id: int, text: str, *, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """Leave a remark; it decides nothing."""
    said = checked_text(text, "text")

    def act(case: _Open) -> Sequence[Event]:
        return core.comment(case.state, by=Person(actor.id, actor.name), text=said, at=session.now())

    kept = _get_visible(session, approval_id, actor)
    return _act(session, kept, act, action="comment", reason=said, action_id=action_id, actor=actor)


def resume(session: Session, approval_id: int, *, actor: Actor) -> ApprovalState:
    """Let an approval go on that found nobody to ask, once somebody can be found. Administrators only."""
    if not actor.is_admin:
        raise NotAllowed("approval.resume_not_yours")

    def act(case: _Open) -> Sequence[Event]:
        return core.resume(case.state, case.world, at=session.now())

    kept = log.lock(session, approval_id)
    if kept is None:
        raise NotFound("approval.no_such_approval")
    return _act(session, kept, act, action="resume", reason="", action_id=None, actor=actor)


def require_none_running(session: Session, entity: Entity, record: Record) -> None:
    """Raise ``NotPossibleNow``, naming who has it since when, while people decide about this record."""
    running = log.find_running(session, entity.key, record.id)
    kept = log.read(session, running) if running is not None else None
    if kept is None:
        return
    waiting = kept.state.open_tasks
    who = "、".join(dict.fromkeys(task.person.name for task in waiting)) or "—"
    since = min((task.opened_at for task in waiting), default=kept.state.started_at)
    raise NotPossibleNow("workflow.in_approval", who=who, since=said_moment(session, since))


@dataclass(frozen=True)
class _Open:
    """What an action works on: the locked approval and record, and the world of this session."""

    kept: Kept
    entity: Entity
    record: Record
    world: LiveWorld

    @property
    def state(self) -> ApprovalState:
        return self.kept.state


_Action = Callable[[_Open], Sequence[Event]]


def _act_on_task(
    session: Session,
    task_id: int,
    act: _Action,
    *,
    action: str,
    reason: str,
    action_id: str | None,
    actor: Actor,
) -> ApprovalState:
    found = log.find_task(session, task_id, holder=actor.id)
    kept = log.lock(session, found.approval_id) if found is not None else None
    if found is None or kept is None:
        raise NotFound("approval.no_such_task")
    if not found.enabled:
        raise NotAllowed("approval.disabled")
    return _act(session, kept, act, action=action, reason=reason, action_id=action_id, actor=actor)


def _act(
    session: Session,
    kept: Kept,
    act: _Action,
    *,
    action: str,
    reason: str,
    action_id: str | None,
    actor: Actor,
) -> ApprovalState:
    """Run one action on a locked approval, write what it decided, and end what it ended."""
    named = f"{kept.id}:{actor.id}:{action_id}" if action_id else None
    answered = log.find_answer(kept, named)
    if answered is not None:
        return answered
    entity = get_entity(session.app, kept.entity)
    record = lock_record(session, entity, kept.record_id, actor=None)
    state = kept.state
    world = _world(session, record.values, state.starter, state.self_, state.empty)
    try:
        events = act(_Open(kept, entity, record, world))
    except core.Refusal as refusal:
        raise to_error(session, refusal) from None
    if not events:
        return state
    after = log.append(session, kept, events, actor=actor, action=named)
    write_history(
        session, entity.key, record.id, record.version, action, _trail(after, events), actor=actor, note=reason or None
    )
    if state.running and not after.state.running:
        _end(session, entity, record, after.state, actor)
    _tell(session, after, state.open_tasks, events)
    return after.state


def _end(session: Session, entity: Entity, record: Record, state: ApprovalState, actor: Actor) -> None:
    """Move the record to where the end of its approval leads.

    Into the approved stage its gate holds as for everybody. The way back is always open: a refusal must not fail
    because of what the record lacks.
    """
    origin = state.origin
    to = {"approved": origin["to"], "refused": origin["refused"]}.get(state.status, origin["from"])
    moves = entity.workflow.moves if entity.workflow is not None else {}
    changes: dict[str, Any] = {}
    env = make_env(session, actor)
    if state.status == "approved":
        changes = values_set(entity, moves.get(origin["move"]), record.values, env)
        _require_gate(session, entity, record, to, changes, actor)
    told = {"approval": state.approval, "round": state.round, "result": state.status}
    change_stage(
        session, entity, record, to, changes, move=origin["move"], reason=state.ended_reason, actor=actor, details=told
    )


def _require_gate(
    session: Session, entity: Entity, record: Record, to: str, changes: Mapping[str, Any], actor: Actor
) -> None:
    if entity.workflow is None or to not in entity.workflow.stages:
        return  # writing the stage says so
    values = {**record.values, **changes}
    needed = gate(entity, record.values["stage"], to)
    missing = find_missing(session, entity, values, needed, make_env(session, actor), actor=actor)
    if missing:
        language = actor.language or session.app.language
        raise NotPossibleNow("approval.target_not_ready", missing=say_missing(missing, language))


def _require_somebody(path: Path) -> None:
    for step in path.steps:
        if step.fate == "nobody":
            raise NotPossibleNow("approval.nobody", step=step.label)


def _get_approval(session: Session, entity: Entity, key: str) -> Approval:
    approval = session.app.approvals.get(key)
    if approval is None or approval.entity != entity.key:
        raise NotFound("approval.no_such_approval")
    return approval


def _get_visible(session: Session, approval_id: int, actor: Actor) -> Kept:
    """Lock an approval for somebody who takes part in it, or who may see its record."""
    kept = log.lock(session, approval_id)
    if kept is None:
        raise NotFound("approval.no_such_approval")
    taking_part = {kept.state.starter.id, *(task.person.id for task in kept.state.tasks)}
    if actor.id not in taking_part:
        lock_record(session, get_entity(session.app, kept.entity), kept.record_id, actor=actor)
    return kept


def _world(
    session: Session, values: Mapping[str, Any], starter: Person, self_: str, empty: Sequence[Mapping[str, str]]
) -> LiveWorld:
    return LiveWorld(session, Case(values, starter), self_=self_, empty=empty)


def _heir(session: Session, user_id: int, actor: Actor) -> Person:
    found = directory.people(session.connection, [user_id]).get(user_id)
    if found is None or not found.enabled:
        raise InvalidValues([FieldError("to", "value.user_missing")])
    return Person(found.id, found.name, Why("user", found.login, of=actor.name, note="transfer"))


def _trail(kept: Kept, events: Sequence[Event]) -> dict[str, Any]:
    """What the record's history keeps of an action: which approval and, of a decision, which step."""
    told: dict[str, Any] = {"approval": kept.state.approval, "round": kept.state.round}
    number = events[0].data.get("task") or events[0].data.get("from")
    task = kept.state.find_task(number) if isinstance(number, int) else None
    if task is not None:
        told |= {"step": task.step, "label": dict(kept.state.step(task.step).plan.label)}
    return {"": told}


def _tell(session: Session, kept: Kept, waiting: Sequence[Any], events: Sequence[Event]) -> None:
    """Write to the outbox who is newly asked and how it ended."""
    known = {task.number for task in waiting}
    asked = [
        {"task": kept.task_ids[task.number - 1], "user": task.person.id, "step": task.step}
        for task in kept.state.open_tasks
        if task.number not in known
    ]
    about = {"approval": kept.id, "starter": kept.state.starter.id}
    if asked:
        write_event(session, "approval.asked", kept.entity, kept.record_id, {**about, "tasks": asked})
    if kept.state.stranded is not None:
        stranded = {**about, "step": kept.state.stranded.key}
        write_event(session, "approval.stranded", kept.entity, kept.record_id, stranded)
    if any(event.type == "ended" for event in events):
        ended = {**about, "status": kept.state.status}
        write_event(session, "approval.ended", kept.entity, kept.record_id, ended)
