"""Records as JSON Schema (2020-12): what may be sent, and what is answered, for one actor's roles.

Enters: a compiled entity and the actor's rights. Leaves: plain data. Must not name a field the actor may not see.
"""

from collections.abc import Iterable
from typing import Any

from engine.compiler.app import Entity, Field
from engine.records.duplicates import NOT_DUPLICATE
from engine.records.filters import OPERATORS
from engine.records.marks import MARK_OPERATORS, marks_of, values_of
from engine.records.queries import readable_keys
from engine.records.rights import Rights
from web.i18n import Locale

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MOMENT = {"type": "string", "format": "date-time"}
_ID = {"type": "integer", "minimum": 1}
_SYSTEM: dict[str, Any] = {
    "id": _ID,
    "version": _ID,
    "release_id": {
        "type": ["integer", "null"],
        "description": "The release whose rules the record was last saved by; not in lists.",
    },
    "number": {"type": ["string", "null"]},
    "stage": {"type": ["string", "null"]},
    "owner": {"type": ["integer", "null"]},
    "team": {"type": ["integer", "null"]},
    "created_at": _MOMENT,
    "created_by": {"type": ["integer", "null"]},
    "updated_at": _MOMENT,
    "updated_by": {"type": ["integer", "null"]},
    "_labels": {
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "_expanded": {"type": "object", "description": "What `expand` asked for, by entity and id."},
}
_FILE = {
    "type": "object",
    "properties": {
        "id": _ID,
        "name": {"type": "string"},
        "size": {"type": "integer", "minimum": 0},
        "content_type": {"type": "string"},
    },
    "required": ["id", "name", "size", "content_type"],
}


def input_schema(entity: Entity, rights: Rights, locale: Locale) -> dict[str, Any]:
    """Return what a create or update may hold."""
    fields = [field for field in _visible(entity.fields.values(), rights) if _is_typed(field, rights)]
    properties = {field.key: _input(field, rights, locale) for field in fields}
    if "owner" not in rights.hidden | rights.readonly:
        properties["owner"] = {"type": ["integer", "null"]}
    if entity.duplicates:
        why = "Why this is not the same as a record that a rule under duplicates finds alike."
        properties[NOT_DUPLICATE] = {"type": ["string", "null"], "maxLength": 500, "description": why}
    return {
        "type": "object",
        "title": locale.label(entity.label),
        "properties": properties,
        "additionalProperties": False,
    }


def output_schema(entity: Entity, rights: Rights, locale: Locale) -> dict[str, Any]:
    """Return what reading a record answers."""
    properties = {key: schema for key, schema in _SYSTEM.items() if key not in rights.hidden}
    properties |= {field.key: _output(field, rights, locale) for field in _visible(entity.fields.values(), rights)}
    stages = entity.workflow.stages if entity.workflow else {}
    if stages and "stage" in properties:
        properties["stage"] = {"type": "string", "enum": list(stages)}
    return {
        "type": "object",
        "title": locale.label(entity.label),
        "properties": properties,
        "required": ["id", "version"],
    }


def required_fields(entity: Entity, rights: Rights) -> list[str]:
    """Return the fields a create must hold: required, typed by people, without a value of their own."""
    return [
        field.key
        for field in _visible(entity.fields.values(), rights)
        if field.required and _is_typed(field, rights) and not _has_own_value(field)
    ]


def filter_parameters(entity: Entity, rights: Rights) -> list[dict[str, Any]]:
    """Return one deep parameter ``filter.<field>`` for each field a list can be filtered by."""
    return [
        {
            "name": f"filter.{key}",
            "in": "query",
            "description": f"Equal to; other operators as filter.{key}.<operator>: {', '.join(OPERATORS)}.",
            "schema": {"type": "string"},
        }
        for key in readable_keys(entity, rights)
    ] + [
        {
            "name": f"filter.{mark}",
            "in": "query",
            "description": f"One of {', '.join(values_of(entity, mark))}; operators: {', '.join(MARK_OPERATORS)}.",
            "schema": {"type": "string"},
        }
        for mark in (() if "stage" in rights.hidden else marks_of(entity))
    ]


def _visible(fields: Iterable[Field], rights: Rights) -> list[Field]:
    hidden = rights.entering.hidden
    return [field for field in fields if field.key not in hidden and not field.retired]


def _is_typed(field: Field, rights: Rights) -> bool:
    return not field.readonly and field.key not in rights.readonly


def _has_own_value(field: Field) -> bool:
    return field.default is not None or field.default_from is not None or bool(field.fetch)


def _input(field: Field, rights: Rights, locale: Locale) -> dict[str, Any]:
    schema = field.type.json_schema(field)
    if field.type.has_rows:
        schema = _lines(field, rights, locale, writing=True)
    elif field.type.column == "decimal":  # decimals may be sent as numbers too; they are answered as text
        schema = {"type": ["string", "number", "null"]}
    elif schema.get("type") in ("string", "integer", "boolean", "object"):
        schema = _or_null(schema)
    return _described(schema, field, locale)


def _output(field: Field, rights: Rights, locale: Locale) -> dict[str, Any]:
    if field.type.has_rows:
        return _described(_lines(field, rights, locale, writing=False), field, locale)
    if field.type.has_files:
        return _described({"type": "array", "items": _FILE}, field, locale)
    schema = {key: value for key, value in field.type.json_schema(field).items() if key in _KEPT_IN_ANSWERS}
    schema = _or_null(schema)
    if any(key == field.key for key, _ in rights.masked):  # what is left of a value is a text
        schema = {"anyOf": [schema, {"type": "string"}]}
    return _described(schema, field, locale)


def _lines(field: Field, rights: Rights, locale: Locale, *, writing: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"id": _ID}
    for key, column in field.fields.items():
        path = f"{field.key}.{key}"
        hidden = path in rights.hidden or column.retired
        if hidden or (writing and (column.readonly or path in rights.readonly)):
            continue
        properties[key] = _input(column, rights, locale) if writing else _output(column, rights, locale)
    items: dict[str, Any] = {"type": "object", "properties": properties}
    if writing:
        items["additionalProperties"] = False
        return {"type": ["array", "null"], "maxItems": field.max_rows, "items": items}
    return {"type": "array", "items": items}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        schema = schema | {"type": [kind, "null"]}
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema


def _described(schema: dict[str, Any], field: Field, locale: Locale) -> dict[str, Any]:
    said = {"title": locale.label(field.label)} | schema
    return said | {"description": locale.label(field.help)} if field.help else said


_KEPT_IN_ANSWERS = ("type", "format", "enum", "items", "pattern", "properties")
