"""People, for administrators: everybody there is, one of them with what may be changed, letting in and shutting out.

Enters: words, filters and a place from the address; a form about one person. Leaves: a list, a page about somebody, a
changed account. Must not let anybody stay the owner of anything who is shut out: that leads to the hand-over.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import g, redirect, render_template, request

from engine.changing import leaving
from engine.errors import InvalidValues, NotPossibleNow
from engine.people import accounts, identities, password_links, roster, second_factor, sessions, tokens
from engine.people.actor import ADMIN, find_services, require_admin
from engine.people.password_links import NewLink
from engine.people.roster import Entry
from web.access_view import view_devices, view_tokens
from web.admin_fields import said
from web.api.requests import read_id
from web.gate import locale, reads, writes
from web.joining import link_address
from web.pages.frame import page_shell
from web.person_form import FIELDS, PersonForm, as_changed
from web.roster_view import RosterView
from web.shell import add_toast

URL = "/admin/people"


@reads
def show() -> Any:
    """Show everybody, or the next rows of the list."""
    require_admin(g.actor)
    view = RosterView(URL)
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("fragments/rows.html", list=view.rows())
    return render_template("pages/list.html", list=view.whole(), shell=page_shell())


@reads
def new() -> Any:
    """Show an empty form."""
    require_admin(g.actor)
    return _new_page({})


@writes
def create() -> Any:
    """Create somebody, who has no password yet."""
    require_admin(g.actor)
    form = PersonForm(None)
    try:
        values = form.read()
        made = accounts.create_user(g.session, **values, password=None, actor=g.actor)
    except InvalidValues as refused:
        return _new_page(said(refused, FIELDS)), 422
    add_toast(locale().t("roster.made", name=values["name"]))
    return redirect(f"{URL}/{made}", 303)


@reads
def person(user_id: str) -> Any:
    """Show one person."""
    return _page(_entry(user_id), {})


@writes
def change(user_id: str) -> Any:
    """Change what a form about somebody says, unless somebody else changed it meanwhile."""
    entry = _entry(user_id)
    try:
        if request.form.get("seen") != entry.digest:
            raise NotPossibleNow("people.changed")
        values = PersonForm(entry).read()
        roles = values.pop("roles")
        accounts.update_user(g.session, entry.id, **as_changed(entry, values), actor=g.actor)
        if set(roles) != set(entry.roles):
            accounts.set_roles(g.session, entry.id, roles, actor=g.actor)
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(entry, said(refused, FIELDS)), 422
    add_toast(locale().t("roster.saved"))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def disable(user_id: str) -> Any:
    """Shut somebody out who holds nothing any more."""
    entry = _entry(user_id)
    try:
        leaving.disable(g.session, entry.id, language=locale().language, actor=g.actor)
    except NotPossibleNow as refused:
        add_toast(refused.text(locale().language), "error")
        return redirect(f"{URL}/{entry.id}", 303)
    add_toast(locale().t("roster.disabled", name=entry.name))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def enable(user_id: str) -> Any:
    """Let somebody in again."""
    entry = _entry(user_id)
    accounts.enable_user(g.session, entry.id, actor=g.actor)
    add_toast(locale().t("roster.enabled", name=entry.name))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def make_link(user_id: str) -> Any:
    """Make a link by which somebody sets a password, and show it this once."""
    entry = _entry(user_id)
    made = password_links.create_link(g.session, entry.id, actor=g.actor)
    return _page(entry, {}, link=made)


@writes
def end_session(user_id: str, session_id: str) -> Any:
    """Sign one of somebody's devices out."""
    entry = _entry(user_id)
    sessions.close_session(g.session, read_id(session_id), actor=g.actor)
    add_toast(locale().say("people.session_closed"))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def revoke_token(user_id: str, token_id: str) -> Any:
    """Revoke one of somebody's tokens."""
    entry = _entry(user_id)
    tokens.revoke_token(g.session, read_id(token_id), actor=g.actor)
    add_toast(locale().t("access.revoked"))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def end_access(user_id: str) -> Any:
    """Sign somebody out everywhere; whoever does it to themselves signs in anew."""
    entry = _entry(user_id)
    accounts.end_access(g.session, entry.id, actor=g.actor)
    add_toast(locale().t("access.ended_all", name=entry.name))
    return redirect(f"{URL}/{entry.id}", 303)


@writes
def reset_second_factor(user_id: str) -> Any:
    """Take the second factor of somebody away who lost their phone."""
    return _take_away(second_factor.reset, user_id, "second_factor.was_reset")


@writes
def unlink(user_id: str) -> Any:
    """Take the company account of somebody away."""
    return _take_away(identities.unlink, user_id, "company.was_unlinked")


