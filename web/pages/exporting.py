"""Taking a list, the rows behind a figure or a journey out of the house: ask for a file, watch it, fetch it, decide.

Enters: the address of a list or a page of rows, a format, a reason, decisions. Leaves: pages, and the file for whoever
asked for it. Must not decide what may leave: the engine does, when it is asked for, when it is written and when it is
fetched.
"""

from functools import partial
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request

from engine.errors import FormworkError, InvalidValues, NotPossibleNow
from engine.exporting import requests, working
from engine.exporting.journeys import JourneyAsked
from engine.exporting.requests import Export
from engine.records import queries
from engine.records.journey import KINDS
from engine.records.views import ViewContent
from engine.reports.behind import RowsAsked
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.downloads import send_made
from web.export_view import EXPORTS_URL, Taken, export_url, name_file, view_ask, view_export, view_exports
from web.gate import locale, private, reads, store, writes
from web.list_filters import filter_keys
from web.pages import figures, funnels
from web.pages.frame import page_shell
from web.reporting.address import Asked
from web.shell import ENTITY_URL
from web.view_address import content_of, parse_address


@reads
def begin(entity: str) -> Any:
    """Show what would leave: how many rows, which columns; ask for the format, and for the reason of a large one."""
    return _begin(_list(entity, _query()))


@writes
def ask(entity: str) -> Any:
    """Ask for the file; a small one is written before the page comes back."""
    return _ask(_list(entity, request.form.get("list", "")))


@reads
def begin_figure(figure: str) -> Any:
    """Show what would leave of the rows behind a figure."""
    return _begin(_behind_figure(figure, _query()))


@writes
def ask_figure(figure: str) -> Any:
    """Ask for a file of the rows behind a figure."""
    return _ask(_behind_figure(figure, request.form.get("list", "")))


@reads
def begin_funnel(funnel: str) -> Any:
    """Show what would leave of the rows that got as far as a step."""
    return _begin(_behind_funnel(funnel, _query()))


@writes
def ask_funnel(funnel: str) -> Any:
    """Ask for a file of the rows that got as far as a step."""
    return _ask(_behind_funnel(funnel, request.form.get("list", "")))


@reads
def begin_journey(entity: str, record_id: str) -> Any:
    """Show what would leave of the journey of a record."""
    return _begin(_journey(entity, record_id, _query()))


@writes
def ask_journey(entity: str, record_id: str) -> Any:
    """Ask for a file of the journey of a record."""
    return _ask(_journey(entity, record_id, request.form.get("list", "")))


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
    ("/figures/<figure>/rows/export", ["GET"], begin_figure),
    ("/figures/<figure>/rows/export", ["POST"], ask_figure),
    ("/funnels/<funnel>/rows/export", ["GET"], begin_funnel),
    ("/funnels/<funnel>/rows/export", ["POST"], ask_funnel),
    ("/e/<entity>/<record_id>/journey/export", ["GET"], begin_journey),
    ("/e/<entity>/<record_id>/journey/export", ["POST"], ask_journey),
    (EXPORTS_URL, ["GET"], overview),
    ("/exports/<export_id>", ["GET"], show),
    ("/exports/<export_id>/approve", ["POST"], approve),
    ("/exports/<export_id>/refuse", ["POST"], refuse),
    ("/exports/<export_id>/stop", ["POST"], stop),
    ("/exports/<export_id>/file", ["GET"], fetch),
)


def _get(export_id: str) -> Export:
    return requests.get_export(g.session, read_id(export_id), actor=g.actor)


def _query() -> str:
    return request.query_string.decode("ascii", "ignore")


def _list(entity: str, listed: str) -> Taken:
    compiled, rights = requests.require_export(g.session, entity, g.actor)
    keys = filter_keys(compiled, queries.readable_keys(compiled, rights))
    content = requests.fit(compiled, rights, content_of(keys, parse_address(listed)))
    url = ENTITY_URL.format(entity=entity)
    tables = requests.tables_of(g.session, compiled, rights, None, g.actor)
    return Taken(compiled, content, f"{url}/export", listed, f"{url}?{listed}" if listed else url, tables)


def _behind_figure(figure: str, listed: str) -> Taken:
    asked = figures.ask_figure(figure, parse_address(listed))
    return _behind(asked, RowsAsked(figure, asked.period, asked.filters, asked.cell), listed)


def _behind_funnel(funnel: str, listed: str) -> Taken:
    given = parse_address(listed)
    asked, _ = funnels.ask_funnel(funnel, given)
    return _behind(asked, RowsAsked(funnel, asked.period, asked.filters, asked.cell, given.get("step", "")), listed)


def _behind(asked: Asked, behind: RowsAsked, listed: str) -> Taken:
    entity, content = requests.content_behind(g.session, behind, actor=g.actor)
    compiled, rights = requests.require_export(g.session, entity, g.actor)
    tables = requests.tables_of(g.session, compiled, rights, behind, g.actor)
    url = f"{asked.url}/rows"
    return Taken(compiled, content, f"{url}/export", listed, f"{url}?{listed}", tables, behind)


def _journey(entity: str, record_id: str, listed: str) -> Taken:
    compiled, _ = requests.require_export(g.session, entity, g.actor)
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    kind = parse_address(listed).get("kind", "")
    asked = JourneyAsked(record.id, next((one for one in KINDS if one == kind), None))
    url = f"{record_url(entity, record.id)}/journey"
    back = f"{url}?kind={asked.kind}" if asked.kind else url
    return Taken(
        compiled, ViewContent(), f"{url}/export", listed, back, (), journey=asked, name=title_of(compiled, record)
    )


def _begin(taken: Taken, refused: FormworkError | None = None) -> str:
    rows = requests.count(
        g.session, taken.entity.key, taken.content, behind=taken.behind, journey=taken.journey, actor=g.actor
    )
    view = view_ask(taken, rows, request.form, refused)
    return render_template("pages/export.html", page=view, shell=page_shell())


def _ask(taken: Taken) -> Any:
    form = request.form
    try:
        found = requests.ask(
            g.session, taken.entity.key, taken.content, format=form.get("format", ""), language=locale().language,
            reason=form.get("reason", ""), lines=form.getlist("lines"), behind=taken.behind, journey=taken.journey,
            actor=g.actor,
        )  # fmt: skip
    except (InvalidValues, NotPossibleNow) as refused:
        return _begin(taken, refused), 422
    if found.is_active and found.total <= working.AT_ONCE:
        g.session.after_commit(partial(working.go_on, store(), found.id))
    return redirect(export_url(found.id), 303)


def _page(found: Export, refused: InvalidValues | None = None) -> str:
    decides = requests.may_decide(g.session, found, g.actor)
    return render_template("pages/export.html", page=view_export(found, decides, refused), shell=page_shell())
