"""Views of a list, a board or a calendar under a name, and the columns a list shows.

Enters: the query of the page, a name, for whom. Leaves: the page with that view, or the form. Must not decide who may
share or change a view: ``records/views`` does.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, redirect, render_template, request

from engine.compiler.app import Entity
from engine.errors import InvalidValues
from engine.records import queries, views
from engine.records.rights import get_entity
from engine.records.views import EVERYBODY, SavedView, ViewContent
from web.api.requests import read_id
from web.columns import column_label
from web.gate import locale, reads, writes
from web.list_filters import filter_keys
from web.list_tabs import ALL
from web.pages.forms import go_to
from web.pages.frame import page_shell
from web.shell import ENTITY_URL, add_toast
from web.view_address import address_of, content_of, page_url, parse_address, place_of, read_columns


@reads
def show(entity: str, view_id: str) -> Any:
    """Lead to the page as a view shows it; say so when something of it is not for this reader."""
    compiled = get_entity(g.session.app, entity)
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    rights = queries.require_read(g.session, compiled, g.actor)
    content, left_out = views.fitted(compiled, rights, view.content)
    if left_out:
        add_toast(locale().t("view.left_out", count=left_out), "info")
    return redirect(address_of(compiled, content, view.id), 303)


@reads
def new(entity: str) -> Any:
    """Ask for the name of a new view."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    return _form(compiled, None, {"list": request.args.get("list", "")})


@writes
def create(entity: str) -> Any:
    """Keep what a page shows under a name."""
    compiled = get_entity(g.session.app, entity)
    try:
        content = _content(compiled, request.form.get("list", ""))
        view = views.create_view(
            g.session, entity, request.form.get("name", ""), content, audience=_audience(), actor=g.actor
        )
    except InvalidValues as refused:
        return _form(compiled, None, request.form, refused), 422
    return _kept(compiled, view)


@reads
def edit(entity: str, view_id: str) -> Any:
    """Show name and audience of a view."""
    compiled = get_entity(g.session.app, entity)
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    given = {"name": view.name, "audience": view.audience or "", "default": "yes" if view.is_default else ""}
    return _form(compiled, view, given | {"list": request.args.get("list", "")})


@writes
def update(entity: str, view_id: str) -> Any:
    """Change name and audience of a view."""
    compiled = get_entity(g.session.app, entity)
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    try:
        view = views.update_view(
            g.session, entity, view.id, name=request.form.get("name", ""), content=view.content, audience=_audience(),
            actor=g.actor,
        )  # fmt: skip
    except InvalidValues as refused:
        return _form(compiled, view, request.form, refused), 422
    return _kept(compiled, view)


@writes
def save(entity: str, view_id: str) -> Any:
    """Let a view show what its page shows now."""
    compiled = get_entity(g.session.app, entity)
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    content = _content(compiled, request.form.get("list", ""))
    views.update_view(
        g.session, entity, view.id, name=view.name, content=content, audience=view.audience, actor=g.actor
    )
    add_toast(locale().t("view.saved", name=view.name))
    return redirect(address_of(compiled, content, view.id), 303)


@writes
def delete(entity: str, view_id: str) -> Any:
    """Forget a view."""
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    views.delete_view(g.session, entity, view.id, actor=g.actor)
    add_toast(locale().t("view.deleted"))
    return go_to(page_url(entity, view.content.page))


@writes
def default(entity: str, view_id: str) -> Any:
    """Begin with a view, or no longer."""
    compiled = get_entity(g.session.app, entity)
    view = views.get_view(g.session, entity, read_id(view_id), actor=g.actor)
    views.set_default_view(g.session, entity, None if view.is_default else view.id, actor=g.actor)
    add_toast(locale().t("view.no_default" if view.is_default else "view.is_default_now", name=view.name))
    return redirect(f"{ENTITY_URL.format(entity=compiled.key)}/views/{view.id}", 303)


