"""One decision on a phone, and all that may be done with an approval.

Enters: a task, a decision with its reason. Leaves: the page to decide on, and the next task after a decision. Must not
decide who may decide.
"""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Response, g, jsonify, make_response, redirect, render_template, request

from engine.automation import notices
from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import directory
from engine.records import queries
from engine.records.rights import get_entity
from engine.workflow import inbox
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import involving
from engine.workflow.approval import log as approval_log
from engine.workflow.approval.candidates import DEEDS, find_candidates
from engine.workflow.approval.drafts import find_draft, save_draft
from engine.workflow.approval.going_back import can_retract
from engine.workflow.approval.signing import read_signature
from engine.workflow.inbox import InboxItem
from engine.workflow.panel import Panel, list_panels
from engine.workflow.refusals import Verdict, say_refusal
from web.api.requests import read_id
from web.cells import Cells
from web.decision_view import Filled, Involved, say_closed, view_decision, view_more, view_position
from web.gate import computes, locale, now, reads, writes
from web.pages.frame import page_shell
from web.picked import read_form
from web.posted import Posted, is_id
from web.security import safe_next
from web.shell import add_toast


@reads
def show(task_id: str) -> Any:
    """Show one task to decide on."""
    return _decision_page(read_id(task_id), 200)


@writes
def decide(task_id: str) -> Any:
    """Decide, then open the next task."""
    id_, form = read_id(task_id), request.form
    if "_resume" in form:
        return _decision_page(id_, 200)
    try:
        _decide(id_, form.get("decision", ""))
    except InvalidValues as invalid:
        return _decision_page(id_, 422, invalid=invalid)
    except NotAllowed as refused:
        return _decision_page(id_, 403, error=refused.text(locale().language))
    except NotPossibleNow as refused:
        return _decision_page(id_, 409, late=refused)
    add_toast(locale().t(f"decision.did_{form.get('decision')}"), undo=_undo_url(id_))
    if form.get("decision") == "draft":
        return redirect(f"/approvals/{id_}", 303)
    item = _find_item(id_)
    notices.mark_decided(g.session, item.entity, item.record_id, actor=g.actor)
    following = inbox.list_tasks(g.session, actor=g.actor, limit=1).items
    return redirect(f"/approvals/{following[0].task}" if following else "/approvals", 303)


def _undo_url(task_id: int) -> str | None:
    """Where taking the answer just given back is posted to, while that is allowed."""
    found = approval_log.find_task(g.session, task_id, actor=g.actor.id)
    kept = approval_log.read(g.session, found.approval_id) if found is not None else None
    task = kept.state.find_task(kept.task_number(task_id)) if kept is not None else None
    able = kept is not None and task is not None and task.decided and can_retract(kept.state, task)
    return f"/approvals/retract/{task_id}" if able else None


def _decide(id_: int, decision: str) -> None:
    form = request.form
    click: dict[str, Any] = {"action_id": form.get("_action_id") or None, "actor": g.actor}
    if decision == "draft":
        save_draft(g.session, id_, form.get("reason", ""), actor=g.actor)
    elif decision == "claim":
        involving.claim(g.session, id_, **click)
    elif decision == "answer":
        involving.answer(g.session, id_, form.get("reason", ""), **click)
    else:
        approvals.decide(
            g.session,
            id_,
            decision,
            reason=form.get("reason"),
            to=form.get("to", ""),
            values=_work_values(id_) if decision == "complete" else None,
            signature=next((one for one in form.getlist("signature") if one), None),
            **click,
        )


def _work_values(task_id: int) -> dict[str, Any]:
    item = _find_item(task_id)
    entity = get_entity(g.session.app, item.entity)
    panels = list_panels(g.session, item.entity, item.record_id, actor=g.actor)
    fields = next((one.fields for one in panels if one.id == item.approval_id), ())
    posted = read_form(entity, request.form, record=item.record_id)
    return {key: value for key, value in posted.raw.items() if key in fields}


@writes
def involve(task_id: str) -> Any:
    """Do one of the other things a task offers: hand over, consult, add, copy."""
    id_ = read_id(task_id)
    people, given = _read_people()
    if "_resume" in request.form:
        return _decision_page(id_, 200, involved=_involved(people, {}))
    try:
        if given:
            raise InvalidValues(given)
        _involve(id_, request.form.get("action", ""), people)
    except InvalidValues as invalid:
        said: dict[str, str] = {}
        for one in invalid.errors:
            said.setdefault(_ASKED_IN.get(one.path, "action"), one.text(locale().language))
        return _decision_page(id_, 422, involved=_involved(people, said))
    except NotAllowed as refused:
        said = {"action": refused.text(locale().language)}
        return _decision_page(id_, 403, involved=_involved(people, said))
    except NotPossibleNow as refused:
        said = {"action": refused.text(locale().language)}
        return _decision_page(id_, 409, involved=_involved(people, said), late=refused)
    add_toast(locale().t(f"decision.did_{request.form['action']}"))
    return redirect(f"/approvals/{id_}", 303)


