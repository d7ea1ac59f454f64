"""Compiled roll-ups: which computed values follow the records that link to theirs.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for on every write. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RollUp:
    """Computed field ``key`` of ``parent`` folds the records of ``child`` whose field ``link`` leads to it.

    ``reads`` are the fields of ``child`` it looks at besides ``link``, its condition included. With ``lines`` it folds
    the rows of that line table whose column ``link`` leads to it: ``reads`` are columns then, and ``whole`` the fields
    of the record they belong to.
    """

    parent: str
    key: str
    child: str
    link: str
    reads: frozenset[str]
    lines: str = ""
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RollUps:
    """All roll-ups of an app.

    ``order`` names every computed field of every entity, each after those it reads. ``rank`` orders entities so that
    a child stands before its parents: whoever locks records of several entities locks them in this order.
    """

    by_child: Mapping[str, tuple[RollUp, ...]] = field(default_factory=dict)
    order: tuple[tuple[str, str], ...] = ()
    rank: Mapping[str, int] = field(default_factory=dict)
