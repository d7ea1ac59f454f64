"""What a failed keyword of a JSON Schema means to whoever wrote the file.

Enters: an error of the schema library. Leaves: problems with place and suggestion. Must not read the English sentences
of the library: it says by keyword, path and value what failed, and those are its promise.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from jsonschema import ValidationError

from engine.definition.problems import listed, problem, shown, unknown
from engine.definition.slips import find_slip_in_key
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import Location, Problem


@dataclass(frozen=True)
class Found:
    """A problem with the path of the map or value it is about."""

    path: NodePath
    problem: Problem
    keys: tuple[str, ...] = ()

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
    keys = tuple(error.instance) if isinstance(error.instance, dict) else ()
    for found in teller(_Failure(document, error, path)):
        yield Found(path, found, keys)


def without_echoes(found: list[Found]) -> Iterator[Problem]:
    """Yield the problems, less those that only repeat another one.

    A misspelt key is both unknown and, under its right name, missing; only the first is said. A key that no type of
    field has and this type neither is said once. Of two keys that exclude each other, neither is called unknown.
    """
    meant = {(item.path, item.problem.suggestion) for item in found if item.problem.code in _UNKNOWN_KEY}
    meant |= {(item.path, key) for item in found if item.problem.code in _SLIPS for key in _keys_of(item)}
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
_SLIPS: Final = ("D034", "D036")


def _keys_of(item: Found) -> Iterator[str]:
    """Yield the keys that were written together with their values, so that they are not called missing."""
    return (re.split("[:：]", key)[0].strip() for key in item.keys)


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
        return unknown(code, self.value_location, str(self.value), [shown(one) for one in self.wanted], **params)

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
            place = failure.document.at_key((*failure.path, key))
            slip = find_slip_in_key(key)
            if slip is None:
                yield unknown("D101", place, key, known, key=key)
            else:
                yield problem(slip.code, replace(place, column=place.column + slip.column - 1), None, **slip.params)


def _tell_enum(failure: _Failure) -> Iterator[Problem]:
    code = failure.schema.get("x-code")
    if code in ("D102", "D123") and find_slip_in_key(failure.value):
        return  # said as what it is where the key is unknown
    if code == "D102":
        kind = failure.sibling("type")
        yield failure.unknown(code, key=failure.value, type=kind)
    elif code == "D123":
        present = failure.schema["x-with"]
        yield failure.unknown(code, key=failure.value, present=present)
    elif failure.key == "type" and str(failure.value).lower() in _TYPES_ELSEWHERE:
        meant = _TYPES_ELSEWHERE[str(failure.value).lower()]
        known = listed(failure.wanted)
        yield failure.say("D104", meant if meant in failure.wanted else None, value=failure.value, known=known)
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
    yield _not_of_its_form(failure, str(failure.value))


def _not_of_its_form(failure: _Failure, written: str) -> Problem:
    """Return what a value should look like; a key may be nearly right."""
    code = failure.schema["x-code"]
    if code not in ("D105", "D106"):
        return failure.say(code, value=written)
    meant = _as_key(written, failure.schema)
    return problem(code, failure.value_location, meant, key=written, limit=failure.schema["maxLength"])


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
    elif "string" in types and _is_scalar(value) and not _has_form(str(value), failure.schema):
        yield _not_of_its_form(failure, shown(value))
    elif "string" in types and isinstance(value, bool) and failure.key in ("read", "write"):
        yield failure.say("D126")
    elif "string" in types and _is_scalar(value):
        yield failure.say("D109", f'"{shown(value)}"', value=value)
    else:
        yield failure.say("D110" if types == ("string",) else "D124", _in_quotes(value))


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
    "maxItems": _limit("D149"),
    "minProperties": _bare("D117"),
}
_TYPE_CODES: Final[Mapping[tuple[str, ...], str]] = {
    ("object",): "D115",
    ("array",): "D114",
    ("boolean",): "D113",
    ("integer",): "D111",
    ("number", "string"): "D112",
}
_LETTERS: Final = "abcdefghijkl"
_SPOKEN: Final = {"yes": "true", "on": "true", "是": "true", "no": "false", "off": "false", "否": "false"}


_TYPES_ELSEWHERE: Final = {
    name: type_
    for type_, names in {
        "text": "string str varchar char 文本 文字",
        "long_text": "textarea memo 多行文本 长文本",
        "integer": "int bigint 整数",
        "decimal": "number float double numeric 数字 小数",
        "money": "currency price amount 金额 货币",
        "percent": "percentage 百分比",
        "boolean": "bool checkbox yesno 是否 布尔",
        "datetime": "timestamp 时间 日期时间",
        "date": "日期",
        "choice": "select enum dropdown radio 单选 选项",
        "choices": "multiselect tags 多选",
        "link": "reference lookup relation foreign_key 关联 链接",
        "links": "many_to_many references multi_lookup 多选关联 关联多条",
        "user": "person people 人员 用户",
        "phone": "tel mobile telephone 电话 手机",
        "email": "mail 邮箱",
        "url": "link_url 网址",
        "file": "attachment image 附件 文件",
        "lines": "table subtable 子表 明细 明细表",
    }.items()
    for name in names.split()
}
"""What other programs, and people, call a type."""


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | Decimal)


def _instead(types: tuple[str, ...], value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return what was probably meant by a value of the wrong type."""
    if types == ("array",) and _items_are_maps(schema):
        return _one_map(value, schema["items"])
    if types == ("array",) and _is_scalar(value):
        return f"[{shown(value).strip('【】［］')}]"
    if types == ("boolean",):
        return _SPOKEN.get(str(value).lower())
    if types in (("integer",), ("number", "string")):
        number = re.match(r"-?\d+(\.\d+)?" if len(types) > 1 else r"-?\d+(?!\.)", str(value))
        return number[0] if number and isinstance(value, str) else None
    if types == ("object",) and isinstance(value, list) and isinstance(schema.get("additionalProperties"), dict):
        return _as_options(value, schema["additionalProperties"])
    if types == ("object",):
        key = _first_key(schema)
        return f"{{{key}: {shown(value) if _is_scalar(value) else '[...]'}}}" if key else None
    return None


def _items_are_maps(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items")
    return isinstance(items, dict) and items.get("type") == "object"


def _one_map(value: Any, items: Mapping[str, Any]) -> str | None:
    """Return the list that was meant by one entry without its brackets."""
    if isinstance(value, dict) and value and all(map(_is_scalar, value.values())):
        return f"[{{{', '.join(f'{shown(key)}: {shown(one)}' for key, one in list(value.items())[:3])}}}]"
    key = _first_key(items)
    return f"[{{{key}: {shown(value)}}}]" if key and _is_scalar(value) else None


def _as_options(values: list[Any], wanted: Any) -> str | None:
    """Return the map that was meant by a list of texts: each with a key of its own."""
    plain = isinstance(wanted, dict) and wanted.get("type") == "string" and all(map(_is_scalar, values))
    if not plain or not values or len(values) > len(_LETTERS):
        return None
    return "{" + ", ".join(f"{key}: {shown(value)}" for key, value in zip(_LETTERS, values, strict=False)) + "}"


def _has_form(written: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether a number or true would be right if it were text: ``0.10`` is a version, ``3`` no duration."""
    return "x-code" not in schema or "pattern" not in schema or bool(re.search(schema["pattern"], written))


def _in_quotes(value: Any) -> str | None:
    """``{number}`` without quotes is a map of one key without content."""
    key = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else None
    return f'"{{{shown(key)}}}"' if key is not None and value[key] is None else None


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
