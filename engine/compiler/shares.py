"""How many must say yes: ``2/3``, ``60%``, or a number of people.

Enters: a share as written and how many there are. Leaves: the need. Must not know who they are.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

_PART: Final = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")
_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%")


def read_share(written: str) -> Fraction | int | None:
    """Return a share as a part of all (``2/3``, ``60%``) or a number of people (``2``); None when it is neither."""
    part, percent = _PART.fullmatch(written), _PERCENT.fullmatch(written)
    if part is not None:
        return Fraction(int(part[1]), int(part[2]))
    if percent is not None:
        return Fraction(Decimal(percent[1])) / 100
    return int(written) if written.isdecimal() and written.isascii() and 0 < len(written) < 5 else None


def count_share(written: str, size: int) -> int:
    """Return how many of ``size`` a share needs: at least that part, rounded up, never below 1.

    It may be more than there are. A share that cannot be read needs everybody.
    """
    share = read_share(written)
    if isinstance(share, Fraction):
        exact = share * size
        return max(1, -(-exact.numerator // exact.denominator))
    return max(1, size if share is None else share)
