"""What a form posted, as raw values for a command and as typed for the form that may come back.

Enters: the posted names and values (``widgets/inputs.html`` and ``widgets/lines.html`` say which). Leaves:
``Posted``. Must not drop an unknown name: the command refuses it, so that nothing is silently ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Field

_HELPERS = ("_text", "_new", "_order")
_MOST_ROWS = 1_000
_TAKE = "_take."


@dataclass(frozen=True)
class Posted:
    """``raw`` goes to a command; ``typed`` goes back into the inputs (rows carry their ``_token``)."""

    raw: dict[str, Any]
    typed: dict[str, Any]
    version: int
    action_id: str | None


def read_posted(entity: Entity, form: "MultiDict[str, str]") -> Posted:
    """Return what was posted for a record of ``entity``."""
    raw: dict[str, Any] = {}
    for name in form:
        if name.startswith("_") or name == "csrf_token" or name.rpartition(".")[2] in _HELPERS:
            continue
        lines = entity.fields.get(name.partition(".")[0])
        if lines is not None and lines.type.key == "lines" and name.count(".") == 2:
            continue
        raw[name] = _value(entity.fields.get(name), form.getlist(name))
    typed = dict(raw)
    for lines in entity.line_fields:
        if lines.key in raw:  # text where rows belong: the command refuses it, and the form shows no rows
            typed[lines.key] = []
        elif f"{lines.key}._order" in form:
            rows = _rows(lines, form)
            typed[lines.key] = rows
            raw[lines.key] = [{key: value for key, value in row.items() if key != "_token"} for row in rows]
    return Posted(raw, typed, read_version(form), form.get("_action_id") or None)


def read_version(form: "MultiDict[str, str]") -> int:
    """Return the version of the record that the form was filled from; 0, which none has, when it says nothing."""
    said = form.get("_version", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def read_taken(form: "MultiDict[str, str]") -> frozenset[str]:
    """Return the fields whose stored value somebody chose to keep on the conflict page."""
    return frozenset(name.removeprefix(_TAKE) for name in form if name.startswith(_TAKE) and form[name] == "theirs")


def _value(field: Field | None, values: Sequence[str]) -> Any:
    kind = field.type.key if field is not None else "text"
    if kind == "boolean":
        return any(values)
    if kind in ("choices", "file"):
        return [value for value in values if value]
    return next((value for value in reversed(values) if value), "")


def _rows(lines: Field, form: "MultiDict[str, str]") -> list[dict[str, Any]]:
    rows = []
    for token in form.getlist(f"{lines.key}._order")[:_MOST_ROWS]:
        prefix = f"{lines.key}.{token}."
        row: dict[str, Any] = {"_token": token}
        if form.get(f"{prefix}_id"):
            row["id"] = form[f"{prefix}_id"]
        for name in form:
            column = name.removeprefix(prefix)
            if name.startswith(prefix) and not column.startswith("_") and not column.endswith(("._text", "._new")):
                row[column] = _value(lines.fields.get(column), form.getlist(name))
        rows.append(row)
    return [row for row in rows if _says_something(row)]


def _says_something(row: dict[str, Any]) -> bool:
    return any(value not in ("", [], False) for key, value in row.items() if key != "_token")


def typed_links(entity: Entity, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the linked records and people among what was typed, by id, rows included: to learn their names."""
    found: dict[str, Any] = _ids(entity.fields, typed)
    for field in entity.line_fields:
        rows = typed.get(field.key) or ()
        found[field.key] = [_ids(field.fields, row) for row in rows if isinstance(row, Mapping)]
    return found


def _ids(fields: Mapping[str, Field], typed: Mapping[str, Any]) -> dict[str, int]:
    said = {key: str(typed.get(key) or "") for key, field in fields.items() if field.type.column in ("link", "user")}
    return {key: int(text) for key, text in said.items() if text.isascii() and text.isdecimal() and len(text) < 19}
