"""Making and changing a record by form.

Enters: what somebody typed. Leaves: the record, or the same form with an error beside each wrong value and every value as it
was typed. Must not judge: the command does, and the form shows what it said.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request

from engine.compiler.app import Entity, Make
from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.records import commands, queries
from engine.records.commands import Stale
from engine.records.evaluation import make_env
from engine.records.links import label_links
from engine.records.making import make_values
from engine.records.record import USER, Labels, Record
from engine.records.rights import find_rights, get_entity
from engine.workflow import planning
from engine.workflow.requirements import read_whole
from web.api.requests import read_id
from web.approval_view import view_path
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.posted import Posted, read_posted
from web.shell import ENTITY_URL, add_toast
from web.widgets import Inputs


@reads
def new(entity: str) -> Any:
    """Show the form of a new record; the query may fill fields in (``?customer=12``)."""
    compiled = get_entity(g.session.app, entity)
    rights = commands.require_create(g.session, compiled, g.actor)
    raw = {key: value for key, value in request.args.items() if key in compiled.fields and key not in rights.hidden}
    return _new_form(compiled, raw)


@reads
def make(entity: str, record_id: str, make: str) -> Any:
    """Show the form of a record made from another, filled in without retyping."""
    source, raw = make_values(g.session, entity, read_id(record_id), make, actor=g.actor)
    origin = {"entity": entity, "id": read_id(record_id), "make": make}
    return _new_form(get_entity(g.session.app, source.entity), raw, source=source, origin=origin)


@writes
def create(entity: str) -> Any:
    """Create a record."""
    compiled = get_entity(g.session.app, entity)
    posted = read_posted(compiled, request.form)
    try:
        record = commands.create_record(g.session, entity, posted.raw, actor=g.actor, origin=_origin())
    except InvalidValues as invalid:
        return _new_form(compiled, posted.raw, posted=posted, errors=invalid.errors)
    add_toast(locale().t("form.created", name=title_of(compiled, record)))
    return _go(record_url(entity, record.id))


@reads
def edit(entity: str, record_id: str) -> Any:
    """Show the form of a record."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    if not record.can_write:
        raise NotAllowed("record.no_write")
    return _edit_form(get_entity(g.session.app, entity), record)


@writes
def update(entity: str, record_id: str) -> Any:
    """Change a record."""
    compiled, id_ = get_entity(g.session.app, entity), read_id(record_id)
    posted = read_posted(compiled, request.form)
    try:
        record = commands.update_record(g.session, entity, id_, posted.raw, version=posted.version, actor=g.actor)
    except InvalidValues as invalid:
        shown = queries.get_record(g.session, entity, id_, actor=g.actor)
        return _edit_form(compiled, shown, posted=posted, errors=invalid.errors)
    except Stale as stale:
        return _conflict(compiled, stale, posted)
    add_toast(locale().t("form.saved"))
    return _go(record_url(entity, record.id))


@reads
def preview_new(entity: str) -> Any:
    """Answer what a form that is being typed comes to: computed values, fetched values, who would approve."""
    compiled = get_entity(g.session.app, entity)
    rights = commands.require_create(g.session, compiled, g.actor)
    posted = read_posted(compiled, request.form)
    env = make_env(g.session, g.actor)
    values, _ = commands.complete_new(g.session, compiled, posted.raw, actor=g.actor, rights=rights, env=env)
    return _preview(compiled, posted, values)


@reads
def preview_changed(entity: str, record_id: str) -> Any:
    """The same for a record that is being changed."""
    compiled = get_entity(g.session.app, entity)
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    if not record.can_write:
        raise NotAllowed("record.no_write")
    posted = read_posted(compiled, request.form)
    env = make_env(g.session, g.actor)
    whole = replace(record, values=read_whole(g.session, compiled, record.id, env))
    values, _ = commands.complete_changed(g.session, compiled, whole, posted.raw, actor=g.actor, env=env)
    return _preview(compiled, posted, values)


