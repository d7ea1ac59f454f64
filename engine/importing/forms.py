"""How the cells of a whole column are written: which comes first in its days, what its numbers are counted in.

Enters: the cells of a column, one after another. Leaves: a ``Reading`` to propose. Must not decide where
the cells leave a doubt.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from engine.compiler.app import Field
from engine.compiler.cells import DATE_ORDERS, DAY_PARTS, Reading, is_dated, is_number, is_share, only_order, plain_text

_PLAIN_NUMBER = re.compile(r"\d+(\.\d+)?")
_BROKEN = (float, Decimal)


def count_forms(cells: Iterable[Any], forms: dict[str, int]) -> None:
    """Count what cells say of how their column is written: ``dmy``, ``mdy``, ``either``, ``large`` and ``small``."""
    said = Counter([cell for cell in cells if isinstance(cell, str)])  # each text is looked at once
    for text, times in said.items():
        if (form := _form_of_text(text)) is not None:
            forms[form] = forms.get(form, 0) + times
    for cell in cells:
        if isinstance(cell, _BROKEN):
            size = abs(float(cell))
            if not 1 < size <= 3:  # 1.5 may be 150 % as well as 1.5 %
                form = "large" if size > 1 else "small"
                forms[form] = forms.get(form, 0) + 1


def _form_of_text(text: str) -> str | None:
    if 6 <= len(text) <= 24:
        match = DAY_PARTS.match(plain_text(text))
        if match is not None and len(match[1]) <= 2:
            return None if match[1] == match[2] else only_order(int(match[1]), int(match[2])) or "either"
    if len(text) <= 12 and _PLAIN_NUMBER.fullmatch(text):
        return "large" if float(text) > 1 else "small"
    return None


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
