"""Views of reports, figures and funnels under a name.

Enters: the query of a page, a name, for whom. Leaves: the page with that view, or the form. Must not decide who may
share or change a view: ``engine/reports/kept_views`` does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, redirect, render_template, request

from engine import reports
from engine.errors import InvalidValues, NotFound
from engine.records import views
from engine.records.views import EVERYBODY
from engine.reports import kept_views
from engine.reports.kept_views import KINDS, Kind, Part, ReportView
from web.api.requests import read_id
from web.gate import locale, now, reads, writes
from web.pages.figures import BEGIN
from web.pages.forms import go_to
from web.pages.frame import page_shell
from web.reporting.address import CELL, VIEW, read_asked
from web.reporting.view_menu import PAGES, URL, place_of, read_parts, url_of
from web.shell import add_toast


@reads
def show(view_id: str) -> Any:
    """Lead to the page as a view shows it; say so when something of it is not for this reader."""
    view = _get(view_id)
    parts, left_out = kept_views.fitted(g.session, view, actor=g.actor)
    if left_out:
        add_toast(locale().t("view.left_out", count=left_out), "info")
    return redirect(place_of(view, parts), 303)


@reads
def new() -> Any:
    """Ask for the name of a new view."""
    kind, key = _of(request.args)
    return _form(kind, key, None, {"list": request.args.get("list", "")})


@writes
def create() -> Any:
    """Keep what a page shows under a name."""
    kind, key = _of(request.form)
    try:
        view = kept_views.create_view(
            g.session, request.form.get("name", ""), _parts(kind, key), kind=kind, key=key, audience=_audience(),
            actor=g.actor,
        )  # fmt: skip
    except InvalidValues as refused:
        return _form(kind, key, None, request.form, refused), 422
    return _kept(view)


@reads
def edit(view_id: str) -> Any:
    """Show name and audience of a view."""
    view = _get(view_id)
    return _form(view.kind, view.key, view, {"name": view.name, "audience": view.audience or ""})


@writes
def update(view_id: str) -> Any:
    """Change name and audience of a view."""
    view = _get(view_id)
    try:
        view = kept_views.update_view(
            g.session, view.id, name=request.form.get("name", ""), parts=view.parts, audience=_audience(), actor=g.actor
        )
    except InvalidValues as refused:
        return _form(view.kind, view.key, view, request.form, refused), 422
    return _kept(view)


@writes
def save(view_id: str) -> Any:
    """Let a view show what its page shows now."""
    view = _get(view_id)
    parts = _parts(view.kind, view.key)
    kept_views.update_view(g.session, view.id, name=view.name, parts=parts, audience=view.audience, actor=g.actor)
    add_toast(locale().t("view.saved", name=view.name))
    return redirect(url_of(view), 303)


@writes
def delete(view_id: str) -> Any:
    """Forget a view."""
    view = _get(view_id)
    kept_views.delete_view(g.session, view.id, actor=g.actor)
    add_toast(locale().t("view.deleted"))
    return go_to(PAGES[view.kind](view.key))


ROUTES = (
    (f"{URL}/new", ["GET"], new),
    (f"{URL}/new", ["POST"], create),
    (f"{URL}/<view_id>", ["GET"], show),
    (f"{URL}/<view_id>/edit", ["GET"], edit),
    (f"{URL}/<view_id>/edit", ["POST"], update),
    (f"{URL}/<view_id>/content", ["POST"], save),
    (f"{URL}/<view_id>/delete", ["POST"], delete),
)


def _get(view_id: str) -> ReportView:
    return kept_views.get_view(g.session, read_id(view_id), actor=g.actor)


def _of(given: Mapping[str, str]) -> tuple[Kind, str]:
    """Return of what a view is asked for; raises ``NotFound``."""
    key = given.get("key", "")
    for kind in KINDS:
        if kind == given.get("kind"):
            kept_views.find_of(g.session, kind, key, g.actor)
            return kind, key
    raise NotFound()


def _parts(kind: Kind, key: str) -> Sequence[Part]:
    """Return what the page that was carried along asks for."""
    asked = read_asked(
        "", read_parts(request.form.get("list", "")), period=_begin(kind, key), today=locale().today(now())
    )
    return asked.kept(VIEW, CELL)


def _begin(kind: Kind, key: str) -> str:
    """Return the period a page begins with."""
    if kind == "report":
        return reports.find_report(g.session, key, actor=g.actor)[0].period
    return reports.find_funnel(g.session, key, actor=g.actor).period if kind == "funnel" else BEGIN


def _audience() -> str | None:
    return request.form.get("audience") or None


def _kept(view: ReportView) -> Any:
    add_toast(locale().t("view.saved", name=view.name))
    return go_to(url_of(view))


def _form(
    kind: Kind, key: str, view: ReportView | None, given: Mapping[str, str], refused: InvalidValues | None = None
) -> Any:
    text = locale()
    errors = {} if refused is None else {error.path: error.text(text.language) for error in refused.errors}
    sharer = kept_views.is_sharer(g.session, kind, key, actor=g.actor)
    query = given.get("list", "")
    made = {
        "title": text.t("view.new" if view is None else "view.edit"),
        "action_url": f"{URL}/new" if view is None else f"{url_of(view)}/edit",
        "delete_url": f"{url_of(view)}/delete" if view is not None and view.can_edit else None,
        "list_url": url_of(view) if view is not None else f"{PAGES[kind](key)}?{query}",
        "list": query,
        "of": {"kind": kind, "key": key},
        "name": given.get("name", ""),
        "error": errors.pop("name", None),
        "errors": list(errors.values()),
        "default": None,
        "audiences": _audiences(given.get("audience", "")) if sharer else [],
        "shared_as": view.audience if view is not None else None,
        "longest": views.LONGEST_NAME,
    }
    fragment = bool(request.headers.get("HX-Request"))
    return render_template("pages/view.html", form=made, fragment=fragment, shell=None if fragment else page_shell())


def _audiences(chosen: str) -> Sequence[dict[str, Any]]:
    text = locale()
    roles = [(key, text.label(role.label)) for key, role in g.session.app.roles.items() if not role.retired]
    offered = [("", text.t("view.only_me")), (EVERYBODY, text.t("view.everybody")), *roles]
    return [{"value": key, "label": label, "selected": key == chosen} for key, label in offered]
