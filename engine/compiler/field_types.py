"""Every type a field can have, each declared once.

Enters: what somebody typed, imported or sent (``raw``) and the compiled field. Leaves: a typed value, or ``Wrong`` with
the code of the sentence that says why not. Must not read a database: whether a linked record exists is asked later,
for all links of a record at once.

A type declares: its kind in expressions, its column, how a value is parsed, its JSON form and JSON Schema, and the
widget that shows it. A test proves that every type declares all of them and stands in ``schemas/entity.json``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.compiler import readers
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

ColumnKind = Literal["text", "long_text", "integer", "decimal", "boolean", "date", "datetime", "link", "user", "json"]
Reader = Callable[[Any, "Field"], Any]


@dataclass(frozen=True)
class FieldType:
    """One type.

    ``column`` is None when the value lives in a table of its own (lines, files). ``parse`` turns a raw value that is
    not empty into a value or raises ``readers.Wrong``. ``to_json`` turns a value into what JSON can say exactly
    (decimals as strings). ``json_schema`` describes that form.
    """

    key: str
    kind: Kind
    column: ColumnKind | None
    parse: Reader
    to_json: Callable[[Any], Any]
    json_schema: "Callable[[Field], dict[str, Any]]"
    widget: str
    scale: int | None = None
    max_length: int | None = None
    searchable: bool = False
    right_aligned: bool = False
    sortable: bool = True


def get_type(key: str) -> FieldType:
    """Return the type called ``key``; raises ``KeyError`` when there is none."""
    return FIELD_TYPES[key]


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> str:
    return format(value, "f")


def _iso(value: Any) -> str:
    said: str = value.isoformat()
    return said


def _schema(**keywords: Any) -> "Callable[[Field], dict[str, Any]]":
    return lambda field: dict(keywords)


def _text_schema(field: "Field") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "maxLength": field.max_length or field.type.max_length}
    return schema | {"minLength": field.min_length} if field.min_length else schema


def _integer_schema(field: "Field") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    if field.min is not None:
        schema["minimum"] = math.ceil(field.min)
    if field.max is not None:
        schema["maximum"] = math.floor(field.max)
    return schema


def _choice_schema(field: "Field") -> dict[str, Any]:
    return {"type": "string", "enum": list(field.options)}


def _choices_schema(field: "Field") -> dict[str, Any]:
    return {"type": "array", "uniqueItems": True, "items": _choice_schema(field)}


def _lines_schema(field: "Field") -> dict[str, Any]:
    properties = {key: item.type.json_schema(item) for key, item in field.fields.items() if not item.retired}
    return {"type": "array", "maxItems": field.max_rows, "items": {"type": "object", "properties": properties}}


def _decimal_type(key: str, kind: Kind, parse: Reader, *, scale: int) -> FieldType:
    percent = kind is Kind.PERCENT
    to_json, ending = (readers.as_percentage, "%") if percent else (_plain, "")
    schema = _schema(type="string", pattern=rf"^-?[0-9]+(\.[0-9]+)?{ending}$")
    return FieldType(key, kind, "decimal", parse, to_json, schema, key, scale=scale, right_aligned=True)


def _text_type(key: str, parse: Reader, *, max_length: int, column: ColumnKind = "text") -> FieldType:
    return FieldType(
        key, Kind.TEXT, column, parse, _same, _text_schema, key,
        max_length=max_length, searchable=True, sortable=column == "text",
    )  # fmt: skip


_ID = _schema(type="integer", minimum=1)

FIELD_TYPES: dict[str, FieldType] = {
    declared.key: declared
    for declared in (
        _text_type("text", readers.read_text, max_length=200),
        _text_type("long_text", readers.read_long_text, max_length=10_000, column="long_text"),
        _text_type("phone", readers.read_phone, max_length=30),
        _text_type("email", readers.read_email, max_length=254),
        _text_type("url", readers.read_url, max_length=2_000),
        _text_type("credit_code", readers.read_credit_code, max_length=18),
        FieldType(
            "integer", Kind.NUMBER, "integer", readers.read_integer, _same, _integer_schema, "integer",
            scale=0, right_aligned=True,
        ),
        _decimal_type("decimal", Kind.NUMBER, readers.read_decimal, scale=4),
        _decimal_type("money", Kind.MONEY, readers.read_money, scale=2),
        _decimal_type("percent", Kind.PERCENT, readers.read_percent, scale=4),
        FieldType(
            "boolean", Kind.BOOLEAN, "boolean", readers.read_boolean, _same, _schema(type="boolean"), "boolean"
        ),
        FieldType(
            "date", Kind.DATE, "date", readers.read_date, _iso, _schema(type="string", format="date"), "date"
        ),
        FieldType(
            "datetime", Kind.DATETIME, "datetime", readers.read_datetime, _iso,
            _schema(type="string", format="date-time"), "datetime",
        ),
        FieldType("choice", Kind.CHOICE, "text", readers.read_choice, _same, _choice_schema, "choice"),
        FieldType(
            "choices", Kind.CHOICES, "json", readers.read_choices, list, _choices_schema, "choices", sortable=False
        ),
        FieldType("link", Kind.LINK, "link", readers.read_id, _same, _ID, "link"),
        FieldType("user", Kind.USER, "user", readers.read_id, _same, _ID, "user"),
        FieldType(
            "file", Kind.FILE, None, readers.read_ids, list,
            _schema(type="array", items={"type": "integer", "minimum": 1}), "file", sortable=False,
        ),
        FieldType("lines", Kind.LINES, None, readers.read_rows, list, _lines_schema, "lines", sortable=False),
    )
}  # fmt: skip
