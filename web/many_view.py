"""Changing and moving many records at once, as ``pages/many.html`` and ``pages/many_moves.html`` draw it.

Enters: an entity, the records somebody ticked, the field or the move they chose. Leaves: views. Must not judge a
record, nor offer a field that this reader may not change: the command of one record judges each.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import g, request

from engine.compiler.app import Entity, Field, Move
from engine.compiler.field_types import FIELD_TYPES
from engine.errors import FieldError, InvalidValues, Location
from engine.records import queries
from engine.records.evaluation import site_zone
from engine.records.filters import MOST_CHOSEN, Filter
from engine.records.labels import people_labels
from engine.records.queries import ListQuery
from engine.records.record import Labels
from engine.records.rights import ALL, NONE, TEAM, Rights, find_rights
from engine.records.values import read_values
from engine.workflow.many import Outcome, Seen
from web.cells import Cells, record_url, title_of
from web.form_values import labels_of
from web.gate import locale, now
from web.list_filters import filter_keys, read_conditions
from web.posted import Posted, is_id, typed_links
from web.related_view import missing_url
from web.widgets import Input, Inputs

OWNER = "owner"
_NAMED = 500
_LONGEST = 200


def list_choices(entity: Entity, rights: Rights) -> list[str]:
    """Return what the reader may change in many records at once: owner and fields, in the order of the definition.

    A value that must not repeat is of no use to many records; lines and files belong to one.
    """
    if not rights.write:
        return []
    closed = rights.hidden | rights.readonly
    fields = [key for key, field in entity.fields.items() if key not in closed and _is_shared(field)]
    return [*([OWNER] if rights.write & {ALL, TEAM} else []), *fields]


def _is_shared(field: Field) -> bool:
    fixed = field.readonly or field.computed is not None or field.retired or field.unique
    return field.stored and not (fixed or field.type.has_rows or field.type.has_files or field.type.drawn)


def read_list_query(entity: Entity, rights: Rights) -> ListQuery:
    """Return the list that the address describes: its filters and its search."""
    allowed = queries.readable_keys(entity, rights)
    filters = read_conditions(filter_keys(entity, allowed), request.args)
    return ListQuery(filters=filters, text=request.args.get("q", "")[:100].strip(), sort="id", descending=True)


def check_value(entity: Entity, key: str, raw: Any) -> list[FieldError]:
    """Return what is wrong with a value whatever record it is for."""
    errors: list[FieldError] = []
    if key == OWNER and not raw:
        return [FieldError(OWNER, "value.required", {"label": locale().t("field.owner")})]
    rights = find_rights(g.session.app, entity, g.actor)
    read_values(
        {**entity.fields, **also_typed()}, {key: raw}, rights=rights, zone=site_zone(g.session.app), errors=errors
    )
    return errors


def view_input(entity: Entity, key: str, posted: Posted, errors: Sequence[FieldError]) -> Input:
    """Return the input in which the value for all is given: the one the form of a record has."""
    text, rights = locale(), find_rights(g.session.app, entity, g.actor)
    typed = {key: posted.typed[key]} if key in posted.typed else {}
    own = entity.fields.get(key)
    # Each record judges for itself whether it needs the field, and what it may be linked to.
    field = replace(own, required=False, where=None, quick_create=()) if own is not None else _owner()
    labels = labels_of(entity, typed_links(entity, typed)) if own is not None else _named(typed.get(key))
    said = {error.path: error.text(text.language) for error in errors}
    made = Inputs(Cells(text, now()), entity, rights, labels=labels, errors=said, typed=typed).field(field, wide=True)
    follows = own is not None and own.where is not None and own.where.checked.outer_reads
    return made | ({"pick_url": f"/pick/{field.to}"} if follows else {})


def also_typed() -> dict[str, Field]:
    """Return what is typed here that is no field of a definition: whom the records are to belong to."""
    return {OWNER: _owner()}


def _owner() -> Field:
    text = locale()
    return Field(OWNER, FIELD_TYPES["user"], {text.language: text.t("field.owner")}, Location(""), required=True)


def _named(raw: Any) -> Labels:
    return people_labels(g.session, [int(raw)]) if is_id(str(raw or "")) else {}


def say_value(entity: Entity, key: str, posted: Posted) -> str:
    """Return in words what is about to be written: "Grade: A", or that it is cleared."""
    text, raw = locale(), posted.raw.get(key, "")
    field = entity.fields.get(key) or _owner()
    label = text.label(field.label)
    values = read_values({key: field}, {key: raw}, rights=NONE, zone=site_zone(g.session.app), errors=[])
    if values.get(key) is None:
        return text.t("many.to_clear", label=label)
    labels = _named(raw) if key == OWNER else labels_of(entity, values)
    cell = Cells(text, now()).of_field(field, values[key], labels)
    said = str((cell["title"] if cell["kind"] in ("date", "datetime") else None) or cell["text"])
    return text.t("many.to_set", label=label, value=said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…")


def view_result(
    entity: Entity, outcomes: Sequence[Outcome], seen: Sequence[Seen], *, move: Move | None = None
) -> dict[str, Any]:
    """Return what became, or would become, of each: ``changed`` as ``id:version``, ``same``, ``refused`` with why.

    What a record lacks for a ``move`` is listed, with a link to where it is filled in.
    """
    versions = dict(seen)
    done = [one for one in outcomes if one.record is not None]
    changed = [one.id for one in done if one.record is not None and one.record.version != versions[one.id]]
    refused = [one for one in outcomes if one.record is None]
    names = _names(entity, [one.id for one in refused])
    return {
        "changed": [f"{id_}:{versions[id_]}" for id_ in changed],
        "same": len(done) - len(changed),
        "told": [],
        "refused": [_view_refused(entity, one, names.get(one.id), move) for one in refused],
    }


def _view_refused(entity: Entity, one: Outcome, name: str | None, move: Move | None) -> dict[str, Any]:
    language, url = locale().language, record_url(entity.key, one.id) if name is not None else None
    invalid = one.refused if isinstance(one.refused, InvalidValues) else InvalidValues()
    missing, errors = invalid.missing, invalid.errors
    told: dict[str, Any] = {"label": name or f"#{one.id}", "url": url, "text": one.text(language), "lines": []}
    if move is None or not missing or name is None:
        return told
    fill = f"{url}/moves/{move.key}"
    lines = [
        {"text": locale().label(item.message), "url": fill if item.fields else missing_url(item, one.id) or fill}
        for item in missing
    ]
    others = " ".join(error.text(language) for error in errors)
    return told | {"text": others or locale().t("many_moves.lacks", n=len(missing)), "lines": lines}


def _names(entity: Entity, ids: Sequence[int]) -> dict[int, str]:
    """Return what those records are called that the reader may see."""
    found: dict[int, str] = {}
    for start in range(0, min(len(ids), _NAMED), MOST_CHOSEN):
        part = [str(id_) for id_ in ids[start : start + MOST_CHOSEN]]
        query = ListQuery(
            filters=(Filter("id", "in", part),), sort="id", limit=MOST_CHOSEN, columns=entity.display_keys
        )
        page = queries.list_records(g.session, entity.key, query, actor=g.actor)
        found |= {record.id: title_of(entity, record) for record in page.records}
    return found