def _involve(id_: int, action: str, people: Sequence[int]) -> None:
    text = request.form.get("text", "")
    click: dict[str, Any] = {"action_id": request.form.get("_action_id") or None, "actor": g.actor}
    if action not in DEEDS:
        raise InvalidValues([FieldError("action", "approval.unknown_deed")])
    if action == "cc":
        involving.copy(g.session, id_, people, **click)
    elif action in ("add_before", "add_after"):
        involving.add(g.session, id_, people, where=action.removeprefix("add_"), reason=text, **click)
    elif len(people) != 1:
        raise InvalidValues([FieldError("people", "approval.one_person")])
    elif action == "transfer":
        involving.transfer(g.session, id_, people[0], reason=text, **click)
    else:
        involving.consult(g.session, id_, people[0], text, **click)


def _involved(people: Sequence[int], errors: Mapping[str, str]) -> Involved:
    form = request.form
    return Involved(form.get("action", ""), people, form.get("text", ""), errors, open=True)


def _read_people() -> tuple[list[int], list[FieldError]]:
    """Return who was picked, and who was typed by name or login where there is no script; and who is not known."""
    form = request.form
    picked = [int(one) for one in form.getlist("people") if is_id(one)]
    unknown = []
    for word in re.split(r"[,;，、；]", form.get(f"{_PEOPLE}._text", "")):
        letters = word.strip()[:60]
        same = [
            one for one in directory.find_people(g.session, letters) if letters in (one.name, one.login)
        ] if letters else []  # fmt: skip
        picked += [one.id for one in same[:1]]
        if letters and not same:
            unknown.append(FieldError("people", "approval.nobody_called", {"letters": letters}))
    return list(dict.fromkeys(picked)), unknown


@computes
@reads
def people(task_id: str) -> Any:
    """Answer with whom the deed chosen in the form would be accepted; when with nobody, why."""
    letters, action = request.args.get("q", "")[:60], request.form.get("action", request.args.get("action", ""))
    try:
        found = find_candidates(g.session, read_id(task_id), action, letters, actor=g.actor)
    except InvalidValues as invalid:
        return jsonify({"items": [], "more": False, "note": say_refusal(invalid, locale().language)})
    items = [{"value": str(one.id), "text": one.name, "hint": one.login} for one in found.people]
    note = say_refusal(found.why, locale().language) if found.why is not None else None
    return jsonify({"items": items, "more": found.more, "note": note})


@writes
def act(approval_id: str, action: str) -> Any:
    """Urge, revoke, terminate or take back, from the page of the record."""
    id_, reason = read_id(approval_id), request.form.get("reason")
    if action == "urge":
        return _urge(id_)
    if action == "revoke":
        approvals.revoke(g.session, id_, reason=reason, actor=g.actor)
    elif action == "terminate":
        approvals.terminate(g.session, id_, reason=reason or locale().t("approval.terminate"), actor=g.actor)
    else:
        approvals.retract(g.session, id_, reason=reason, actor=g.actor)
    add_toast(locale().t(f"approval.did_{action}"))
    back = _asked_again(id_) if action == "retract" else "/approvals?box=started"
    return redirect(safe_next(request.form.get("next"), back), 303)


def _asked_again(task_id: int) -> str:
    """The page of the task that was opened in place of one whose answer was taken back."""
    item = _find_item(task_id)
    panels = list_panels(g.session, item.entity, item.record_id, actor=g.actor)
    open_ = next((one.task for one in panels if one.id == item.approval_id), None)
    return f"/approvals/{open_}" if open_ else "/approvals"


def _urge(approval_id: int) -> Any:
    """Send a reminder; one that came too soon, or too late, is no reason to lose the page."""
    back = redirect(safe_next(request.form.get("next"), "/approvals?box=started"), 303)
    try:
        involving.urge(g.session, approval_id, actor=g.actor)
    except (NotPossibleNow, NotAllowed) as refused:
        add_toast(refused.text(locale().language), "warn")
    else:
        add_toast(locale().t("approval.did_urge"))
    return back


@reads
def signature(approval_id: str, file_id: str) -> Any:
    """Show a signature of an approval to whoever may see its record."""
    kept = approval_log.read(g.session, read_id(approval_id))
    if kept is None:
        raise NotFound()
    queries.get_record(g.session, kept.entity, kept.record_id, actor=g.actor)
    content = read_signature(g.session, kept.id, read_id(file_id))
    return Response(content, mimetype="image/png", headers={"X-Content-Type-Options": "nosniff"})


