"""Importing a spreadsheet: choose a file, say what its columns are, look at every row, write them, take them back.

Enters: a file, choices. Leaves: the page of the step an import is at. Must not judge a row: the engine rehearses and
writes them. What fits into a second is done before the page comes back; the rest goes on in the background while the
page shows how far it is.
"""

import io
from functools import partial
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, send_file

from engine.errors import FieldError, InvalidValues
from engine.importing import batches, papers, working
from engine.importing.batches import Import
from engine.importing.columns import choose_columns
from engine.importing.sheets import MAX_BYTES, read_rows
from engine.importing.staging import stage
from engine.people.actor import Actor
from engine.storage.files import clean_name
from web.api.requests import read_id
from web.gate import locale, reads, store, takes_files, writes
from web.import_choices import read_choices
from web.import_view import import_url, view_import, view_start
from web.pages.frame import page_shell

AT_ONCE = 1.0
"""Seconds that work may go on before the page is answered."""

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@reads
def begin(entity: str) -> Any:
    """Ask for a file; show what the reader imported lately."""
    return _start(entity)


@takes_files
@reads
def upload(entity: str) -> Any:
    """Take a file in and go on to its columns."""
    batches.require_import(g.session, entity, g.actor)
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _start(entity, locale().t("import.no_file")), 422
    name = clean_name(sent.filename)
    content = sent.stream.read(MAX_BYTES + 1)
    sent.close()
    try:
        id_ = stage(store(), entity, read_rows(content, name), name=name, content=content, actor=g.actor)
    except InvalidValues as refused:
        return _start(entity, _said(refused)), 422
    return redirect(import_url(id_), 303)


@reads
def template(entity: str) -> Response:
    """Answer a workbook to fill in."""
    compiled, rights = batches.require_import(g.session, entity, g.actor)
    made = io.BytesIO()
    papers.write_template(made, compiled, rights, locale().language)
    return _workbook(made, f"{locale().label(compiled.label)}.xlsx")


@reads
def show(import_id: str) -> Any:
    """Show the step an import is at; asked by the page itself while work goes on, only that part."""
    found = _get(import_id)
    if request.headers.get("HX-Request") and not found.is_active:
        answer = make_response("")
        answer.headers["HX-Refresh"] = "true"
        return answer
    return _page(found)


@writes
def choose(import_id: str) -> Any:
    """Keep what the columns are and look at every row."""
    found = _get(import_id)
    compiled, rights = batches.require_import(g.session, found.entity, g.actor)
    asked = read_choices(compiled, found, request.form)
    try:
        columns = choose_columns(compiled, rights, found.columns, asked.columns)
        batches.choose(g.session, found.id, columns, asked.mode, asked.match_by, asked.reminds, actor=g.actor)
    except InvalidValues as refused:
        return _page(found, errors=refused.errors, asked=asked), 422
    return _go_on(found)


@writes
def run(import_id: str) -> Any:
    """Write the rows that are right."""
    found = _get(import_id)
    batches.start(g.session, found.id, actor=g.actor)
    return _go_on(found)


@writes
def stop(import_id: str) -> Any:
    """Write no more rows."""
    found = batches.stop(g.session, read_id(import_id), actor=g.actor)
    return redirect(import_url(found.id), 303)


@writes
def undo(import_id: str) -> Any:
    """Take back what came in."""
    return _go_on(batches.start_undo(g.session, read_id(import_id), actor=g.actor))


@writes
def back(import_id: str) -> Any:
    """Go back to the columns."""
    found = batches.map_again(g.session, read_id(import_id), actor=g.actor)
    return redirect(import_url(found.id), 303)


@writes
def drop(import_id: str) -> Any:
    """Throw the file away."""
    found = _get(import_id)
    batches.drop(g.session, found.id, actor=g.actor)
    return redirect(f"/e/{found.entity}/import", 303)


@reads
def errors(import_id: str) -> Response:
    """Answer the rows that are wrong, with what is wrong, to be mended and brought again."""
    found = _get(import_id)
    made = io.BytesIO()
    papers.write_errors(made, g.session, found, locale().language)
    stem = found.name.rpartition(".")[0] or found.name
    return _workbook(made, f"{stem}-{locale().t('import.errors_name')}.xlsx")


ROUTES = (
    ("/e/<entity>/import", ["GET"], begin),
    ("/e/<entity>/import", ["POST"], upload),
    ("/e/<entity>/import/template", ["GET"], template),
    ("/imports/<import_id>", ["GET"], show),
    ("/imports/<import_id>/columns", ["POST"], choose),
    ("/imports/<import_id>/run", ["POST"], run),
    ("/imports/<import_id>/stop", ["POST"], stop),
    ("/imports/<import_id>/undo", ["POST"], undo),
    ("/imports/<import_id>/back", ["POST"], back),
    ("/imports/<import_id>/drop", ["POST"], drop),
    ("/imports/<import_id>/errors", ["GET"], errors),
)


def _get(import_id: str) -> Import:
    found = batches.get_import(g.session, read_id(import_id), actor=g.actor)
    batches.require_import(g.session, found.entity, g.actor)
    return found


def _go_on(found: Import) -> Response:
    g.session.after_commit(partial(working.go_on, store(), found.id, seconds=AT_ONCE))
    return make_response(redirect(import_url(found.id), 303))


def _start(entity: str, error: str | None = None) -> str:
    compiled, _ = batches.require_import(g.session, entity, g.actor)
    actor: Actor = g.actor
    recent = batches.list_imports(g.session, entity, actor=actor)
    return render_template("pages/import.html", page=view_start(compiled, recent, error), shell=page_shell())


def _page(found: Import, *, errors: Any = (), asked: Any = None) -> str:
    view = view_import(found, errors, asked)
    return render_template("pages/import_steps.html", page=view, shell=page_shell())


def _said(refused: InvalidValues) -> str:
    first: FieldError = refused.errors[0]
    return first.text(locale().language)


def _workbook(made: io.BytesIO, name: str) -> Response:
    made.seek(0)
    answer = send_file(made, mimetype=_XLSX, as_attachment=True, download_name=clean_name(name))
    answer.headers["Cache-Control"] = "no-store"
    return answer
