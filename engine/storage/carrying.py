"""Values carried over into another type without an expression that says how.

Enters: a column with values of the former type, and the field as it is now. Leaves: the same values in the new type, as
SQL. Must not guess: two types that have nothing in common give None, and whoever publishes is asked. A number or a date
becomes the text of it.
"""

from typing import Any

from sqlalchemy import ColumnElement, Text

from engine.compiler.app import Field
from engine.expression.sql_terms import Term
from engine.expression.types import Kind
from engine.storage.column_types import ScaledDecimal

_PLAIN = frozenset({"text", "long_text"})
"""Types that take any text."""
_NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY})
"""A share is not among them: it is kept as 0.15 and written as 15%."""


def carry_over(old: ColumnElement[Any], before: Field, item: Field) -> ColumnElement[Any] | None:
    """Return ``old`` as a value of ``item``, where each value of the former type has its text and any text is taken."""
    if item.type.key not in _PLAIN:
        return None
    if before.type.kind in _NUMBERS:
        return _write_number(old)
    if before.type.kind is Kind.DATE:
        return Term(Text(), "{0}", old, postgresql="to_char({0}, 'YYYY-MM-DD')")
    return None


def places_of(column: ColumnElement[Any]) -> int:
    """Return the decimal places of a column of numbers."""
    return column.type.scale if isinstance(column.type, ScaledDecimal) else 0


def _write_number(old: ColumnElement[Any]) -> ColumnElement[Any]:
    """Write a number with the digits it has: 12.5 and not 12.5000."""
    scale = places_of(old)
    if not scale:
        return Term(Text(), "CAST({0} AS TEXT)", old)
    unit, sign = 10**scale, "CASE WHEN {0} < 0 THEN '-' ELSE '' END"
    digits = f"printf('%s%d.%0{scale}d', {sign}, abs({{0}}) / {unit}, abs({{0}}) % {unit})"
    return Term(Text(), f"rtrim(rtrim({digits}, '0'), '.')", old, postgresql="CAST(trim_scale({0}) AS TEXT)")
