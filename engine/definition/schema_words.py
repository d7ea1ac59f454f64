"""What a failed keyword of a JSON Schema means to whoever wrote the file.

Enters: an error of the schema library. Leaves: problems with place and suggestion. Must not read the English sentences
of the library: it says by keyword, path and value what failed, and those are its promise.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from jsonschema import ValidationError

from engine.definition.problems import listed, problem, shown, unknown
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import Location, Problem


@dataclass(frozen=True)
class Found:
    """A problem with the path of the map or value it is about."""

    path: NodePath
    problem: Problem

    @property
    def identity(self) -> object:
        """What makes two of them the same: one keyword may fail once for each of several keys."""
        return self.problem.location, self.problem.code, tuple(self.problem.params.items())


def tell(document: Document, error: ValidationError) -> Iterator[Found]:
    """Yield what an error means; nothing when another error of the same value says it better."""
    path = tuple(error.absolute_path)
    teller = _TELLERS.get(str(error.validator))
    if teller is None:
        raise NotImplementedError(f"no words for keyword '{error.validator}' of the schemas")
    for found in teller(_Failure(document, error, path)):
        yield Found(path, found)


def without_echoes(found: list[Found]) -> Iterator[Problem]:
    """Yield the problems, less those that only repeat another one.

    A misspelt key is both unknown and, under its right name, missing; only the first is said. A key that no type of
    field has and this type neither is said once. Of two keys that exclude each other, neither is called unknown.
    """
    meant = {(item.path, item.problem.suggestion) for item in found if item.problem.code in _UNKNOWN_KEY}
    places = {item.problem.location for item in found if item.problem.code in ("D102", "D123")}
    torn = {item.path for item in found if item.problem.code == "D107"}
    for item in found:
        params, code = item.problem.params, item.problem.code
        if code == "D101" and item.problem.location in places:
            continue
        if code == "D123" and item.path in torn:
            continue
        if code == "D103" and (item.path, params["key"]) in meant:
            continue
        if code == "D107" and any((item.path, key) in meant for key in str(params["known"]).split(", ")):
            continue
        yield item.problem


_UNKNOWN_KEY: Final = ("D101", "D102", "D123")


@dataclass(frozen=True)
class _Failure:
    document: Document
    error: ValidationError
    path: NodePath

    @property
    def value(self) -> Any:
        return self.error.instance

    @property
    def wanted(self) -> Any:
        return self.error.validator_value

    @property
    def schema(self) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = self.error.schema  # type: ignore[assignment]
        return schema

    @property
    def is_key(self) -> bool:
        """Whether the value is the name of a key (``propertyNames``) rather than what stands under it."""
        return "propertyNames" in list(self.error.absolute_schema_path)[-2:]

    @property
    def key(self) -> str:
        """The key whose value is wrong; for an element of a list that of the list."""
        return next((part for part in reversed(self.path) if isinstance(part, str)), self.document.file)

    @property
    def map_location(self) -> Location:
        return self.document.at_key(self.path) if self.path else self.document.at_value(())

    @property
    def value_location(self) -> Location:
        if self.is_key:
            return self.document.at_key((*self.path, self.value))
        return self.document.at_value(self.path)

    def say(self, code: str, suggestion: str | None = None, **params: object) -> Problem:
        return problem(code, self.value_location, suggestion, key=self.key, **params)

    def unknown(self, code: str, **params: object) -> Problem:
        return unknown(code, self.value_location, str(self.value), self.wanted, **params)

    def sibling(self, key: str) -> Any:
        """Return what stands under ``key`` in the map whose key is wrong."""
        value = self.document.data
        for part in self.path:
            value = value[part]
        return value[key]


def _tell_unknown(failure: _Failure) -> Iterator[Problem]:
    known = list(failure.schema.get("properties", {}))
    for key in failure.value:
        if key not in known:
            yield unknown("D101", failure.document.at_key((*failure.path, key)), key, known, key=key)


def _tell_enum(failure: _Failure) -> Iterator[Problem]:
    code = failure.schema.get("x-code")
    if code == "D102":
        kind = failure.sibling("type")
        yield failure.unknown(code, key=failure.value, type=kind)
    elif code == "D123":
        present = failure.schema["x-with"]
        yield failure.unknown(code, key=failure.value, present=present)
    elif _is_scalar(failure.value):
        yield failure.unknown("D104", key=failure.key, value=failure.value)


def _tell_missing(failure: _Failure) -> Iterator[Problem]:
    for key in failure.wanted:
        if key not in failure.value:
            yield problem("D103", failure.map_location, None, key=key, parent=failure.key)


def _tell_needed(failure: _Failure) -> Iterator[Problem]:
    for key, needed in failure.wanted.items():
        for other in needed:
            if key in failure.value and other not in failure.value:
                yield problem("D108", failure.document.at_key((*failure.path, key)), None, key=key, needed=other)


def _tell_choice(failure: _Failure) -> Iterator[Problem]:
    if isinstance(failure.value, dict):
        known = listed(key for choice in failure.wanted for key in choice["required"])
        yield problem("D107", failure.map_location, None, parent=failure.key, known=known)


def _tell_pattern(failure: _Failure) -> Iterator[Problem]:
    code = failure.schema["x-code"]
    if code in ("D105", "D106"):
        meant = _as_key(failure.value, failure.schema)
        yield problem(code, failure.value_location, meant, key=failure.value, limit=failure.schema["maxLength"])
    else:
        yield failure.say(code, value=failure.value)


def _tell_too_long(failure: _Failure) -> Iterator[Problem]:
    if failure.schema.get("x-code") in ("D105", "D106"):
        yield from _tell_pattern(failure)
    else:
        yield failure.say("D118", limit=failure.wanted)


def _tell_double(failure: _Failure) -> Iterator[Problem]:
    seen: set[object] = set()
    for index, item in enumerate(failure.value):
        if isinstance(item, dict | list):
            continue
        if item in seen:
            location = failure.document.at_value((*failure.path, index))
            yield problem("D119", location, None, key=failure.key, value=item)
        seen.add(item)


def _tell_type(failure: _Failure) -> Iterator[Problem]:
    value, wanted = failure.value, failure.wanted
    types = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    if value is None:
        yield problem("D116", failure.map_location, None, key=failure.key)
    elif "enum" in failure.schema and _is_scalar(value):
        return  # what is possible is said by the enum
    elif types == ("object",) and failure.path and isinstance(failure.path[-1], int):
        yield failure.say("D125", _instead(types, value, failure.schema))
    elif types in _TYPE_CODES:
        yield failure.say(_TYPE_CODES[types], _instead(types, value, failure.schema), value=value)
    elif "string" in types and _is_scalar(value):
        yield failure.say("D109", f'"{shown(value)}"', value=value)
    else:
        yield failure.say("D110" if types == ("string",) else "D124")


def _limit(code: str) -> Callable[[_Failure], Iterator[Problem]]:
    return lambda failure: iter([failure.say(code, limit=failure.wanted)])


def _bare(code: str) -> Callable[[_Failure], Iterator[Problem]]:
    return lambda failure: iter([failure.say(code)])


_TELLERS: Final[Mapping[str, Callable[[_Failure], Iterator[Problem]]]] = {
    "additionalProperties": _tell_unknown,
    "enum": _tell_enum,
    "required": _tell_missing,
    "dependentRequired": _tell_needed,
    "oneOf": _tell_choice,
    "pattern": _tell_pattern,
    "maxLength": _tell_too_long,
    "uniqueItems": _tell_double,
    "type": _tell_type,
    "minimum": _limit("D120"),
    "maximum": _limit("D121"),
    "minLength": _bare("D122"),
    "minItems": _bare("D117"),
    "minProperties": _bare("D117"),
}
_TYPE_CODES: Final[Mapping[tuple[str, ...], str]] = {
    ("object",): "D115",
    ("array",): "D114",
    ("boolean",): "D113",
    ("integer",): "D111",
    ("number", "string"): "D112",
}
_SPOKEN: Final = {"yes": "true", "on": "true", "是": "true", "no": "false", "off": "false", "否": "false"}


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | Decimal)


def _instead(types: tuple[str, ...], value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return what was probably meant by a value of the wrong type."""
    if types == ("array",) and _is_scalar(value):
        return f"[{shown(value)}]"
    if types == ("boolean",):
        return _SPOKEN.get(str(value).lower())
    if types == ("object",):
        key = _first_key(schema)
        return f"{{{key}: {shown(value) if _is_scalar(value) else '[...]'}}}" if key else None
    return None


def _first_key(schema: Mapping[str, Any]) -> str | None:
    """Return the key that a map with one required key, or with one of several, is mostly written for."""
    required = schema.get("required", ())
    if len(required) == 1 or "oneOf" not in schema:
        return required[0] if len(required) == 1 else None
    key: str = schema["oneOf"][0]["required"][0]
    return key


def _as_key(written: str, schema: Mapping[str, Any]) -> str | None:
    """Return a key made from what was written, when one can be."""
    snake = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", written[:200]).lower()).strip("_")
    return snake if re.fullmatch(schema["pattern"], snake) and len(snake) <= schema["maxLength"] else None
