"""Values with a strict form: barcodes, colours, ratings, and numbers drawn from a series.

Enters: what was typed or scanned. Leaves: one way of writing each. Must not let a wrong check digit pass.
"""

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import ENTERED, EQUAL, ORDERED, SHOWN, FieldType, schema
from engine.compiler.field_types.numbers import integer_schema, read_integer
from engine.compiler.field_types.texts import text_type
from engine.compiler.readers import Wrong, checked_text, require_text
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

_BARCODE = re.compile(r"[!-~]+( [!-~]+)*")
_GTIN = re.compile(r"\d{8}|\d{12,14}")
_COLOUR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})")


def read_barcode(raw: Any, field: "Field") -> str:
    """Read a barcode; where it has the form of EAN-8, UPC-A, EAN-13 or GTIN-14 its check digit must be right."""
    code = unicodedata.normalize("NFKC", require_text(raw, "value.barcode")).strip()
    if not _BARCODE.fullmatch(code):
        raise Wrong("value.barcode")
    if _GTIN.fullmatch(code) and check_digit(code[:-1]) != code[-1]:
        raise Wrong("value.barcode_check")
    return checked_text(code, field)


def check_digit(digits: str) -> str:
    """Return the check digit of a GTIN without it. Source: GS1 General Specifications, section 7.9, modulo 10."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def read_colour(raw: Any, field: "Field") -> str:
    """Read a colour into ``#rrggbb``; ``#abc`` is ``#aabbcc``."""
    match = _COLOUR.fullmatch(unicodedata.normalize("NFKC", require_text(raw, "value.colour")).strip().lower())
    if match is None:
        raise Wrong("value.colour")
    said = match[1]
    return "#" + ("".join(letter * 2 for letter in said) if len(said) == 3 else said)


def read_drawn(raw: Any, field: "Field") -> str:
    """Read a number of a series as it was drawn."""
    return checked_text(require_text(raw).strip(), field)


TYPES = (
    text_type(
        "barcode",
        read_barcode,
        max_length=80,
        basis=ENTERED,
        keys=frozenset({"search", "unique"}),
        always_searched=True,
        purpose=("条码，可用扫码枪输入。", "A barcode; a scanner may type it."),
        typed=(
            "印在码下的字符；符合 EAN-8、UPC-A、EAN-13、GTIN-14 位数时核对校验位。",
            "The characters below the bars; those of EAN-8, UPC-A, EAN-13 and GTIN-14 have their check digit verified.",
        ),
        example="6901234567892",
    ),
    text_type(
        "colour",
        read_colour,
        max_length=7,
        filter="text",
        operators=EQUAL | {"in"},
        sortable=False,
        searchable=False,
        in_display=False,
        json_schema=schema(type="string", pattern="^#[0-9a-f]{6}$"),
        purpose=("颜色，例如面漆颜色、看板标色。", "A colour: of a coating, of a mark on a board."),
        typed=("#rrggbb 或 #rgb，也可用取色器。", "#rrggbb or #rgb, or picked."),
        example="#1F8A70",
        keys=frozenset({"default"}),
        basis=ENTERED,
    ),
    FieldType(
        key="rating",
        kind=Kind.NUMBER,
        column="integer",
        parse=read_integer,
        json_schema=integer_schema,
        widget="rating",
        cell="rating",
        filter="numbers",
        operators=ORDERED | {"in"},
        keys=frozenset({"default", "max"}),
        definition={"type": "rating", "max": 5},
        example="4",
        scale=0,
        min=Decimal(1),
        max=Decimal(5),
        in_display=False,
        purpose={"zh": "星级评分，例如客户潜力。", "en": "A rating in stars, such as the potential of a customer."},
        typed={"zh": "1 到 max（默认 5）的整数。", "en": "A whole number from 1 to max (5 unless said)."},
    ),
    text_type(
        "number_series",
        read_drawn,
        max_length=120,
        keys=frozenset({"number"}),
        needs=frozenset({"number"}),
        basis=SHOWN,
        drawn=True,
        always_searched=True,
        definition={"type": "number_series", "number": {"pattern": "X{yyyy}-{seq:4}", "reset": "yearly"}},
        widget="text",
        cell="text",
        in_lines=False,
        purpose=(
            "第二个编号，例如箱号、证书号：保存时自动取号，只读，在数据库中唯一。",
            "A second number, of a case or a certificate: drawn when the record is saved, read-only, unique.",
        ),
        typed=("不能填写；新记录保存时取号。", "Nothing; it is drawn when a new record is saved."),
        example="X2026-0007",
    ),
)