ROUTES = (
    ("/e/<entity>/new", ["GET"], new),
    ("/e/<entity>/new", ["POST"], create),
    ("/e/<entity>/new/preview", ["POST"], preview_new),
    ("/e/<entity>/<record_id>/make/<make>", ["GET"], make),
    ("/e/<entity>/<record_id>/edit", ["GET"], edit),
    ("/e/<entity>/<record_id>/edit", ["POST"], update),
    ("/e/<entity>/<record_id>/edit/preview", ["POST"], preview_changed),
)


# ---- forms


def _new_form(
    entity: Entity, raw: Mapping[str, Any], *, posted: Posted | None = None, errors: Sequence[FieldError] = (),
    source: Make | None = None, origin: Mapping[str, Any] | None = None,
) -> Any:
    text, url = locale(), f"{ENTITY_URL.format(entity=entity.key)}/new"
    rights = find_rights(g.session.app, entity, g.actor)
    env = make_env(g.session, g.actor)
    values, _ = commands.complete_new(g.session, entity, _known(entity, raw), actor=g.actor, rights=rights, env=env)
    labels = _labels(entity, values)
    view = _form(entity, values, labels, posted, errors) | {
        "title": text.t("form.new", entity=text.label(entity.label)),
        "subtitle": text.label(source.label) if source else None,
        "action_url": url,
        "cancel_url": ENTITY_URL.format(entity=entity.key),
        "submit": {"label": text.t("form.create")},
        "version": None,
        "preview_url": f"{url}/preview" if _has_computed(entity) else None,
        "path": _path(entity, values),
        "post": _origin_fields(origin or _origin()),
    }
    return _answer(view, 422 if errors else 200)


def _edit_form(entity: Entity, record: Record, *, posted: Posted | None = None, errors: Sequence[FieldError] = ()) -> Any:
    text, url = locale(), f"{record_url(entity.key, record.id)}/edit"
    view = _form(entity, record.values, record.labels | _typed_labels(entity, posted), posted, errors) | {
        "title": text.t("form.edit", name=title_of(entity, record)),
        "subtitle": None,
        "action_url": url,
        "cancel_url": record_url(entity.key, record.id),
        "submit": {"label": text.t("form.save")},
        "version": posted.version if posted else record.version,
        "preview_url": f"{url}/preview" if _has_computed(entity) else None,
        "path": _path(entity, record.values),
        "post": {},
    }
    return _answer(view, 422 if errors else 200)


def _form(
    entity: Entity, values: Mapping[str, Any], labels: Labels, posted: Posted | None, errors: Sequence[FieldError]
) -> dict[str, Any]:
    rights = find_rights(g.session.app, entity, g.actor)
    said = {error.path: error.text(locale().language) for error in errors}
    stage = entity.workflow.stages.get(values.get("stage") or entity.workflow.first) if entity.workflow else None
    inputs = Inputs(
        Cells(locale(), now()), entity, rights, labels=labels, errors=said, values=values,
        typed=posted.typed if posted else None, locked=stage.locked if stage else frozenset(),
    )  # fmt: skip
    return {
        "entity": entity.key,
        "entity_label": locale().label(entity.label),
        "list_url": ENTITY_URL.format(entity=entity.key),
        "also": [],
        "action_id": secrets.token_hex(16),
        "sections": _sections(entity, inputs, values),
        "errors": _summary(entity, errors),
    }


