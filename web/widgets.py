"""The inputs of a form, made from compiled fields: what ``widgets/inputs.html`` draws.

Enters: a field with its value, or with what somebody typed and the error that belongs to it. Leaves: an input. Must not
parse: what was typed goes back exactly as it came.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.compiler.app import Entity, Field
from engine.records.record import USER, Labels
from engine.records.rights import Rights
from web.cells import Cells, is_right

Input = dict[str, Any]
_RADIO_OPTIONS = 4
_RADIO_LETTERS = 24
_WIDE = frozenset({"long_text", "lines", "file", "choices"})


class Inputs:
    """Makes the inputs of one form.

    ``typed`` holds what was posted, by field name, when a form comes back; ``errors`` sentences by path.
    """

    def __init__(
        self,
        cells: Cells,
        entity: Entity,
        rights: Rights,
        *,
        labels: Labels,
        errors: Mapping[str, str],
        typed: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        required: frozenset[str] = frozenset(),
        locked: frozenset[str] = frozenset(),
    ) -> None:
        self.cells, self.entity, self.rights = cells, entity, rights
        self.labels, self.errors = labels, errors
        self.typed = typed if typed is not None else {}
        self.values = values if values is not None else {}
        self.required, self.locked = required, locked

    def field(self, field: Field, *, wide: bool = False) -> Input:
        """Return the input of a field of the entity."""
        key = field.key
        made = self._base(field, key, f"f-{key}", self._is_fixed(field, key))
        made["error"] = self.errors.get(key)
        made["required"] = field.required or key in self.required
        made["width"] = 2 if wide or field.type.key in _WIDE else 1
        raw = self.typed[key] if key in self.typed else self.raw(field, self.values.get(key))
        if field.type.key == "lines":
            return made | self._lines(field, raw)
        return made | self._valued(field, raw, self.values.get(key), f"{self.entity.key}.{key}")

    def raw(self, field: Field, value: Any) -> Any:
        """Return a stored value as its input holds it."""
        if value is None:
            return ""
        if field.type.key == "percent":
            return _plain(value * 100)
        if isinstance(value, Decimal):
            return _plain(value)
        if isinstance(value, datetime):
            return self.cells.locale.local(value).strftime("%Y-%m-%dT%H:%M")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, bool):
            return "true" if value else ""
        return value if isinstance(value, list) else str(value)

    def _is_fixed(self, field: Field, key: str) -> bool:
        return field.readonly or key in self.rights.readonly or key in self.locked or field.retired

    def _base(self, field: Field, name: str, id_: str, fixed: bool) -> Input:
        locale = self.cells.locale
        computed = field.computed is not None or fixed
        return {
            "key": field.key,
            "name": name,
            "id": id_,
            "kind": "computed" if computed and field.type.key != "lines" else field.type.key,
            "label": locale.label(field.label),
            "help": locale.label(field.help) or None,
            "error": None,
            "placeholder": None,
            "required": field.required,
            "readonly": fixed,
            "disabled": False,
            "max_length": field.max_length or field.type.max_length,
            "min": None,
            "max": None,
            "step": None,
            "unit": None,
            "numeric": is_right(field),
            "value": "",
            "text": "",
            "in_line": False,
        }

    def _valued(self, field: Field, raw: Any, value: Any, address: str) -> Input:
        kind = field.type.key
        made: Input = {"value": raw if isinstance(raw, str) else raw}
        made["text"] = self._text(field, raw, value)
        if kind in ("choice", "choices"):
            chosen = set(raw if isinstance(raw, list) else [raw])
            made["options"] = [
                {"value": key, "label": self.cells.locale.label(label), "selected": key in chosen}
                for key, label in field.options.items()
            ]
            letters = sum(len(option["label"]) for option in made["options"])
            made["style"] = "radio" if len(field.options) <= _RADIO_OPTIONS and letters <= _RADIO_LETTERS else "select"
        if kind == "link":
            made["pick_url"] = f"/pick/{field.to}?for={address}"
        if kind == "user":
            made["pick_url"] = "/pick-person"
        if kind == "file":
            made |= self._files(field, raw, value)
        return made

    def _text(self, field: Field, raw: Any, value: Any) -> str:
        if field.type.key in ("link", "user"):
            said = str(raw or "")
            id_ = int(said) if said.isdecimal() and len(said) < 19 else 0
            return self.labels.get((field.to or USER, id_), "")
        if value is None or field.type.key in ("file", "lines"):
            return ""
        return str(self.cells.of_field(field, value, self.labels)["text"])

    def _files(self, field: Field, raw: Any, value: Any) -> Input:
        present = value if isinstance(value, list) else []
        kept = {str(part) for part in (raw if isinstance(raw, list) else str(raw or "").split(","))}
        shown = [one for one in present if not self.typed or str(one["id"]) in kept or field.key not in self.typed]
        return {
            "many": field.many,
            "upload_url": f"/files?for={self.entity.key}.{field.key}",
            "accept": [f".{ending}" for ending in field.accept],
            "max_bytes": field.max_size,
            "max_text": self.cells.locale.size(field.max_size) if field.max_size else None,
            "files": [self.cells.file(one) for one in shown],
        }

    # ---- line tables

    def _lines(self, field: Field, raw: Any) -> Input:
        fixed = self._is_fixed(field, field.key)
        columns = [column for column in field.fields.values() if f"{field.key}.{column.key}" not in self.rights.hidden and not column.retired]
        rows = raw if isinstance(raw, list) else []
        stored = self.values.get(field.key) or []
        made_rows = [self._row(field, columns, row, at, _stored_row(stored, row, at), fixed) for at, row in enumerate(rows)]
        return {
            "kind": "lines",
            "columns": [self._column(column) for column in columns],
            "rows": made_rows,
            "blank": {column.key: self._cell(field, column, "", None, "__row__", None, fixed) for column in columns},
            "totals": [],
            "can_add": not fixed,
            "can_remove": not fixed,
        }

    def _column(self, column: Field) -> dict[str, Any]:
        kind = column.type.key
        size = "l" if kind == "link" else "m" if kind in ("text", "long_text", "choice", "user") else "s"
        return {
            "key": column.key,
            "label": self.cells.locale.label(column.label),
            "required": column.required,
            "align": "right" if is_right(column) else None,
            "size": size,
        }

    def _row(
        self, field: Field, columns: Sequence[Field], row: Mapping[str, Any], at: int, stored: Mapping[str, Any], fixed: bool
    ) -> dict[str, Any]:
        token = str(row.get("_token") or f"r{at}")
        fields = {}
        for column in columns:
            typed = column.key in row and "_token" in row
            raw = row[column.key] if typed else self.raw(column, stored.get(column.key))
            error = self.errors.get(f"{field.key}.{at}.{column.key}")
            fields[column.key] = self._cell(field, column, raw, stored.get(column.key), token, error, fixed)
        return {"token": token, "id": row.get("id") or "", "fields": fields, "error": self.errors.get(f"{field.key}.{at}")}

    def _cell(
        self, field: Field, column: Field, raw: Any, value: Any, token: str, error: str | None, fixed: bool
    ) -> Input:
        name = f"{field.key}.{token}.{column.key}"
        locked = fixed or column.readonly or f"{field.key}.{column.key}" in self.rights.readonly
        made = self._base(column, name, f"f-{field.key}-{token}-{column.key}", locked)
        made |= {"in_line": True, "error": error}
        return made | self._valued(column, raw, value, f"{self.entity.key}.{field.key}.{column.key}")


def _plain(value: Decimal) -> str:
    """Return a decimal without needless zeros: 12.5, 100."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _stored_row(stored: Sequence[Mapping[str, Any]], row: Mapping[str, Any], at: int) -> Mapping[str, Any]:
    if row.get("id"):
        return next((one for one in stored if str(one.get("id")) == str(row["id"])), {})
    return stored[at] if "_token" not in row and at < len(stored) else {}
