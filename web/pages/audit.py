"""The audit, for administrators: what was done to the system itself, when, by whom and from where.

Enters: a person, a kind, two days and a place from the address. Leaves: a page of entries, the newest first, or all of
them as a file. Must not change an entry: nothing does.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, render_template, request

from engine.errors import InvalidValues, NotFound
from engine.people.actor import require_admin
from engine.people.audit import ACTIONS, PAGE, AuditQuery, list_audit
from web.admin_fields import person_field, read_day, read_person, said, text_field
from web.api.requests import read_id
from web.audit_file import FORMATS, send_audit
from web.audit_view import view_entries
from web.cells import Cells
from web.gate import locale, now, private, reads
from web.pages.frame import page_shell

URL = "/admin/audit"
_FIELDS = ("person", "action", "from", "to")


@reads
def show() -> Any:
    """Show what was done."""
    errors: dict[str, str] = {}
    query = AuditQuery()
    try:
        query = _read_query()
    except InvalidValues as refused:
        errors = said(refused, _FIELDS)
    found = list_audit(g.session, query, actor=g.actor, limit=PAGE + 1)
    shown = found[:PAGE]
    asked = {key: request.args[key] for key in _FIELDS if request.args.get(key)}
    more = f"{URL}?{urlencode(asked | {'before': shown[-1].id})}" if len(found) > PAGE else None
    view = {
        "title": locale().t("audit.title"),
        "url": URL,
        "fields": _fields(errors),
        "error": errors.get(""),
        "entries": view_entries(Cells(locale(), now()), shown),
        "more_url": more,
        "clear_url": URL if asked else None,
        "files": [] if errors else [_file(asked, format) for format in FORMATS],
        "empty": {"icon": "search-off", "title": locale().t("audit.none"), "text": None, "action": None},
    }
    return render_template("pages/audit.html", page=view, shell=page_shell())


@private
@reads
def fetch() -> Response:
    """Answer all that is looked for as a file; taking it is an entry itself."""
    require_admin(g.actor)
    format = request.args.get("format", "")
    if format not in FORMATS:
        raise NotFound()
    return send_audit(replace(_read_query(), before=None), format)


def _file(asked: Mapping[str, str], format: str) -> dict[str, str]:
    url = f"{URL}/file?{urlencode({**asked, 'format': format})}"
    return {"url": url, "label": locale().t(f"audit.file_{format}")}


def _read_query() -> AuditQuery:
    action, before = request.args.get("action", ""), request.args.get("before", "")
    return AuditQuery(
        person=read_person("person"),
        action=action if action in ACTIONS else None,
        since=read_day("from"),
        until=read_day("to", end=True),
        before=read_id(before) if before else None,
    )


def _fields(errors: dict[str, str]) -> list[dict[str, Any]]:
    text, chosen = locale(), request.args.get("action", "")
    options = [{"value": "", "label": text.t("audit.any"), "selected": not chosen}]
    options += [{"value": key, "label": text.t(f"audit.{key}"), "selected": key == chosen} for key in ACTIONS]
    return [
        person_field("person", text.t("audit.who"), errors=errors),
        text_field("action", text.t("audit.what"), errors=errors, kind="choice", style="select", options=options),
        text_field("from", text.t("audit.from"), errors=errors, kind="date", value=request.args.get("from", "")),
        text_field("to", text.t("audit.to"), errors=errors, kind="date", value=request.args.get("to", "")),
    ]


ROUTES = ((URL, ["GET"], show), (f"{URL}/file", ["GET"], fetch))
