"""Bringing other people in: hand over, ask for advice, add, remove, take from a pool, remark, copy, urge.

Enters and leaves as in ``commands``: one function per mutation. Must not involve somebody who could not see what they
are asked about.
"""

from collections.abc import Sequence

from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people import accounts, directory
from engine.people.actor import Actor
from engine.records.queries import get_record
from engine.storage.store import Session
from engine.workflow.approval import handing
from engine.workflow.approval.acting import Click, Open, act_on_task, lock_approval, lock_task, run
from engine.workflow.approval.decisions import require_task
from engine.workflow.approval.plan import Person, Why
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.refusals import checked_text


def transfer(
    session: Session,
    task_id: int,
    to: int,
    *,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Hand a task over to somebody else for good (转交)."""
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        [heir] = find_people(session, case.kept, [to], "transfer", actor)
        number = case.kept.task_number(task_id)
        return handing.transfer(case.state, task=number, by=case.by, to=heir, reason=said, at=session.now())

    return act_on_task(session, task_id, act, Click("transfer", actor, said, action_id))


def consult(
    session: Session, task_id: int, to: int, question: str, *, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """Ask somebody for advice; the task stays with its holder (征询)."""
    said = checked_text(question, "question")

    def act(case: Open) -> Sequence[Event]:
        [asked] = find_people(session, case.kept, [to], "consult", actor)
        number = case.kept.task_number(task_id)
        return handing.consult(case.state, task=number, by=case.by, to=asked, question=said, at=session.now())

    return act_on_task(session, task_id, act, Click("consult", actor, said, action_id))


def answer(session: Session, task_id: int, text: str, *, action_id: str | None = None, actor: Actor) -> ApprovalState:
    """Answer a consultation; it decides nothing."""
    said = checked_text(text, "text")

    def act(case: Open) -> Sequence[Event]:
        number = case.kept.task_number(task_id)
        return handing.answer(case.state, task=number, by=case.by, text=said, at=session.now())

    return act_on_task(session, task_id, act, Click("answer", actor, said, action_id))


def add(
    session: Session,
    task_id: int,
    people: Sequence[int],
    *,
    where: str,
    reason: str | None = None,
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Have people decide ``before`` or ``after`` a task (前加签、后加签); they are one vote with it."""
    if where not in ("before", "after"):
        raise InvalidValues([FieldError("where", "approval.unknown_where")])
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        added = find_people(session, case.kept, people, "added", actor)
        number = case.kept.task_number(task_id)
        return handing.add(
            case.state, task=number, by=case.by, people=added, where=where, reason=said, at=session.now()
        )

    return act_on_task(session, task_id, act, Click(f"add_{where}", actor, said, action_id))


def remove(
    session: Session, task_id: int, *, reason: str | None = None, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """Take somebody who has not decided out of a step (减签): whoever added them, or an administrator."""
    said = checked_text(reason)

    def act(case: Open) -> Sequence[Event]:
        return handing.remove(
            case.state,
            case.world,
            task=case.kept.task_number(task_id),
            by=case.by.person,
            is_admin=actor.is_admin,
            reason=said,
            at=session.now(),
        )

    kept, by = lock_task(session, task_id, actor, any_holder=True)
    lock_approval(session, kept.id, actor)
    return run(session, kept, act, Click("remove", actor, said, action_id), by=by)


def claim(session: Session, task_id: int, *, action_id: str | None = None, actor: Actor) -> ApprovalState:
    """Take a task out of the pool (认领)."""

    def act(case: Open) -> Sequence[Event]:
        return handing.claim(case.state, task=case.kept.task_number(task_id), by=case.by, at=session.now())

    return act_on_task(session, task_id, act, Click("claim", actor, "", action_id))


def comment(
    session: Session,
    approval_id: int,
    text: str,
    *,
    mentions: Sequence[int] = (),
    action_id: str | None = None,
    actor: Actor,
) -> ApprovalState:
    """Leave a remark; whoever is mentioned gets a notice. It decides nothing."""
    said = checked_text(text, "text")

    def act(case: Open) -> Sequence[Event]:
        named = find_people(session, case.kept, mentions, "", actor) if mentions else []
        return handing.comment(case.state, by=case.by.person, text=said, at=session.now(), mentions=named)

    kept = lock_approval(session, approval_id, actor)
    return run(session, kept, act, Click("comment", actor, said, action_id))


def copy(
    session: Session, task_id: int, people: Sequence[int], *, action_id: str | None = None, actor: Actor
) -> ApprovalState:
    """Send a copy by hand (抄送), from a task whose step allows it."""

    def act(case: Open) -> Sequence[Event]:
        require_task(case.state, case.kept.task_number(task_id), case.by, "cc")
        named = find_people(session, case.kept, people, "", actor)
        return handing.copy(case.state, by=case.by.person, people=named, at=session.now())

    return act_on_task(session, task_id, act, Click("cc", actor, "", action_id))


def urge(session: Session, approval_id: int, *, action_id: str | None = None, actor: Actor) -> ApprovalState:
    """Remind whoever has it now (催办), as often as the approval allows."""

    def act(case: Open) -> Sequence[Event]:
        manages = manages_somebody(session, case.state, actor)
        return handing.urge(case.state, case.world, by=case.by.person, at=session.now(), manages=manages)

    kept = lock_approval(session, approval_id, actor)
    return run(session, kept, act, Click("urge", actor, "", action_id))


def manages_somebody(session: Session, state: ApprovalState, actor: Actor) -> bool:
    """Return whether the actor is above somebody who has this approval now."""
    reports = directory.reports_of(session, actor.id)
    return any(task.person.id in reports for task in state.open_tasks)


def find_people(session: Session, kept: Kept, ids: Sequence[int], note: str, actor: Actor) -> list[Person]:
    """Return people somebody named; raises ``InvalidValues`` for one who is not there or may not see the record."""
    known = directory.people(session.connection, ids)
    found = []
    for id_ in dict.fromkeys(ids):
        one = known.get(id_)
        if one is None or not one.enabled:
            raise InvalidValues([FieldError("to", "value.user_missing")])
        try:
            get_record(session, kept.entity, kept.record_id, actor=accounts.get_actor(session.connection, id_))
        except (NotFound, NotAllowed):
            raise InvalidValues([FieldError("to", "approval.person_blind", {"who": one.name})]) from None
        name = str(actor.id) if note == "added" else one.login
        found.append(Person(one.id, one.name, Why("user", name, of=actor.name, note=note)))
    return found
