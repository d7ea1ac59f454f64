"""One cell of a list, changed where it stands.

Enters: a record, a field, the value typed. Leaves: the input in place of the value, or the value as it is kept. Must
not offer a field that the form would not let this reader change, nor write any other way than the form does.
"""

import json
from typing import Any

from flask import Response, g, make_response, render_template, request

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.records import commands, queries
from engine.records.commands import Stale
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity
from web.api.requests import read_id
from web.cells import Cells, record_url
from web.columns import column_label
from web.form_values import get_writable, make_inputs, type_changed
from web.gate import locale, now, reads, writes
from web.inline_cells import editable_keys
from web.picked import read_form
from web.posted import Posted


@reads
def edit(entity: str, record_id: str, field: str) -> Any:
    """Answer the input of one field of a record."""
    compiled, declared = _field(entity, field)
    return _editor(compiled, declared, get_writable(entity, read_id(record_id)), None)


@writes
def save(entity: str, record_id: str, field: str) -> Any:
    """Change one field of a record; what is wrong, or changed meanwhile, is said in the cell beside what was typed."""
    compiled, declared = _field(entity, field)
    id_ = read_id(record_id)
    posted = read_form(compiled, request.form, record=id_)
    raw = {key: value for key, value in posted.raw.items() if key == field}
    try:
        record = commands.update_record(g.session, entity, id_, raw, version=posted.version, actor=g.actor)
    except InvalidValues as invalid:
        record = get_writable(entity, id_)
        return make_response(_editor(compiled, declared, record, posted, _said(compiled, field, invalid)), 422)
    except Stale as stale:
        record = get_writable(entity, id_)
        value = Cells(locale(), now()).of_record(compiled, field, record)["text"] or locale().t("cell.empty")
        said = locale().t("inline.changed", text=stale.text(locale().language), value=value)
        return make_response(_editor(compiled, declared, record, posted, said), 422)
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    cell = Cells(locale(), now()).of_record(compiled, field, record)
    answer: Response = make_response(render_template("fragments/cell.html", cell=cell, form=None))
    answer.headers["HX-Trigger"] = json.dumps({"formwork-kept": {"id": record.id, "version": record.version}})
    return answer


ROUTES = (
    ("/e/<entity>/<record_id>/cells/<field>", ["GET"], edit),
    ("/e/<entity>/<record_id>/cells/<field>", ["POST"], save),
)


def _field(entity: str, key: str) -> tuple[Entity, Field]:
    """Return the field; one that is no cell to type into, or not for this reader, is not found."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    if key not in editable_keys(compiled, find_rights(g.session.app, compiled, g.actor)):
        raise NotFound()
    return compiled, compiled.fields[key]


def _editor(entity: Entity, field: Field, record: Record, posted: Posted | None, note: str | None = None) -> Any:
    found = type_changed(entity, record, {})
    inputs = make_inputs(found, record.values, record.labels, posted)
    made = inputs.field(field)
    if made["readonly"] or made["kind"] == "computed" or not inputs.is_shown(field):
        raise NotPossibleNow("value.locked_now", label=field.label)
    url = f"{record_url(entity.key, record.id)}/cells/{field.key}"
    shown = made | {"in_line": True, "id": f"cell-{record.id}-{field.key}", "error": None, "when": None}
    form = {"field": shown, "url": url, "version": record.version, "note": note}
    return render_template("fragments/cell.html", cell=None, form=form)


def _said(entity: Entity, key: str, invalid: InvalidValues) -> str:
    """Return what is wrong in one line; what is wrong elsewhere is named with its field."""
    text = locale()

    def one(error: FieldError) -> str:
        said = error.text(text.language)
        name = error.path.split(".")[0]
        return said if name in (key, "") else f"{column_label(entity, name)}{text.t('form.colon')}{said}"

    return " ".join(one(error) for error in invalid.errors[:3])
