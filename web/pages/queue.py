"""The queue of approvals: its boxes, and deciding many at once.

Enters: a box, a kind, a search, a cursor; or ticked tasks and one decision. Leaves: the page of the queue. Must not
decide who may decide, nor skip what one decision needs.
"""

import secrets
from collections.abc import Sequence
from typing import Any, get_args

from flask import g, make_response, redirect, render_template, request

from engine.errors import InvalidValues
from engine.records import disputes
from engine.workflow import copies, inbox
from engine.workflow.approval import batch
from engine.workflow.approval.batch import Decided
from engine.workflow.boxes import Box
from engine.workflow.inbox import InboxItem
from engine.workflow.refusals import say_refusal
from web.cells import Cells
from web.dispute_view import view_waiting
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.queue_view import group_tasks, queue_url, view_asking, view_kinds, view_tabs

_PAGE = 30
_REASONED = ("approve", "refuse")


@reads
def queue() -> Any:
    """Show a box of the queue."""
    return _page(request.args)


@writes
def decide() -> Any:
    """Decide many tasks at once; each is answered for itself, and what was not decided stays."""
    form = request.form
    ticked = list(dict.fromkeys(int(one) for one in form.getlist("task") if one.isdecimal() and len(one) < 19))
    if not ticked:
        return make_response(_page(form, problem=locale().t("approvals.tick_first")), 422)
    decision = form.get("decision") or form.get("asked", "")
    if "_resume" in form:
        return _ask(form, ticked, decision) if decision in _REASONED else _page(form, ticked=ticked)
    reasons = {task: said for task in ticked if (said := form.get(f"reason.{task}", "").strip())}
    if not form.get("reason", "").strip():
        asking = batch.find_unreasoned(g.session, ticked, decision, actor=g.actor)
        if set(asking) - reasons.keys():
            return make_response(_ask(form, ticked, decision), 422)
    named = {id_: inbox.find_task(g.session, id_, actor=g.actor) for id_ in ticked[: batch.MOST]}
    try:
        outcomes = batch.decide_many(
            g.session,
            ticked,
            decision,
            reason=form.get("reason"),
            reasons=reasons,
            action_id=form.get("_action_id") or None,
            actor=g.actor,
        )
    except InvalidValues as invalid:
        return make_response(_page(form, problem=say_refusal(invalid, locale().language), ticked=ticked), 422)
    return _page(form, outcomes=_outcomes(outcomes, named))


@writes
def read_copies() -> Any:
    """Mark all copies read."""
    copies.mark_read(g.session, actor=g.actor)
    return redirect(queue_url("copied"), 303)


ROUTES = (
    ("/approvals", ["GET"], queue),
    ("/approvals/decide", ["POST"], decide),
    ("/approvals/copies/read", ["POST"], read_copies),
)


def _page(
    given: Any, *, outcomes: dict[str, Any] | None = None, problem: str | None = None, ticked: Sequence[int] = ()
) -> Any:
    """Draw a box; with ``ticked`` the batch is asked again as it was filled in."""
    box: Box = next((one for one in get_args(Box) if one == given.get("box")), "mine")
    kind = given.get("kind", "") if given.get("kind") in g.session.app.approvals else ""
    q, cells = given.get("q", "").strip()[:100], Cells(locale(), now())
    after = given.get("after") if request.method == "GET" or ticked else None
    page = inbox.list_tasks(g.session, actor=g.actor, box=box, approval=kind, text=q, after=after, limit=_PAGE)
    counts = inbox.count_boxes(g.session, actor=g.actor)
    asked = _asked(box) if not (kind or q or after) else []
    counts["mine"] += disputes.count_asked(g.session, actor=g.actor)
    view = {
        "box": box,
        "kind": kind,
        "q": q,
        "tabs": view_tabs(cells, counts, box, kind, q),
        "kinds": view_kinds(cells, box, kind, q),
        "groups": [*asked, *group_tasks(page.items, box, ticked)],
        "more_url": queue_url(box, kind=kind, q=q, after=page.next) if page.next else None,
        "empty": _empty(box, filtered=bool(kind or q)),
        "can_tick": box in ("mine", "overdue") and any(item.kind == "decide" for item in page.items),
        "can_mark": box == "copied" and counts["copied"] > 0,
        "action_id": secrets.token_hex(16),
        "reason": given.get("reason", "") if problem or ticked else "",
        "after": after or "",
        "outcomes": outcomes,
        "problem": problem,
    }
    return render_template("pages/approvals.html", queue=view, shell=page_shell(waiting=counts["mine"]))


