"""Taking a list out of the house: ask for a file, see how far it is, fetch it, decide on those of others.

Enters: the list of an address, a format, a reason, decisions. Leaves: pages, and the file for whoever asked for it.
Must not decide what may leave: the engine does, when it is asked for, when it is written and when it is fetched.
"""

from functools import partial
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request

from engine.errors import FormworkError, InvalidValues, NotPossibleNow
from engine.exporting import requests, working
from engine.exporting.requests import Export
from engine.records import queries
from engine.records.rights import get_entity
from engine.records.views import ViewContent
from web.api.requests import read_id
from web.downloads import send_made
from web.export_view import EXPORTS_URL, export_url, name_file, view_ask, view_export, view_exports
from web.gate import locale, private, reads, store, writes
from web.list_filters import filter_keys
from web.pages.frame import page_shell
from web.view_address import content_of, parse_address


@reads
def begin(entity: str) -> Any:
    """Show what would leave: how many rows, which columns; ask for the format, and for the reason of a large one."""
    return _begin(entity, request.query_string.decode("ascii", "ignore"))


@writes
def ask(entity: str) -> Any:
    """Ask for the file; a small one is written before the page comes back."""
    listed, form = request.form.get("list", ""), request.form
    try:
        found = requests.ask(
            g.session, entity, _content(entity, listed), format=form.get("format", ""), language=locale().language,
            reason=form.get("reason", ""), lines=form.getlist("lines"), actor=g.actor,
        )  # fmt: skip
    except (InvalidValues, NotPossibleNow) as refused:
        return _begin(entity, listed, refused), 422
    if found.is_active and found.total <= working.AT_ONCE:
        g.session.after_commit(partial(working.go_on, store(), found.id))
    return redirect(export_url(found.id), 303)


@reads
def overview() -> Any:
    """Show what waits for the reader's decision, and what they took out lately."""
    mine, asked = requests.list_exports(g.session, actor=g.actor), requests.list_asked(g.session, actor=g.actor)
    return render_template("pages/exports.html", page=view_exports(mine, asked), shell=page_shell())


@reads
def show(export_id: str) -> Any:
    """Show how far an export is; asked by the page itself while work goes on, only that part."""
    found = _get(export_id)
    if request.headers.get("HX-Request") and not found.is_active:
        answer = make_response("")
        answer.headers["HX-Refresh"] = "true"
        return answer
    return _page(found)


@writes
def approve(export_id: str) -> Any:
    """Allow an export of somebody else."""
    found = requests.approve(g.session, read_id(export_id), actor=g.actor)
    return redirect(export_url(found.id), 303)


@writes
def refuse(export_id: str) -> Any:
    """Refuse an export of somebody else, and say why."""
    try:
        found = requests.refuse(g.session, read_id(export_id), reason=request.form.get("reason", ""), actor=g.actor)
    except InvalidValues as refused:
        return _page(_get(export_id), refused), 422
    return redirect(export_url(found.id), 303)


@writes
def stop(export_id: str) -> Any:
    """Take one's own export back."""
    found = requests.stop(g.session, read_id(export_id), actor=g.actor)
    return redirect(export_url(found.id), 303)


@private
@reads
def fetch(export_id: str) -> Response:
    """Answer the file, to whoever asked for it only; taking it is noted."""
    with store().write() as session:
        found = requests.fetch(session, read_id(export_id), actor=g.actor)
    return send_made(store().files.path(found.sha256 or ""), name_file(found))


ROUTES = (
    ("/e/<entity>/export", ["GET"], begin),
    ("/e/<entity>/export", ["POST"], ask),
    (EXPORTS_URL, ["GET"], overview),
    ("/exports/<export_id>", ["GET"], show),
    ("/exports/<export_id>/approve", ["POST"], approve),
    ("/exports/<export_id>/refuse", ["POST"], refuse),
    ("/exports/<export_id>/stop", ["POST"], stop),
    ("/exports/<export_id>/file", ["GET"], fetch),
)


def _get(export_id: str) -> Export:
    return requests.get_export(g.session, read_id(export_id), actor=g.actor)


def _content(entity: str, listed: str) -> ViewContent:
    compiled = get_entity(g.session.app, entity)
    rights = queries.require_read(g.session, compiled, g.actor)
    return content_of(filter_keys(compiled, queries.readable_keys(compiled, rights)), parse_address(listed))


def _begin(entity: str, listed: str, refused: FormworkError | None = None) -> str:
    compiled, rights = requests.require_export(g.session, entity, g.actor)
    content = requests.fit(compiled, rights, _content(entity, listed))
    rows = requests.count(g.session, entity, content, actor=g.actor)
    view = view_ask(compiled, content, rows, listed, request.form, refused)
    return render_template("pages/export.html", page=view, shell=page_shell())


def _page(found: Export, refused: InvalidValues | None = None) -> str:
    decides = requests.may_decide(g.session, found, g.actor)
    return render_template("pages/export.html", page=view_export(found, decides, refused), shell=page_shell())
