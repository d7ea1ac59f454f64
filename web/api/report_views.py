"""Views of reports over HTTP: list, make, change, delete.

Enters: JSON bodies; ``query`` is that of the page, as its address has it. Leaves: JSON. Must not hold a rule: each view
calls one command or query.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g

from engine.errors import FieldError, InvalidValues
from engine.reports import kept_views
from engine.reports.kept_views import KINDS, Part, ReportView
from web.api.answers import answer
from web.api.requests import read_id, read_object
from web.gate import reads, writes

_KNOWN = ("kind", "key", "name", "audience", "query")
_LONGEST = 8_000


@reads
def list_report_views() -> Any:
    """Answer the views of reports that the caller may use."""
    return answer({"items": [_said(view) for view in kept_views.list_all(g.session, actor=g.actor)]})


@writes
def create_report_view() -> Any:
    """Keep a view."""
    sent = _read()
    for kind in KINDS:
        if kind == sent.get("kind"):
            view = kept_views.create_view(
                g.session, sent.get("name") or "", _parts(sent.get("query") or ""), kind=kind,
                key=sent.get("key") or "", audience=sent.get("audience"), actor=g.actor,
            )  # fmt: skip
            return answer(_said(view), 201)
    raise InvalidValues([FieldError("kind", "value.choice", {"options": ", ".join(KINDS)})])


@writes
def update_report_view(view_id: str) -> Any:
    """Change what was sent of a view."""
    view, sent = kept_views.get_view(g.session, read_id(view_id), actor=g.actor), _read("name", "audience", "query")
    view = kept_views.update_view(
        g.session, view.id, name=sent.get("name") or view.name, actor=g.actor,
        parts=_parts(sent["query"] or "") if "query" in sent else view.parts,
        audience=sent.get("audience", view.audience),
    )  # fmt: skip
    return answer(_said(view))


@writes
def delete_report_view(view_id: str) -> Any:
    """Forget a view."""
    kept_views.delete_view(g.session, read_id(view_id), actor=g.actor)
    return "", 204


ROUTES = (
    ("/reports/views", ["GET"], list_report_views),
    ("/reports/views", ["POST"], create_report_view),
    ("/reports/views/<view_id>", ["PATCH"], update_report_view),
    ("/reports/views/<view_id>", ["DELETE"], delete_report_view),
)


def _read(*known: str) -> dict[str, Any]:
    sent = read_object()
    names = known or _KNOWN
    errors = [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(names)})
        for name in sent
        if name not in names
    ]
    wrong = [name for name in names if not isinstance(sent.get(name, ""), str | None)]
    errors += [FieldError(name, "people.wrong_member", {"kind": "string"}) for name in wrong]
    if errors:
        raise InvalidValues(errors)
    return sent


def _parts(query: str) -> Sequence[Part]:
    return parse_qsl(query[:_LONGEST])


def _said(view: ReportView) -> dict[str, Any]:
    """Return a view without what the caller may not see; ``left_out`` says how much that is."""
    parts, left_out = kept_views.fitted(g.session, view, actor=g.actor)
    about = {"id": view.id, "kind": view.kind, "key": view.key, "name": view.name, "audience": view.audience}
    return about | {
        "owner": view.owner_id, "query": urlencode(parts), "can_edit": view.can_edit, "left_out": left_out,
    }  # fmt: skip
