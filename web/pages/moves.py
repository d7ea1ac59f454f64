"""Making a move: what it still needs, filled in on the spot.

Enters: a record, a move, values and a reason. Leaves: the record in its new stage, or the same dialog with everything
that is missing. Must not judge: the gate does.
"""

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, make_response, render_template, request

from engine.compiler.app import Entity, Move
from engine.errors import FieldError, InvalidValues, Missing, NotPossibleNow
from engine.people import directory
from engine.people.actor import Person as Somebody
from engine.records import queries
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity
from engine.workflow import flagging
from engine.workflow.approval import commands as approvals
from engine.workflow.approval.plan import Person
from engine.workflow.transitions import PossibleMove, list_moves, move_record
from web.api.requests import read_id
from web.approval_view import view_path
from web.cells import Cells, record_url, title_of
from web.form_values import find_creatable, link_errors
from web.form_view import label_of
from web.gate import locale, now, reads, writes
from web.pages.forms import go_to
from web.pages.frame import page_shell
from web.picked import read_form
from web.posted import Posted
from web.related_view import missing_url
from web.security import safe_next
from web.sent_files import with_sent_files
from web.shell import add_toast
from web.widgets import Inputs

_OWN = ("reason", "chosen")
"""What the dialog asks for itself, beside fields of the record."""


@reads
def show(entity: str, record_id: str, move: str) -> Any:
    """Ask what the move needs."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    possible = next((one for one in list_moves(g.session, record, actor=g.actor) if one.move.key == move), None)
    if possible is None:
        raise NotPossibleNow("workflow.not_now")
    return _dialog(record, possible, None, (), 200)


@with_sent_files
@writes
def do(entity: str, record_id: str, move: str) -> Any:
    """Make the move."""
    compiled, id_ = get_entity(g.session.app, entity), read_id(record_id)
    posted = read_form(compiled, request.form, record=id_)
    if "_resume" in request.form:
        return _resumed(entity, id_, move, posted)
    raw = {key: value for key, value in posted.raw.items() if key.partition(".")[0] not in _OWN}
    try:
        record = move_record(
            g.session,
            entity,
            id_,
            move,
            raw=raw,
            reason=request.form.get("reason"),
            chosen=_chosen(),
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
    return go_to(safe_next(request.args.get("next"), record_url(entity, id_)))


@writes
def end_flag(entity: str, record_id: str, flag: str) -> Any:
    """Take a flag off a record."""
    id_ = read_id(record_id)
    flagging.end_flag(g.session, entity, id_, flag, actor=g.actor)
    add_toast(locale().t("stay.flag_ended"))
    return go_to(record_url(entity, id_))


ROUTES = (
    ("/e/<entity>/<record_id>/flags/<flag>/end", ["POST"], end_flag),
    ("/e/<entity>/<record_id>/moves/<move>", ["GET"], show),
    ("/e/<entity>/<record_id>/moves/<move>", ["POST"], do),
)


def _resumed(entity: str, id_: int, move: str, posted: Posted) -> Any:
    """Show the dialog as it was filled in when the session ended; nothing is done yet."""
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    possible = next((one for one in list_moves(g.session, record, actor=g.actor) if one.move.key == move), None)
    if possible is None:
        raise NotPossibleNow("workflow.not_now")
    return _dialog(record, possible, posted, (), 200)


def _asked_again(entity: str, id_: int, move: str, posted: Posted, invalid: InvalidValues) -> Any:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    possible = next((one for one in list_moves(g.session, record, actor=g.actor) if one.move.key == move), None)
    if possible is None:
        raise invalid
    missing = invalid.missing or possible.missing
    return _dialog(record, PossibleMove(possible.move, tuple(missing)), posted, invalid.errors, 422)


def _action_url(entity: str, id_: int, move: str) -> str:
    """Return where the dialog posts to, with the page to go on to when it is not the record."""
    url, following = f"{record_url(entity, id_)}/moves/{move}", safe_next(request.args.get("next"), "")
    return f"{url}?{urlencode({'next': following})}" if following else url


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
        "action_url": _action_url(entity.key, record.id, move.key),
        "action_id": secrets.token_hex(16),
        "keeper": g.actor.name,
        "answered": bool(errors),
        "version": posted.version if posted else record.version,
        "to": cells.stage(entity, move.to),
        "missing": [_missing(item, record.id) for item in possible.missing],
        "fields": fields,
        "reason": _reason(move, errors),
        "path": _path(record, move),
        "choices": _choices(record, move),
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
    due = (error.path for error in errors if error.code == "value.required")
    asked |= dict.fromkeys(key for key in due if key in entity.fields)  # required by where the move leads
    said = {key: _asked_for(entity, item, key) for item in possible.missing for key in item.fields} if posted else {}
    said |= {error.path: error.text(locale().language) for error in errors}
    inputs = Inputs(
        Cells(locale(), now()), entity, find_rights(g.session.app, entity, g.actor).on(record.hidden),
        labels=record.labels, errors=said, typed=posted.typed if posted else None, values=record.values,
        required=frozenset(asked),
        creatable=find_creatable(entity), links=link_errors(errors),
    )  # fmt: skip
    return [inputs.field(entity.fields[key]) for key in asked if key not in record.hidden]


def _asked_for(entity: Entity, item: Missing, key: str) -> str:
    """Say at its field that it is to be filled in: what stands above for several fields names the others too."""
    if item.kind != "fields":
        return locale().label(item.message)
    return FieldError(key, "value.required", {"label": label_of(entity, key)}).text(locale().language)


def _missing(item: Missing, id_: int) -> dict[str, Any]:
    return {"text": locale().label(item.message), "state": "missing", "hint": None, "url": missing_url(item, id_)}


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


def _chosen() -> dict[str, list[int]]:
    """Whom the starter chose, by step: ``chosen.<step>``."""
    steps = [key.removeprefix("chosen.") for key in request.form if key.startswith("chosen.")]
    return {step: [int(id_) for id_ in request.form.getlist(f"chosen.{step}") if id_.isdecimal()] for step in steps}


def _choices(record: Record, move: Move) -> list[dict[str, Any]]:
    """The steps whose people whoever submits has to choose (自选)."""
    if move.approval is None:
        return []
    found = approvals.choices_of(g.session, record, move.approval, actor=g.actor)
    made = []
    for choice in found:
        anybody = directory.find_people(g.session, "", limit=200)
        offered: Sequence[Person | Somebody] = choice.people or anybody
        made.append(
            {
                "name": f"chosen.{choice.step}",
                "label": locale().t("decision.choose", step=locale().label(choice.label)),
                "many": choice.max > 1,
                "people": [{"id": one.id, "name": one.name} for one in offered if one.id != g.actor.id],
                "picked": request.form.getlist(f"chosen.{choice.step}"),
            }
        )
    return made


def _told(entity: str, record: Record) -> None:
    badge = Cells(locale(), now()).stage(get_entity(g.session.app, entity), record.values.get("stage"))
    if badge is not None:
        add_toast(locale().t("move.did", stage=badge["label"]))
