"""Approvals over HTTP: what waits for me, and deciding it.

Enters: a task's id and a reason. Leaves: the state of the approval. Must not decide itself:
``engine.workflow.approvals`` does.
"""

from typing import Any

from flask import g, request

from engine.workflow import approvals, inbox
from engine.workflow.approval_state import ApprovalState
from engine.workflow.inbox import InboxItem
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_number
from web.gate import locale, reads, writes


@reads
def list_tasks() -> Any:
    """Answer the tasks in one of the boxes ``mine``, ``done``, ``started``."""
    box: Any = request.args.get("box", "mine")
    limit = read_number("limit", 50, most=inbox.MOST)
    page = inbox.list_tasks(g.session, actor=g.actor, box=box, after=request.args.get("after"), limit=limit)
    return answer({"items": [_item(item) for item in page.items], "next": page.next})


@writes
def decide(task_id: str, decision: str) -> Any:
    """Approve, refuse or return; sent twice with the same ``action_id`` it counts once."""
    sent = read_fields("reason", "action_id")
    state = approvals.decide(
        g.session, read_id(task_id), decision, reason=sent["reason"], action_id=sent["action_id"], actor=g.actor
    )
    return answer(_state(state))


def _item(item: InboxItem) -> dict[str, Any]:
    said = locale()
    return {
        "task": item.task,
        "approval": item.approval,
        "approval_id": item.approval_id,
        "label": said.label(item.label),
        "entity": item.entity,
        "record": item.record_id,
        "name": item.name,
        "step": item.step,
        "step_label": said.label(item.step_label),
        "starter": item.starter,
        "since": iso(item.since),
        "due": iso(item.due),
        "at": iso(item.at),
        "decision": item.decision,
        "reason": item.reason,
        "status": item.status,
        "waiting": list(item.waiting),
    }


def _state(state: ApprovalState) -> dict[str, Any]:
    return {
        "approval": state.approval,
        "round": state.round,
        "status": state.status,
        "started_at": iso(state.started_at),
        "ended_at": iso(state.ended_at),
        "waiting_for": [{"id": task.person.id, "name": task.person.name} for task in state.open_tasks],
    }


ROUTES = (
    ("/tasks", ["GET"], list_tasks),
    ("/tasks/<task_id>/<any(approve, refuse, return):decision>", ["POST"], decide),
)
