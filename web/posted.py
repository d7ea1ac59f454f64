"""What a form posted, as raw values for a command and as typed for the form that may come back.

Enters: the posted names and values (``widgets/inputs.html`` and ``widgets/lines.html`` say which). Leaves:
``Posted``. Must not drop an unknown name: the command refuses it, so that nothing is silently ignored. Must not read
the database: names typed into pickers are found by ``web/picked.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Field
from engine.compiler.readers import Wrong

_HELPERS = ("_text", "_pick", "_new", "_drop", "_order")
_MOST_ROWS = 1_000
_TAKE = "_take."


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a picker offers: its id, what it is called, and a number, login or key beside."""

    value: str
    text: str
    hint: str | None


class Unread(Wrong):
    """In place of a value: why it could not be read, and what the input shows when the form comes back.

    ``text`` is what was typed, ``choices`` are what it could mean, ``kept`` is what was chosen besides.
    """

    def __init__(
        self,
        code: str,
        params: Mapping[str, object] = MappingProxyType({}),
        *,
        text: str = "",
        choices: Sequence[Choice] = (),
        kept: Any = "",
    ) -> None:
        super().__init__(code, **{**({"text": text} if text else {}), **params})
        self.text, self.choices, self.kept = text, tuple(choices), kept


@dataclass(frozen=True)
class Posted:
    """``raw`` goes to a command; ``typed`` goes back into the inputs (rows carry their ``_token``).

    ``draft`` is the token under which the form keeps a draft, "" while it has none.
    """

    raw: dict[str, Any]
    typed: dict[str, Any]
    version: int
    action_id: str | None
    draft: str


def read_posted(entity: Entity, form: "MultiDict[str, str]") -> Posted:
    """Return what was posted for a record of ``entity``."""
    raw: dict[str, Any] = {}
    for name in form:
        if name.startswith("_") or name == "csrf_token" or name.rpartition(".")[2] in _HELPERS:
            continue
        lines = entity.fields.get(name.partition(".")[0])
        if lines is not None and lines.type.has_rows and name.count(".") == 2:
            continue
        if lines is not None and name.count(".") == 1 and name.partition(".")[2] in lines.type.parts:
            raw[lines.key] = _parts(lines, form)
        else:
            dropped = form.getlist(f"{name}._drop")
            raw[name] = _value(entity.fields.get(name), [one for one in form.getlist(name) if one not in dropped])
    typed = dict(raw)
    for lines in entity.line_fields:
        if lines.key in raw:  # text where rows belong: the command refuses it, and the form shows no rows
            typed[lines.key] = []
        elif f"{lines.key}._order" in form:
            rows = _rows(lines, form)
            typed[lines.key] = rows
            raw[lines.key] = [{key: value for key, value in row.items() if key != "_token"} for row in rows]
    return Posted(raw, typed, read_version(form), form.get("_action_id") or None, form.get("_draft", ""))


def read_version(form: "MultiDict[str, str]", name: str = "_version") -> int:
    """Return the version of the record that the form was filled from; 0, which none has, when it says nothing."""
    said = form.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def read_taken(form: "MultiDict[str, str]") -> frozenset[str]:
    """Return the fields whose stored value somebody chose to keep on the conflict page."""
    return frozenset(name.removeprefix(_TAKE) for name in form if name.startswith(_TAKE) and form[name] == "theirs")


def _value(field: Field | None, values: Sequence[str]) -> Any:
    if field is not None and field.type.column == "boolean":
        return any(values)
    if field is not None and field.type.many:
        return [value for value in values if value]
    return next((value for value in reversed(values) if value), "")


def _parts(field: Field, form: "MultiDict[str, str]") -> dict[str, str] | str:
    """Return a value that is typed part by part; nothing when every part was left empty."""
    said = {part: form.get(f"{field.key}.{part}", "") for part in field.type.parts}
    return {part: text for part, text in said.items() if text.strip()} or ""


def _rows(lines: Field, form: "MultiDict[str, str]") -> list[dict[str, Any]]:
    rows = []
    pickers = [key for key, column in lines.fields.items() if column.target is not None]
    for token in [one for one in form.getlist(f"{lines.key}._order") if one][:_MOST_ROWS]:
        prefix = f"{lines.key}.{token}."
        row: dict[str, Any] = {"_token": token}
        if form.get(f"{prefix}_id"):
            row["id"] = form[f"{prefix}_id"]
        for name in form:
            column = name.removeprefix(prefix)
            if name.startswith(prefix) and not column.startswith("_") and column.rpartition(".")[2] not in _HELPERS:
                row[column] = _value(lines.fields.get(column), form.getlist(name))
        if _says_something(lines, row) or any(form.get(f"{prefix}{key}._text", "").strip() for key in pickers):
            rows.append(row)
    return rows


def _says_something(lines: Field, row: dict[str, Any]) -> bool:
    """Tell whether somebody typed into a line; what it began with says nothing while something else is to be typed."""
    if "id" not in row and any(one.required and one.default is None for one in lines.fields.values()):
        row = {key: value for key, value in row.items() if value != _begins_with(lines, key)}
    return any(value not in ("", [], False) for key, value in row.items() if key != "_token")


def typed_links(entity: Entity, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the linked records and people among what was typed, by id, rows included: to learn their names."""
    found: dict[str, Any] = _ids(entity.fields, typed)
    for field in entity.line_fields:
        rows = typed.get(field.key) or ()
        found[field.key] = [_ids(field.fields, row) for row in rows if isinstance(row, Mapping)]
    return found


def _ids(fields: Mapping[str, Field], typed: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, field in fields.items():
        given = typed.get(key)
        given = given.kept if isinstance(given, Unread) else given
        if field.target is None or not given:
            continue
        ids = [int(str(one)) for one in (given if isinstance(given, list) else [given]) if is_id(str(one))]
        if ids:
            found[key] = ids if field.type.many else ids[0]
    return found


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of something."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def _begins_with(lines: Field, key: str) -> Any:
    column = lines.fields.get(key)
    return None if column is None or column.default is None else column.type.to_form(column.default)