@reads
def columns(entity: str) -> Any:
    """Show which columns a list has and in which order; change them, or go to the list with them."""
    compiled = get_entity(g.session.app, entity)
    allowed = queries.shown_keys(compiled, queries.require_read(g.session, compiled, g.actor))
    listed = request.args["list"] if "list" in request.args else request.query_string.decode("ascii", "ignore")
    given = parse_address(listed)
    if "list" in request.args:
        order = [key for key in request.args.getlist("o") if key in allowed]
        chosen = [key for key in request.args.getlist("c") if key in allowed]
    else:
        chosen = [key for key in read_columns(given) or compiled.columns if key in allowed]
        order = []
    order = list(dict.fromkeys([*(order or chosen), *allowed]))
    action, _, key = request.args.get("do", "").partition(".")
    if action in ("apply", "reset"):
        picked = ",".join(one for one in order if one in chosen)
        kept = [(name, value) for name, value in given.items(multi=True) if name not in ("columns", "cols", "after")]
        kept += [("columns", picked)] if action == "apply" and picked else []
        url = ENTITY_URL.format(entity=entity)
        return go_to(f"{url}?{urlencode(kept)}" if kept else url)
    if action in ("up", "down") and key in order:
        at = order.index(key)
        other = at + (1 if action == "down" else -1)
        if 0 <= other < len(order):
            order[at], order[other] = order[other], order[at]
    rows = [{"key": one, "label": column_label(compiled, one), "chosen": one in chosen} for one in order]
    made = {"title": locale().t("columns.title", entity=locale().label(compiled.label)), "rows": rows, "list": listed,
            "url": f"{ENTITY_URL.format(entity=entity)}/columns", "most": views.MOST_COLUMNS,
            "moved": f"{action}-{key}" if action in ("up", "down") else None}  # fmt: skip
    return _draw("pages/columns.html", made)


_ONE = "/e/<entity>/views/<view_id>"
ROUTES = (
    ("/e/<entity>/columns", ["GET"], columns),
    ("/e/<entity>/views/new", ["GET"], new),
    ("/e/<entity>/views/new", ["POST"], create),
    (_ONE, ["GET"], show),
    (f"{_ONE}/edit", ["GET"], edit),
    (f"{_ONE}/edit", ["POST"], update),
    (f"{_ONE}/content", ["POST"], save),
    (f"{_ONE}/default", ["POST"], default),
    (f"{_ONE}/delete", ["POST"], delete),
)


def _content(entity: Entity, listed: str) -> ViewContent:
    rights = queries.require_read(g.session, entity, g.actor)
    return content_of(filter_keys(entity, queries.readable_keys(entity, rights)), parse_address(listed))


def _audience() -> str | None:
    return request.form.get("audience") or None


def _kept(entity: Entity, view: SavedView) -> Any:
    """Go to the list with a view that was just kept, beginning with it from now on when that was asked for."""
    if bool(request.form.get("default")) != view.is_default:
        views.set_default_view(g.session, entity.key, None if view.is_default else view.id, actor=g.actor)
    add_toast(locale().t("view.saved", name=view.name))
    return go_to(f"{ENTITY_URL.format(entity=entity.key)}/views/{view.id}")


def _form(
    entity: Entity, view: SavedView | None, given: Mapping[str, str], refused: InvalidValues | None = None
) -> Any:
    text, rights = locale(), queries.require_read(g.session, entity, g.actor)
    url = f"{ENTITY_URL.format(entity=entity.key)}/views"
    errors = {} if refused is None else {error.path: error.text(text.language) for error in refused.errors}
    made = {
        "title": text.t("view.new" if view is None else "view.edit"),
        "action_url": f"{url}/new" if view is None else f"{url}/{view.id}/edit",
        "delete_url": f"{url}/{view.id}/delete" if view is not None and view.can_edit else None,
        "list_url": place_of(entity.key, given.get("list") or f"view={ALL}"),
        "list": given.get("list", ""),
        "name": given.get("name", ""),
        "error": errors.pop("name", None),
        "errors": list(errors.values()),
        "default": bool(given.get("default")),
        "audiences": _audiences(entity, given.get("audience", "")) if views.may_share(rights, g.actor) else [],
        "shared_as": view.audience if view is not None else None,
        "longest": views.LONGEST_NAME,
    }
    return _draw("pages/view.html", made)


def _audiences(entity: Entity, chosen: str) -> Sequence[dict[str, Any]]:
    text = locale()
    roles = [(key, text.label(role.label)) for key, role in g.session.app.roles.items() if key in entity.access]
    offered = [("", text.t("view.only_me")), (EVERYBODY, text.t("view.everybody")), *roles]
    return [{"value": key, "label": label, "selected": key == chosen} for key, label in offered]


def _draw(template: str, made: Mapping[str, Any]) -> Any:
    fragment = bool(request.headers.get("HX-Request"))
    return render_template(template, form=made, fragment=fragment, shell=None if fragment else page_shell())
