"""The queue of approvals, and one decision on a phone.

Enters: a box, a task, a decision with its reason. Leaves: the queue, the page to decide on, and the next task after a
decision. Must not decide who may decide.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from flask import g, make_response, redirect, render_template, request

from engine.errors import InvalidValues, NotFound, NotPossibleNow
from engine.expression import Kind
from engine.records import queries
from engine.records.rights import get_entity
from engine.workflow import approvals, inbox
from engine.workflow.inbox import Box, InboxItem
from engine.workflow.panel import list_panels
from web.api.requests import read_id
from web.approval_view import figures, shown_text
from web.cells import Cells, record_url
from web.decision_view import say_closed, view_decision, view_position
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.security import safe_next
from web.shell import add_toast

BOXES: tuple[Box, ...] = ("mine", "done", "started")
_PAGE = 30
_FIGURES = 3
_TONES = {
    "approve": "green",
    "refuse": "red",
    "return": "amber",
    "approved": "green",
    "refused": "red",
    "returned": "amber",
}


@reads
def queue() -> Any:
    """Show a box of the queue."""
    asked = request.args.get("box", "mine")
    box = next((one for one in BOXES if one == asked), "mine")
    page = inbox.list_tasks(g.session, actor=g.actor, box=box, after=request.args.get("after"), limit=_PAGE)
    text = locale()
    empty = {"title": text.t(f"approvals.none_{box}"), "text": text.t(f"approvals.none_{box}_text")}
    view = {
        "tabs": [_tab(name, name == box) for name in BOXES],
        "groups": group_tasks(page.items),
        "more_url": f"/approvals?box={box}&after={page.next}" if page.next else None,
        "empty": empty | {"icon": "checks", "action": None},
    }
    return render_template("pages/approvals.html", queue=view, shell=page_shell())


@reads
def show(task_id: str) -> Any:
    """Show one task to decide on."""
    return _decision_page(read_id(task_id), 200)


@writes
def decide(task_id: str) -> Any:
    """Decide, then open the next task."""
    id_, form = read_id(task_id), request.form
    try:
        approvals.decide(
            g.session,
            id_,
            form.get("decision", ""),
            reason=form.get("reason"),
            action_id=form.get("_action_id") or None,
            actor=g.actor,
        )
    except InvalidValues as invalid:
        said = [error.text(locale().language) for error in invalid.errors] + [item.message for item in invalid.missing]
        return _decision_page(id_, 422, error=" ".join(said))
    except NotPossibleNow as refused:
        return _decision_page(id_, 409, closed=refused.text(locale().language))
    add_toast(locale().t(f"decision.did_{form.get('decision')}"))
    following = inbox.list_tasks(g.session, actor=g.actor, limit=1).items
    return redirect(f"/approvals/{following[0].task}" if following else "/approvals", 303)


@writes
def withdraw(approval_id: str) -> Any:
    """Take back what was submitted."""
    approvals.withdraw(g.session, read_id(approval_id), actor=g.actor)
    add_toast(locale().t("approval.withdrawn"))
    return redirect(safe_next(request.form.get("next"), "/approvals?box=started"), 303)


ROUTES = (
    ("/approvals", ["GET"], queue),
    ("/approvals/<task_id>", ["GET"], show),
    ("/approvals/<task_id>", ["POST"], decide),
    ("/approvals/withdraw/<approval_id>", ["POST"], withdraw),
)


def _tab(name: Box, active: bool) -> dict[str, Any]:
    waiting = inbox.count_tasks(g.session, actor=g.actor) if name == "mine" else 0
    label = locale().t(f"approvals.{name}")
    return {"label": label, "url": f"/approvals?box={name}", "active": active, "count": str(waiting or "") or None}


def group_tasks(items: Sequence[InboxItem]) -> list[dict[str, Any]]:
    """Return tasks as the queue draws them, one group for each kind of approval."""
    cells = Cells(locale(), now())
    groups: dict[str, dict[str, Any]] = {}
    for item in items:
        label = locale().label(item.label)
        groups.setdefault(label, {"label": label, "entries": []})["entries"].append(view_task(cells, item))
    return list(groups.values())


def view_task(cells: Cells, item: InboxItem) -> dict[str, Any]:
    """Return one task as the queue draws it."""
    text = cells.locale
    open_here = item.task is not None and item.at is None
    ended = item.decision or (item.status if item.status != "running" else None)
    waiting = text.t("approval.waiting_short", names=text.t("text.comma").join(item.waiting)) if item.waiting else None
    about = next((shown_text(cells, one) for one in item.shown if one.kind is Kind.LINK), None)
    shown = [one for one in item.shown if one.kind is not Kind.LINK]
    return {
        "url": f"/approvals/{item.task}" if open_here else record_url(item.entity, item.record_id),
        "title": text.label(item.step_label) or text.label(item.label),
        "record_title": item.name,
        "about": about if about and about not in item.name else None,
        "starter": cells.person(item.starter),
        "when": cells.when(item.at or item.since),
        "late": item.is_late(cells.now),
        "figures": [{"label": one["label"], "text": one["text"]} for one in figures(cells, shown)[:_FIGURES]],
        "outcome": {"label": text.t(f"outcome.{ended}"), "tone": _TONES.get(ended, "grey")} if ended else None,
        "holder": waiting,
    }


# ---- one decision


def _decision_page(task_id: int, status: int, *, error: str | None = None, closed: str | None = None) -> Any:
    item = _find_item(task_id)
    entity = get_entity(g.session.app, item.entity)
    record = queries.get_record(g.session, item.entity, item.record_id, actor=g.actor)
    panels = list_panels(g.session, item.entity, item.record_id, actor=g.actor)
    panel = next((one for one in panels if one.id == item.approval_id), None)
    if panel is None:
        raise NotFound()
    cells = Cells(locale(), now())
    if closed is None and panel.task != task_id:
        closed = say_closed(cells, panel, item)
    view = view_decision(cells, entity, record, panels, panel, item) | {
        "action_url": f"/approvals/{task_id}",
        "action_id": request.form.get("_action_id") or secrets.token_hex(16),
        "reason": request.form.get("reason", ""),
        "error": error,
        "chosen": request.form.get("decision"),
        "position": view_position(task_id),
        "closed": closed,
    }
    return make_response(render_template("pages/decision.html", decision=view, shell=page_shell()), status)


def _find_item(task_id: int) -> InboxItem:
    """The actor's own task, open or decided; somebody else's is not there."""
    found = inbox.find_task(g.session, task_id, actor=g.actor)
    if found is None:
        raise NotFound("approval.no_such_task")
    return found
