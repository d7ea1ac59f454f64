"""One action on an approval, as every command does it: lock, decide, write, and all that follows.

Enters: a session in a write transaction, a locked approval, and what the pure core is asked. Leaves: the state after
it, with events, tasks, timers, history, outbox and the record's stage written in the same transaction; or one of the
five errors, and nothing written. Must not decide itself who may do what when: the core does, under the lock.

Locks are taken in one order, an approval before those its steps wait for, approvals before records, and everything is
read after the lock: of a hundred clicks at once one has its effect, the others are told who was first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.compiler.app import Entity
from engine.errors import NotAllowed, NotFound
from engine.people.actor import Actor
from engine.people.delegations import find_principals
from engine.records.record import Record
from engine.records.rights import get_entity, own_entity
from engine.records.writing import lock_record
from engine.storage.journal import gathering, history_row
from engine.storage.store import Session
from engine.workflow.approval import log
from engine.workflow.approval.following import follow
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.log import HeldTask
from engine.workflow.approval.plan import Person
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.approval.world import Acting, Refusal
from engine.workflow.refusals import to_error


@dataclass(frozen=True)
class Open:
    """What an action works on: the locked approval and record, the world of this session, and who acts."""

    kept: Kept
    entity: Entity
    record: Record
    world: LiveWorld
    by: Acting

    @property
    def state(self) -> ApprovalState:
        """How the approval stands."""
        return self.kept.state


@dataclass(frozen=True)
class Click:
    """Who asks for what: ``name`` as the history keeps it, ``action_id`` naming the click, if the client has one.

    ``actor`` is None for the engine itself.
    """

    name: str
    actor: Actor | None
    reason: str = ""
    action_id: str | None = None


Act = Callable[[Open], Sequence[Event]]


def act_on_task(session: Session, task_id: int, act: Act, click: Click) -> ApprovalState:
    """Run an action on the approval of a task that is the actor's, or that they may act on as a deputy."""
    assert click.actor is not None  # noqa: S101 - tasks are people's
    kept, by = lock_task(session, task_id, click.actor)
    return run(session, kept, act, click, by=by)


def lock_task(session: Session, task_id: int, actor: Actor, *, any_holder: bool = False) -> tuple[Kept, Acting]:
    """Lock the approval of a task; raises ``NotFound`` when it is somebody else's (unless ``any_holder``)."""
    held = log.lock_held(session, task_id, actor=actor.id)
    if held is None:
        found, by = _find_held(session, task_id, actor, any_holder=any_holder)
        kept = log.lock(session, found.approval_id)
    else:
        found, kept = held
        by = _require_held(session, found, actor, any_holder=any_holder)
    if kept is None or (not any_holder and session.app.find_open(kept.entity) is None):
        raise NotFound("approval.no_such_task")
    return kept, by


def read_task(session: Session, task_id: int, actor: Actor) -> tuple[Kept, Acting]:
    """Return the approval of a task as ``lock_task`` does, without a lock: nothing is going to be written."""
    found, by = _find_held(session, task_id, actor, any_holder=False)
    kept = log.read(session, found.approval_id)
    if kept is None or session.app.find_open(kept.entity) is None:
        raise NotFound("approval.no_such_task")
    return kept, by


def _find_held(session: Session, task_id: int, actor: Actor, *, any_holder: bool) -> tuple[HeldTask, Acting]:
    found = log.find_task(session, task_id, actor=actor.id)
    if found is None:
        raise NotFound("approval.no_such_task")
    return found, _require_held(session, found, actor, any_holder=any_holder)


def _require_held(session: Session, found: HeldTask, actor: Actor, *, any_holder: bool) -> Acting:
    """Return who acts; raises ``NotFound`` unless the task is theirs or that of somebody they are deputy of."""
    principals = frozenset[int]() if found.holder == actor.id else find_principals(session, actor.id)
    if not any_holder and found.holder != actor.id and found.holder not in principals:
        raise NotFound("approval.no_such_task")
    if not found.enabled:
        raise NotAllowed("approval.disabled")
    return Acting(Person(actor.id, actor.name), principals)


def lock_approval(session: Session, approval_id: int, actor: Actor) -> Kept:
    """Lock an approval for somebody who takes part in it, or who may see its record."""
    kept = log.lock(session, approval_id)
    if kept is None or session.app.find_open(kept.entity) is None:
        raise NotFound("approval.no_such_approval")
    state = kept.state
    people = [state.starter, *(task.person for task in state.tasks), *(copy.person for copy in state.copies)]
    if actor.id not in {person.id for person in people}:
        lock_record(session, get_entity(session.app, kept.entity), kept.record_id, actor=actor)
    return kept


def run(session: Session, kept: Kept, act: Act, click: Click, *, by: Acting | None = None) -> ApprovalState:
    """Run one action on a locked approval, write what it decided, and end what it ended."""
    actor = click.actor
    named = f"{kept.id}:{actor.id if actor else 0}:{click.action_id}" if click.action_id else None
    answered = log.find_answer(kept, named)
    if answered is not None:
        return answered
    entity = own_entity(session.app, kept.entity)
    record = lock_record(session, entity, kept.record_id, actor=None)
    acting = by or Acting(Person(actor.id, actor.name) if actor else Person(0, ""))
    case = Open(kept, entity, record, LiveWorld.of(session, kept.state, record.values), acting)
    try:
        events = act(case)
    except Refusal as refusal:
        raise to_error(session, refusal) from None
    if not events:
        return kept.state
    after = log.append(session, kept, events, actor=actor, action=named)
    trail, note = _trail(after, events), click.reason or None
    told = history_row(session, entity.key, record.id, record.version, click.name, trail, actor=actor, note=note)
    with gathering(session):
        return follow(session, kept.state, after, events, actor, locked=record, told=told)


def with_record(case: Open, record: Record) -> Open:
    """Return the case with its record as it is after a change."""
    return replace(case, record=record)


def _trail(kept: Kept, events: Sequence[Event]) -> dict[str, Any]:
    """What the record's history keeps of an action: which approval and, of a decision, which step."""
    told: dict[str, Any] = {"approval": kept.state.approval, "round": kept.state.round}
    if events[0].type == "migrated":  # about the whole, though people are asked in it
        return {"": told}
    number = next((found for event in events for found in [_task_of(event)] if found), None)
    task = kept.state.find_task(number) if number is not None else None
    if task is not None:
        told |= {"step": task.step, "label": dict(kept.state.step(task.step).plan.label)}
        if task.decided_by is not None:
            told["for"] = task.person.name
    return {"": told}


def _task_of(event: Event) -> int | None:
    number = event.data.get("task") or event.data.get("from") or event.data.get("to")
    return number if isinstance(number, int) else None
