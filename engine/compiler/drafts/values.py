"""From the schema of a single value to a type and its settings.

Enters: a merged schema. Leaves: a ``Value``. Must not know where the value stands.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.compiler import patterns
from engine.compiler.drafts.draft import MAX_LABEL, plain
from engine.compiler.drafts.keys import to_option

Merge = Callable[[Any], dict[str, Any]]
SAID: Final = frozenset({
    "type", "title", "description", "format", "enum", "const", "oneOf", "anyOf", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "items", "minItems",
    "maxItems", "uniqueItems", "default", "readOnly",
})  # fmt: skip
"""Keywords that ``read_value`` takes over or notes itself."""

_FORMATS: Final = {
    "date": "date", "date-time": "datetime", "email": "email", "idn-email": "email", "uri": "url", "url": "url",
    "iri": "url", "phone": "phone", "tel": "phone", "telephone": "phone",
}  # fmt: skip
_LONG: Final = 500
_MOST_OPTIONS: Final = 500
_MOST_LENGTH: Final = 100_000
_LARGEST: Final = Decimal(10) ** 15


@dataclass
class Value:
    """``notes`` hold codes and parameters of what the type does not say."""

    type: str
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def lost(self, keyword: str) -> None:
        self.notes.append(("keyword", {"keyword": keyword}))


def read_value(schema: Mapping[str, Any], merge: Merge, *, in_lines: bool = False) -> Value:
    """Return the type that fits a schema; ``in_lines`` says that a list of choices cannot stand there."""
    plain_schema, lost = _without_null(schema, merge)
    options = _options(plain_schema, merge)
    types = _types(plain_schema)
    if options is not None and types[:1] != ["array"]:
        value = _read_options(options)
    elif "array" in types or ("items" in plain_schema and not types):
        value = _read_list(plain_schema, merge, in_lines)
    else:
        value = _READERS.get(types[0] if len(types) == 1 else "", _read_other)(plain_schema)
    for keyword in lost:
        value.lost(keyword)
    if schema.get("readOnly") is True:
        value.settings["readonly"] = True
    _add_default(value, schema)
    return value


def _without_null(schema: Mapping[str, Any], merge: Merge) -> tuple[dict[str, Any], list[str]]:
    """``null`` beside something else means that the value may be missing, which every field may."""
    found, lost = dict(schema), []
    for keyword in ("oneOf", "anyOf"):
        if not isinstance(found.get(keyword), list):
            if found.pop(keyword, None) is not None:
                lost.append(keyword)
            continue
        rest = [part for part in map(merge, found[keyword]) if not _is_null(part)]
        if len(rest) == 1:
            found = {**rest[0], **{key: value for key, value in found.items() if key != keyword}}
        elif not all("const" in part or "enum" in part for part in rest) or not rest:
            lost.append(keyword)
            found.pop(keyword)
        else:
            found[keyword] = rest
    return found, lost


def _is_null(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null" or schema.get("const", 0) is None


def _types(schema: Mapping[str, Any]) -> list[str]:
    said = schema.get("type")
    listed = said if isinstance(said, list) else [said]
    return [one for one in listed if isinstance(one, str) and one != "null"]


def _options(schema: Mapping[str, Any], merge: Merge) -> list[tuple[Any, str]] | None:
    """Return the values that are possible, each with its name."""
    if "const" in schema:
        return [(schema["const"], str(schema.get("title") or schema["const"]))]
    if isinstance(schema.get("enum"), list):
        return [(value, str(value)) for value in schema["enum"] if value is not None]
    for keyword in ("oneOf", "anyOf"):
        if isinstance(schema.get(keyword), list):
            return [pair for part in schema[keyword] for pair in _options(merge(part), merge) or ()]
    return None


def _read_options(options: list[tuple[Any, str]]) -> Value:
    if options and all(isinstance(value, bool) for value, _ in options):
        return Value("boolean")
    made: dict[str, str] = {}
    value = Value("choice")
    for written, name in options[:_MOST_OPTIONS]:
        key = to_option(str(written), made)
        made[key] = plain(name, MAX_LABEL) or key
        if key != written:
            value.notes.append(("option", {"value": written, "key": key}))
    if len(options) > _MOST_OPTIONS or not made or any(isinstance(one, dict | list) for one, _ in options):
        return Value("text", notes=[("keyword", {"keyword": "enum"})])
    value.settings["options"] = made
    return value


def _read_list(schema: Mapping[str, Any], merge: Merge, in_lines: bool) -> Value:
    """An array of known values is choices; of any texts once each (``uniqueItems``), tags; any other array keeps the
    order and the repeats of its values, which only a text does."""
    items = schema.get("items")
    options = _options(merge(items), merge) if isinstance(items, dict) else None
    if options and not in_lines:
        value = _read_options(options)
        if value.type == "choice":
            value.type = "choices"
            for keyword in ("minItems", "maxItems"):
                if keyword in schema:
                    value.lost(keyword)
            return value
    kind = merge(items).get("type") if isinstance(items, dict) else None
    if kind == "string" and schema.get("uniqueItems") is True and not in_lines:
        value = Value("tags", notes=[("tags", {})])
        for keyword in ("minItems", "maxItems"):
            if keyword in schema:
                value.lost(keyword)
        return value
    return Value("long_text", notes=[("list", {})])


def _read_string(schema: Mapping[str, Any]) -> Value:
    written = schema.get("format")
    type_ = _FORMATS.get(written, "text") if isinstance(written, str) else "text"
    value = Value(type_)
    if type_ == "text" and written is not None:
        value.lost(f"format: {written}")
    longest = schema.get("maxLength")
    if type_ == "text" and isinstance(longest, int) and longest > _LONG and "pattern" not in schema:
        value.type = "long_text"
    _add_lengths(value, schema)
    if "pattern" in schema:
        _add_pattern(value, schema["pattern"])
    return value


def _add_lengths(value: Value, schema: Mapping[str, Any]) -> None:
    low, high = schema.get("minLength"), schema.get("maxLength")
    is_text = value.type in ("text", "long_text")
    for keyword, name, said in (("minLength", "min_length", low), ("maxLength", "max_length", high)):
        if said is None or (keyword == "minLength" and said in (0, 1)):
            continue
        fits = isinstance(said, int) and not isinstance(said, bool) and 1 <= said <= _MOST_LENGTH
        if is_text and fits and not (name == "max_length" and said < value.settings.get("min_length", 0)):
            value.settings[name] = said
        else:
            value.lost(keyword)


def _add_pattern(value: Value, written: Any) -> None:
    """A schema looks for the pattern anywhere in the text, a field wants the whole text to match."""
    pattern = str(written)
    whole = pattern[1:-1] if re.fullmatch(r"\^[^|]*[^\\|]\$", pattern) else f"(?s:.*)(?:{pattern})(?s:.*)"
    usable = bool(whole) and len(whole) <= 500 and whole.isprintable() and patterns.find_mistake(whole) is None
    if value.type == "text" and usable:
        value.settings["pattern"] = whole
    else:
        value.lost("pattern")


def _read_integer(schema: Mapping[str, Any]) -> Value:
    value = Value("integer")
    low, high = _bound(schema, "minimum", "exclusiveMinimum", 1), _bound(schema, "maximum", "exclusiveMaximum", -1)
    _add_bounds(value, schema, low and low.to_integral_value(), high and high.to_integral_value())
    if schema.get("multipleOf") not in (None, 1):
        value.lost("multipleOf")
    return value


def _read_number(schema: Mapping[str, Any]) -> Value:
    step = _decimal(schema.get("multipleOf"))
    if step is not None and step == 1:
        return _read_integer(schema)
    value = Value("decimal")
    if step is not None:
        places = -int(step.normalize().as_tuple().exponent)
        if step.normalize().as_tuple().digits == (1,) and 0 < places <= 8:
            value.settings["scale"] = places
        else:
            value.lost("multipleOf")
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        if keyword in schema:
            value.lost(keyword)
    _add_bounds(value, schema, _decimal(schema.get("minimum")), _decimal(schema.get("maximum")))
    return value


def _add_bounds(value: Value, schema: Mapping[str, Any], low: Decimal | None, high: Decimal | None) -> None:
    if low is not None and high is not None and low > high:
        low = high = None
        value.lost("minimum, maximum")
    for name, keyword, bound in (("min", "minimum", low), ("max", "maximum", high)):
        if bound is not None and abs(bound) < _LARGEST:
            value.settings[name] = int(bound) if bound == bound.to_integral_value() else bound
        elif bound is not None or (keyword in schema and _decimal(schema[keyword]) is None):
            value.lost(keyword)


def _bound(schema: Mapping[str, Any], inclusive: str, exclusive: str, step: int) -> Decimal | None:
    """Return a bound of whole numbers: more than 3 is at least 4."""
    bounds = [_decimal(schema.get(inclusive))]
    outside = _decimal(schema.get(exclusive))
    bounds.append(None if outside is None else outside + step)
    said = [bound for bound in bounds if bound is not None]
    return (max(said) if step > 0 else min(said)) if said else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    found = Decimal(str(value))
    return found if abs(found) < _LARGEST * _LARGEST and int(found.as_tuple().exponent) > -30 else None


def _read_other(schema: Mapping[str, Any]) -> Value:
    return Value("text", notes=[("any_type", {})])


def _add_default(value: Value, schema: Mapping[str, Any]) -> None:
    if "default" not in schema or schema["default"] is None:
        return
    written = schema["default"]
    if _holds(value, written):
        value.settings["default"] = written
    else:
        value.lost("default")


def _holds(value: Value, written: Any) -> bool:
    """Tell whether a default is surely a value of the field; of texts and moments that is not known."""
    if isinstance(written, bool) or value.type == "boolean":
        return value.type == "boolean" and isinstance(written, bool)
    if value.type == "choice":
        return isinstance(written, str) and written in value.settings["options"]
    low, high = value.settings.get("min", written), value.settings.get("max", written)
    return value.type == "integer" and isinstance(written, int) and low <= written <= high and abs(written) < _LARGEST


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Value]]] = {
    "string": _read_string,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": lambda schema: Value("boolean"),
}
