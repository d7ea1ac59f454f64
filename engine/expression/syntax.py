"""The tree of an expression as it was written, names unresolved.

Enters: nothing (``parse.py`` fills these). Leaves: frozen nodes; ``start`` and ``end`` are offsets in characters of the
source, half open. Must not know what a name refers to.
"""

from dataclasses import dataclass
from typing import TypeAlias

from engine.expression.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out. ``form`` is number, percent, duration, date, text, boolean or missing."""

    start: int
    end: int
    form: str
    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """``amount``"""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """``customer.grade``, ``items.total``; ``offsets`` are where each part begins."""

    start: int
    end: int
    parts: tuple[str, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` and ``-x``; ``operator`` is ``not`` or ``-``."""

    start: int
    end: int
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """``and or = != < <= > >= + - * /``"""

    start: int
    end: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Between:
    """``x between low and high``, both ends included."""

    start: int
    end: int
    operand: "Node"
    low: "Node"
    high: "Node"


@dataclass(frozen=True, slots=True)
class In:
    """``x in [a, b]``, ``user in invited``, ``x not in [a, b]``; ``choices`` is a List, Name or Path."""

    start: int
    end: int
    negated: bool
    operand: "Node"
    choices: "Node"


@dataclass(frozen=True, slots=True)
class List:
    """``[a, b]``, only after ``in``."""

    start: int
    end: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class IsMissing:
    """``x is missing``, ``x is not missing``"""

    start: int
    end: int
    negated: bool
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """``round(x, 2)``, and ``count(quotes where stage = 'sent')``; ``where`` is None without the word."""

    start: int
    end: int
    name: str
    arguments: "tuple[Node, ...]"
    where: "Node | None" = None


Node: TypeAlias = Literal | Name | Path | Unary | Binary | Between | In | List | IsMissing | Call

NODES: tuple[type, ...] = (Literal, Name, Path, Unary, Binary, Between, In, List, IsMissing, Call)