def _sections(entity: Entity, inputs: Inputs, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    env = make_env(g.session, g.actor)
    made = []
    for section in entity.sections:
        shown = []
        for row in section.rows:
            for key in row:
                field = entity.fields[key]
                hidden = key in inputs.rights.hidden or field.retired
                unseen = field.visible_when is not None and field.visible_when.run(values, env) is not True
                if hidden or (unseen and key not in inputs.errors):
                    continue
                shown.append(inputs.field(field, wide=len(row) == 1 and field.type.key in ("text", "url")))
        if shown:
            label = locale().label(section.label)
            made.append({"key": section.key, "label": label, "fields": shown, "folded": False, "hint": None})
    return made


def _summary(entity: Entity, errors: Sequence[FieldError]) -> list[dict[str, str]]:
    return [
        {"field_id": _field_id(entity, error.path), "label": label_of(entity, error.path), "text": error.text(locale().language)}
        for error in errors
    ]


def label_of(entity: Entity, path: str) -> str:
    """Return what a field, or a cell of a line table, is called: ``报价明细 第 2 行 数量``."""
    key, _, rest = path.partition(".")
    field = entity.fields.get(key)
    if field is None:
        return ""
    said = locale().label(field.label)
    if not rest:
        return said
    at, _, name = rest.partition(".")
    column = field.fields.get(name)
    said = locale().t("form.line", label=said, at=int(at) + 1 if at.isdecimal() else at)
    return f"{said} {locale().label(column.label)}" if column else said


def _field_id(entity: Entity, path: str) -> str:
    key = path.partition(".")[0]
    return f"f-{key}" if key in entity.fields else ""


def _answer(view: Mapping[str, Any], status: int) -> Response:
    return make_response(render_template("pages/form.html", form=view, shell=page_shell()), status)


def _go(url: str) -> Response:
    if request.headers.get("HX-Request"):
        return Response("", 204, headers={"HX-Redirect": url})
    answer: Response = redirect(url, 303)  # type: ignore[assignment]
    return answer


# ---- what is typed, previewed


def _preview(entity: Entity, posted: Posted, values: Mapping[str, Any]) -> Any:
    rights = find_rights(g.session.app, entity, g.actor)
    labels = _labels(entity, values)
    cells = Cells(locale(), now())
    inputs = Inputs(cells, entity, rights, labels=labels, errors={}, values=values)
    outputs, fetched = [], {}
    for key, field in entity.fields.items():
        if field.readonly and key not in rights.hidden and field.type.key not in ("lines", "file"):
            outputs.append({"id": f"f-{key}", "text": cells.of_field(field, values.get(key), labels)["text"]})
        elif field.fetch is not None and key in posted.typed and not posted.typed[key] and values.get(key) is not None:
            fetched[key] = inputs.raw(field, values[key])
    for lines in entity.line_fields:
        tokens = [row["_token"] for row in posted.typed.get(lines.key) or ()]
        for token, row, typed in zip(tokens, values.get(lines.key) or (), posted.typed.get(lines.key) or (), strict=False):
            for name, column in lines.fields.items():
                if f"{lines.key}.{name}" in rights.hidden:
                    continue
                if column.readonly:
                    text = cells.of_field(column, row.get(name), labels)["text"]
                    outputs.append({"id": f"f-{lines.key}-{token}-{name}", "text": text})
                elif column.fetch is not None and not typed.get(name) and row.get(name) is not None:
                    fetched[f"{lines.key}.{token}.{name}"] = inputs.raw(column, row[name])
    preview = {"outputs": outputs, "path": _path(entity, values)}
    answer = make_response(render_template("fragments/preview.html", preview=preview))
    if fetched:
        answer.headers["HX-Trigger"] = json.dumps({"formwork-values": fetched})
    return answer


def _path(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who would decide, for the move that asks for approval from the stage this record is or starts in."""
    if entity.workflow is None:
        return None
    stage = values.get("stage") or entity.workflow.first
    move = next((one for one in entity.workflow.moves.values() if one.approval and stage in one.from_), None)
    if move is None or not _has_content(entity, values):
        return None
    approval = g.session.app.approvals[move.approval or ""]
    env = make_env(g.session, g.actor)
    whole = {"stage": stage, "owner": g.actor.id, "team": g.actor.team, **values}
    submission = planning.plan_submission(entity, approval, whole, env, actor=g.actor)
    return view_path(Cells(locale(), now()), planning.preview(g.session, submission, whole))


def _has_content(entity: Entity, values: Mapping[str, Any]) -> bool:
    """A path over nothing would only mislead: with line tables, at least one line must be there."""
    return not entity.line_fields or any(values.get(field.key) for field in entity.line_fields)


def _has_computed(entity: Entity) -> bool:
    columns = [column for field in entity.line_fields for column in field.fields.values()]
    return any(one.computed or one.fetch for one in [*entity.fields.values(), *columns])


def _known(entity: Entity, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in entity.fields}


def _labels(entity: Entity, values: Mapping[str, Any]) -> Labels:
    return label_links(g.session, entity, values, actor=g.actor)


def _typed_labels(entity: Entity, posted: Posted | None) -> Labels:
    if posted is None:
        return {}
    ids = {
        key: int(value) for key, value in posted.typed.items()
        if isinstance(value, str) and value.isdecimal() and len(value) < 19 and key in entity.fields
        and entity.fields[key].type.column in ("link", "user")
    }  # fmt: skip
    rows = {
        field.key: [
            {name: int(row[name]) for name, column in field.fields.items()
             if column.type.column in ("link", "user") and str(row.get(name) or "").isdecimal() and len(str(row[name])) < 19}
            for row in posted.typed.get(field.key) or () if isinstance(row, dict)
        ]
        for field in entity.line_fields
    }  # fmt: skip
    return _labels(entity, {**ids, **rows})


def _origin() -> dict[str, Any] | None:
    said = request.form.get("_origin", "")
    entity, _, rest = said.partition("/")
    id_, _, make_key = rest.partition("/")
    known = g.session.app.entities.get(entity)
    if known is None or make_key not in known.makes or not id_.isdecimal() or len(id_) > 18:
        return None
    return {"from": {"entity": entity, "id": int(id_), "make": make_key}}


def _origin_fields(origin: Mapping[str, Any] | None) -> dict[str, str]:
    if not origin:
        return {}
    one = origin.get("from", origin)
    return {"_origin": f"{one['entity']}/{one['id']}/{one['make']}"}


# ---- two people at once


def _conflict(entity: Entity, stale: Stale, posted: Posted) -> Any:
    """Show both values of what both changed; everything typed is kept."""
    record = queries.get_record(g.session, entity.key, stale.record.id, actor=g.actor)
    cells = Cells(locale(), now())
    rights = find_rights(g.session.app, entity, g.actor)
    inputs = Inputs(cells, entity, rights, labels=record.labels | _typed_labels(entity, posted), errors={}, typed=posted.typed, values=record.values)
    fields = []
    for key in posted.raw:
        field = entity.fields.get(key)
        if field is None or field.readonly or field.type.key in ("lines", "file"):
            continue
        theirs = inputs.raw(field, record.values.get(key))
        if str(posted.raw[key] or "") != str(theirs or ""):
            mine = inputs.field(field)
            shown = cells.of_field(field, record.values.get(key), record.labels)["text"]
            fields.append({
                "label": mine["label"], "name": key, "mine": _said(inputs, field, posted.typed[key]), "theirs": shown,
                "base": "", "mine_raw": posted.raw[key], "theirs_raw": theirs,
            })  # fmt: skip
    chosen = {one["name"] for one in fields}
    view = {
        "title": title_of(entity, record),
        "record_url": record_url(entity.key, record.id),
        "who": cells.person(record.labels.get((USER, record.values.get("updated_by") or 0), "")),
        "when": cells.when(record.values["updated_at"]),
        "action_url": f"{record_url(entity.key, record.id)}/edit",
        "version": record.version,
        "action_id": secrets.token_hex(16),
        "fields": fields,
        "theirs_only": [],
        "keep": [(name, value) for name, value in request.form.items(multi=True) if not name.startswith("_") and name not in chosen and name != "csrf_token"],
    }
    return make_response(render_template("pages/conflict.html", conflict=view, shell=page_shell()), 409)


def _said(inputs: Inputs, field: Any, raw: Any) -> str:
    if field.type.key in ("choice", "choices"):
        chosen = raw if isinstance(raw, list) else [raw]
        return "、".join(locale().label(field.options.get(one)) or str(one) for one in chosen)
    if field.type.key in ("link", "user"):
        id_ = int(raw) if str(raw).isdecimal() and len(str(raw)) < 19 else 0
        return inputs.labels.get((field.to or USER, id_), "")
    if field.type.key == "boolean":
        return locale().t("cell.yes" if raw else "cell.no")
    return str(raw)
