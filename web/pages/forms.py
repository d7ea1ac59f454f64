"""Making and changing a record by form.

Enters: what somebody typed. Leaves: the record, or the same form with an error beside each wrong value and every
value as it was typed. Must not judge: the command does, and the form shows what it said.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Make
from engine.compiler.app.ownership import POOL
from engine.errors import FieldError, InvalidValues
from engine.records import commands, queries
from engine.records.commands import Stale
from engine.records.form_drafts import FormDraft, close_draft
from engine.records.making import make_values
from engine.records.record import Labels, Record
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.conflict_view import view_conflict
from web.draft_view import find_asked, to_form, view_drafts
from web.duplicate_view import view_duplicates
from web.form_values import (
    Typed,
    get_writable,
    labels_of,
    make_inputs,
    name_fresh,
    refused_already,
    type_changed,
    type_new,
)
from web.form_view import arrange_sections, view_errors, view_form_path, view_sections
from web.gate import locale, reads, writes
from web.lock_view import find_lock
from web.pages.frame import page_shell
from web.picked import read_form
from web.pool_view import find_filled_pool
from web.posted import Posted, read_taken, typed_links
from web.sent_files import with_sent_files
from web.shell import ENTITY_URL, add_toast


@reads
def new(entity: str) -> Any:
    """Show the form of a new record; the query may fill fields in (``?customer=12``)."""
    compiled = get_entity(g.session.app, entity)
    rights = commands.require_create(g.session, compiled, g.actor)
    fillable = {key for key, field in compiled.fields.items() if not field.readonly and not field.type.has_rows}
    raw = {key: value for key, value in request.args.items() if key in fillable - rights.hidden - rights.readonly}
    draft = find_asked()
    if draft is not None and (draft.entity, draft.record_id) == (entity, None):
        return show_again(entity, None, to_form(draft), draft=draft)
    return _new_form(compiled, raw)


@reads
def make(entity: str, record_id: str, make: str) -> Any:
    """Show the form of a record made from another, filled in without retyping."""
    source, raw = make_values(g.session, entity, read_id(record_id), make, actor=g.actor)
    origin = {"entity": entity, "id": read_id(record_id), "make": make}
    return _new_form(get_entity(g.session.app, source.entity), raw, source=source, origin=origin)


@with_sent_files
@writes
def create(entity: str) -> Any:
    """Create a record, or only show again what was typed before somebody had to sign in again."""
    compiled = get_entity(g.session.app, entity)
    posted = read_form(compiled, request.form)
    if "_resume" in request.form:
        return show_again(entity, None, request.form)
    try:
        into = {POOL: request.form["_pool"]} if request.form.get("_pool") else {}
        raw = {**posted.raw, **into}
        record = commands.create_record(g.session, entity, raw, actor=g.actor, origin=_origin(request.form))
    except InvalidValues as invalid:
        return _new_form(compiled, posted.raw, posted=posted, errors=invalid.errors)
    close_draft(g.session, posted.draft, actor=g.actor)
    add_toast(locale().t("form.created", name=name_fresh(compiled, record)))
    return go_to(record_url(entity, record.id))


@reads
def edit(entity: str, record_id: str) -> Any:
    """Show the form of a record."""
    id_, draft = read_id(record_id), find_asked()
    if draft is not None and (draft.entity, draft.record_id) == (entity, id_):
        return show_again(entity, record_id, to_form(draft), draft=draft)
    return _edit_form(get_entity(g.session.app, entity), get_writable(entity, id_))


@with_sent_files
@writes
def update(entity: str, record_id: str) -> Any:
    """Change a record; what somebody chose to leave as it is stored is left out of the change."""
    compiled, id_ = get_entity(g.session.app, entity), read_id(record_id)
    posted = read_form(compiled, request.form, record=id_)
    if "_resume" in request.form:
        return show_again(entity, record_id, request.form)
    raw = {key: value for key, value in posted.raw.items() if key not in read_taken(request.form)}
    try:
        record = commands.update_record(g.session, entity, id_, raw, version=posted.version, actor=g.actor)
    except InvalidValues as invalid:
        shown = queries.get_record(g.session, entity, id_, actor=g.actor)
        if any(error.code in _LOCKED for error in invalid.errors):
            return _conflict(compiled, shown, posted, invalid.errors)
        return _edit_form(compiled, shown, posted=posted, errors=invalid.errors)
    except Stale:
        return _conflict(compiled, queries.get_record(g.session, entity, id_, actor=g.actor), posted)
    close_draft(g.session, posted.draft, actor=g.actor)
    add_toast(locale().t("form.saved"))
    return go_to(record_url(entity, record.id))


_LOCKED = ("value.locked", "value.in_approval")

ROUTES = (
    ("/e/<entity>/new", ["GET"], new),
    ("/e/<entity>/new", ["POST"], create),
    ("/e/<entity>/<record_id>/make/<make>", ["GET"], make),
    ("/e/<entity>/<record_id>/edit", ["GET"], edit),
    ("/e/<entity>/<record_id>/edit", ["POST"], update),
)


def go_to(url: str) -> Response:
    """Send the browser on after a change, whether htmx or the browser itself posted."""
    if request.headers.get("HX-Request"):
        return Response("", 204, headers={"HX-Redirect": url})
    answer: Response = redirect(url, 303)  # type: ignore[assignment]
    return answer


def show_again(
    entity: str, record_id: str | None, form: "MultiDict[str, str]", *, draft: FormDraft | None = None
) -> Any:
    """Show the form of a new record, or of one there is, as it was typed.

    ``form`` is what it posted, or what ``draft`` kept of it.
    """
    compiled = get_entity(g.session.app, entity)
    posted = read_form(compiled, form, record=None if record_id is None else read_id(record_id))
    if record_id is None:
        commands.require_create(g.session, compiled, g.actor)
        return _new_form(compiled, posted.raw, posted=posted, form=form, draft=draft)
    return _edit_form(compiled, get_writable(entity, read_id(record_id)), posted=posted, draft=draft)


def _conflict(entity: Entity, record: Record, posted: Posted, errors: Sequence[FieldError] = ()) -> Response:
    """Show what was typed beside what is stored now: somebody else changed it, or it may not be changed any more."""
    view = view_conflict(entity, record, posted, errors)
    return make_response(render_template("pages/conflict.html", conflict=view, shell=page_shell()), 409)


# ---- the two forms


def _new_form(
    entity: Entity, raw: Mapping[str, Any], *, posted: Posted | None = None, errors: Sequence[FieldError] = (),
    source: Make | None = None, origin: Mapping[str, Any] | None = None, form: "MultiDict[str, str] | None" = None,
    draft: FormDraft | None = None,
) -> Any:  # fmt: skip
    text, url = locale(), f"{ENTITY_URL.format(entity=entity.key)}/new"
    found = type_new(entity, raw)
    values = found.values
    labels = labels_of(entity, values) | (labels_of(entity, typed_links(entity, posted.typed)) if posted else {})
    sent = form if form is not None else request.form
    pool = find_filled_pool(entity, sent.get("_pool") or request.args.get("pool", ""))
    told = errors or (refused_already(found, raw) if posted is None else ())
    view = _form(found, values, labels, posted, told) | {
        "title": text.t("form.new", entity=text.label(entity.label)),
        "subtitle": text.label(source.label)
        if source
        else text.t("hand_over.to_pool", pool=text.label(pool.label))
        if pool
        else None,
        "action_url": url,
        "cancel_url": record_url(origin["entity"], origin["id"]) if origin else ENTITY_URL.format(entity=entity.key),
        "submit": {"label": text.t("form.create")},
        "version": None,
        "path": view_form_path(entity, values),
        "preview_url": f"{url}/preview",
        "draft_url": f"{url}/draft",
        "post": _origin_fields(origin or _origin(sent)) | ({"_pool": pool.key} if pool else {}),
        "drafts": view_drafts(entity, None, posted, draft),
    }
    return _answer(view, 422 if errors else 200)


def _edit_form(
    entity: Entity, record: Record, *, posted: Posted | None = None, errors: Sequence[FieldError] = (),
    draft: FormDraft | None = None,
) -> Any:  # fmt: skip
    text, url = locale(), f"{record_url(entity.key, record.id)}/edit"
    values, labels = record.values, record.labels
    found = type_changed(entity, record, posted.raw if posted else {})
    lock = find_lock(entity, record)
    if posted is not None:
        values = {**values, **found.values}
        labels = labels | labels_of(entity, typed_links(entity, posted.typed))
    view = _form(found, values, labels, posted, errors, lock.keys if lock else frozenset()) | {
        "lock": lock.view if lock else None,
        "whole_lock": lock is not None and lock.whole,
        "path": view_form_path(entity, found.values),
        "title": text.t("form.edit", name=title_of(entity, record)),
        "subtitle": None,
        "action_url": url,
        "cancel_url": record_url(entity.key, record.id),
        "submit": {"label": text.t("form.save")},
        "version": posted.version if posted else record.version,
        "preview_url": f"{url}/preview",
        "draft_url": f"{url}/draft",
        "post": {},
        "drafts": view_drafts(entity, record, posted, draft),
    }
    return _answer(view, 422 if errors else 200)


def _form(
    found: Typed, values: Mapping[str, Any], labels: Labels, posted: Posted | None, errors: Sequence[FieldError],
    locked: frozenset[str] = frozenset(),
) -> dict[str, Any]:  # fmt: skip
    entity = found.entity
    inputs = make_inputs(found, values, labels, posted, errors, locked)
    return {
        "entity": entity.key,
        "entity_label": locale().label(entity.label),
        "list_url": ENTITY_URL.format(entity=entity.key),
        "also": [],
        "lock": None,
        "whole_lock": False,
        "action_id": secrets.token_hex(16),
        "answer": posted is not None,
        "draft": posted.draft if posted else "",
        "errors": view_errors(entity, errors),
        "duplicates": view_duplicates(found, posted, errors) if entity.duplicates else None,
        **arrange_sections(view_sections(entity, inputs)),
    }


def _answer(view: Mapping[str, Any], status: int) -> Response:
    return make_response(render_template("pages/form.html", form=view, shell=page_shell()), status)


# ---- what a record is made from


def _origin(form: "MultiDict[str, str]") -> dict[str, Any] | None:
    said = form.get("_origin", "")
    entity, _, rest = said.partition("/")
    id_, _, make_key = rest.partition("/")
    known = g.session.app.entities.get(entity)
    if known is None or make_key not in known.makes or not id_.isascii() or not id_.isdecimal() or len(id_) > 18:
        return None
    return {"from": {"entity": entity, "id": int(id_), "make": make_key}}


def _origin_fields(origin: Mapping[str, Any] | None) -> dict[str, str]:
    if not origin:
        return {}
    one = origin.get("from", origin)
    return {"_origin": f"{one['entity']}/{one['id']}/{one['make']}"}
