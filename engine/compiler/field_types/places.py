"""Places: addresses in parts, and points on the earth.

Enters: one line of text, or the parts. Leaves: plain mappings. Must not look anything up: no
map, no list of streets.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import ENTERED, PRESENCE, FieldType, schema
from engine.compiler.readers import BLANKS, Wrong, checked_text, finite, is_empty, read_number, require_text
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

ADDRESS_PARTS = ("province", "city", "district", "street", "postcode")
_LONGEST_PART = 120
_POSTCODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{2,11}")
_LINE = re.compile(
    r"(?P<province>[^省市区县]{1,8}?(?:省|自治区|特别行政区))?"
    r"(?P<city>[^省市区县]{1,10}?(?:市|自治州|盟|地区))?"
    r"(?P<district>[^省市路街道号村镇]{1,8}?(?:区|县|旗|市))?"
    r"(?P<street>.*)"
)
_PLACES = 6
_POINT = re.compile(r"([^,;，；\s]+)[,;，；\s]+([^,;，；\s]+)")


def read_address(raw: Any, field: "Field") -> dict[str, str]:
    """Read an address: its parts, or one line that is taken apart as far as Chinese addresses say their parts."""
    given = raw if isinstance(raw, Mapping) else _parts_of_line(require_text(raw, "value.address"))
    if not set(given) <= set(ADDRESS_PARTS):
        raise Wrong("value.address")
    found = {part: _part(given[part], field) for part in ADDRESS_PARTS if not is_empty(given.get(part))}
    if "postcode" in found and not _POSTCODE.fullmatch(found["postcode"]):
        raise Wrong("value.postcode")
    if not found:
        raise Wrong("value.address")
    return found


def say_address(value: Mapping[str, str]) -> str:
    """Return an address in one line, which ``read_address`` takes apart again."""
    parts = [value[part] for part in ADDRESS_PARTS[:-1] if part in value]
    foreign = any(part.isascii() for part in parts)
    line = (" " if foreign else "").join(parts)
    return f"{line} {value['postcode']}".strip() if "postcode" in value else line


def read_point(raw: Any, field: "Field") -> dict[str, float]:
    """Read a point (WGS 84): ``31.299886, 120.585300``, latitude first, or ``{"lat": ..., "lng": ...}``."""
    if isinstance(raw, str):
        match = _POINT.fullmatch(unicodedata.normalize("NFKC", raw).strip()) if len(raw) <= 60 else None
        pair: Any = match.groups() if match else None
    elif isinstance(raw, Mapping):
        pair = (raw["lat"], raw["lng"]) if set(raw) == {"lat", "lng"} else None
    else:
        pair = raw if isinstance(raw, Sequence) and not isinstance(raw, bytes) and len(raw) == 2 else None
    if pair is None:
        raise Wrong("value.geo")
    return {"lat": _degrees(pair[0], 90), "lng": _degrees(pair[1], 180)}


def say_point(value: Mapping[str, float]) -> str:
    """Return a point as it is typed: latitude, longitude."""
    return f"{_digits(value['lat'])}, {_digits(value['lng'])}"


def _part(raw: Any, field: "Field") -> str:
    text = checked_text(BLANKS.sub(" ", require_text(raw, "value.address")).strip(), field)
    if len(text) > _LONGEST_PART:
        raise Wrong("value.too_long", max=_LONGEST_PART, length=len(text))
    return text


def _parts_of_line(line: str) -> dict[str, str]:
    text = BLANKS.sub(" ", unicodedata.normalize("NFC", line)).strip()
    if len(text) > 5 * _LONGEST_PART:
        raise Wrong("value.too_long", max=5 * _LONGEST_PART, length=len(text))
    found = {}
    tail = re.search(r"(?:^|\s)(\d{6})$", text)
    if tail is not None:
        found["postcode"], text = tail[1], text[: tail.start()].strip()
    match = None if text.isascii() else _LINE.fullmatch(text)
    found |= {part: said for part, said in match.groupdict().items() if said} if match else {"street": text}
    return found


def _degrees(raw: Any, limit: int) -> float:
    try:
        number = read_number(raw) if isinstance(raw, str) else finite(raw, "value.geo")
    except Wrong:
        raise Wrong("value.geo") from None
    if abs(number) > limit:
        raise Wrong("value.geo_range")
    if -int(number.normalize().as_tuple().exponent) > _PLACES:
        raise Wrong("value.geo_places", places=_PLACES)
    return float(number) + 0.0  # minus zero is zero


def _digits(degrees: float) -> str:
    said = format(Decimal(repr(degrees)), "f")
    return said.rstrip("0").rstrip(".") if "." in said else said


def _degree(limit: int) -> dict[str, Any]:
    return {"type": "number", "minimum": -limit, "maximum": limit}


TYPES = (
    FieldType(
        key="address",
        kind=Kind.JSON,
        column="json",
        parse=read_address,
        to_json=dict,
        to_form=dict,
        parts=ADDRESS_PARTS,
        json_schema=schema(
            type="object",
            additionalProperties=False,
            minProperties=1,
            properties={part: {"type": "string", "maxLength": _LONGEST_PART} for part in ADDRESS_PARTS},
        ),
        widget="address",
        cell="address",
        filter="contains",
        operators=PRESENCE | {"contains"},
        to_sheet=say_address,
        to_text=say_address,
        basis=ENTERED,
        keys=frozenset({"search"}),
        definition={"type": "address"},
        sortable=False,
        example="江苏省苏州市吴中区东吴北路 12 号 215128",
        searchable=True,
        wide=True,
        in_lines=False,
        purpose={
            "zh": "地址，分省、市、区县、街道、邮编。",
            "en": "An address in parts: province, city, district, street, postcode.",
        },
        typed={
            "zh": "分栏填写；导入和 JSON 也可写成一行，自动拆分。",
            "en": "Part by part; a sheet or JSON may give one line, which is taken apart.",
        },
    ),
    FieldType(
        key="geo",
        kind=Kind.PLACE,
        column="json",
        parse=read_point,
        to_json=dict,
        to_form=say_point,
        json_schema=schema(
            type="object",
            additionalProperties=False,
            required=["lat", "lng"],
            properties={"lat": _degree(90), "lng": _degree(180)},
        ),
        widget="geo",
        cell="geo",
        filter="presence",
        operators=PRESENCE,
        to_sheet=say_point,
        to_text=say_point,
        basis=ENTERED,
        definition={"type": "geo"},
        example="31.299886, 120.5853",
        sortable=False,
        purpose={
            "zh": "坐标点（WGS-84），例如客户位置、签到地点。",
            "en": "A point (WGS 84): where a customer is, where somebody signed in.",
        },
        typed={
            "zh": "“纬度, 经度”，最多 6 位小数；手机上可取当前位置。",
            "en": '"latitude, longitude" with at most 6 decimals; a phone can fill in where it is.',
        },
    ),
)
