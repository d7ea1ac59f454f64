"""Approvals that steps of another wait for (子流程): what is submitted for them, and whether they pass at once.

Enters: an approval, one of its steps that calls, the values of its record. Leaves: a submission with its world, or
whether it needs nobody. Must not write: ``following`` starts them.
"""

from collections.abc import Mapping
from typing import Any

from engine.compiler.app import Entity
from engine.errors import NotFound
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.rights import own_entity
from engine.storage.store import Session
from engine.workflow.approval import decisions as core
from engine.workflow.approval import log
from engine.workflow.approval.draft import Draft
from engine.workflow.approval.fold import fold
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case
from engine.workflow.approval.plan import StepPlan
from engine.workflow.approval.planning import plan_submission
from engine.workflow.approval.state import ApprovalState
from engine.workflow.approval.world import Submission
from engine.workflow.requirements import read_whole
from engine.workflow.shown import collect_shown


def find_starter(session: Session, state: ApprovalState) -> Actor | None:
    """Return who started an approval, as they are now; None when what they were is not known any more."""
    try:
        return accounts.get_actor(session.connection, state.starter.id)
    except NotFound:
        return None


def called_entity(session: Session, step: StepPlan) -> Entity:
    """Return what the called approval is about."""
    return own_entity(session.app, session.app.approvals[step.call].entity)


def plan_call(
    session: Session, state: ApprovalState, approval_id: int, step: StepPlan, record_id: int, values: Mapping[str, Any]
) -> tuple[Submission, LiveWorld]:
    """Return what is submitted for a step that calls, about a record with these values, and the world it runs in.

    It is submitted on behalf of whoever started the approval that calls it, whoever let that one go on.
    """
    approval, entity = session.app.approvals[step.call], called_entity(session, step)
    env = make_env(session, find_starter(session, state))
    stage = values.get("stage")
    origin = {"move": "", "from": stage, "to": stage, "during": stage, "refused": stage}
    origin["shown"] = collect_shown(session.app, entity, approval, values, env)
    submission = plan_submission(
        entity,
        approval,
        values,
        env,
        starter=state.starter,
        round_=1 + log.count_rounds(session, approval.key, entity.key, record_id),
        origin=origin,
        parent={"approval": approval_id, "step": step.key},
    )
    case = Case(values, submission.starter)
    return submission, LiveWorld(session, case, self_=submission.self_, empty=submission.empty)


def passes_at_once(
    session: Session, state: ApprovalState, record_id: int, values: Mapping[str, Any], step: StepPlan
) -> bool:
    """Return whether the approval that a step would call now needs nobody, those that it calls itself included."""
    entity = called_entity(session, step)
    if step.of:
        record_id = values[step.of]
        values = read_whole(session, entity, record_id, make_env(session, None))
    submission, world = plan_call(session, state, 0, step, record_id, values)
    draft = Draft(fold(core.start(submission, world, at=session.now())))
    called = draft.state
    draft.settle_calls(
        None, world, session.now(), lambda inner: passes_at_once(session, called, record_id, values, inner)
    )
    return draft.state.status == "approved"
