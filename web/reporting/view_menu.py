"""What is kept of a report's page: the views to choose from, and what can be done with the one that is shown.

Enters: an ``Asked``. Leaves: the ``views`` of ``pages/report.html``, and addresses of views. Must not decide who may
change one: the view says so.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g
from werkzeug.datastructures import MultiDict

from engine.reports import kept_views
from engine.reports.kept_views import Kind, Part, ReportView
from web.reporting.address import CELL, VIEW, Asked, figure_url, funnel_url, report_url

URL = "/report-views"
PAGES = {"report": report_url, "figure": figure_url, "funnel": funnel_url}
_LONGEST = 8_000


def view_views(asked: Asked, kind: Kind, key: str) -> dict[str, Any]:
    """Return the menu of the views of a page."""
    found = kept_views.list_views(g.session, kind=kind, key=key, actor=g.actor)
    shown = next((one for one in found if str(one.id) == asked.view), None)
    parts = asked.kept(VIEW, CELL)
    changed = shown is not None and kept_views.fitted(g.session, shown, actor=g.actor)[0] != tuple(parts)
    query = urlencode(parts)
    url = f"{URL}/{shown.id}" if shown is not None else ""
    return {
        "options": [{"label": one.name, "url": url_of(one), "on": one is shown} for one in found],
        "new_url": f"{URL}/new?{urlencode({'kind': kind, 'key': key, 'list': query})}",
        "name": shown.name if shown is not None else None,
        "list": query,
        "save_url": f"{url}/content" if shown is not None and shown.can_edit and changed else None,
        "edit_url": f"{url}/edit" if shown is not None and shown.can_edit else None,
    }


def url_of(view: ReportView) -> str:
    """Return where a view is opened."""
    return f"{URL}/{view.id}"


def place_of(view: ReportView, parts: tuple[Part, ...]) -> str:
    """Return the page of a report as a view shows it."""
    return f"{PAGES[view.kind](view.key)}?{urlencode([*parts, (VIEW, str(view.id))])}"


def read_parts(query: str) -> "MultiDict[str, str]":
    """Return the names and values of a query that was carried along."""
    return MultiDict(parse_qsl(query[:_LONGEST], keep_blank_values=True))