def _ask(form: Any, ticked: Sequence[int], decision: str) -> Any:
    """Ask for the reasons of those tasks that need one, each for itself or the same for all; nothing is lost of others.

    What was left empty when it was asked before says so.
    """
    text, cells = locale(), Cells(locale(), now())
    asking = batch.find_unreasoned(g.session, ticked, decision, actor=g.actor)
    items = [(id_, inbox.find_task(g.session, id_, actor=g.actor)) for id_ in asking]
    again = "asked" in form and "_resume" not in form
    entries = [
        view_asking(cells, id_, item, form.get(f"reason.{id_}", ""), again) for id_, item in items if item is not None
    ]
    said, shell = text.t(f"decision.{decision}"), page_shell()
    kept = [(name, form[name]) for name in ("box", "kind", "q") if form.get(name)]
    view = {
        "title": text.t("approvals.batch_title", decision=said, n=len(ticked)),
        "text": text.t("approvals.batch_needs", decision=said, n=len(entries)),
        "decision": decision,
        "button": said,
        "danger": decision == "refuse",
        "back_url": queue_url(form.get("box", "mine"), kind=form.get("kind"), q=form.get("q")),
        "hidden": [
            *kept,
            ("asked", decision),
            ("_action_id", secrets.token_hex(16)),
            *(("task", one) for one in ticked),
        ],
        "entries": entries,
        "reason": form.get("reason", ""),
        "keeper": shell["user"]["name"] if shell.get("user") else "",
    }
    return render_template("pages/batch.html", batch=view, shell=shell)


def _asked(box: Box) -> list[dict[str, Any]]:
    """Return the requests about records that were met, which wait beside the approvals."""
    if box not in ("mine", "overdue"):
        return []
    found = disputes.list_asked(g.session, actor=g.actor, late=box == "overdue")
    return [{"label": locale().t("dispute.group"), "entries": view_waiting(found)}] if found else []


def _empty(box: Box, *, filtered: bool) -> dict[str, Any]:
    text = locale()
    if filtered:
        clear = {"label": text.t("list.clear"), "url": queue_url(box), "icon": "x", "method": "get"}
        found = {"title": text.t("approvals.none_found"), "text": text.t("approvals.none_found_text"), "action": clear}
        return found | {"icon": "search"}
    said = {"title": text.t(f"approvals.none_{box}"), "text": text.t(f"approvals.none_{box}_text")}
    leads = {"label": text.t("approvals.started"), "url": queue_url("started"), "icon": "send", "method": "get"}
    home = {"label": text.t("shell.home"), "url": "/", "icon": "home", "method": "get"}
    return said | {"icon": "checks", "action": leads if box == "mine" else home}


def _outcomes(outcomes: Sequence[Decided], named: dict[int, InboxItem | None]) -> dict[str, Any]:
    """Say of each task what became of it."""
    left = []
    for one in outcomes:
        item = named.get(one.task)
        if one.refused is not None:
            said = say_refusal(one.refused, locale().language)
            left.append({"label": item.name if item else f"#{one.task}", "url": f"/approvals/{one.task}", "text": said})
    done = [named[one.task] for one in outcomes if one.refused is None]
    return {
        "done": locale().t("approvals.batch_done", n=len(done)) if done else None,
        "names": [item.name for item in done if item is not None],
        "left": left,
        "left_text": locale().t("approvals.batch_left", n=len(left)) if left else None,
    }
