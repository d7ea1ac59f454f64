"""From what somebody typed to a value: one reader per field type.

Enters: ``raw`` (text from a form or a sheet; a JSON value; never empty) and the compiled field. Leaves: a value, or
``Wrong``. Must not round away what was typed (too many digits are refused), nor depend on the page it came from.

Full-width digits and letters, blanks, thousands separators and currency signs are understood everywhere, since that is
how Chinese input methods and spreadsheets write them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.compiler import credit_code, patterns

if TYPE_CHECKING:
    from engine.compiler.app import Field

MAX_DIGITS = 18
"""Digits a decimal may have in all; NUMERIC(18, s) and a 64-bit scaled integer both hold them."""

# control characters, overrides of the writing direction, and halves of characters that no encoding can carry
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = re.compile(r"\s+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_DATE = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?")
_MOMENT = re.compile(_DATE.pattern + r"(?:[ T]+|(?<=日))(\d{1,2}):(\d{2})(?::(\d{2}))?")
_PHONE = re.compile(r"\+?[0-9]{5,20}(x[0-9]{1,6})?")
_EXACT = Context(prec=200)  # numbers are written with 60 characters at most: nothing is rounded before it is judged
_LONGEST_NUMBER = 400  # characters of a number that arrives as a number: 1e308 in full, and no more
_YES = frozenset({"true", "1", "on", "yes", "y", "是", "有", "√"})
_NO = frozenset({"false", "0", "off", "no", "n", "否", "无", "×"})


class Wrong(Exception):
    """A value that is not of its type: ``code`` and ``params`` name the sentence."""

    def __init__(self, code: str, /, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


_LISTS = (list, tuple)  # asked for every value of every row: "list | tuple" would be made anew each time


def is_empty(raw: Any) -> bool:
    """Tell whether ``raw`` says nothing: None, blank text, an empty list."""
    if raw is None:
        return True
    if isinstance(raw, str):
        return not raw or raw.isspace()
    return isinstance(raw, _LISTS) and not raw


def as_percentage(value: Decimal) -> str:
    """Return ``15%`` for 0.15: text without the sign would be read back as a hundredth of it."""
    said = format(value * 100, "f")
    return (said.rstrip("0").rstrip(".") if "." in said else said) + "%"


def read_text(raw: Any, field: "Field") -> str:
    """Read one line of text: blanks at the ends and line breaks go, control characters are refused."""
    return _checked_text(_BLANKS.sub(" ", _require_text(raw)).strip(), field)


def read_long_text(raw: Any, field: "Field") -> str:
    """Read text of several lines."""
    return _checked_text(_require_text(raw).replace("\r\n", "\n").replace("\r", "\n").strip(), field)


def read_phone(raw: Any, field: "Field") -> str:
    """Read a phone number: +86/0086, blanks and dashes go; 5 to 20 digits stay."""
    written = unicodedata.normalize("NFKC", _require_text(raw, "value.phone"))
    digits = re.sub(r"[\s\-().]", "", written)
    digits = re.sub(r"^(\+86|0086)(?=\d{7})", "", digits)
    if not _PHONE.fullmatch(digits):
        raise Wrong("value.phone")
    return digits


def read_email(raw: Any, field: "Field") -> str:
    """Read an e-mail address; its form is checked, not whether it exists."""
    address = unicodedata.normalize("NFKC", _require_text(raw, "value.email")).strip()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise Wrong("value.email")
    return address


def read_url(raw: Any, field: "Field") -> str:
    """Read a web address; only http and https, so that a page never links to a script."""
    address = _require_text(raw, "value.url").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Wrong("value.url") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or _BLANKS.search(address):
        raise Wrong("value.url")
    return _checked_text(address, field)


def read_credit_code(raw: Any, field: "Field") -> str:
    """Read a 统一社会信用代码 (GB 32100-2015), upper-cased, check digit checked."""
    code = unicodedata.normalize("NFKC", _require_text(raw, "value.credit_code.character")).replace(" ", "").upper()
    reason = credit_code.find_mistake(code)
    if reason is not None:
        raise Wrong(f"value.credit_code.{reason}")
    return code


def read_integer(raw: Any, field: "Field") -> int:
    """Read a whole number."""
    number = _read_number(raw)
    if number != number.to_integral_value():
        raise Wrong("value.integer")
    return int(_within(number, field, digits=0))


def read_decimal(raw: Any, field: "Field") -> Decimal:
    """Read a decimal number with at most ``field.scale`` digits after the point."""
    return _within(_read_number(raw), field, digits=field.scale or 0)


def read_money(raw: Any, field: "Field") -> Decimal:
    """Read an amount; ``¥1,234.50`` and ``1.5万`` are understood."""
    return _within(_read_number(raw, units=True), field, digits=field.scale or 0)


def read_percent(raw: Any, field: "Field") -> Decimal:
    """Read a percentage into a fraction.

    Text is what a person writes beside a % sign (``15`` or ``15%`` is 0.15); a number, from JSON or a spreadsheet
    cell, is already the fraction (0.15 is 15 %).
    """
    if isinstance(raw, str):
        written = unicodedata.normalize("NFKC", raw).strip().removesuffix("%")
        return _within(_EXACT.divide(_read_number(written), Decimal(100)), field, digits=field.scale or 0)
    return _within(_read_number(raw), field, digits=field.scale or 0)


def read_boolean(raw: Any, field: "Field") -> bool:
    """Read yes or no, also 是/否."""
    if isinstance(raw, bool):
        return raw
    said = unicodedata.normalize("NFKC", _require_text(raw, "value.boolean")).strip().lower()
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise Wrong("value.boolean")


def read_date(raw: Any, field: "Field") -> date:
    """Read a day from 1900 to 2200: ``2026-03-04``, ``2026/3/4`` or ``2026年3月4日``; other orders are ambiguous."""
    day = raw.date() if isinstance(raw, datetime) else raw
    if not isinstance(day, date):
        written = unicodedata.normalize("NFKC", _require_text(raw, "value.date")).replace(" ", "")
        day = _day_from_text(written.removesuffix("00:00:00").removesuffix("T"))
    if not 1900 <= day.year <= 2200:
        raise Wrong("value.date")
    return day


def read_datetime(raw: Any, field: "Field") -> datetime:
    """Read a moment from 1900 to 2200: ISO 8601, or ``2026/3/4 14:30``; a day alone is its midnight.

    With an offset it comes back in UTC, without one naive: the caller knows the site's zone.
    """
    if isinstance(raw, datetime):
        moment = raw
    elif isinstance(raw, date):
        moment = datetime.combine(raw, time())
    else:
        moment = _moment_from_text(unicodedata.normalize("NFKC", _require_text(raw, "value.datetime")).strip())
    if not 1900 <= moment.year <= 2200:
        raise Wrong("value.datetime")
    return moment.astimezone(UTC) if moment.tzinfo else moment


def read_choice(raw: Any, field: "Field") -> str:
    """Read one option, by its key or by its label in any language."""
    try:
        said = unicodedata.normalize("NFKC", _require_text(raw)).strip()
    except Wrong:
        raise Wrong("value.choice", options=_Options(field)) from None
    key = field.option_names.get(said)
    if key is None:
        raise Wrong("value.choice", options=_Options(field))
    return key


def read_choices(raw: Any, field: "Field") -> list[str]:
    """Read several options, as a list or as text separated by commas, semicolons or 、."""
    parts = re.split(r"[,;、，；]", raw) if isinstance(raw, str) else raw
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong("value.choices")
    chosen = {read_choice(part, field) for part in parts if not is_empty(part)}
    return [key for key in field.options if key in chosen]


def read_id(raw: Any, field: "Field") -> int:
    """Read the id of a linked record or user."""
    return parse_id(raw)


def parse_id(raw: Any) -> int:
    """Return an id from 1 to 2^63 - 1, written as a number, as digits, or as ``{"id": ...}``; else raise ``Wrong``."""
    if isinstance(raw, Mapping):
        raw = raw.get("id")
    if isinstance(raw, str) and raw.strip().isdecimal() and len(raw) < 30:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw < 2**63:
        raise Wrong("value.link")
    return raw


def read_ids(raw: Any, field: "Field") -> list[int]:
    """Read the ids of uploaded files, without repeats, in order."""
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong("value.file")
    ids = list(dict.fromkeys(read_id(part, field) for part in parts if not is_empty(part)))
    if len(ids) > 1 and not field.many:
        raise Wrong("value.one_file")
    return ids


def read_rows(raw: Any, field: "Field") -> list[Mapping[str, Any]]:
    """Read the rows of a line table, still raw; whoever reads the record reads each row's fields."""
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        raise Wrong("value.rows")
    if len(raw) > field.max_rows:
        raise Wrong("value.too_many_rows", max=field.max_rows)
    return raw


