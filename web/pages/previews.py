"""What a form that is being typed comes to: computed figures, fetched values, who would approve.

Enters: the whole form as it stands. Leaves: the figures by the id of their element, as ``fragments/preview.html``.
Must not store anything, nor say what is wrong: somebody is still typing.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import g, make_response, render_template, request

from engine.compiler.app import Entity
from engine.records import commands
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.form_values import changed_values, get_writable, labels_of, make_inputs, new_values
from web.form_view import view_form_path, view_outputs, view_sections
from web.gate import reads
from web.posted import Posted, read_posted
from web.widgets import Inputs


@reads
def preview_new(entity: str) -> Any:
    """Answer for a new record."""
    compiled = get_entity(g.session.app, entity)
    commands.require_create(g.session, compiled, g.actor)
    posted = read_posted(compiled, request.form)
    return _preview(compiled, posted, new_values(compiled, posted.raw))


@reads
def preview_changed(entity: str, record_id: str) -> Any:
    """Answer for a record that is being changed."""
    compiled = get_entity(g.session.app, entity)
    record = get_writable(entity, read_id(record_id))
    posted = read_posted(compiled, request.form)
    return _preview(compiled, posted, changed_values(compiled, record, posted.raw))


ROUTES = (
    ("/e/<entity>/new/preview", ["POST"], preview_new),
    ("/e/<entity>/<record_id>/edit/preview", ["POST"], preview_changed),
)


def _preview(entity: Entity, posted: Posted, values: Mapping[str, Any]) -> Any:
    inputs = make_inputs(entity, values, labels_of(entity, values), posted)
    outputs = list(view_outputs(view_sections(entity, inputs)))
    preview = {"outputs": outputs, "path": view_form_path(entity, values)}
    answer = make_response(render_template("fragments/preview.html", preview=preview))
    fetched = dict(_fetched(entity, inputs, posted))
    if fetched:
        answer.headers["HX-Trigger"] = json.dumps({"formwork-values": fetched})
    return answer


def _fetched(entity: Entity, inputs: Inputs, posted: Posted) -> Iterator[tuple[str, Any]]:
    """Values that came along with a chosen record, for inputs nobody has typed into."""
    for key, field in entity.fields.items():
        if field.fetch is not None and not field.readonly and posted.typed.get(key) == "":
            yield from _told(key, inputs.raw(field, inputs.values.get(key)))
    for lines in entity.line_fields:
        rows = zip(posted.typed.get(lines.key) or (), inputs.values.get(lines.key) or (), strict=False)
        for typed, row in rows:
            for name, column in lines.fields.items():
                if column.fetch is not None and not column.readonly and typed.get(name) == "":
                    yield from _told(f"{lines.key}.{typed['_token']}.{name}", inputs.raw(column, row.get(name)))


def _told(name: str, raw: Any) -> Iterator[tuple[str, Any]]:
    if raw != "":
        yield name, raw
