"""What a form that is being typed comes to: computed figures, fetched values, which fields apply, who would approve.

Enters: the whole form as it stands. Leaves: the figures by the id of their element, and the states and notes of fields,
as ``fragments/preview.html``. Must not store anything but which records were met, nor interrupt: the page shows a note
once its field was left. Must not take long either: beyond ``MOST_STATEMENTS`` or ``MOST_SECONDS`` it says that the form
is checked on saving.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import g, make_response, render_template, request

from engine.compiler.app import Entity
from engine.records import commands
from engine.records.hits import keep_seen
from engine.records.rights import get_entity
from engine.storage.bounds import TooMuch, bounded
from web.api.requests import read_id
from web.condition_view import view_conditions
from web.duplicate_view import SHOWN, view_duplicates
from web.form_values import Typed, get_writable, labels_of, make_inputs, type_changed, type_new
from web.form_view import view_form_path, view_outputs, view_sections
from web.gate import computes, reads
from web.posted import Posted, read_posted
from web.widgets import Inputs

MOST_STATEMENTS = 60
"""What one answer may send to the database, however many lines stand in the form."""

MOST_SECONDS = 1.0
"""How long the database may work for one answer."""


@computes
@reads
def preview_new(entity: str) -> Any:
    """Answer for a new record."""
    compiled = get_entity(g.session.app, entity)
    commands.require_create(g.session, compiled, g.actor)
    posted = read_posted(compiled, request.form)
    return _within_bounds(lambda: _preview(type_new(compiled, posted.raw), posted))


@computes
@reads
def preview_changed(entity: str, record_id: str) -> Any:
    """Answer for a record that is being changed."""
    compiled = get_entity(g.session.app, entity)
    record = get_writable(entity, read_id(record_id))
    posted = read_posted(compiled, request.form)
    return _within_bounds(lambda: _preview(type_changed(compiled, record, posted.raw), posted))


ROUTES = (
    ("/e/<entity>/new/preview", ["POST"], preview_new),
    ("/e/<entity>/<record_id>/edit/preview", ["POST"], preview_changed),
)


def _within_bounds(preview: Callable[[], Any]) -> Any:
    try:
        with bounded(g.session.connection, statements=MOST_STATEMENTS, seconds=MOST_SECONDS):
            return preview()
    except TooMuch:
        return render_template("fragments/preview_paused.html")


def _preview(found: Typed, posted: Posted) -> Any:
    entity, values = found.entity, found.values
    inputs = make_inputs(found, values, labels_of(entity, values), posted)
    outputs = list(view_outputs(view_sections(entity, inputs)))
    conditions = view_conditions(found, posted)
    preview = {
        "outputs": outputs,
        "path": view_form_path(entity, values),
        "conditions": conditions,
        "duplicates": _news_of_duplicates(found, posted),
    }
    answer = make_response(render_template("fragments/preview.html", preview=preview))
    fetched = dict(_fetched(entity, inputs, posted))
    answer.headers["HX-Trigger"] = json.dumps({"formwork-values": {"values": fetched}})
    return answer


def _news_of_duplicates(found: Typed, posted: Posted) -> dict[str, Any] | None:
    if not found.entity.duplicates:
        return None
    view = view_duplicates(found, posted)
    if view["shown"] == request.form.get(SHOWN, ""):
        return None
    keep_seen(g.session, view["met"], actor=g.actor)
    return view


def _fetched(entity: Entity, inputs: Inputs, posted: Posted) -> Iterator[tuple[str, Any]]:
    """Values that came along with a chosen record, for inputs nobody has typed into."""
    hidden = inputs.rights.hidden
    for key, field in entity.fields.items():
        if field.fetch and not field.readonly and key not in hidden and posted.typed.get(key) == "":
            yield from _told(key, inputs.raw(field, inputs.values.get(key)))
    for lines in entity.line_fields:
        rows = zip(posted.typed.get(lines.key) or (), inputs.values.get(lines.key) or (), strict=False)
        for typed, row in rows:
            for name, column in lines.fields.items():
                path = f"{lines.key}.{name}"
                if column.fetch and not column.readonly and path not in hidden and typed.get(name) == "":
                    yield from _told(f"{lines.key}.{typed['_token']}.{name}", inputs.raw(column, row.get(name)))


def _told(name: str, raw: Any) -> Iterator[tuple[str, Any]]:
    if raw != "":
        yield name, raw