class _Options:
    """The labels of a field's options, in the reader's language."""

    def __init__(self, field: "Field") -> None:
        self._labels = tuple(field.options.values())

    def text(self, language: str) -> str:
        between = "、" if language == "zh" else ", "
        return between.join(str(label.get(language) or next(iter(label.values()), "")) for label in self._labels)


def _require_text(raw: Any, code: str = "value.text") -> str:
    """Return text as it is, and a number as somebody would write it; raises ``Wrong(code)`` for anything else."""
    if isinstance(raw, str):
        return raw
    number = _finite(raw, code)
    if number.adjusted() > _LONGEST_NUMBER or -int(number.as_tuple().exponent) > _LONGEST_NUMBER:
        raise Wrong(code)
    if number == number.to_integral_value():
        return format(number.to_integral_value(), "f")  # a sheet gives a part number typed as a number as 10086.0
    return format(number, "f")


def _day_from_text(written: str) -> date:
    match = _DATE.fullmatch(written)
    try:
        if match is None:
            raise ValueError
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise Wrong("value.date") from None


def _moment_from_text(written: str) -> datetime:
    match = _MOMENT.fullmatch(written)
    try:
        if match is None:
            return datetime.fromisoformat(written)
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        raise Wrong("value.datetime") from None


def _checked_text(text: str, field: "Field") -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if _REFUSED.search(text):
        raise Wrong("value.control")
    limit = field.max_length or field.type.max_length
    if limit is not None and len(text) > limit:
        raise Wrong("value.too_long", max=limit, length=len(text))
    if field.min_length is not None and len(text) < field.min_length:
        raise Wrong("value.too_short", min=field.min_length)
    if field.pattern is not None and not patterns.matches(field.pattern, text):
        raise Wrong("value.pattern")
    return text


