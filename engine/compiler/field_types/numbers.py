"""Numbers: whole, decimal, amounts, shares.

Enters: what was typed. Leaves: exact numbers. Must not round away what was typed: too many digits are refused.

Full-width digits, thousands separators and currency signs are understood everywhere, since that is how Chinese input
methods and spreadsheets write them.
"""

import math
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import ORDERED, FieldType, Reader, schema
from engine.compiler.readers import EXACT, Wrong, read_number, within
from engine.expression import Kind
from engine.expression.writing import as_percentage, short

if TYPE_CHECKING:
    from engine.compiler.app import Field


def read_integer(raw: Any, field: "Field") -> int:
    """Read a whole number."""
    number = read_number(raw)
    if number != number.to_integral_value():
        raise Wrong("value.integer")
    return int(within(number, field, digits=0))


def read_decimal(raw: Any, field: "Field") -> Decimal:
    """Read a decimal number with at most ``field.scale`` digits after the point."""
    return within(read_number(raw), field, digits=field.scale or 0)


def read_money(raw: Any, field: "Field") -> Decimal:
    """Read an amount; ``¥1,234.50`` and ``1.5万`` are understood."""
    return within(read_number(raw, units=True), field, digits=field.scale or 0)


def read_percent(raw: Any, field: "Field") -> Decimal:
    """Read a percentage into a fraction.

    Text is what a person writes beside a % sign (``15`` or ``15%`` is 0.15); a number, from JSON or a spreadsheet
    cell, is already the fraction (0.15 is 15 %).
    """
    number = read_share(raw) if isinstance(raw, str) else read_number(raw)
    return within(number, field, digits=field.scale or 0)


def read_share(written: str) -> Decimal:
    """Return the fraction in ``15`` or ``15%``; raises ``Wrong``."""
    said = unicodedata.normalize("NFKC", written).strip().removesuffix("%")
    return EXACT.divide(read_number(said), Decimal(100))


def integer_schema(field: "Field") -> dict[str, Any]:
    """Describe a whole number with the limits of its field."""
    found: dict[str, Any] = {"type": "integer"}
    if field.min is not None:
        found["minimum"] = math.ceil(field.min)
    if field.max is not None:
        found["maximum"] = math.floor(field.max)
    return found


def _plain(value: Any) -> str:
    return format(value, "f")


def _as_typed_share(value: Decimal) -> str:
    return short(value * 100)


def _share(said: Any) -> Decimal:
    return Decimal(said[:-1]) / 100 if said.endswith("%") else Decimal(said)


def _decimal_type(key: str, kind: Kind, parse: Reader, *, scale: int, **more: Any) -> FieldType:
    percent = kind is Kind.PERCENT
    ending = "%" if percent else ""
    declared: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "column": "decimal",
        "parse": parse,
        "to_json": as_percentage if percent else _plain,
        "to_form": _as_typed_share if percent else short,
        "to_text": as_percentage if percent else short,
        "from_json": _share if percent else Decimal,
        "json_schema": schema(type="string", pattern=rf"^-?[0-9]+(\.[0-9]+)?{ending}$"),
        "widget": key,
        "cell": key,
        "filter": "numbers",
        "operators": ORDERED,
        "keys": frozenset({"default", "min", "max", "scale"}),
        "definition": {"type": key},
        "scale": scale,
        "right_aligned": True,
        "in_display": not percent,
    }
    return FieldType(**declared | more)


TYPES = (
    FieldType(
        key="integer",
        kind=Kind.NUMBER,
        column="integer",
        parse=read_integer,
        json_schema=integer_schema,
        widget="integer",
        cell="number",
        filter="numbers",
        operators=ORDERED | {"in"},
        keys=frozenset({"default", "min", "max", "unique", "adds_up"}),
        takes=frozenset({"decimal", "money", "rating"}),
        definition={"type": "integer", "min": 0},
        example="1,234",
        scale=0,
        right_aligned=True,
        in_display=True,
        purpose={"zh": "整数，例如人数、台数。", "en": "A whole number: people, pieces."},
        typed={
            "zh": "整数；千分位逗号和全角数字都可以。",
            "en": "A whole number; thousands separators and full-width digits are understood.",
        },
    ),
    _decimal_type(
        "decimal",
        Kind.NUMBER,
        read_decimal,
        scale=4,
        cell="number",
        example="12.5",
        keys=frozenset({"default", "min", "max", "scale", "adds_up"}),
        takes=frozenset({"integer", "money", "rating"}),
        purpose={"zh": "带小数的数，例如数量、重量。", "en": "A number with decimals: a quantity, a weight."},
        typed={
            "zh": "数字，最多 18 位，小数位数由 scale 决定。",
            "en": "A number of at most 18 digits; scale says how many stand after the point.",
        },
    ),
    _decimal_type(
        "money",
        Kind.MONEY,
        read_money,
        scale=2,
        example="1.5万",
        takes=frozenset({"integer", "decimal"}),
        listed=2,
        keys=frozenset({"default", "min", "max", "scale", "words", "adds_up"}),
        definition={"type": "money", "words": True},
        purpose={
            "zh": "金额，精确到分；可同时显示大写。",
            "en": "An amount, exact to the cent; also in Chinese capitals if wanted.",
        },
        typed={"zh": "1234.5、¥1,234.50 或 1.5万。", "en": "1234.5, ¥1,234.50 or 1.5万 (15,000)."},
    ),
    _decimal_type(
        "percent",
        Kind.PERCENT,
        read_percent,
        scale=4,
        example="12.5%",
        purpose={
            "zh": "百分比，例如折扣、税率。公式里 15% 就是 0.15。",
            "en": "A share: a discount, a rate. In formulas 15% is 0.15.",
        },
        typed={
            "zh": "12.5 或 12.5%；JSON 数字和表格数字是小数 0.125。",
            "en": "12.5 or 12.5%; a number in JSON or a sheet is the fraction, 0.125.",
        },
    ),
)
