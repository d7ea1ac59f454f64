"""The inputs of a form, made from compiled fields: what ``widgets/inputs.html`` draws.

Enters: a field with its value, or with what somebody typed and the error that belongs to it. Leaves: an input. Must not
parse: what was typed goes back exactly as it came.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.compiler.app import Entity, Field
from engine.records.record import USER, Labels
from engine.records.rights import Rights
from web.cells import Cells, is_right, words_of
from web.line_view import split_columns

Input = dict[str, Any]
_RADIO_OPTIONS = 4
_RADIO_LETTERS = 24
_WIDE = frozenset({"long_text", "lines", "file", "choices"})
_BLANK_ROW = {"_token": "r0"}


class Inputs:
    """Makes the inputs of one form.

    ``values`` are the typed values behind the form, ``typed`` what was posted, by field name, when a form comes back;
    ``errors`` are sentences by path. A line table nobody has filled in yet starts with a row when it needs one.
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
        made = self._base(field, key, f"f-{key}", self.is_fixed(field))
        made["error"] = self.errors.get(key)
        made["required"] = field.required or key in self.required
        made["width"] = 2 if wide or field.type.key in _WIDE else 1
        raw = self.typed[key] if key in self.typed else self.raw(field, self.values.get(key))
        if field.type.key == "lines":
            return made | self._lines(field, raw)
        return made | self._valued(field, raw, self.values.get(key), f"{self.entity.key}.{key}")

    def total(self, field: Field) -> dict[str, Any]:
        """Return a computed figure for the foot of a line table."""
        made = self.field(field)
        return {"id": made["id"], "label": made["label"], "text": made["text"], "strong": field.words,
                "words": made["words"], "help": made["help"]}  # fmt: skip

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

    def is_fixed(self, field: Field) -> bool:
        """Tell whether nobody may type this field now."""
        return field.readonly or field.key in self.rights.readonly or field.key in self.locked or field.retired

    # ---- one input

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
            "words": None,
            "in_line": False,
        }

    def _valued(self, field: Field, raw: Any, value: Any, address: str) -> Input:
        kind = field.type.key
        made: Input = {"value": raw, "text": self._text(field, raw, value)}
        if field.words:
            made["words"] = words_of(field, value) or ""
        if kind in ("choice", "choices"):
            made |= self._options(field, raw)
        if kind == "link":
            made["pick_url"] = f"/pick/{field.to}?for={address}"
        if kind == "user":
            made["pick_url"] = "/pick-person"
        if kind == "file":
            made |= self._files(field, raw, value)
        return made

    def _options(self, field: Field, raw: Any) -> Input:
        chosen = set(raw if isinstance(raw, list) else [raw])
        options = [
            {"value": key, "label": self.cells.locale.label(label), "selected": key in chosen}
            for key, label in field.options.items()
        ]
        letters = sum(len(option["label"]) for option in options)
        short = len(options) <= _RADIO_OPTIONS and letters <= _RADIO_LETTERS
        return {"options": options, "style": "radio" if short else "select"}

    def _text(self, field: Field, raw: Any, value: Any) -> str:
        if field.type.key in ("link", "user"):
            said = str(raw or "")
            id_ = int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else 0
            return self.labels.get((field.to or USER, id_), "")
        if value is None or field.type.key in ("file", "lines"):
            return ""
        return str(self.cells.of_field(field, value, self.labels)["text"])

    def _files(self, field: Field, raw: Any, value: Any) -> Input:
        present = value if isinstance(value, list) else []
        kept = {
            str(one.get("id") if isinstance(one, Mapping) else one) for one in (raw if isinstance(raw, list) else [])
        }
        shown = [one for one in present if field.key not in self.typed or str(one["id"]) in kept]
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
        fixed = self.is_fixed(field)
        main, under = split_columns(list(self._columns(field)))
        stored = self.values.get(field.key) or []
        rows = list(raw) if isinstance(raw, list) else []
        if not rows and field.min_rows and not fixed:
            rows = [_BLANK_ROW]
        blank = {one.key: self._cell(field, one, "", None, "__row__", None, fixed) for one in (*main, *under)}
        return {
            "kind": "lines",
            "columns": [self._column(column) for column in main],
            "under": [self._column(column) for column in under],
            "rows": list(self._rows(field, (*main, *under), rows, stored, fixed)),
            "blank": blank,
            "totals": [],
            "can_add": not fixed,
            "can_remove": not fixed,
        }

    def _columns(self, field: Field) -> Iterator[Field]:
        for column in field.fields.values():
            if f"{field.key}.{column.key}" not in self.rights.hidden and not column.retired:
                yield column

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

    def _rows(
        self, field: Field, columns: Sequence[Field], rows: Sequence[Any], stored: Sequence[Any], fixed: bool
    ) -> Iterator[dict[str, Any]]:
        by_id = {str(one["id"]): one for one in stored if one.get("id")}
        for at, row in enumerate(rows):
            behind = stored[at] if len(stored) == len(rows) else by_id.get(str(row.get("id")), {})
            token = str(row.get("_token") or f"r{at}")
            cells = {}
            for column in columns:
                typed = "_token" in row and column.key in row
                raw = row[column.key] if typed else self.raw(column, behind.get(column.key))
                error = self.errors.get(f"{field.key}.{at}.{column.key}")
                cells[column.key] = self._cell(field, column, raw, behind.get(column.key), token, error, fixed)
            error = self.errors.get(f"{field.key}.{at}")
            yield {"token": token, "id": row.get("id") or "", "fields": cells, "error": error}

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
