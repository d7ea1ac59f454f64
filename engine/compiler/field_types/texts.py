"""Words: text of one line or several, and the texts with a form of their own that somebody can mistype.

Enters: what was typed. Leaves: clean text. Must not change what was meant: only blanks, widths and signs that carry no
meaning go.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.compiler import credit_code
from engine.compiler.field_types.declaration import ORDERED, PLAIN, ColumnKind, FieldType, Reader
from engine.compiler.field_types.masks import mask_code, mask_email, mask_phone, mask_text
from engine.compiler.readers import BLANKS, Wrong, checked_text, require_text
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_LANDLINE = re.compile(r"^(?:\+86|0086)(?!1[3-9]\d{9}(?!\d)|[48]00\d{7}(?!\d))([1-9]\d{9,10}(?:x\d+)?)$")
"""From abroad an area code has no 0: +86 574 8812 3456 is 0574-88123456. Mobiles, 400 and 800 numbers have none."""
_PHONE = re.compile(r"\+?[0-9]{5,20}(x[0-9]{1,6})?")


def read_text(raw: Any, field: "Field") -> str:
    """Read one line of text: blanks at the ends and line breaks go, control characters are refused."""
    return checked_text(BLANKS.sub(" ", require_text(raw)).strip(), field)


def read_long_text(raw: Any, field: "Field") -> str:
    """Read text of several lines."""
    return checked_text(require_text(raw).replace("\r\n", "\n").replace("\r", "\n").strip(), field)


def read_phone(raw: Any, field: "Field") -> str:
    """Read a phone number: +86/0086, blanks and dashes go, the 0 before an area code comes; 5 to 20 digits stay."""
    written = unicodedata.normalize("NFKC", require_text(raw, "value.phone"))
    digits = re.sub(r"[\s\-().]", "", written)
    digits = re.sub(r"^(\+86|0086)(?=\d{7})", "", _LANDLINE.sub(r"0\1", digits))
    if not _PHONE.fullmatch(digits):
        raise Wrong("value.phone")
    return digits


def read_email(raw: Any, field: "Field") -> str:
    """Read an e-mail address; its form is checked, not whether it exists."""
    address = unicodedata.normalize("NFKC", require_text(raw, "value.email")).strip()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise Wrong("value.email")
    return address


def read_url(raw: Any, field: "Field") -> str:
    """Read a web address; only http and https, so that a page never links to a script."""
    address = require_text(raw, "value.url").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Wrong("value.url") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or BLANKS.search(address):
        raise Wrong("value.url")
    return checked_text(address, field)


def read_credit_code(raw: Any, field: "Field") -> str:
    """Read a 统一社会信用代码 (GB 32100-2015), upper-cased, check digit checked."""
    code = unicodedata.normalize("NFKC", require_text(raw, "value.credit_code.character")).replace(" ", "").upper()
    reason = credit_code.find_mistake(code)
    if reason is not None:
        raise Wrong(f"value.credit_code.{reason}")
    return code


def text_schema(field: "Field") -> dict[str, Any]:
    """Describe a text with the limits of its field."""
    schema: dict[str, Any] = {"type": "string", "maxLength": field.max_length or field.type.max_length}
    return schema | {"minLength": field.min_length} if field.min_length else schema


def text_type(
    key: str,
    parse: Reader,
    *,
    max_length: int,
    purpose: tuple[str, str],
    typed: tuple[str, str],
    example: str,
    keys: frozenset[str] = frozenset(),
    column: ColumnKind = "text",
    definition: Mapping[str, Any] | None = None,
    basis: frozenset[str] = PLAIN,
    **more: Any,
) -> FieldType:
    """Declare a type whose value is a text."""
    short = column == "text"
    declared: dict[str, Any] = {
        "key": key,
        "kind": Kind.TEXT,
        "column": column,
        "parse": parse,
        "json_schema": text_schema,
        "widget": key,
        "cell": key,
        "filter": "text" if short else "contains",
        "operators": ORDERED | {"contains"} | ({"in"} if short else set()),
        "example": example,
        "definition": definition or {"type": key},
        "keys": keys | ({"default"} if basis is PLAIN else set()),
        "basis": basis,
        "purpose": {"zh": purpose[0], "en": purpose[1]},
        "typed": {"zh": typed[0], "en": typed[1]},
        "max_length": max_length,
        "searchable": True,
        "sortable": short,
        "in_display": short,
        "mask": mask_text,
    }
    return FieldType(**declared | more)


_WRITTEN = frozenset(
    {"text", "long_text", "phone", "email", "url", "credit_code", "barcode", "colour", "number_series", "choice"}
)

TYPES = (
    text_type(
        "text",
        read_text,
        max_length=200,
        keys=frozenset({"min_length", "max_length", "pattern", "search", "unique"}),
        purpose=("一行文字，例如名称、型号、岗位。", "One line of text: a name, a model, a position."),
        typed=("任意文字；首尾空格和换行会去掉。", "Any text; blanks at the ends and line breaks go."),
        example="宁波甬江阀门",
        definition={"type": "text", "max_length": 120},
        takes=_WRITTEN - {"text"},
        listed=5,
    ),
    text_type(
        "long_text",
        read_long_text,
        max_length=10_000,
        column="long_text",
        wide=True,
        keys=frozenset({"min_length", "max_length", "search"}),
        purpose=("几行文字，例如需求说明、备注。", "Text of several lines: a need, a remark."),
        typed=("任意文字，换行保留。", "Any text; line breaks stay."),
        example="先看样品，再谈价格。",
        takes=_WRITTEN - {"long_text"},
    ),
    text_type(
        "phone",
        read_phone,
        max_length=30,
        mask=mask_phone,
        keys=frozenset({"max_length", "search", "unique"}),
        always_searched=True,
        listed=5,
        purpose=("电话号码。", "A phone number."),
        typed=(
            "5 到 20 位数字，可带国家码；空格、短横线和 +86 会去掉。",
            "5 to 20 digits, with a country code if needed; blanks, dashes and +86 go.",
        ),
        example="138-0013 8000",
    ),
    text_type(
        "email",
        read_email,
        max_length=254,
        mask=mask_email,
        keys=frozenset({"max_length", "search", "unique"}),
        purpose=("电子邮箱。", "An e-mail address."),
        typed=(
            "name@example.com 这样的地址；只核对格式。",
            "An address such as name@example.com; only its form is checked.",
        ),
        example="name@example.com",
    ),
    text_type(
        "url",
        read_url,
        max_length=2_000,
        in_display=False,
        keys=frozenset({"max_length", "search"}),
        purpose=("网址，点开即可访问。", "A web address that can be followed."),
        typed=("以 http:// 或 https:// 开头。", "Begins with http:// or https://."),
        example="https://example.com/catalogue",
    ),
    text_type(
        "credit_code",
        read_credit_code,
        max_length=18,
        mask=mask_code,
        keys=frozenset({"search", "unique"}),
        always_searched=True,
        purpose=("统一社会信用代码（GB 32100）。", "A Chinese company's unified credit code (GB 32100)."),
        typed=("18 位，末位校验位会核对。", "18 characters; the last one, a check character, is verified."),
        example="91350100M000100Y43",
    ),
)
