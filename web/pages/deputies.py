"""One's own delegations (委托): who decides for me from a day until another, set from the person's own page.

Enters: a deputy and two days. Leaves: a page with what holds and what is to come. Must not set anything for others.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import FieldError, InvalidValues, NotPossibleNow
from engine.people import delegations, directory
from web.admin_fields import person_field, read_day, read_person, said, text_field
from web.api.requests import read_id
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/settings/delegations"
_FIELDS = ("to", "start", "until")


@reads
def show() -> Any:
    """Show one's delegations, of oneself and to oneself."""
    return _page({})


@writes
def create() -> Any:
    """Let somebody decide for oneself."""
    try:
        deputy, start, end = read_person("to"), read_day("start"), read_day("until", end=True)
        missing = [
            FieldError(name, "people.empty")
            for name, one in zip(_FIELDS, (deputy, start, end), strict=True)
            if one is None
        ]
        if missing or deputy is None or start is None or end is None:
            raise InvalidValues(missing)
        delegations.create_delegation(
            g.session, principal=g.actor.id, deputy=deputy, starts_at=start, ends_at=end, actor=g.actor
        )
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(said(refused, _FIELDS)), 422
    add_toast(locale().t("delegation.did"))
    return redirect(URL, 303)


@writes
def end(delegation_id: str) -> Any:
    """End one of one's own delegations now."""
    delegations.end_delegation(g.session, read_id(delegation_id), actor=g.actor)
    add_toast(locale().t("delegation.ended"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (URL, ["POST"], create),
    (f"{URL}/<delegation_id>/end", ["POST"], end),
)


def _page(errors: dict[str, str]) -> str:
    text = locale()
    rows = delegations.list_delegations(g.session, g.actor.id)
    known = directory.people(g.session.connection, {id_ for one in rows for id_ in (one.principal, one.deputy)})
    views = [_row(one, known) for one in rows]
    today = text.today(now()).isoformat()
    page = {
        "title": text.t("delegation.title"),
        "url": URL,
        "mine": [view for view in views if view["mine"]],
        "others": [view for view in views if not view["mine"]],
        "fields": [
            person_field("to", text.t("delegation.to"), errors=errors, required=True, width=2),
            text_field("start", text.t("delegation.start"), errors=errors, kind="date", required=True)
            | {"value": request.form.get("start", today)},
            text_field("until", text.t("delegation.until"), errors=errors, kind="date", required=True),
        ],
        "error": errors.get(""),
        "handover": bool(g.actor.is_admin or directory.reports_of(g.session, g.actor.id)),
    }
    return render_template("pages/delegations.html", page=page, shell=page_shell())


def _row(one: delegations.Delegation, known: Any) -> dict[str, Any]:
    text, mine = locale(), one.principal == g.actor.id
    return {
        "mine": mine,
        "name": known[one.deputy if mine else one.principal].name,
        "dates": text.t("delegation.dates", start=text.date(one.starts_at), until=text.last_day(one.ends_at)),
        "now": one.starts_at <= now() < one.ends_at,
        "end_url": f"{URL}/{one.id}/end",
    }
