"""What people do with approvals: submit, decide, take back, end. One function per mutation.

Enters: a session in a write transaction, the address of a task or approval, the actor. Leaves: the state after it; or
one of the five errors, and nothing written. Must not decide itself who may do what when: the pure core does, under the
lock that ``acting`` takes. ``action_id`` names a click: sent again it gets the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.compiler.app import Approval, Entity, Move
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import get_entity
from engine.records.writing import lock_record
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.timers import Timer
from engine.workflow.approval import decisions as core
from engine.workflow.approval import going_back, log
from engine.workflow.approval.acting import Click, Open, act_on_task, lock_approval, run
from engine.workflow.approval.choosing import Choice, list_choices, read_choices
from engine.workflow.approval.decisions import Answer
from engine.workflow.approval.following import follow, renew_others, take_snapshot
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import Path, hash_submitted, move_origin, plan_submission, preview, read_again
from engine.workflow.approval.signing import keep_signature
from engine.workflow.approval.state import ApprovalState, Decision, Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.approval.work import fill_in
from engine.workflow.approval.world import Refusal, Submission
from engine.workflow.refusals import checked_text, said_moment, to_error
from engine.workflow.requirements import read_whole
from engine.workflow.shown import collect_shown
from engine.workflow.stages import change_stage, values_set

DECISIONS: tuple[Decision, ...] = ("approve", "refuse", "return", "complete")

Chosen = Mapping[str, Sequence[int]]
"""Whom the starter chose, by step (自选审批人)."""


def preview_path(
    session: Session, record: Record, approval: str, *, actor: Actor, chosen: Chosen | None = None
) -> Path:
    """Return who would sign if ``actor`` submitted this record now; nothing is written.

    The whole record is read again: what decides about the path may be hidden from whoever submits.
    """
    entity = get_entity(session.app, record.entity)
    compiled = _get_approval(session, entity, approval)
    env = make_env(session, actor)
    values = read_whole(session, entity, record.id, env)
    if not values:
        raise NotFound()
    starter = Person(actor.id, actor.name)
    submission = plan_submission(entity, compiled, values, env, starter=starter, chosen=chosen)
    return preview(submission, _world(session, values, submission))


def choices_of(session: Session, record: Record, approval: str, *, actor: Actor) -> list[Choice]:
    """Return the steps whose people ``actor`` has to choose to submit this record now."""
    entity = get_entity(session.app, record.entity)
    compiled = _get_approval(session, entity, approval)
    env = make_env(session, actor)
    values = read_whole(session, entity, record.id, env)
    submission = plan_submission(entity, compiled, values, env, starter=Person(actor.id, actor.name))
    return list_choices(session, submission, values)


def start(
    session: Session,
    entity: Entity,
    record: Record,
    move: Move,
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    actor: Actor,
    chosen: Chosen | None = None,
) -> Record:
    """Submit a locked record whose gates were checked: it waits in the move's ``during`` stage, or passes at once.

    ``changes`` are values written with it. Raises ``NotPossibleNow`` when a step would find nobody to ask, and
    ``InvalidValues`` when people have still to be chosen.
    """
    approval = _get_approval(session, entity, move.approval or "")
    env = make_env(session, actor)
    values = {**record.values, **changes}
    origin = move_origin(move, record.values["stage"], collect_shown(session.app, entity, approval, values, env))
    submission = _submission(session, entity, approval, record, values, origin, actor=actor, chosen=chosen)
    world = _world(session, values, submission)
    _require_somebody(preview(submission, world))
    events = core.start(submission, world, at=session.now())
    kept = log.create(session, entity.key, record.id, move.key, events, actor=actor)
    told = {"approval": approval.key, "round": submission.round}
    stage = origin["during"] if kept.state.running else move.to
    if not kept.state.running:
        changes = {**changes, **values_set(entity, move, values, env)}
    saved = change_stage(
        session, entity, record, stage, changes, move=move.key, reason=reason, actor=actor, details=told
    )
    follow(session, None, kept, events, actor, moves=False)
    if not kept.state.running:
        return saved
    waiting = lock_record(session, entity, record.id, actor=None)
    return replace(waiting, can_write=saved.can_write, hidden=saved.hidden, masked=saved.masked)


def decide(
    session: Session,
    task_id: int,
    decision: str,
    *,
    reason: str | None = None,
    to: str = "",
    values: Mapping[str, Any] | None = None,
    signature: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Approve, refuse or return a task, or complete work; the last decision moves the record.

    ``to`` is the step a return leads to (the starter unless said), ``values`` what work fills in, ``signature`` a PNG
    as a data URL. Raises ``NotFound`` (no such task of theirs), ``NotAllowed`` (a decision this step does not offer),
    ``NotPossibleNow`` (decided already: who, when; or what was submitted changed) and ``InvalidValues`` (no reason, no
    signature, fields left empty).
    """
    wanted = next((known for known in DECISIONS if known == decision), None)
    if wanted is None:
        raise InvalidValues([FieldError("decision", "approval.unknown_decision")])
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        task = case.kept.task_number(task_id)
        signed = keep_signature(session, case.kept.id, signature, actor=actor) if signature else None
        if wanted == "complete":
            core.require_task(case.state, task, case.by, "complete")
            case = fill_in(session, case, task, values or {}, actor=actor)
            renew_others(session, case.kept, actor, below=False)
        content = hash_submitted(case.state.origin, case.record.values)
        applies = _read_again(session, case, actor) if wanted == "complete" else None
        answer = Answer(wanted, said, content, to, signed, applies)
        return core.decide(case.state, case.world, task=task, by=case.by, answer=answer, at=session.now())

    return act_on_task(session, task_id, act, Click(wanted, actor, said, action_id))


