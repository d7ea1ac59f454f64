"""Which kinds arithmetic may join, and what comes out.

Enters: an operator and two types. Leaves: the type of the result, or None. Must not report: the checker does.
"""

from engine.expression.types import (
    DURATION,
    MAX_PLACES,
    NUMERIC,
    Kind,
    Type,
    join,
)

_DAYS = frozenset({Kind.DATE, Kind.DATETIME})
_SPANS = frozenset({Kind.DURATION, Kind.WORKING_TIME})


def arithmetic(operator: str, left: Type, right: Type) -> Type | None:
    """Return the type of ``left operator right``, or None when the two cannot meet."""
    if left.kind in NUMERIC and right.kind in NUMERIC:
        return _numbers(operator, left, right)
    if operator in "+-":
        return _calendar(operator, left, right)
    return None


def _numbers(operator: str, left: Type, right: Type) -> Type | None:
    if operator in "+-":
        joined = join(left, right)
        mixed = joined is not None and joined.kind is Kind.PERCENT and left.kind is not right.kind
        return Type(Kind.NUMBER, scale=joined.places) if mixed and joined is not None else joined
    kind = _product_kind(left.kind, right.kind) if operator == "*" else _quotient_kind(left.kind, right.kind)
    places = min(left.places + right.places, MAX_PLACES) if operator == "*" else MAX_PLACES
    return None if kind is None else Type(kind, scale=places)


def _product_kind(left: Kind, right: Kind) -> Kind | None:
    if left is right:
        return None if left is Kind.MONEY else left
    return Kind.MONEY if Kind.MONEY in (left, right) else Kind.NUMBER


def _quotient_kind(left: Kind, right: Kind) -> Kind:
    return Kind.MONEY if left is Kind.MONEY and right is not Kind.MONEY else Kind.NUMBER


def _calendar(operator: str, left: Type, right: Type) -> Type | None:
    if left.kind in _DAYS and right.kind in _SPANS:
        return Type(left.kind)
    if operator == "-" and left.kind in _DAYS and left.kind is right.kind:
        return DURATION
    return DURATION if left.kind is right.kind is Kind.DURATION else None
