"""The inputs of a form, made from compiled fields: what ``widgets/inputs.html`` draws.

Enters: a field with its value, or with what somebody typed and the error that belongs to it. Leaves: an input. Must not
parse: what was typed goes back exactly as it came.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from engine.compiler.app import Entity, Field
from engine.records.field_states import FieldState
from engine.records.record import Labels
from engine.records.rights import Rights
from web.cells import Cells, is_right, words_of
from web.line_view import split_columns
from web.posted import Unread, is_id

Input = dict[str, Any]
_RADIO_OPTIONS = 4
_RADIO_LETTERS = 24
_BLANK_ROW = {"_token": "r0"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an input is made for.

    ``raw`` is the value as typed or as the input holds it, ``value`` as stored; ``address`` tells a picker the field.
    """

    field: Field
    raw: Any
    value: Any
    address: str


class Inputs:
    """Makes the inputs of one form.

    ``values`` are the typed values behind the form, ``typed`` what was posted, by field name, when a form comes back;
    ``errors`` are sentences by path, ``links`` lead to what they speak of, ``creatable`` says what can be made on the
    spot, entity and label, ``masked`` what stands for fields seen in part. ``prefix`` tells the elements of two forms
    of one page apart. A line table nobody has filled in yet starts with a row when it needs one.
    """

    def __init__(
        self,
        cells: Cells,
        entity: Entity,
        rights: Rights,
        *,
        labels: Labels,
        errors: Mapping[str, str],
        links: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
        typed: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        required: frozenset[str] = frozenset(),
        locked: frozenset[str] = frozenset(),
        states: Mapping[str, FieldState] = MappingProxyType({}),
        why: Callable[[Field, str], str | None] | None = None,
        creatable: Mapping[str, str] = MappingProxyType({}),
        masked: Mapping[str, str] = MappingProxyType({}),
        prefix: str = "f-",
    ) -> None:
        self.cells, self.entity, self.rights = cells, entity, rights
        self.labels, self.errors, self.links = labels, errors, links
        self.typed = typed if typed is not None else {}
        self.values = values if values is not None else {}
        self.required, self.locked, self.states, self.why = required, locked, states, why
        self.creatable, self.masked, self.prefix = creatable, masked, prefix

    def field(self, field: Field, *, wide: bool = False) -> Input:
        """Return the input of a field of the entity."""
        key = field.key
        made = self._base(field, key, f"{self.prefix}{key}", self.is_fixed(field))
        made["error"], made["error_link"] = self.errors.get(key), self.links.get(key)
        made |= self._condition(field, key)
        made["why"] = self._why(field, key)
        made["width"] = 2 if wide or field.type.wide else 1
        if key in self.masked:
            return made | {"text": self.masked[key]}
        raw = self.typed[key] if key in self.typed else self.raw(field, self.values.get(key))
        if field.type.has_rows:
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
        if isinstance(value, datetime):
            return self.cells.locale.local(value).strftime("%Y-%m-%dT%H:%M")
        return field.type.to_form(value)

    def is_fixed(self, field: Field) -> bool:
        """Tell whether nobody may type this field now."""
        if field.readonly or field.key in self.rights.readonly or field.key in self.locked or field.retired:
            return True
        if field.key in self.masked:
            return True
        return self._is_frozen(field.key)

    def is_shown(self, field: Field) -> bool:
        """Tell whether the field applies to the record as it stands."""
        return field.key not in self.states or self.states[field.key].visible or field.key in self.errors

    def is_required(self, field: Field) -> bool:
        """Tell whether the field must be filled in as the form stands."""
        return bool(self._condition(field, field.key)["required"])

    def _why(self, field: Field, path: str) -> str | None:
        return self.why(field, path) if self.why is not None else None

    def _is_frozen(self, path: str) -> bool:
        return path in self.states and self.states[path].readonly

    def _condition(self, field: Field, path: str) -> Input:
        """Return what the conditions of a field or cell come to; ``when`` is None where there are none."""
        state = self.states.get(path)
        if state is None:
            return {"when": None, "required": field.required or path in self.required}
        shown = state.visible or path in self.errors
        return {"when": {"shown": shown}, "required": state.required or path in self.required}

    # ---- one input

    def _base(self, field: Field, name: str, id_: str, fixed: bool) -> Input:
        locale = self.cells.locale
        computed = field.computed is not None or fixed
        return {
            "key": field.key,
            "name": name,
            "id": id_,
            "kind": "computed" if computed and not field.type.has_rows else field.type.widget,
            "label": locale.label(field.label),
            "help": locale.label(field.help) or None,
            "error": None,
            "error_link": None,
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
            "when": None,
            "why": None,
        }

    def _valued(self, field: Field, raw: Any, value: Any, address: str) -> Input:
        if isinstance(raw, Unread):  # what was typed stays where it was typed
            offered = [{"value": one.value, "text": one.text, "hint": one.hint} for one in raw.choices]
            unread = {"unread": raw.text, "choices": offered if len(offered) > 1 else []}
            return self._valued(field, raw.kept, value, address) | unread
        made: Input = {"value": raw, "text": self._text(field, raw, value)}
        if field.words:
            made["words"] = words_of(field, value) or ""
        more = _MORE.get(field.type.widget)
        return made if more is None else made | more(self, Asked(field, raw, value, address))

    def options(self, asked: Asked) -> Input:
        """Return what can be chosen."""
        field, raw = asked.field, asked.raw
        chosen = set(raw if isinstance(raw, list) else [raw])
        labels = {
            key: self.cells.locale.label(label)
            for key, label in field.options.items()
            if key not in field.retired_options or key in chosen
        }
        options = [{"value": key, "label": label, "selected": key in chosen} for key, label in labels.items()]
        letters = sum(map(len, labels.values()))
        short = len(options) <= _RADIO_OPTIONS and letters <= _RADIO_LETTERS
        return {"options": options, "style": "radio" if short else "select"}

    def _text(self, field: Field, raw: Any, value: Any) -> str:
        if field.target is not None and not field.type.many:
            return self.called(field.target, raw)
        if value is None or not field.stored:
            return ""
        return str(self.cells.of_field(field, value, self.labels)["text"])

    def called(self, target: str, raw: Any) -> str:
        """Return what the thing with this id is called, nothing when it is no id or not to be seen."""
        said = str(raw or "")
        return self.labels.get((target, int(said)), "") if is_id(said) else ""

    def picked(self, asked: Asked) -> Input:
        """Return where to look for what can be chosen; what is chosen already, where that may be several."""
        field = asked.field
        made: Input = {"pick_url": _PICK[field.type.widget].format(to=field.to, address=asked.address)}
        if field.where is not None and field.where.checked.outer_reads:  # asked with the form as it stands
            made["pick_with_form"] = True
            if self.values.get("id"):
                made["pick_url"] += f"&record={self.values['id']}"
        if field.quick_create and field.to in self.creatable:
            made["create"] = self._create(field, asked.address)
        if field.type.many:
            chosen = asked.raw if isinstance(asked.raw, list) else [asked.raw]
            named = ((str(one), self.called(field.target, one) if field.target else str(one)) for one in chosen if one)
            made["chosen"] = [{"value": value, "text": text or value} for value, text in named]
        return made

    def _create(self, field: Field, address: str) -> dict[str, Any]:
        """Return where a record to link to is made on the spot, and what it takes over from this one.

        ``given`` are fields of this form by the field they fill there; ``start`` is for browsers without scripts.
        """
        id_ = self.values.get("id")
        known = {there: str(id_) for there, here in field.implied.items() if here == "id" and id_}
        given = {there: here for there, here in field.implied.items() if here in self.entity.fields}
        query = urlencode({"for": address, **known})
        start = urlencode({"for": address, **({"record": str(id_)} if id_ else {})})
        label = self.creatable[field.to or ""]
        return {
            "url": f"/quick-create?{query}",
            "start": f"/quick-create/start?{start}",
            "given": given,
            "label": label,
        }

    def stars(self, asked: Asked) -> Input:
        """Return the steps of a rating."""
        most = int(asked.field.max or 5)
        return {"options": [{"value": str(at), "selected": str(asked.raw) == str(at)} for at in range(1, most + 1)]}

    def parts(self, asked: Asked) -> Input:
        """Return the parts of a value that is typed part by part."""
        raw = asked.raw if isinstance(asked.raw, Mapping) else {asked.field.type.parts[-2]: asked.raw}
        said = self.cells.locale
        return {
            "parts": [
                {"key": part, "label": said.t(f"address.{part}"), "value": raw.get(part) or ""}
                for part in asked.field.type.parts
            ]
        }

    def files(self, asked: Asked) -> Input:
        """Return what hangs there, and what may be added."""
        field, raw, value = asked.field, asked.raw, asked.value
        present = value if isinstance(value, list) else []
        known = {str(one["id"]) for one in present}
        present += [one for one in raw if isinstance(one, Mapping) and str(one["id"]) not in known]
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
            "pictures": field.type.cell == "pictures",
            "original": field.original,
        }

    # ---- line tables

    def _lines(self, field: Field, raw: Any) -> Input:
        fixed = self.is_fixed(field)
        main, under = split_columns(list(self._columns(field)))
        stored = self.values.get(field.key) or []
        rows = list(raw) if isinstance(raw, list) else []
        if not rows and field.min_rows and not fixed:
            rows = [_BLANK_ROW | self._begun(field)]
        begun = self._begun(field)
        blank = {
            one.key: self._cell(field, one, begun.get(one.key, ""), one.default, "__row__", None, fixed)
            | self._condition(one, f"{field.key}.*.{one.key}")
            | {"why": self._why(one, f"{field.key}.*.{one.key}")}
            for one in (*main, *under)
        }
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

    def _begun(self, field: Field) -> dict[str, Any]:
        """Return what a new line holds before anybody types."""
        return {one.key: self.raw(one, one.default) for one in field.fields.values() if one.default is not None}

    def _columns(self, field: Field) -> Iterator[Field]:
        for column in field.fields.values():
            if f"{field.key}.{column.key}" not in self.rights.hidden and not column.retired:
                yield column

    def _column(self, column: Field) -> dict[str, Any]:
        middle = column.type.is_text or column.target is not None
        size = "l" if column.to is not None else "m" if middle else "s"
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
                path = f"{field.key}.{at}.{column.key}"
                closed = fixed or self._is_frozen(path)
                made = self._cell(field, column, raw, behind.get(column.key), token, error, closed)
                cells[column.key] = made | self._condition(column, path) | {"why": self._why(column, path)}
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


_PICK = {
    "link": "/pick/{to}?for={address}",
    "user": "/pick-person",
    "links": "/pick/{to}?for={address}",
    "users": "/pick-person",
    "department": "/pick-department",
    "tags": "/pick-tag?for={address}",
}
_MORE: Mapping[str, Callable[[Inputs, Asked], Input]] = {
    "choice": Inputs.options,
    "choices": Inputs.options,
    **dict.fromkeys(_PICK, Inputs.picked),
    "rating": Inputs.stars,
    "address": Inputs.parts,
    "file": Inputs.files,
    "signature": Inputs.files,
}
"""What a widget needs beside the value, by its name."""
