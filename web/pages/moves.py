"""Making a move: what it still needs, filled in on the spot.

Enters: a record, a move, values and a reason. Leaves: the record in its new stage, or the same dialog with everything
that is missing. Must not judge: the gate does.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from flask import Response, g, make_response, render_template, request

from engine.compiler.app import Move
from engine.errors import FieldError, InvalidValues, Missing, NotPossibleNow
from engine.records import queries
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity
from engine.workflow import approvals
from engine.workflow.transitions import PossibleMove, list_moves, move_record
from web.api.requests import read_id
from web.approval_view import view_path
from web.cells import Cells, record_url, title_of
from web.form_view import label_of
from web.gate import locale, now, reads, writes
from web.pages.forms import go_to
from web.pages.frame import page_shell
from web.posted import Posted, read_posted
from web.shell import add_toast
from web.widgets import Inputs


@reads
def show(entity: str, record_id: str, move: str) -> Any:
    """Ask what the move needs."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    possible = next((one for one in list_moves(g.session, record, actor=g.actor) if one.move.key == move), None)
    if possible is None:
        raise NotPossibleNow("workflow.not_now")
    return _dialog(record, possible, None, (), 200)


@writes
def do(entity: str, record_id: str, move: str) -> Any:
    """Make the move."""
    compiled, id_ = get_entity(g.session.app, entity), read_id(record_id)
    posted = read_posted(compiled, request.form)
    raw = {key: value for key, value in posted.raw.items() if key != "reason"}
    try:
        record = move_record(
            g.session,
            entity,
            id_,
            move,
            raw=raw,
            reason=request.form.get("reason"),
            version=posted.version,
            actor=g.actor,
        )
    except InvalidValues as invalid:
        return _asked_again(entity, id_, move, posted, invalid)
    except NotPossibleNow as refused:
        if not request.headers.get("HX-Request"):
            raise
        add_toast(refused.text(locale().language), "error")  # the dialog is out of date: show how the record stands
        return Response("", 409, headers={"HX-Redirect": record_url(entity, id_)})
    _told(entity, record)
    return go_to(record_url(entity, id_))


ROUTES = (
    ("/e/<entity>/<record_id>/moves/<move>", ["GET"], show),
    ("/e/<entity>/<record_id>/moves/<move>", ["POST"], do),
)


def _asked_again(entity: str, id_: int, move: str, posted: Posted, invalid: InvalidValues) -> Any:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    possible = next((one for one in list_moves(g.session, record, actor=g.actor) if one.move.key == move), None)
    if possible is None:
        raise invalid
    missing = invalid.missing or possible.missing
    return _dialog(record, PossibleMove(possible.move, tuple(missing)), posted, invalid.errors, 422)


def _dialog(
    record: Record, possible: PossibleMove, posted: Posted | None, errors: Sequence[FieldError], status: int
) -> Any:
    entity, text = get_entity(g.session.app, record.entity), locale()
    move = possible.move
    fields = _fields(record, possible, posted, errors)
    shown = {field["key"] for field in fields}
    stray = [error for error in errors if error.path.partition(".")[0] not in shown and error.path != "reason"]
    cells = Cells(text, now())
    view = {
        "label": text.label(move.label),
        "text": text.t("move.asks_approval") if move.approval else None,
        "record_title": title_of(entity, record),
        "record_url": record_url(entity.key, record.id),
        "action_url": f"{record_url(entity.key, record.id)}/moves/{move.key}",
        "action_id": secrets.token_hex(16),
        "version": posted.version if posted else record.version,
        "to": cells.stage(entity, move.to),
        "missing": [_missing(item) for item in possible.missing],
        "fields": fields,
        "reason": _reason(move, errors),
        "path": _path(record, move),
        "errors": [
            {"field_id": "", "label": label_of(entity, error.path), "text": error.text(text.language)}
            for error in stray
        ],
        "blocked": any(not item.fields for item in possible.missing),
        "danger": cells.stage(entity, move.to) is not None and (cells.stage(entity, move.to) or {})["tone"] == "red",
    }
    fragment = bool(request.headers.get("HX-Request"))
    shell = None if fragment else page_shell()
    return make_response(render_template("pages/move.html", move=view, shell=shell, fragment=fragment), status)


def _fields(
    record: Record, possible: PossibleMove, posted: Posted | None, errors: Sequence[FieldError]
) -> list[dict[str, Any]]:
    entity = get_entity(g.session.app, record.entity)
    asked = dict.fromkeys(key for item in possible.missing for key in item.fields)
    asked |= dict.fromkeys(key for key in (posted.raw if posted else {}) if key in entity.fields)
    said = {key: locale().label(item.message) for item in possible.missing for key in item.fields} if posted else {}
    said |= {error.path: error.text(locale().language) for error in errors}
    inputs = Inputs(
        Cells(locale(), now()), entity, find_rights(g.session.app, entity, g.actor), labels=record.labels, errors=said,
        typed=posted.typed if posted else None, values=record.values, required=frozenset(asked),
    )  # fmt: skip
    return [inputs.field(entity.fields[key]) for key in asked if key not in record.hidden]


def _missing(item: Missing) -> dict[str, Any]:
    return {"text": locale().label(item.message), "state": "missing", "hint": None, "url": None}


def _reason(move: Move, errors: Sequence[FieldError]) -> dict[str, Any] | None:
    if move.reason == "none":
        return None
    said = next((error.text(locale().language) for error in errors if error.path == "reason"), None)
    return {
        "required": move.reason == "required",
        "label": locale().t("move.reason"),
        "value": request.form.get("reason", ""),
        "error": said,
    }


def _path(record: Record, move: Move) -> dict[str, Any] | None:
    if move.approval is None:
        return None
    path = approvals.preview_path(g.session, record, move.approval, actor=g.actor)
    return view_path(Cells(locale(), now()), path, g.session.app)


def _told(entity: str, record: Record) -> None:
    badge = Cells(locale(), now()).stage(get_entity(g.session.app, entity), record.values.get("stage"))
    if badge is not None:
        add_toast(locale().t("move.did", stage=badge["label"]))
