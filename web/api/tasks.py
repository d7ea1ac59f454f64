"""Approvals over HTTP: what waits for me, and deciding it.

Enters: a task's id and a reason. Leaves: the state of the approval. Must not decide itself:
``engine.workflow.approval.commands`` does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import g, request

from engine.errors import FieldError, InvalidValues
from engine.workflow import inbox
from engine.workflow.approval import batch, involving
from engine.workflow.approval import commands as approvals
from engine.workflow.approval.state import ApprovalState
from engine.workflow.inbox import InboxItem
from engine.workflow.refusals import say_refusal
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_ids, read_number, read_texts
from web.gate import locale, reads, writes


@reads
def list_tasks() -> Any:
    """Answer a page of one of the boxes ``mine overdue team done started copied``, found by ``approval`` and ``q``."""
    box: Any = request.args.get("box", "mine")
    limit = read_number("limit", 50, most=inbox.MOST)
    page = inbox.list_tasks(
        g.session,
        actor=g.actor,
        box=box,
        approval=request.args.get("approval", ""),
        text=request.args.get("q", ""),
        after=request.args.get("after"),
        limit=limit,
    )
    return answer({"items": [_item(item) for item in page.items], "next": page.next})


@writes
def decide(task_id: str, decision: str) -> Any:
    """Approve, refuse, return or complete; sent twice with the same ``action_id`` it counts once."""
    sent = read_fields("reason", "action_id", "to", "values", "signature")
    state = approvals.decide(
        g.session,
        read_id(task_id),
        decision,
        reason=sent["reason"],
        to=sent["to"] or "",
        values=sent["values"],
        signature=sent["signature"],
        action_id=sent["action_id"],
        actor=g.actor,
    )
    return answer(_state(state))


@writes
def decide_many() -> Any:
    """Decide many tasks at once, with one reason or one by task; each is answered for itself."""
    sent = read_fields("tasks", "decision", "reason", "reasons", "action_id", lists=("tasks",), objects=("reasons",))
    tasks = read_ids(sent["tasks"], "tasks")
    said = read_texts(sent["reasons"], "reasons", known=[str(one) for one in tasks])
    done = batch.decide_many(
        g.session,
        tasks,
        sent["decision"] or "",
        reason=sent["reason"],
        reasons={int(task): why for task, why in said.items()},
        action_id=sent["action_id"],
        actor=g.actor,
    )
    return answer({"outcomes": [_outcome(one) for one in done]})


@writes
def involve(task_id: str, action: str) -> Any:
    """Bring others in: hand over, consult, answer, add, remove, claim, copy, retract, keep a draft."""
    sent = read_fields("people", "reason", "text", "where", "action_id", lists=("people",))
    return answer(_state(_INVOLVE[action](read_id(task_id), sent)))


@writes
def act(approval_id: str, action: str) -> Any:
    """Act on a whole approval: remark, urge, withdraw, terminate, revoke, resume."""
    sent = read_fields("reason", "text", "people", "action_id", lists=("people",))
    return answer(_state(_ACT[action](read_id(approval_id), sent)))


Sent = Mapping[str, Any]


def _one_person(sent: Sent) -> int:
    people = read_ids(sent["people"], "people")
    if len(people) != 1:
        raise InvalidValues([FieldError("people", "approval.nobody_chosen")])
    return people[0]


def _clicked(sent: Sent) -> dict[str, Any]:
    return {"action_id": sent["action_id"], "actor": g.actor}


def _reasoned(sent: Sent) -> dict[str, Any]:
    return _clicked(sent) | {"reason": sent["reason"]}


def _add(task: int, sent: Sent) -> ApprovalState:
    people = read_ids(sent["people"], "people")
    return involving.add(g.session, task, people, where=sent["where"] or "", **_reasoned(sent))


def _consult(task: int, sent: Sent) -> ApprovalState:
    return involving.consult(g.session, task, _one_person(sent), sent["text"] or "", **_clicked(sent))


def _comment(approval: int, sent: Sent) -> ApprovalState:
    mentions = read_ids(sent["people"], "people")
    return involving.comment(g.session, approval, sent["text"] or "", mentions=mentions, **_clicked(sent))


_INVOLVE: Mapping[str, Callable[[int, Sent], ApprovalState]] = {
    "transfer": lambda task, sent: involving.transfer(g.session, task, _one_person(sent), **_reasoned(sent)),
    "consult": _consult,
    "answer": lambda task, sent: involving.answer(g.session, task, sent["text"] or "", **_clicked(sent)),
    "add": _add,
    "remove": lambda task, sent: involving.remove(g.session, task, **_reasoned(sent)),
    "claim": lambda task, sent: involving.claim(g.session, task, **_clicked(sent)),
    "cc": lambda task, sent: involving.copy(g.session, task, read_ids(sent["people"], "people"), **_clicked(sent)),
    "retract": lambda task, sent: approvals.retract(g.session, task, **_reasoned(sent)),
}
_ACT: Mapping[str, Callable[[int, Sent], ApprovalState]] = {
    "comment": _comment,
    "urge": lambda approval, sent: involving.urge(g.session, approval, **_clicked(sent)),
    "withdraw": lambda approval, sent: approvals.withdraw(g.session, approval, **_reasoned(sent)),
    "terminate": lambda approval, sent: approvals.terminate(g.session, approval, **_reasoned(sent)),
    "revoke": lambda approval, sent: approvals.revoke(g.session, approval, reason=sent["reason"], actor=g.actor),
    "resume": lambda approval, sent: approvals.resume(g.session, approval, actor=g.actor),
}


def _outcome(one: batch.Decided) -> dict[str, Any]:
    if one.refused is None:
        return {"task": one.task, "status": one.state.status if one.state else None, "error": None}
    return {"task": one.task, "status": None, "error": say_refusal(one.refused, locale().language)}


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
        "holder": item.holder,
        "unread": item.unread,
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
    ("/tasks/decide", ["POST"], decide_many),
    ("/tasks/<task_id>/<any(approve, refuse, return, complete):decision>", ["POST"], decide),
    (
        "/tasks/<task_id>/<any(transfer, consult, answer, add, remove, claim, cc, retract):action>",
        ["POST"],
        involve,
    ),
    ("/approvals/<approval_id>/<any(comment, urge, withdraw, terminate, revoke, resume):action>", ["POST"], act),
)
