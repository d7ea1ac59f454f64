"""Making and changing a record by form.

Enters: what somebody typed. Leaves: the record, or the same form with an error beside each wrong value and every
value as it was typed. Must not judge: the command does, and the form shows what it said.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request

from engine.compiler.app import Entity, Make
from engine.errors import FieldError, InvalidValues
from engine.records import commands, queries
from engine.records.commands import Stale
from engine.records.making import make_values
from engine.records.record import Labels, Record
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.conflict_view import view_conflict
from web.form_values import changed_values, get_writable, labels_of, make_inputs, new_values
from web.form_view import arrange_sections, view_errors, view_form_path, view_sections
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.posted import Posted, read_posted, read_taken, typed_links
from web.shell import ENTITY_URL, add_toast


@reads
def new(entity: str) -> Any:
    """Show the form of a new record; the query may fill fields in (``?customer=12``)."""
    compiled = get_entity(g.session.app, entity)
    rights = commands.require_create(g.session, compiled, g.actor)
    fillable = {key for key, field in compiled.fields.items() if not field.readonly and field.type.key != "lines"}
    raw = {key: value for key, value in request.args.items() if key in fillable - rights.hidden - rights.readonly}
    return _new_form(compiled, raw)


@reads
def make(entity: str, record_id: str, make: str) -> Any:
    """Show the form of a record made from another, filled in without retyping."""
    source, raw = make_values(g.session, entity, read_id(record_id), make, actor=g.actor)
    origin = {"entity": entity, "id": read_id(record_id), "make": make}
    return _new_form(get_entity(g.session.app, source.entity), raw, source=source, origin=origin)


@writes
def create(entity: str) -> Any:
    """Create a record, or only show again what was typed before somebody had to sign in again."""
    compiled = get_entity(g.session.app, entity)
    posted = read_posted(compiled, request.form)
    if "_resume" in request.form:
        commands.require_create(g.session, compiled, g.actor)
        return _new_form(compiled, posted.raw, posted=posted)
    try:
        record = commands.create_record(g.session, entity, posted.raw, actor=g.actor, origin=_origin())
    except InvalidValues as invalid:
        return _new_form(compiled, posted.raw, posted=posted, errors=invalid.errors)
    add_toast(locale().t("form.created", name=title_of(compiled, record)))
    return go_to(record_url(entity, record.id))


@reads
def edit(entity: str, record_id: str) -> Any:
    """Show the form of a record."""
    return _edit_form(get_entity(g.session.app, entity), get_writable(entity, read_id(record_id)))


@writes
def update(entity: str, record_id: str) -> Any:
    """Change a record; what somebody chose to leave as it is stored is left out of the change."""
    compiled, id_ = get_entity(g.session.app, entity), read_id(record_id)
    posted = read_posted(compiled, request.form)
    if "_resume" in request.form:
        return _edit_form(compiled, get_writable(entity, id_), posted=posted)
    raw = {key: value for key, value in posted.raw.items() if key not in read_taken(request.form)}
    try:
        record = commands.update_record(g.session, entity, id_, raw, version=posted.version, actor=g.actor)
    except InvalidValues as invalid:
        shown = queries.get_record(g.session, entity, id_, actor=g.actor)
        return _edit_form(compiled, shown, posted=posted, errors=invalid.errors)
    except Stale:
        view = view_conflict(compiled, queries.get_record(g.session, entity, id_, actor=g.actor), posted)
        return make_response(render_template("pages/conflict.html", conflict=view, shell=page_shell()), 409)
    add_toast(locale().t("form.saved"))
    return go_to(record_url(entity, record.id))


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


# ---- the two forms


def _new_form(
    entity: Entity, raw: Mapping[str, Any], *, posted: Posted | None = None, errors: Sequence[FieldError] = (),
    source: Make | None = None, origin: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    text, url = locale(), f"{ENTITY_URL.format(entity=entity.key)}/new"
    values = new_values(entity, raw)
    view = _form(entity, values, labels_of(entity, values), posted, errors) | {
        "title": text.t("form.new", entity=text.label(entity.label)),
        "subtitle": text.label(source.label) if source else None,
        "action_url": url,
        "cancel_url": record_url(origin["entity"], origin["id"]) if origin else ENTITY_URL.format(entity=entity.key),
        "submit": {"label": text.t("form.create")},
        "version": None,
        "path": view_form_path(entity, values),
        "preview_url": f"{url}/preview" if _has_computed(entity) else None,
        "post": _origin_fields(origin or _origin()),
    }
    return _answer(view, 422 if errors else 200)


def _edit_form(
    entity: Entity, record: Record, *, posted: Posted | None = None, errors: Sequence[FieldError] = ()
) -> Any:
    text, url = locale(), f"{record_url(entity.key, record.id)}/edit"
    values, labels = record.values, record.labels
    whole = changed_values(entity, record, posted.raw if posted else {})
    if posted is not None:
        values = {**values, **whole}
        labels = labels | labels_of(entity, typed_links(entity, posted.typed))
    view = _form(entity, values, labels, posted, errors) | {
        "path": view_form_path(entity, whole),
        "title": text.t("form.edit", name=title_of(entity, record)),
        "subtitle": None,
        "action_url": url,
        "cancel_url": record_url(entity.key, record.id),
        "submit": {"label": text.t("form.save")},
        "version": posted.version if posted else record.version,
        "preview_url": f"{url}/preview" if _has_computed(entity) else None,
        "post": {},
    }
    return _answer(view, 422 if errors else 200)


def _form(
    entity: Entity, values: Mapping[str, Any], labels: Labels, posted: Posted | None, errors: Sequence[FieldError]
) -> dict[str, Any]:
    inputs = make_inputs(entity, values, labels, posted, errors)
    return {
        "entity": entity.key,
        "entity_label": locale().label(entity.label),
        "list_url": ENTITY_URL.format(entity=entity.key),
        "also": [],
        "action_id": secrets.token_hex(16),
        "answer": posted is not None,
        "errors": view_errors(entity, errors),
        **arrange_sections(view_sections(entity, inputs)),
    }


def _answer(view: Mapping[str, Any], status: int) -> Response:
    return make_response(render_template("pages/form.html", form=view, shell=page_shell()), status)


def _has_computed(entity: Entity) -> bool:
    columns = [column for field in entity.line_fields for column in field.fields.values()]
    return any(one.computed or one.fetch or one.words for one in [*entity.fields.values(), *columns])


# ---- what a record is made from


def _origin() -> dict[str, Any] | None:
    said = request.form.get("_origin", "")
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
