"""Exports over HTTP: ask for the file of a list, rows behind a figure or a journey, see how far it is, fetch, decide.

Enters: a list as a view is written (``filters where sort columns text``), rows as their address has them, or a record
and a kind of happenings; a format, a reason. Leaves: JSON, and the file for whoever asked for it. Must not hold a rule:
each view calls one command or query.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import Response, g

from engine.errors import FieldError, InvalidValues
from engine.exporting import requests, working
from engine.exporting.journeys import JourneyAsked, taken_along
from engine.exporting.requests import Export
from engine.records.views import ViewContent, from_plain
from engine.reports import asking
from engine.reports.behind import RowsAsked
from web.api.answers import PREFIX, answer, iso
from web.api.reports import read_cell, read_pairs, read_period
from web.api.requests import read_fields, read_id, read_object
from web.downloads import send_made
from web.export_view import name_file
from web.gate import locale, private, reads, store, writes

_CONTENT = ("filters", "where", "sort", "columns", "text")
_OF_ROWS = ("format", "lines", "reason")
_OF_JOURNEY = ("format", "kind", "reason")
_KNOWN = (*_CONTENT, *_OF_ROWS)


@writes
def ask(entity: str) -> Any:
    """Ask for the file of a list; a small one is ready when the export is read again."""
    sent = _read(_KNOWN)
    return _ask(entity, from_plain({key: sent[key] for key in _CONTENT if key in sent}), sent)


@writes
def ask_figure(figure: str) -> Any:
    """Ask for a file of the rows behind a figure, or behind one cell of it."""
    period = asking.period_of(g.session, read_period(), "month")
    return _ask_behind(RowsAsked(figure, period, read_pairs("filter"), read_cell()))


@writes
def ask_funnel(funnel: str, step: str) -> Any:
    """Ask for a file of the rows of a cohort that got as far as a step."""
    found = asking.find_funnel(g.session, funnel, actor=g.actor)
    period = asking.period_of(g.session, read_period(), found.period)
    return _ask_behind(RowsAsked(funnel, period, read_pairs("filter"), read_cell(), step))


@writes
def ask_journey(entity: str, record_id: str) -> Any:
    """Ask for a file of all that happened around a record, or of one kind of it."""
    sent = _read(_OF_JOURNEY)
    journey = JourneyAsked.from_plain({"record": read_id(record_id), "kind": sent.get("kind") or None})
    return _ask(entity, ViewContent(), sent, journey=journey)


def _ask_behind(behind: RowsAsked) -> Any:
    sent = _read(_OF_ROWS)
    entity, content = requests.content_behind(g.session, behind, actor=g.actor)
    return _ask(entity, content, sent, behind)


def _read(known: Sequence[str]) -> dict[str, Any]:
    """Return what was sent; raises ``InvalidValues`` for any other member or kind."""
    sent = read_object()
    errors = [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(known)})
        for name in sent
        if name not in known
    ]
    errors += [FieldError(name, "people.wrong_member", {"kind": "string"}) for name in ("format", "kind", "reason")
               if not isinstance(sent.get(name) or "", str)]  # fmt: skip
    lines = sent.get("lines") or []
    if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
        errors.append(FieldError("lines", "people.wrong_member", {"kind": "array"}))
    if errors:
        raise InvalidValues(errors)
    return sent


def _ask(
    entity: str, content: ViewContent, sent: Mapping[str, Any], behind: RowsAsked | None = None,
    journey: JourneyAsked | None = None,
) -> Any:  # fmt: skip
    found = requests.ask(
        g.session, entity, content, format=sent.get("format") or "xlsx", language=locale().language,
        reason=sent.get("reason") or "", lines=sent.get("lines") or [], behind=behind, journey=journey, actor=g.actor,
    )  # fmt: skip
    if found.is_active and found.total <= working.AT_ONCE:
        g.session.after_commit(partial(working.go_on, store(), found.id))
    said = answer(_said(found), 201)
    said.headers["Location"] = f"{PREFIX}/exports/{found.id}"
    return said


@reads
def list_exports() -> Any:
    """Answer the caller's newest exports, and those that wait for their decision."""
    mine, asked = requests.list_exports(g.session, actor=g.actor), requests.list_asked(g.session, actor=g.actor)
    return answer({"items": [_said(one) for one in mine], "to_decide": [_said(one) for one in asked]})


@reads
def get_export(export_id: str) -> Any:
    """Answer how far an export is."""
    return answer(_said(requests.get_export(g.session, read_id(export_id), actor=g.actor)))


@private
@reads
def fetch(export_id: str) -> Response:
    """Answer the file, to whoever asked for it only."""
    with store().write() as session:
        found = requests.fetch(session, read_id(export_id), actor=g.actor)
    return send_made(store().files.path(found.sha256 or ""), name_file(found))


@writes
def approve(export_id: str) -> Any:
    """Allow an export of somebody else."""
    return answer(_said(requests.approve(g.session, read_id(export_id), actor=g.actor)))


@writes
def refuse(export_id: str) -> Any:
    """Refuse an export of somebody else."""
    reason = read_fields("reason")["reason"] or ""
    return answer(_said(requests.refuse(g.session, read_id(export_id), reason=reason, actor=g.actor)))


@writes
def stop(export_id: str) -> Any:
    """Take one's own export back."""
    return answer(_said(requests.stop(g.session, read_id(export_id), actor=g.actor)))


ROUTES = (
    ("/<entity>/exports", ["POST"], ask),
    ("/<entity>/<record_id>/journey/exports", ["POST"], ask_journey),
    ("/reports/figures/<figure>/rows/exports", ["POST"], ask_figure),
    ("/reports/funnels/<funnel>/<step>/rows/exports", ["POST"], ask_funnel),
    ("/exports", ["GET"], list_exports),
    ("/exports/<export_id>", ["GET"], get_export),
    ("/exports/<export_id>/file", ["GET"], fetch),
    ("/exports/<export_id>/approve", ["POST"], approve),
    ("/exports/<export_id>/refuse", ["POST"], refuse),
    ("/exports/<export_id>/stop", ["POST"], stop),
)


def _journey(found: Export) -> dict[str, Any] | None:
    """Return whose journey it is, and to whoever asked, of which linked records nothing leaves with it."""
    if found.journey is None:
        return None
    told = found.journey.to_plain()
    if found.user == g.actor.id:
        told["left_out"] = taken_along(g.session.app, found.entity, g.actor)[1]
    return told


def _said(found: Export) -> dict[str, Any]:
    mine = found.user == g.actor.id
    return {
        "id": found.id, "entity": found.entity, "by": found.user, "by_name": found.user_name, "state": found.state,
        "format": found.format, "columns": list(found.content.columns), "lines": list(found.lines),
        "figure": None if found.behind is None else found.behind.of, "journey": _journey(found), "reason": found.reason,
        "total": found.total, "done": found.done, "asked_at": iso(found.created_at),
        "expires_at": iso(found.expires_at), "answer": found.answer,
        "error": (found.error or {}).get(locale().language),
        "file": f"{PREFIX}/exports/{found.id}/file" if mine and found.state == "done" else None,
    }  # fmt: skip