def withdraw(
    session: Session,
    approval_id: int,
    *,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Take the actor's own submission back; the record returns to the stage it was submitted from (撤回)."""
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        return core.withdraw(case.state, by=actor.id, reason=said, at=session.now())

    kept = lock_approval(session, approval_id, actor)
    return run(session, kept, act, Click("withdraw", actor, said, action_id))


def terminate(
    session: Session, approval_id: int, *, reason: str | None, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """End an approval that cannot go on (终止); administrators only, with a reason."""
    if not actor.is_admin:
        raise NotAllowed("approval.terminate_not_yours")
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        return core.terminate(case.state, by=case.by.person, reason=said, at=session.now())

    return run(session, _get(session, approval_id), act, Click("terminate", actor, said, action_id))


def resume(session: Session, approval_id: int, *, actor: Actor) -> ApprovalState:
    """Let an approval go on that found nobody to ask, once somebody can be found. Administrators only."""
    if not actor.is_admin:
        raise NotAllowed("approval.resume_not_yours")

    def act(case: Open) -> Sequence[Event]:
        return core.resume(case.state, case.world, at=session.now())

    return run(session, _get(session, approval_id), act, Click("resume", actor))


def retract(
    session: Session, task_id: int, *, reason: str | None = None, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """Take the actor's own last answer back, while nobody has answered after it (拿回)."""
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        number = case.kept.task_number(task_id)
        return going_back.retract(case.state, case.world, task=number, by=case.by, reason=said, at=session.now())

    return act_on_task(session, task_id, act, Click("retract", actor, said, action_id))


def revoke(session: Session, approval_id: int, *, reason: str | None, actor: Actor) -> ApprovalState:
    """Ask to undo what was approved (撤销): the approval written under ``revoke`` starts, and the record stays put.

    When it passes, the record goes back to the stage it was submitted from. Returns the state of the new approval.
    """
    kept = lock_approval(session, approval_id, actor)
    entity = get_entity(session.app, kept.entity)
    record = lock_record(session, entity, kept.record_id, actor=None)
    if log.find_running(session, entity.key, record.id) is not None:
        require_none_running(session, entity, record)
    state, origin = kept.state, kept.state.origin
    chosen = Submission(state.approval, state.round, state.starter, state.content, ())
    world = _world(session, record.values, chosen)
    try:
        going_back.revoke(state, world, by=actor.id, at=session.now())
    except Refusal as refusal:
        raise to_error(session, refusal) from None
    if record.values.get("stage") != origin["to"]:
        raise NotPossibleNow("approval.revoke_moved_on")
    approval = _get_approval(session, entity, state.rules["revoke"]["through"])
    here = origin["to"]
    undo = {"move": "", "from": here, "during": here, "refused": here, "to": origin["from"], "revokes": kept.id}
    undo["shown"] = collect_shown(session.app, entity, approval, record.values, make_env(session, actor))
    submission = _submission(session, entity, approval, record, record.values, undo, actor=actor, chosen=None)
    world = _world(session, record.values, submission)
    _require_somebody(preview(submission, world))
    events = core.start(submission, world, at=session.now())
    made = log.create(session, entity.key, record.id, "", events, actor=actor)
    told = {"": {"approval": approval.key, "round": submission.round}}
    log.note(session, made, "revoke", record.version, told, actor=actor, reason=checked_text(reason))
    return follow(session, None, made, events, actor)


def fire_late(session: Session, timer: Timer) -> None:
    """Do what the late rule says that a timer was armed for."""
    run_late(session, int(timer.payload["approval"]), int(timer.payload["task"]), timer.key)


def run_late(session: Session, approval_id: int, task_id: int, rule: str) -> ApprovalState:
    """Do what a late rule says for a task that is still open; the engine itself acts."""

    def act(case: Open) -> Sequence[Event]:
        number = case.kept.task_number(task_id)
        task = case.state.find_task(number)
        events = going_back.run_late(case.state, case.world, task=number, rule=rule, at=session.now())
        reminded = going_back.reminded(case.state, case.world, task, rule) if events and task is not None else ()
        if reminded:
            users = [person.id for person in reminded]
            told = {"approval": case.kept.id, "task": task_id, "rule": rule, "users": users}
            write_event(session, "approval.late", case.kept.entity, case.kept.record_id, told)
        return events

    return run(session, _get(session, approval_id), act, Click("late", None))


def is_waiting(session: Session, timer: Timer) -> bool:
    """Lock the approval of a late rule's timer and return whether its task is still open."""
    kept = log.lock(session, int(timer.payload["approval"]))
    task = kept.state.find_task(kept.task_number(int(timer.payload["task"]))) if kept is not None else None
    return task is not None and task.status == "open"


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


def _submission(
    session: Session,
    entity: Entity,
    approval: Approval,
    record: Record,
    values: Mapping[str, Any],
    origin: dict[str, Any],
    *,
    actor: Actor,
    chosen: Chosen | None,
) -> Submission:
    """Return what is submitted: whom the starter chose, what it may be put back to, and where it goes straight on."""
    env = make_env(session, actor)
    starter = Person(actor.id, actor.name)
    if approval.withdraw.data == "restore":
        fields = [key for key in entity.fields if key in approval.guard or _is_worked(approval, key)]
        origin = origin | {"snapshot": take_snapshot(entity, fields, values)}
    round_ = 1 + log.count_rounds(session, approval.key, entity.key, record.id)
    submission = plan_submission(entity, approval, values, env, starter=starter, round_=round_, origin=origin)
    picked = read_choices(session, submission, values, chosen or {})
    if picked:
        submission = replace(submission, rules={**(submission.rules or {}), "chosen": picked})
    return replace(submission, passed=_passed_before(session, entity, record, submission))


def _is_worked(approval: Approval, field: str) -> bool:
    return any(field in step.work for step in approval.steps.values())


def _passed_before(session: Session, entity: Entity, record: Record, submission: Submission) -> frozenset[str]:
    """Return the steps a submission need not walk again: those that passed before it was returned to the starter, when
    it says ``jump``, the guarded fields are unchanged, and the step asks the same."""
    if submission.round == 1 or (submission.rules or {}).get("return", {}).get("then") != "jump":
        return frozenset()
    latest = log.find_latest(session, entity.key, record.id)
    kept = log.read(session, latest) if latest is not None else None
    state = kept.state if kept is not None else None
    if state is None or state.status != "returned" or state.approval != submission.approval:
        return frozenset()
    if state.content != submission.content:
        return frozenset()
    plans = {plan.key: plan for plan in submission.steps}
    same = [step for step in state.steps if step.status == "passed" and step.plan.kind in ("people", "work")]
    return frozenset(
        step.key for step in same if step.key in plans and replace(plans[step.key], place=step.plan.place) == step.plan
    )


def _read_again(session: Session, case: Open, actor: Actor) -> dict[str, bool]:
    approval = session.app.approvals.get(case.state.approval)
    return read_again(approval, case.state, case.record.values, make_env(session, actor))


def _require_somebody(path: Path) -> None:
    for step in path.steps:
        if step.fate == "nobody":
            raise NotPossibleNow("approval.nobody", step=step.label)
        if step.fate == "few":
            raise NotPossibleNow("approval.few", step=step.label, count=len(step.people))


def _get(session: Session, approval_id: int) -> Kept:
    kept = log.lock(session, approval_id)
    if kept is None:
        raise NotFound("approval.no_such_approval")
    return kept


def _get_approval(session: Session, entity: Entity, key: str) -> Approval:
    approval = session.app.approvals.get(key)
    if approval is None or approval.entity != entity.key:
        raise NotFound("approval.no_such_approval")
    return approval


def _world(session: Session, values: Mapping[str, Any], submission: Submission) -> LiveWorld:
    chosen = (submission.rules or {}).get("chosen") or {}
    case = Case(values, submission.starter, chosen=chosen)
    return LiveWorld(session, case, self_=submission.self_, empty=submission.empty)
