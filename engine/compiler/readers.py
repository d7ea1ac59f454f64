"""What the readers of all field types share: how a refusal is said, what is empty, clean text, exact numbers, ids.

Enters: ``raw`` (text from a form or a sheet; a JSON value; never empty) and the compiled field. Leaves: a value, or
``Wrong``. Must not know any single type: those stand in ``field_types/``, each with its own reader.

Full-width digits and letters are understood everywhere, since that is how Chinese input methods write them.
"""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from engine.compiler import patterns
from engine.expression import Kind
from engine.expression.writing import as_percentage

if TYPE_CHECKING:
    from engine.compiler.app import Field

MAX_DIGITS = 18
"""Digits a decimal may have in all; NUMERIC(18, s) and a 64-bit scaled integer both hold them."""

# control characters, overrides of the writing direction, and halves of characters that no encoding can carry
REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
BLANKS = re.compile(r"\s+")
EXACT = Context(prec=200)  # numbers are written with 60 characters at most: nothing is rounded before it is judged
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_LONGEST_NUMBER = 400  # characters of a number that arrives as a number: 1e308 in full, and no more


class Wrong(Exception):
    """A value that is not of its type: ``code`` and ``params`` name the sentence."""

    def __init__(self, code: str, /, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


# asked for every value of every row: "list | tuple" would be made anew each time
_LISTS = (list, tuple)
_NUMBERS = (int, float, Decimal)


def is_empty(raw: Any) -> bool:
    """Tell whether ``raw`` says nothing: None, blank text, an empty list."""
    if raw is None:
        return True
    if isinstance(raw, str):
        return not raw or raw.isspace()
    return isinstance(raw, _LISTS) and not raw


def parse_id(raw: Any) -> int:
    """Return an id from 1 to 2^63 - 1, written as a number, as digits, or as ``{"id": ...}``; else raise ``Wrong``."""
    if isinstance(raw, Mapping):
        raw = raw.get("id")
    if isinstance(raw, str) and raw.strip().isdecimal() and len(raw) < 30:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw < 2**63:
        raise Wrong("value.link")
    return raw


def require_text(raw: Any, code: str = "value.text") -> str:
    """Return text as it is, and a number as somebody would write it; raises ``Wrong(code)`` for anything else."""
    if isinstance(raw, str):
        return raw
    number = finite(raw, code)
    if number.adjusted() > _LONGEST_NUMBER or -int(number.as_tuple().exponent) > _LONGEST_NUMBER:
        raise Wrong(code)
    if number == number.to_integral_value():
        return format(number.to_integral_value(), "f")  # a sheet gives a part number typed as a number as 10086.0
    return format(number, "f")


def checked_text(text: str, field: "Field") -> str:
    """Return text in its composed form, within the limits of its field; raises ``Wrong``."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if REFUSED.search(text):
        raise Wrong("value.control")
    limit = field.max_length or field.type.max_length
    if limit is not None and len(text) > limit:
        raise Wrong("value.too_long", max=limit, length=len(text))
    if field.min_length is not None and len(text) < field.min_length:
        raise Wrong("value.too_short", min=field.min_length)
    if field.pattern is not None and not patterns.matches(field.pattern, text):
        raise Wrong("value.pattern")
    return text


def read_number(raw: Any, *, units: bool = False) -> Decimal:
    """Return a number as it was written, exactly; with ``units`` also ``1.5万``. Raises ``Wrong``."""
    return _number_from_text(raw, units=units) if isinstance(raw, str) else finite(raw, "value.number")


def finite(raw: Any, code: str) -> Decimal:
    """Return a number that arrived as a number; raises ``Wrong(code)`` for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, _NUMBERS):
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
    return EXACT.multiply(Decimal(written), factor)


_DROPPED = str.maketrans("", "", ", ¥￥元")


def within(number: Decimal, field: "Field", *, digits: int) -> Decimal:
    """Return a number with ``digits`` after the point, within the limits of its field; raises ``Wrong``."""
    unit, beyond = _bounds(digits)
    if number.adjusted() > MAX_DIGITS or abs(number) >= beyond:
        raise Wrong("value.too_large")
    fitted = number.quantize(unit) + 0  # + 0: minus zero is zero
    if fitted != number:
        raise Wrong("value.scale", digits=digits - 2 if field.type.kind is Kind.PERCENT else digits)
    if field.min is not None and fitted < field.min:
        raise Wrong("value.min", min=_shown(field.min, field))
    if field.max is not None and fitted > field.max:
        raise Wrong("value.max", max=_shown(field.max, field))
    return fitted


@cache
def _bounds(digits: int) -> tuple[Decimal, Decimal]:
    """Return the smallest step of a number with ``digits`` after the point, and what no such number reaches."""
    return Decimal(1).scaleb(-digits), Decimal(10) ** (MAX_DIGITS - digits)


def _shown(limit: Any, field: "Field") -> str:
    return as_percentage(limit) if field.type.kind is Kind.PERCENT else f"{limit:,f}"
