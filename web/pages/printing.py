"""Printed pages: a preview in the browser, and the same as PDF.

Enters: a record and one of its prints. Leaves: a page. Must not print what the reader may not see.
"""

from io import BytesIO
from typing import Any

from flask import Response, g, render_template, send_file

from engine.errors import NotFound
from engine.printing.pdf import render_pdf
from engine.records import noting, queries
from engine.records.printed import read_lists
from engine.records.rights import get_entity
from engine.storage.files import clean_name
from engine.workflow.panel import find_panel
from web.api.requests import read_id
from web.cells import Cells, record_url
from web.gate import locale, now, reads
from web.page_kit import FONTS
from web.printing import PrintView, prints_of, to_page, view_print
from web.readers import mark_of, note_read


@reads
def show(entity: str, record_id: str, key: str) -> Any:
    """Show a record on paper."""
    view = _view(entity, record_id, key)
    return render_template("pages/print.html", print=view.page)


@reads
def pdf(entity: str, record_id: str, key: str) -> Response:
    """Answer the PDF."""
    view = _view(entity, record_id, key)
    content = BytesIO(render_pdf(to_page(view), FONTS))
    name = clean_name(f"{view.page['title'].replace(' ', '')}-{view.page['number']}.pdf")
    answer = send_file(content, mimetype="application/pdf", download_name=name)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


ROUTES = (
    ("/e/<entity>/<record_id>/print/<key>", ["GET"], show),
    ("/e/<entity>/<record_id>/print/<key>.pdf", ["GET"], pdf),
)


def _view(entity: str, record_id: str, key: str) -> PrintView:
    compiled = get_entity(g.session.app, entity)
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    printed = next((one for one in prints_of(g.session.app, compiled) if one.key == key), None)
    if printed is None:
        raise NotFound()
    note_read(entity, [record.id], noting.PRINT)
    panel = find_panel(g.session, entity, record.id, actor=g.actor)
    lists = read_lists(g.session, printed, record, actor=g.actor)
    url = record_url(entity, record.id)
    return view_print(
        Cells(locale(), now()), g.session, compiled, record, printed, panel, lists, actor=g.actor,
        back_url=url, pdf_url=f"{url}/print/{key}.pdf", mark=mark_of(entity),
    )  # fmt: skip