@writes
def withdraw(approval_id: str) -> Any:
    """Take back what was submitted."""
    approvals.withdraw(g.session, read_id(approval_id), actor=g.actor)
    add_toast(locale().t("approval.withdrawn"))
    return redirect(safe_next(request.form.get("next"), "/approvals?box=started"), 303)


ROUTES = (
    ("/approvals/<task_id>", ["GET"], show),
    ("/approvals/<task_id>", ["POST"], decide),
    ("/approvals/<task_id>/involve", ["POST"], involve),
    ("/approvals/<task_id>/people", ["GET", "POST"], people),
    ("/approvals/withdraw/<approval_id>", ["POST"], withdraw),
    ("/approvals/<any(urge, revoke, terminate, retract):action>/<approval_id>", ["POST"], act),
    ("/approvals/<approval_id>/signatures/<file_id>", ["GET"], signature),
)


_PEOPLE = "people"
_ASKED_IN = {"to": "people", "people": "people", "reason": "text", "question": "text", "text": "text"}


# ---- one decision


def _decision_page(
    task_id: int,
    status: int,
    *,
    error: str | None = None,
    invalid: InvalidValues | None = None,
    involved: Involved | None = None,
    late: NotPossibleNow | None = None,
) -> Any:
    """Draw one task; whatever was refused stands where it was typed. ``late`` closes it, unless it is open still."""
    item = _find_item(task_id)
    entity, address = get_entity(g.session.app, item.entity), (item.entity, item.record_id)
    record = queries.get_record(g.session, *address, actor=g.actor)
    panels = list_panels(g.session, *address, actor=g.actor, task=task_id)
    panel = _panel_of(panels, item)
    cells = Cells(locale(), now())
    closed = say_closed(cells, panel, item) if panel.task != task_id else None
    if late is not None and closed is None and involved is None:
        error = late.text(locale().language)
    given = _given(entity, item) if involved is None and (status != 200 or "_resume" in request.form) else None
    said = {one.path: one.text(locale().language) for one in invalid.errors} if invalid is not None else {}
    filled = Filled(given.typed if given is not None else None, said)
    view = view_decision(cells, entity, record, panels, panel, item.step_label, filled)
    if invalid is not None:
        error = _stray(invalid, said, {*(one["key"] for one in view["inputs"]), *(["to"] if panel.targets else [])})
    view |= {
        "action_url": f"/approvals/{task_id}",
        "of_url": f"/approvals/of/{panel.id}",
        "unread": False,
        "error": error,
        "to_error": said.get("to"),
        "answered": invalid is not None or involved is not None or late is not None,
        "more": view_more(cells, panel, involved),
        "position": view_position(task_id),
        "closed": closed,
        "late": _late(late) if late is not None and closed is not None else None,
        **_typed(task_id),
    }
    return make_response(render_template("pages/decision.html", decision=view, shell=page_shell()), status)


def _typed(task_id: int) -> dict[str, Any]:
    """What was sent with a decision that comes back, else what was kept as a draft."""
    form = request.form
    return {
        "action_id": form.get("_action_id") or secrets.token_hex(16),
        "reason": form.get("reason") or find_draft(g.session, task_id, actor=g.actor),
        "to": form.get("to", ""),
        "chosen": form.get("decision"),
    }


def _panel_of(panels: Sequence[Panel], item: InboxItem) -> Panel:
    found = next((one for one in panels if one.id == item.approval_id), None)
    if found is None:
        raise NotFound()
    return found


def _stray(invalid: InvalidValues, said: Mapping[str, str], shown: Collection[str]) -> str | None:
    """Return what is wrong in one line, without what stands beside its own input."""
    stray = [text for path, text in said.items() if path not in shown]
    return " ".join([*stray, *(one.message for one in invalid.missing)]) or None


def _given(entity: Entity, item: InboxItem) -> Posted:
    return read_form(entity, request.form, record=item.record_id)


def _late(refused: NotPossibleNow) -> dict[str, Any]:
    """What somebody else did meanwhile, and the words that were to go with one's own answer."""
    verdict = refused.params.get("verdict")
    return {
        "text": refused.text(locale().language),
        "same": isinstance(verdict, Verdict) and verdict.kind == "same",
        "typed": (request.form.get("reason") or request.form.get("text") or "").strip(),
    }


def _find_item(task_id: int) -> InboxItem:
    """The actor's own task, open or decided; somebody else's is not there."""
    found = inbox.find_task(g.session, task_id, actor=g.actor)
    if found is None:
        raise NotFound("approval.no_such_task")
    return found
