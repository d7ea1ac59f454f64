"""Records of others that were met: asking to work on them together or to have them, and answering.

Enters: a hit of the reader's own and a reason, or an answer. Leaves: pages. Must not decide who may ask or answer, nor
show more of a record than the engine tells: the commands and queries do.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import FormworkError, InvalidValues, NotPossibleNow
from engine.records import disputes, duplicate_log
from web.admin_fields import read_day, said
from web.api.requests import read_id
from web.dispute_view import dispute_url, view_dispute, view_log, view_met
from web.duplicate_view import MET_URL
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

_PAGE = 50


@reads
def met() -> Any:
    """Show what the reader met of others, and what they asked for."""
    return _met_page()


@writes
def ask(hit_id: str) -> Any:
    """Ask to collaborate on a record, or appeal for it."""
    id_, form = read_id(hit_id), request.form
    try:
        made = disputes.ask(g.session, id_, form.get("kind", ""), form.get("reason", ""), actor=g.actor)
    except (InvalidValues, NotPossibleNow) as refused:
        return _met_page(refused, id_), 422 if isinstance(refused, InvalidValues) else 409
    add_toast(locale().t("dispute.sent"))
    return redirect(dispute_url(made), 303)


@reads
def show(dispute_id: str) -> Any:
    """Show a request to whoever asked, or is to answer."""
    return _page(read_id(dispute_id))


@writes
def grant(dispute_id: str) -> Any:
    """Say yes."""
    id_ = read_id(dispute_id)
    try:
        until, answer = read_day("until", end=True), request.form.get("answer", "")
        disputes.grant(g.session, id_, ends_at=until, answer=answer, actor=g.actor)
    except InvalidValues as refused:
        return _page(id_, refused), 422
    add_toast(locale().t("dispute.was_granted"))
    return redirect(dispute_url(id_), 303)


@writes
def refuse(dispute_id: str) -> Any:
    """Say no, and why."""
    id_ = read_id(dispute_id)
    try:
        disputes.refuse(g.session, id_, reason=request.form.get("reason", ""), actor=g.actor)
    except InvalidValues as refused:
        return _page(id_, refused), 422
    add_toast(locale().t("dispute.was_refused"))
    return redirect(dispute_url(id_), 303)


@writes
def withdraw(dispute_id: str) -> Any:
    """Take one's own request back."""
    disputes.withdraw(g.session, read_id(dispute_id), actor=g.actor)
    add_toast(locale().t("dispute.was_withdrawn"))
    return redirect(MET_URL, 303)


@reads
def log(entity: str) -> Any:
    """Show everything the duplicate rules of an entity found."""
    before = request.args.get("before", "")
    compiled, found = duplicate_log.list_log(
        g.session, entity, actor=g.actor, before=read_id(before) if before else None, limit=_PAGE + 1
    )
    more = found[_PAGE - 1].hit.id if len(found) > _PAGE else None
    page = view_log(compiled, found[:_PAGE], more)
    return render_template("pages/duplicate_log.html", page=page, shell=page_shell())


ROUTES = (
    (MET_URL, ["GET"], met),
    ("/duplicate-hits/<hit_id>/ask", ["POST"], ask),
    ("/disputes/<dispute_id>", ["GET"], show),
    ("/disputes/<dispute_id>/grant", ["POST"], grant),
    ("/disputes/<dispute_id>/refuse", ["POST"], refuse),
    ("/disputes/<dispute_id>/withdraw", ["POST"], withdraw),
    ("/e/<entity>/duplicates", ["GET"], log),
)


def _met_page(refused: FormworkError | None = None, hit: int | None = None) -> str:
    errors = said(refused, ("reason",)) if refused is not None else {}
    found, own = disputes.list_met(g.session, actor=g.actor), disputes.list_own(g.session, actor=g.actor)
    page = view_met(found, own, posted=request.form, errors=errors, refused=hit)
    return render_template("pages/met.html", page=page, shell=page_shell())


def _page(id_: int, refused: InvalidValues | None = None) -> str:
    found = disputes.get_dispute(g.session, id_, actor=g.actor)
    errors = said(refused, ("reason", "until", "answer")) if refused is not None else {}
    decides = disputes.may_decide(g.session, found, g.actor)
    page = view_dispute(found, decides=decides, errors=errors)
    return render_template("pages/dispute.html", page=page, shell=page_shell())
