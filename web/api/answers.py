"""Records as JSON: one writer per entity and set of hidden fields, made once.

Enters: records of the engine. Leaves: answers. Must not ask the database, nor let a hidden field through: the record a
command returns holds all values, so it is filtered here too.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from flask import Response, g

from engine.compiler.app import Entity, Field
from engine.compiler.field_types.declaration import same
from engine.errors import FieldError, InvalidValues
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import Rights, find_rights
from web.gate import store

PREFIX = "/api/v1"
NO_MORE: Mapping[str, Any] = MappingProxyType({})
Convert = Callable[[Any], Any]
_MOST_KEPT = 2_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False).encode
_writers: "dict[tuple[object, ...], Writer]" = {}


class Writer:
    """Turns records of one entity into plain data, without what is hidden from the actor."""

    def __init__(self, entity: Entity, rights: Rights) -> None:
        hidden = rights.entering.hidden  # what is masked, each record says itself
        self._masks = bool(rights.masked)
        self._convert: dict[str, Convert | None] = {key: to for key, to in _SYSTEM.items() if key not in hidden}
        self._empty: dict[str, Any] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        for key, field in entity.fields.items():
            if key not in hidden and not field.retired:
                self._convert[key] = _converter(field, hidden)
                self._empty[key] = [] if field.type.column is None else None

    def write_whole(self, record: Record) -> dict[str, Any]:
        """Return the record with every field the actor may see, also those it has no value for."""
        known = {"id": record.id, "version": record.version, "release_id": record.release_id}
        return known | self._empty | self.write(record)

    def write(self, record: Record) -> dict[str, Any]:
        """Return the values a record has as plain data: system fields and fields side by side.

        Of a field seen in part stands what is left of it.
        """
        record = without_hidden(record) if self._masks else record
        keys = tuple(record.values)
        plan = self._plans.get(keys) or self._plan(keys)
        found = {"id": record.id, "version": record.version} | record.values
        for key in plan.dropped:
            del found[key]
        for key, to_json in plan.converted:
            value = found[key]
            if value is not None:
                found[key] = to_json(value)
        return found | {key: text or None for key, text in record.masked.items()} if record.masked else found

    def _plan(self, keys: tuple[str, ...]) -> "_Plan":
        """Work out once what becomes of records with these keys: all rows of a list have the same."""
        if len(self._plans) > _MOST_KEPT:
            self._plans.clear()
        converted = [(key, to_json) for key in keys if (to_json := self._convert.get(key)) is not None]
        dropped = tuple(key for key in keys if key not in self._convert and key != "id")
        plan = self._plans[keys] = _Plan(dropped, tuple(converted))
        return plan


@dataclass(frozen=True, slots=True)
class _Plan:
    """Keys that are not told, and keys whose value is written differently in JSON."""

    dropped: tuple[str, ...]
    converted: tuple[tuple[str, Convert], ...]


def writer_for(entity: str, rights: Rights | None = None) -> Writer:
    """Return the writer of an entity for whoever asks, or for what they see of a pool."""
    app = store().app
    compiled = app.entities[entity]
    rights = rights or find_rights(app, compiled, g.actor)
    key = (app.digest, entity, rights.hidden, rights.masked)
    found = _writers.get(key)
    if found is None:
        if len(_writers) > _MOST_KEPT:
            _writers.clear()
        found = _writers[key] = Writer(compiled, rights)
    return found


def answer(data: Any, status: int = 200) -> Response:
    """Return plain data as JSON."""
    return Response(_encode(data), status, mimetype="application/json")


def record_answer(
    record: Record, status: int = 200, *, only: Sequence[str] = (), more: Mapping[str, Any] = NO_MORE
) -> Response:
    """Return a record with its version as ETag; ``only`` are the fields asked for, all when none is named.

    Raises ``InvalidValues`` for a field that is not there to see.
    """
    data = writer_for(record.entity).write_whole(record)
    errors = [FieldError("fields", "people.no_field", {"name": name[:60]}) for name in only if name not in data]
    if errors:
        raise InvalidValues(errors)
    if only:
        data = {key: data[key] for key in dict.fromkeys(("id", "version", *only))}
    if record.labels:
        data["_labels"] = write_labels(record.labels)
    data |= more
    said = answer(data, status)
    said.headers["ETag"] = f'"{record.version}"'
    return said


def write_labels(labels: Labels) -> dict[str, dict[str, str]]:
    """Return what linked records and people are called, by entity and id."""
    found: dict[str, dict[str, str]] = {}
    for (entity, id_), label in labels.items():
        found.setdefault(entity, {})[str(id_)] = label
    return found


def record_url(record: Record) -> str:
    """Return the address of a record."""
    return f"{PREFIX}/{record.entity}/{record.id}"


def iso(value: Any) -> Any:
    """Return a moment or a day as ISO 8601 text."""
    return None if value is None else value.isoformat()


def _converter(field: Field, hidden: frozenset[str]) -> Convert | None:
    if field.type.has_rows:
        return _lines_converter(field, hidden)
    if field.type.has_files:
        return _write_files
    return None if field.type.to_json is same else _FASTER.get(field.type.column or "", field.type.to_json)


def _lines_converter(field: Field, hidden: frozenset[str]) -> Convert:
    columns: dict[str, Convert | None] = {"id": None}
    for key, column in field.fields.items():
        if f"{field.key}.{key}" not in hidden and not column.retired:
            columns[key] = _converter(column, frozenset())

    def write(rows: Any) -> Any:
        return [{key: _value(row[key], to) for key, to in columns.items() if key in row} for row in rows]

    return write


def _value(value: Any, to_json: Convert | None) -> Any:
    return value if to_json is None or value is None else to_json(value)


def _write_files(files: Any) -> Any:
    return [{key: one[key] for key in ("id", "name", "size", "content_type")} for one in files]


_FASTER: dict[str, Convert] = {"date": date.isoformat, "datetime": datetime.isoformat}
_SYSTEM: dict[str, Convert | None] = {
    "number": None,
    "stage": None,
    "owner": None,
    "team": None,
    "created_at": datetime.isoformat,
    "created_by": None,
    "updated_at": datetime.isoformat,
    "updated_by": None,
}
