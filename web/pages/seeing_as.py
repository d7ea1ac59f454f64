"""Seeing as somebody else, for administrators: the reason is asked for first, one press ends it.

Enters: a person, a reason, where to look first. Leaves: pages as that person sees them. Must not change what they show:
``web/gate`` takes the person as the actor, and refuses every change.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import InvalidValues, NotPossibleNow
from engine.people import roster, seeing_as
from engine.people.actor import require_admin
from engine.people.roster import Entry
from web.admin_fields import said
from web.api.requests import read_id
from web.gate import locale, reads, while_seeing_as, writes
from web.pages.frame import page_shell
from web.pages.people import URL
from web.security import safe_next


@reads
def show(user_id: str) -> Any:
    """Ask for the reason."""
    return _page(_entry(user_id), {})


@writes
def start(user_id: str) -> Any:
    """See as somebody from now on."""
    entry, form = _entry(user_id), request.form
    try:
        seeing_as.start(
            g.session, entry.id, reason=form.get("reason", ""), session_id=g.signed_in.id, ip=request.remote_addr,
            actor=g.actor,
        )  # fmt: skip
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(entry, said(refused, ("reason",))), 422
    return redirect(safe_next(form.get("next")), 303)


@while_seeing_as
@writes
def end() -> Any:
    """Be oneself again, on the page about the person."""
    seer = g.signed_in.seer
    seen = seeing_as.end(g.session, g.signed_in.id, actor=seer) if seer is not None else None
    return redirect("/" if seen is None else f"{URL}/{seen}", 303)


ROUTES = (
    (f"{URL}/<user_id>/see-as", ["GET"], show),
    (f"{URL}/<user_id>/see-as", ["POST"], start),
    ("/see-as/end", ["POST"], end),
)


def _entry(user_id: str) -> Entry:
    require_admin(g.actor)
    return roster.get_entry(g.session.connection, read_id(user_id))


def _page(entry: Entry, errors: dict[str, str]) -> str:
    page = {
        "title": locale().t("seeing_as.title", name=entry.name),
        "crumbs": [
            {"url": URL, "label": locale().t("roster.title")},
            {"url": f"{URL}/{entry.id}", "label": entry.name},
        ],
        "action_url": f"{URL}/{entry.id}/see-as",
        "next": safe_next(request.values.get("next"), "") or None,
        "reason": request.form.get("reason", ""),
        "most": seeing_as.LONGEST_REASON,
        "errors": errors,
    }
    return render_template("pages/see_as.html", page=page, shell=page_shell())
