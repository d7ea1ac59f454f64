"""How the cells of a whole column are written: which comes first in its days, what its numbers are counted in.

Enters: the cells of a column, one after another. Leaves: a ``Reading`` to propose. Must not decide where
the cells leave a doubt.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.compiler.app import Field
from engine.compiler.cells import DATE_ORDERS, DAY_PARTS, Reading, is_dated, is_number, is_share, only_order, plain_text


def count_forms(cell: Any, forms: dict[str, int]) -> None:
    """Count what a cell says of how its column is written: ``dmy``, ``mdy``, ``either``, ``large`` and ``small``."""
    if isinstance(cell, str) and 6 <= len(cell) <= 24:
        match = DAY_PARTS.match(plain_text(cell))
        if match is not None and len(match[1]) <= 2:
            order = only_order(int(match[1]), int(match[2])) if match[1] != match[2] else None
            if match[1] != match[2]:
                _count(forms, order or "either")
            return
    if isinstance(cell, str) and len(cell) <= 12 and re.fullmatch(r"\d+(\.\d+)?", cell):
        _count(forms, "large" if float(cell) > 1 else "small")
    elif isinstance(cell, float | Decimal):
        size = abs(float(cell))
        if not 1 < size <= 3:  # 1.5 may be 150 % as well as 1.5 %
            _count(forms, "large" if size > 1 else "small")


def propose_reading(field: Field, header_unit: int, forms: Mapping[str, int], remembered: Reading | None) -> Reading:
    """Return how a column is probably read; the order of days only where its cells leave no doubt, or it was said."""
    if is_dated(field):
        said = [order for order in DATE_ORDERS[1:] if forms.get(order)]
        if len(said) == 1:
            return Reading(dates=said[0])
        return Reading(dates=remembered.dates if remembered is not None else None)
    if is_share(field):
        return Reading(fraction=_is_fraction(forms) if remembered is None else remembered.fraction)
    if is_number(field):
        return Reading(unit=header_unit if remembered is None or header_unit != 1 else remembered.unit)
    return Reading()


def _is_fraction(forms: Mapping[str, int]) -> bool | None:
    """Return whether shares without a sign are fractions, None when a column has none or both."""
    small, large = forms.get("small", 0) > 0, forms.get("large", 0) > 0
    return None if small == large else small


def _count(forms: dict[str, int], name: str) -> None:
    forms[name] = forms.get(name, 0) + 1
