"""One approval for whoever may see its record: how it stands, remarks, copies read, the whole trail on paper.

Enters: an approval, or a record with approvals. Leaves: pages. Must not show an approval to somebody who may not read
its record, nor suggest anybody to mention who may not.
"""

import secrets
from io import BytesIO
from typing import Any

from flask import Response, g, jsonify, make_response, redirect, render_template, request, send_file

from engine.errors import InvalidValues, NotFound
from engine.printing.trail import render_trail
from engine.records import queries
from engine.records.mentions import find_mentioned
from engine.records.rights import get_entity
from engine.storage.files import clean_name
from engine.workflow import copies
from engine.workflow.approval import involving, log
from engine.workflow.mentions import suggest_people
from engine.workflow.panel import Panel, list_panels
from engine.workflow.refusals import say_refusal
from web.api.requests import read_id
from web.approval_view import headline
from web.cells import Cells, record_url
from web.decision_view import view_decision
from web.gate import locale, now, reads, writes
from web.page_kit import FONTS
from web.pages.frame import page_shell
from web.security import safe_next
from web.shell import add_toast
from web.trail_view import to_paper, view_trail


@reads
def show(approval_id: str) -> Any:
    """Show an approval; whoever has it now is led to where they decide."""
    id_ = read_id(approval_id)
    entity, record_id = _find(id_)
    panel = _panel(list_panels(g.session, entity, record_id, actor=g.actor), id_)
    if panel.task is not None:
        return redirect(f"/approvals/{panel.task}", 303)
    return _page(id_, 200)


@writes
def comment(approval_id: str) -> Any:
    """Leave a remark; whoever is mentioned is told."""
    id_, form = read_id(approval_id), request.form
    entity, record_id = _find(id_)
    if "_resume" in form:
        return _page(id_, 200)
    text = form.get("text", "")
    picked = [int(one) for one in form.getlist("people") if one.isdecimal() and len(one) < 19]
    named = find_mentioned(g.session, text, picked)
    try:
        involving.comment(g.session, id_, text, mentions=named, action_id=form.get("_action_id") or None, actor=g.actor)
    except InvalidValues as invalid:
        return _page(id_, 422, error=say_refusal(invalid, locale().language))
    add_toast(locale().t("decision.commented"))
    return redirect(safe_next(form.get("next"), f"/approvals/of/{id_}"), 303)


@writes
def mark_read(approval_id: str) -> Any:
    """Mark the reader's copy of an approval read."""
    copies.mark_read(g.session, actor=g.actor, only=read_id(approval_id))
    return redirect(f"/approvals/of/{read_id(approval_id)}", 303)


@reads
def people(approval_id: str) -> Any:
    """Answer whom a remark may mention: only people who may see the record."""
    id_ = read_id(approval_id)
    entity, record_id = _find(id_)
    found = suggest_people(g.session, id_, entity, record_id, request.args.get("q", "")[:60], actor=g.actor)
    return jsonify({"items": [{"value": str(one.id), "text": one.name, "hint": one.login} for one in found]})


@reads
def trail(entity: str, record_id: str) -> Any:
    """Show a record with all its approvals, to be printed."""
    return render_template("pages/trail.html", trail=_trail(entity, read_id(record_id)))


@reads
def trail_pdf(entity: str, record_id: str) -> Response:
    """Answer the same as PDF."""
    view = _trail(entity, read_id(record_id))
    content = BytesIO(render_trail(to_paper(g.session, view), FONTS))
    name = clean_name(f"{view['title'].replace(' ', '')}-{view['number']}.pdf")
    answer = send_file(content, mimetype="application/pdf", download_name=name)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


ROUTES = (
    ("/approvals/of/<approval_id>", ["GET"], show),
    ("/approvals/of/<approval_id>", ["POST"], comment),
    ("/approvals/of/<approval_id>/read", ["POST"], mark_read),
    ("/approvals/of/<approval_id>/people", ["GET"], people),
    ("/e/<entity>/<record_id>/trail", ["GET"], trail),
    ("/e/<entity>/<record_id>/trail.pdf", ["GET"], trail_pdf),
)


def _find(approval_id: int) -> tuple[str, int]:
    """Return the record an approval is about; one the reader may not see is not there."""
    kept = log.read(g.session, approval_id)
    if kept is None:
        raise NotFound("approval.no_such_approval")
    queries.get_record(g.session, kept.entity, kept.record_id, actor=g.actor)
    return kept.entity, kept.record_id


def _panel(panels: list[Panel], approval_id: int) -> Panel:
    found = next((one for one in panels if one.id == approval_id), None)
    if found is None:
        raise NotFound("approval.no_such_approval")
    return found


def _page(approval_id: int, status: int, *, error: str | None = None) -> Any:
    key, record_id = _find(approval_id)
    entity, cells = get_entity(g.session.app, key), Cells(locale(), now())
    record = queries.get_record(g.session, key, record_id, actor=g.actor)
    panels = list_panels(g.session, key, record_id, actor=g.actor)
    panel = _panel(panels, approval_id)
    view = view_decision(cells, entity, record, panels, panel) | {
        "of_url": f"/approvals/of/{approval_id}",
        "action_url": f"/approvals/of/{approval_id}",
        "closed": headline(cells, panel),
        "action_id": request.form.get("_action_id") or secrets.token_hex(16),
        "comment": request.form.get("text", ""),
        "comment_error": error,
        "unread": copies.is_unread(g.session, approval_id, actor=g.actor),
        "position": None,
    }
    return make_response(render_template("pages/decision.html", decision=view, shell=page_shell()), status)


def _trail(entity: str, record_id: int) -> dict[str, Any]:
    compiled = get_entity(g.session.app, entity)
    record = queries.get_record(g.session, entity, record_id, actor=g.actor)
    panels = list_panels(g.session, entity, record.id, actor=g.actor)
    url = record_url(entity, record.id)
    return view_trail(Cells(locale(), now()), compiled, record, panels, back_url=url, pdf_url=f"{url}/trail.pdf")