def _read_number(raw: Any, *, units: bool = False) -> Decimal:
    return _number_from_text(raw, units=units) if isinstance(raw, str) else _finite(raw, "value.number")


def _finite(raw: Any, code: str) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise Wrong(code)
    # the shortest digits that give the same float: what the sender saw
    number = Decimal(repr(raw) if isinstance(raw, float) else raw)
    if not number.is_finite():
        raise Wrong(code)
    return number


def _number_from_text(raw: str, *, units: bool) -> Decimal:
    if len(raw) > 60:
        raise Wrong("value.number")
    written = unicodedata.normalize("NFKC", raw).translate(_DROPPED).strip()
    factor = Decimal(1)
    if units and written.endswith("万"):
        written, factor = written[:-1], Decimal(10_000)
    if not _NUMBER.fullmatch(written):
        raise Wrong("value.number")
    return _EXACT.multiply(Decimal(written), factor)


_DROPPED = str.maketrans("", "", ", ¥￥元")


def _within(number: Decimal, field: "Field", *, digits: int) -> Decimal:
    if number.adjusted() > MAX_DIGITS or abs(number) >= Decimal(10) ** (MAX_DIGITS - digits):
        raise Wrong("value.too_large")
    fitted = number.quantize(Decimal(1).scaleb(-digits)) + 0  # + 0: minus zero is zero
    if fitted != number:
        raise Wrong("value.scale", digits=digits - 2 if field.type.key == "percent" else digits)
    if field.min is not None and fitted < field.min:
        raise Wrong("value.min", min=_shown(field.min, field))
    if field.max is not None and fitted > field.max:
        raise Wrong("value.max", max=_shown(field.max, field))
    return fitted


def _shown(limit: Any, field: "Field") -> str:
    return as_percentage(limit) if field.type.key == "percent" else f"{limit:,f}"
