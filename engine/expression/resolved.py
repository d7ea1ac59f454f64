"""The tree of a checked expression: every name resolved, every node with its type.

Enters: nothing (``check.py`` fills these). Leaves: frozen nodes the back ends (Python, SQL, plain words, a browser)
walk. Must not hold behaviour.
"""

from dataclasses import dataclass
from typing import TypeAlias

from engine.expression.types import Type
from engine.expression.values import Value


@dataclass(frozen=True, slots=True)
class _Resolved:
    type: Type
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant(_Resolved):
    """A value written out."""

    value: Value


@dataclass(frozen=True, slots=True)
class Field(_Resolved):
    """A field of the record (inside ``where``: of the row)."""

    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Outer(_Resolved):
    """``record.customer``: a field of the record of ``entity`` that is being edited; ``record`` alone is its ``id``.

    ``line.qty`` is a field of the line, whose ``name`` then begins with ``line.``.
    ``payload.number`` is one too: ``entity`` is ``PAYLOAD_SHAPE`` then.
    """

    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Above(_Resolved):
    """``record.due`` inside ``where``: a field of the record of ``entity`` whose rows are looked at."""

    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Variable(_Resolved):
    """``user``, ``user.roles``, ``user.department``, ``now()``, ``today()`` or ``period.start``; never missing.

    The department of somebody without one is ``env.NOBODY``, which is no department and equals no missing one.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Hop(_Resolved):
    """``customer.grade``: field ``name`` of the record of ``entity`` that ``link`` points to."""

    link: "Field | Variable"
    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Column(_Resolved):
    """``customer.models.product`` after ``in``: what a column of a line table of the linked record holds.

    The line table is ``lines`` of ``entity``, its rows have shape ``row``; ``type`` is that of one value.
    """

    link: "Field | Above | Outer"
    entity: str
    lines: str
    row: str
    name: str


@dataclass(frozen=True, slots=True)
class Reached(_Resolved):
    """``reached('offer')``: the record was ever in one of ``stages``, which are that one and all behind it."""

    entity: str
    stage: str
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Let(_Resolved):
    """A name somebody gave to an expression beforehand, with that expression."""

    name: str
    value: "Resolved"


@dataclass(frozen=True, slots=True)
class Not(_Resolved):
    """``not x``; a missing ``x`` counts as false."""

    operand: "Resolved"


@dataclass(frozen=True, slots=True)
class Negative(_Resolved):
    """``-x``"""

    operand: "Resolved"


@dataclass(frozen=True, slots=True)
class Logic(_Resolved):
    """``and``, ``or``"""

    operator: str
    left: "Resolved"
    right: "Resolved"


@dataclass(frozen=True, slots=True)
class Compare(_Resolved):
    """``= != < <= > >=`` of two values of kinds that can meet."""

    operator: str
    left: "Resolved"
    right: "Resolved"


@dataclass(frozen=True, slots=True)
class Between(_Resolved):
    """``low <= operand and operand <= high``"""

    operand: "Resolved"
    low: "Resolved"
    high: "Resolved"


@dataclass(frozen=True, slots=True)
class OneOf(_Resolved):
    """``x in [a, b]``"""

    negated: bool
    operand: "Resolved"
    items: "tuple[Resolved, ...]"


@dataclass(frozen=True, slots=True)
class Member(_Resolved):
    """``user in invited``, ``'director' in user.roles``: ``many`` is a list, the roles, or a column."""

    negated: bool
    operand: "Resolved"
    many: "Field | Variable | Column"


@dataclass(frozen=True, slots=True)
class IsMissing(_Resolved):
    """``x is missing``; a list is missing when it is empty."""

    negated: bool
    operand: "Resolved"


@dataclass(frozen=True, slots=True)
class Arithmetic(_Resolved):
    """``+ - * /`` of numbers, dates, moments and durations; the kinds of both sides say which."""

    operator: str
    left: "Resolved"
    right: "Resolved"


@dataclass(frozen=True, slots=True)
class Call(_Resolved):
    """A function of ``functions.py``."""

    name: str
    arguments: "tuple[Resolved, ...]"


@dataclass(frozen=True, slots=True)
class Fold(_Resolved):
    """``sum(items.total where qty > 1)`` over ``collection`` of ``entity``, whose rows have shape ``row``.

    ``name`` is sum, count, max, min, avg, median, any or all; ``via`` as in ``Collection``; ``value`` is None for
    count, any and all.
    """

    name: str
    entity: str
    collection: str
    row: str
    via: str | None
    value: "Field | None"
    where: "Resolved | None"


Resolved: TypeAlias = (
    Constant | Field | Outer | Above | Variable | Hop | Column | Let | Not | Negative | Logic | Compare | Between
    | OneOf | Member | IsMissing | Arithmetic | Call | Fold | Reached
)  # fmt: skip

NODES: tuple[type, ...] = (
    Constant, Field, Outer, Above, Variable, Hop, Column, Let, Not, Negative, Logic, Compare, Between, OneOf, Member,
    IsMissing, Arithmetic, Call, Fold, Reached,
)  # fmt: skip
