"""Exact arithmetic of decimals, rounded half away from zero.

Enters: decimals and whole numbers. Leaves: decimals with at most ``MAX_PLACES`` decimal places where a result is
rounded. Must not know nodes or missing values.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

from engine.expression.types import MAX_DIGITS, MAX_PLACES

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_Number = Decimal | int


WRITTEN_NUMBER = "^ *([+-]?(?:[0-9]+|[0-9][0-9]?[0-9]?(?:,[0-9][0-9][0-9])+)(?:[.][0-9]+)?) *$"
"""A number as people write it, in the notation of regular expressions that Python and PostgreSQL share."""
_WRITTEN = re.compile(WRITTEN_NUMBER.removesuffix("$") + r"\Z")


def read_number(text: str) -> Decimal | None:
    """Return the number written in a text, such as ``1,250.5``, rounded to ``MAX_PLACES``; None when it is none."""
    written = _WRITTEN.match(text)
    if written is None:
        return None
    limit = 10 ** (MAX_DIGITS - MAX_PLACES)
    value = Decimal(written[1].replace(",", ""))
    found = round_half_up(value, MAX_PLACES) if -limit <= value <= limit else value
    return found if -limit < found < limit else None


def round_half_up(value: Decimal, places: int) -> Decimal:
    """Round to ``places`` decimal places, halves away from zero."""
    try:
        return value.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    except InvalidOperation:  # too large to have that many places
        return value


def multiply(first: _Number, second: _Number) -> Decimal:
    """Multiply, rounded to ``MAX_PLACES``."""
    return round_half_up(_EXACT.multiply(Decimal(first), Decimal(second)), MAX_PLACES)


def divide(first: _Number, second: _Number) -> Decimal | None:
    """Divide, rounded to ``MAX_PLACES``; None for a divisor of zero."""
    if not second:
        return None
    return round_half_up(_EXACT.divide(Decimal(first), Decimal(second)), MAX_PLACES)


def total(values: Iterable[_Number]) -> Decimal:
    """Add numbers up; 0 for none."""
    found = Decimal(0)
    for value in values:
        found = _EXACT.add(found, value)
    return found