def _take_away(take: Callable[..., None], user_id: str, done: str) -> Any:
    entry = _entry(user_id)
    try:
        take(g.session, entry.id, actor=g.actor)
    except NotPossibleNow as refused:  # somebody else was quicker
        add_toast(refused.text(locale().language), "error")
    else:
        add_toast(locale().t(done, name=entry.name))
    return redirect(f"{URL}/{entry.id}", 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/new", ["GET"], new),
    (f"{URL}/new", ["POST"], create),
    (f"{URL}/<user_id>", ["GET"], person),
    (f"{URL}/<user_id>", ["POST"], change),
    (f"{URL}/<user_id>/disable", ["POST"], disable),
    (f"{URL}/<user_id>/enable", ["POST"], enable),
    (f"{URL}/<user_id>/link", ["POST"], make_link),
    (f"{URL}/<user_id>/sessions/<session_id>/end", ["POST"], end_session),
    (f"{URL}/<user_id>/tokens/<token_id>/revoke", ["POST"], revoke_token),
    (f"{URL}/<user_id>/end-access", ["POST"], end_access),
    (f"{URL}/<user_id>/reset-second-factor", ["POST"], reset_second_factor),
    (f"{URL}/<user_id>/unlink", ["POST"], unlink),
)


def _entry(user_id: str) -> Entry:
    require_admin(g.actor)
    return roster.get_entry(g.session.connection, read_id(user_id))


def _new_page(errors: dict[str, str]) -> str:
    text = locale()
    page = {
        "title": text.t("roster.new"),
        "url": URL,
        "action_url": f"{URL}/new",
        "fields": PersonForm(None).fields(errors),
        "error": errors.get(""),
        "save": text.t("roster.create"),
        "seen": None,
        "person": None,
    }
    return render_template("pages/person.html", page=page, shell=page_shell())


def _page(entry: Entry, errors: dict[str, str], *, link: NewLink | None = None) -> str:
    text = locale()
    page = {
        "title": entry.name,
        "url": URL,
        "action_url": f"{URL}/{entry.id}",
        "fields": PersonForm(entry).fields(errors),
        "error": errors.get(""),
        "save": text.t("roster.save"),
        "seen": entry.digest,
        "person": _about(entry) | {"link": None if link is None else _view_link(link)},
    }
    return render_template("pages/person.html", page=page, shell=page_shell())


def _about(entry: Entry) -> dict[str, Any]:
    linked = identities.find_linked_at(g.session.connection, entry.id)
    held = leaving.count_holdings(g.session, entry.id)
    services = find_services(g.session.app, frozenset(entry.roles))
    return {
        "enabled": entry.enabled,
        "text": _standing(entry),
        "held": _counts(held),
        "handover_url": "/handover?" + urlencode({"from": entry.id, "leave": "1"}) if held.any else None,
        "disable_url": f"{URL}/{entry.id}/disable" if entry.enabled and not held.any else None,
        "enable_url": None if entry.enabled else f"{URL}/{entry.id}/enable",
        "name": entry.name,
        "link_url": f"{URL}/{entry.id}/link" if entry.enabled and not services else None,
        "new_token_url": f"{URL}/{entry.id}/tokens/new" if entry.enabled else None,
        "link_label": locale().t("access.make_reset" if entry.has_password else "access.make_invite"),
        "devices": view_devices(entry.id, lambda id_: f"{URL}/{entry.id}/sessions/{id_}/end"),
        "tokens": view_tokens(entry.id, lambda id_: f"{URL}/{entry.id}/tokens/{id_}/revoke"),
        "see_as_url": f"{URL}/{entry.id}/see-as" if _may_be_seen(entry) else None,
        "end_all_url": f"{URL}/{entry.id}/end-access",
        "second_factor": locale().t("second_factor.is_on" if entry.has_second_factor else "second_factor.is_off"),
        "company": None if linked is None else locale().t("company.linked", date=locale().date(linked)),
        "unlink_url": f"{URL}/{entry.id}/unlink",
        "reset_url": f"{URL}/{entry.id}/reset-second-factor" if entry.has_second_factor else None,
    }


def _may_be_seen(entry: Entry) -> bool:
    """Whether an administrator may see as somebody: not as another one, nor as somebody who sees nothing."""
    services = find_services(g.session.app, frozenset(entry.roles))
    return entry.enabled and ADMIN not in entry.roles and not services


def _view_link(link: NewLink) -> dict[str, str]:
    text = locale()
    said = text.t(f"access.link_{link.kind}", until=text.datetime(link.expires_at))
    return {"url": link_address(link.secret), "text": said}


def _standing(entry: Entry) -> str:
    text = locale()
    if entry.disabled_at is not None:
        return text.t("roster.since", date=text.date(entry.disabled_at))
    if entry.last_seen_at is not None:
        return text.t("roster.seen_when", when=text.ago(entry.last_seen_at, g.session.now()))
    return text.t("roster.never_seen")


def _counts(held: leaving.Counted) -> list[dict[str, Any]]:
    """What somebody holds, entity by entity, then what waits for them."""
    text, entities = locale(), g.session.app.entities
    counted = [
        {"label": text.label(entities[key].label), "count": count, "icon": entities[key].icon}
        for key, count in held.records.items()
    ]
    for name, icon in (("tasks", "checklist"), ("delegations", "calendar")):
        if count := getattr(held, name):
            counted.append({"label": text.t(f"roster.held_{name}"), "count": count, "icon": icon})
    return counted
