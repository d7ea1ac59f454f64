"""People from a sheet, for administrators: read, looked at, brought in all at once.

Enters: a sheet. Leaves: what would come in with everything that is wrong; people with their invitations, shown once.
Must not create anybody before the reader saw the list.
"""

import csv
import io
import json
from typing import Any

from flask import Response, g, render_template, request

from engine.errors import InvalidValues
from engine.importing import people
from engine.importing.sheets import MAX_BYTES, read_rows
from engine.people import password_links, roster
from engine.people.actor import ADMIN, require_admin
from web.gate import computes, locale, reads, takes_files, writes
from web.guide_view import URL
from web.joining import link_address
from web.pages.frame import page_shell
from web.pages.guide import note

_URL = f"{URL}/people"


@reads
def begin() -> Any:
    """Ask for a sheet."""
    note("people")
    return _page()


@reads
def template() -> Response:
    """Answer a sheet to fill in."""
    require_admin(g.actor)
    text, out = locale(), io.StringIO()
    names = [one[0] if text.language == "zh" else one[-1] for one in people.COLUMNS.values()]
    csv.writer(out).writerow(names)
    headers = {"Content-Disposition": "attachment; filename=People.csv"}
    return Response("\ufeff" + out.getvalue(), mimetype="text/csv", headers=headers)


@takes_files
@computes
@reads
def look() -> Any:
    """Read a sheet, or what was pasted, and show what would come in."""
    require_admin(g.actor)
    sent, pasted = request.files.get("file"), request.form.get("pasted", "").strip()
    try:
        if sent is not None and sent.filename:
            rows = list(read_rows(sent.stream.read(MAX_BYTES + 1), sent.filename))
        elif pasted:
            rows = list(read_rows(pasted.encode(), "People.csv"))
        else:
            return _page(error=locale().t("guide.no_sheet")), 422
        return _page(people.judge(g.session, rows), rows)
    except InvalidValues as refused:
        return _page(error=_said(refused)), 422


@writes
def bring_in() -> Any:
    """Create everybody on the sheet and show their invitations."""
    require_admin(g.actor)
    try:
        rows = [(int(number), [str(cell) for cell in cells]) for number, cells in json.loads(request.form["sheet"])]
    except (KeyError, TypeError, ValueError):
        return _page(error=locale().t("guide.no_sheet")), 422
    try:
        sheet = people.judge(g.session, rows)
        made = people.bring_in(g.session, sheet, actor=g.actor)
    except InvalidValues as refused:
        return _page(error=_said(refused)), 422
    links = []
    for one in made:
        entry = roster.get_entry(g.session.connection, one)
        link = password_links.create_link(g.session, one, actor=g.actor)
        links.append({"name": entry.name, "login": entry.login, "url": link_address(link.secret)})
    return _page(links=links)


ROUTES = (
    (_URL, ["GET"], begin),
    (f"{_URL}/template", ["GET"], template),
    (f"{_URL}/look", ["POST"], look),
    (_URL, ["POST"], bring_in),
)


def _said(refused: InvalidValues) -> str:
    return " ".join(one.text(locale().language) for one in refused.errors)


def _page(
    sheet: people.Sheet | None = None,
    rows: list[Any] | None = None,
    *,
    error: str | None = None,
    links: list[dict[str, str]] | None = None,
) -> str:
    text, app = locale(), g.session.app
    usable = [one for one in app.roles.values() if not (one.retired or one.service or one.key == ADMIN)]
    page = {
        "title": text.t("guide.step_people"),
        "url": _URL,
        "template_url": f"{_URL}/template",
        "new_url": "/admin/people/new",
        "guide_url": URL,
        "columns": [(key, text.t(f"guide.column_{key}")) for key in people.COLUMNS],
        "roles": text.t("text.comma").join(text.label(one.label) for one in usable),
        "error": error,
        "links": links,
        "sheet": None if sheet is None else _view_sheet(sheet, rows or []),
    }
    return render_template("pages/guide_people.html", page=page, shell=page_shell())


def _view_sheet(sheet: people.Sheet, rows: list[Any]) -> dict[str, Any]:
    text = locale()
    shown = [
        {
            "number": one.number,
            "cells": one.values | {"roles": _roles(one)},
            "problems": [problem.text(text.language) for problem in one.problems],
        }
        for one in sheet.rows
    ]
    posted = [[number, [str("" if cell is None else cell) for cell in cells]] for number, cells in rows]
    wrong = sum(bool(one["problems"]) for one in shown)
    return {
        "rows": shown,
        "right": sheet.is_right,
        "count": text.t("guide.sheet_count", n=len(shown), wrong=wrong),
        "missing": text.t("text.comma").join(text.t(f"guide.column_{key}") for key in sheet.missing),
        "departments": text.t("text.comma").join(sheet.new_departments),
        "text": json.dumps(posted, ensure_ascii=False),
    }


def _roles(row: people.Row) -> str:
    text, roles = locale(), g.session.app.roles
    return text.t("text.comma").join(text.label(roles[key].label) for key in row.roles) or row.values.get("roles", "")
