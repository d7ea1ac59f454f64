"""From a JSON Schema (draft 2020-12 or 07) of an object to a draft of an entity.

Enters: a schema as plain data. Leaves: a ``Draft``. Must not follow a reference out of the document, nor leave out a
keyword without a note.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.compiler.drafts.draft import MAX_HELP, MAX_LABEL, Draft, DraftField, Note, plain
from engine.compiler.drafts.keys import to_key
from engine.compiler.drafts.references import References
from engine.compiler.drafts.values import SAID, read_value

_DEEPEST: Final = 4
_WIDEST: Final = 500
_OF_OBJECTS: Final = frozenset({"properties", "required", "title", "description", "type", "additionalProperties"})
_SILENT: Final = frozenset({
    "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "examples", "deprecated", "$vocabulary", "id",
    "$dynamicAnchor", "minProperties",
})  # fmt: skip
"""Keywords that say nothing about a value."""


def draft_schema(document: Any, *, key: str | None = None) -> Draft:
    """Return the entity a schema describes: nested objects become fields of their own, lists of objects line tables.

    ``key`` is that of the entity; otherwise it is made of the title.
    """
    reading = _Reading(References(document))
    root = reading.merged(document, "#")
    if root.get("type") == "array" or ("items" in root and "properties" not in root):
        root = reading.merged(root.get("items"), "#/items")
    title = plain(root.get("title", ""), MAX_LABEL)
    draft = Draft(key or to_key(title, otherwise="thing") if title or key else "thing", title or key or "Thing")
    draft.help = plain(root.get("description", ""), MAX_HELP)
    with reading.references.inside(document):
        draft.fields = list(reading.fields(root, "#", "", "", 0, []))
    draft.notes = reading.notes
    return draft


class _Reading:
    def __init__(self, references: References) -> None:
        self.references = references
        self.notes: list[Note] = []
        self.made = 0

    def note(self, code: str, path: str, **params: object) -> None:
        self.notes.append(Note(code, plain(path, 200), {name: plain(value, 80) for name, value in params.items()}))

    def merged(self, schema: Any, path: str) -> dict[str, Any]:
        """Return a schema with what it refers to and all of ``allOf`` in one map; what cannot be is noted."""
        merged, problems = self.references.merge(schema)
        for code, params in problems:
            self.note(code, path, **params)
        return merged

    def fields(
        self,
        schema: Mapping[str, Any],
        path: str,
        prefix: str,
        above: str,
        depth: int,
        taken: list[str],
        *,
        there: bool = True,
    ) -> Iterator[DraftField]:
        """Yield the fields of an object; ``prefix`` and ``above`` are key and label of the object it stands in.

        ``there`` says that the object itself must be there: what an optional one requires, a record need not have.
        """
        self._note_rest(schema, path, _OF_OBJECTS)
        if schema.get("additionalProperties") not in (None, False, True):
            self.note("keyword", path, keyword="additionalProperties")
        properties = schema.get("properties")
        required = schema.get("required")
        needed = required if isinstance(required, list) else []
        for name, part in properties.items() if isinstance(properties, dict) else ():
            where = f"{path}/{name}"
            if self.made >= _WIDEST:
                self.note("too_many", where, limit=_WIDEST)
                return
            yield from self._property(name, part, where, prefix, above, depth, taken, there and name in needed)

    def _property(
        self, name: str, part: Any, path: str, prefix: str, above: str, depth: int, taken: list[str], needed: bool
    ) -> Iterator[DraftField]:
        if part is False:
            self.note("never", path)
            return
        schema = self.merged(part, path)
        label = plain(schema.get("title") or name, MAX_LABEL) or "?"
        label = plain(f"{above} · {label}" if above else label, MAX_LABEL)
        with self.references.inside(part) as is_new:
            if not is_new:
                self.note("recursive", path)
            elif _is_object(schema):
                yield from self._object(schema, path, f"{prefix}{name}_", label, depth, taken, needed)
            elif _is_list_of_objects(self, schema, path):
                yield from self._lines(schema, path, f"{prefix}{name}", label, depth, taken)
            else:
                yield self._value(schema, path, f"{prefix}{name}", label, taken, needed)

    def _object(
        self, schema: Mapping[str, Any], path: str, prefix: str, label: str, depth: int, taken: list[str], there: bool
    ) -> Iterator[DraftField]:
        if depth >= _DEEPEST:
            self.note("too_deep", path, limit=_DEEPEST)
        elif not isinstance(schema.get("properties"), dict) or not schema["properties"]:
            self.note("open_object", path)
        else:
            yield from self.fields(schema, path, prefix, label, depth + 1, taken, there=there)

    def _lines(
        self, schema: Mapping[str, Any], path: str, name: str, label: str, depth: int, taken: list[str]
    ) -> Iterator[DraftField]:
        if depth >= _DEEPEST or taken and taken[0] == "":
            self.note("nested_lines", path)
            return
        self._note_rest(schema, path, frozenset({"type", "items", "title", "description", "minItems", "maxItems"}))
        columns: list[str] = [""]  # marks a line table: it holds no other
        rows = self.merged(schema["items"], f"{path}/items")
        fields = list(self.fields(rows, f"{path}/items", "", "", depth + 1, columns))
        if not fields:
            self.note("open_object", path)
            return
        found = self._made(name, label, "lines", taken)
        found.settings |= _described(schema) | _rows(schema)
        found.fields = fields
        yield found

    def _value(
        self, schema: Mapping[str, Any], path: str, name: str, label: str, taken: list[str], needed: bool
    ) -> DraftField:
        value = read_value(schema, lambda part: self.merged(part, path), in_lines=taken[:1] == [""])
        for code, params in value.notes:
            self.note(code, path, **params)
        self._note_rest(schema, path, SAID)
        found = self._made(name, label, value.type, taken)
        if needed and not value.settings.get("readonly") and value.type != "boolean":
            found.settings["required"] = True
        found.settings |= _described(schema) | value.settings
        return found

    def _made(self, name: str, label: str, type_: str, taken: list[str]) -> DraftField:
        self.made += 1
        found = DraftField(to_key(name, taken), label, type_)
        taken.append(found.key)
        return found

    def _note_rest(self, schema: Mapping[str, Any], path: str, said: frozenset[str]) -> None:
        for keyword in schema:
            if keyword not in said | _SILENT:
                self.note("keyword", path, keyword=keyword)


def _is_object(schema: Mapping[str, Any]) -> bool:
    return "object" in _types(schema) or ("type" not in schema and isinstance(schema.get("properties"), dict))


def _is_list_of_objects(reading: _Reading, schema: Mapping[str, Any], path: str) -> bool:
    items = schema.get("items")
    if not isinstance(items, dict) or ("array" not in _types(schema) and "type" in schema):
        return False
    return _is_object(reading.references.merge(items)[0])


def _types(schema: Mapping[str, Any]) -> list[Any]:
    said = schema.get("type")
    return said if isinstance(said, list) else [said]


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    said = plain(schema.get("description", ""), MAX_HELP)
    return {"help": said} if said else {}


_ROWS, _MOST_ROWS = 500, 10_000
"""Rows of a line table at most: where nothing is written, and where it is."""


def _rows(schema: Mapping[str, Any]) -> dict[str, Any]:
    low, high = schema.get("minItems"), schema.get("maxItems")
    rows = {"min_rows": low} if isinstance(low, int) and 0 < low <= _MOST_ROWS else {}
    least = max(1, rows.get("min_rows", 0))
    if isinstance(high, int) and least <= high <= _MOST_ROWS:
        return rows | {"max_rows": high}
    return rows | ({"max_rows": _MOST_ROWS} if least > _ROWS else {})
