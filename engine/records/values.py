"""From what somebody typed to typed values, with an error beside each field that is wrong.

Enters: ``raw`` (a mapping from a form, JSON or a sheet's row), the compiled fields, the actor's rights. Leaves:
values for exactly the keys that were sent. Must not read the database, fill in defaults, or compute: that comes
after.

A field the actor may not see is answered like one that does not exist. Who reads for somebody else and finds that a
text is no value puts a ``Wrong`` in its place: it is told beside its field, together with every other mistake.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.compiler.app import Field
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError
from engine.records.rights import Rights

MAX_FIELDS = 500
ROW_ID = "id"


def read_values(
    fields: Mapping[str, Field], raw: Mapping[str, Any], *, rights: Rights, zone: ZoneInfo, errors: list[FieldError]
) -> dict[str, Any]:
    """Return the typed value of each key in ``raw``; None for an empty one. Mistakes are added to ``errors``."""
    values: dict[str, Any] = {}
    masked, hidden, readonly = {key for key, _ in rights.masked}, rights.hidden, rights.readonly
    for key, given in raw.items():
        field = fields.get(key)
        if field is not None and key in masked:
            errors.append(FieldError(key, "value.masked", {"label": field.label}))
        elif field is None or field.retired or key in hidden:
            errors.append(FieldError(said(key), "value.unknown_field", {"field": said(key)}))
        elif key in readonly or (field.readonly and not (rights.fills and field.kept_by_engine)):
            errors.append(FieldError(key, "value.readonly", {"label": field.label}))
        elif field.type.has_rows:
            values[key] = _read_lines(field, given, rights, zone, errors)
        else:
            _read_into(values, field, given, zone, key, errors)
        if len(errors) > MAX_FIELDS:
            break
    return values


def said(name: object) -> str:
    """Return a name somebody sent as it may be repeated to them: short, and without halves of characters."""
    return (name if isinstance(name, str) else str(name))[:60].encode("utf-8", "replace").decode("utf-8")


def _read_into(
    values: dict[str, Any], field: Field, given: Any, zone: ZoneInfo, path: str, errors: list[FieldError]
) -> None:
    if is_empty(given):
        values[field.key] = [] if field.type.has_files else None
        return
    try:
        if isinstance(given, Wrong):
            raise given
        value = field.type.parse(given, field)
    except Wrong as wrong:
        errors.append(FieldError(path, wrong.code, wrong.params))
        return
    if not isinstance(value, str):  # most are texts
        if isinstance(value, datetime) and value.tzinfo is None:
            value = _in_utc(value, zone)
        elif isinstance(value, list) and not value and field.stored:
            value = None
    values[field.key] = value


def _in_utc(value: datetime, zone: ZoneInfo) -> datetime:
    return value.replace(tzinfo=zone).astimezone(UTC)


def _read_lines(
    field: Field, given: Any, rights: Rights, zone: ZoneInfo, errors: list[FieldError]
) -> list[dict[str, Any]]:
    if is_empty(given):
        return []
    try:
        rows = field.type.parse(given, field)
    except Wrong as wrong:
        errors.append(FieldError(field.key, wrong.code, wrong.params))
        return []
    typed = [row for row in rows if not all(is_empty(given) for given in row.values())]
    return [_read_row(field, row, rights, zone, f"{field.key}.{at}", errors) for at, row in enumerate(typed)]


def _read_row(
    field: Field, row: Mapping[str, Any], rights: Rights, zone: ZoneInfo, path: str, errors: list[FieldError]
) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, given in row.items():
        column = field.fields.get(key)
        if key == ROW_ID:
            if not is_empty(given):
                _read_row_id(read, given, path, errors)
        elif column is None or column.retired or f"{field.key}.{key}" in rights.hidden:
            errors.append(FieldError(f"{path}.{said(key)}", "value.unknown_field", {"field": said(key)}))
        elif f"{field.key}.{key}" in rights.readonly or (
            column.readonly and not (rights.fills and column.kept_by_engine)
        ):
            errors.append(FieldError(f"{path}.{key}", "value.readonly", {"label": column.label}))
        else:
            _read_into(read, column, given, zone, f"{path}.{key}", errors)
    return read


def _read_row_id(read: dict[str, Any], given: Any, path: str, errors: list[FieldError]) -> None:
    if isinstance(given, str) and given.isdecimal() and len(given) < 19:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 < given < 2**63:
        errors.append(FieldError(path, "value.row_stale"))
    else:
        read[ROW_ID] = given
