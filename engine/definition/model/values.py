"""What everything written is made of: plain values, expressions still as text, names still unresolved.

Enters: nothing. Leaves: the smallest pieces of a definition, each with its place. Must not know what they stand in.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from engine.errors import Location

Scalar: TypeAlias = str | int | Decimal | bool | None
"""A plain value of YAML after the strict loader: decimal numbers arrive as ``Decimal`` with the digits as written."""


@dataclass(frozen=True)
class ExpressionText:
    """An expression as written; ``location`` is where its first character stands."""

    text: str
    location: Location


@dataclass(frozen=True)
class Reference:
    """A name that must exist somewhere else (a field, stage, role, entity ...), with the place it was written at."""

    name: str
    location: Location
