"""The value of a figure: what is added up over many rows, and what is calculated from the sums.

Enters: the text of a figure and the shape of its rows. Leaves: a ``CheckedFigure``: aggregates, each over expressions
about one row, and an expression over their results. Must not know reports, tables or who asks.

``count(where paid) / count()`` has two aggregates; what joins them is an expression like any other, over a shape whose
fields are the aggregates, so it is worked out by the same rules: an empty denominator gives a missing value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from engine.expression import syntax
from engine.expression.check import Checked, check
from engine.expression.errors import ExpressionError, ExpressionErrors, nearest
from engine.expression.functions import FUNCTIONS
from engine.expression.parse import parse
from engine.expression.types import COUNT, MANY, MAX_PLACES, NUMERIC, ORDERED, EntityShape, Kind, Shapes, Type

AGGREGATES: Final[Mapping[str, str]] = {
    "count": "count(where paid)",
    "sum": "sum(amount where paid)",
    "avg": "avg(amount)",
    "min": "min(amount)",
    "max": "max(amount)",
    "median": "median(amount)",
    "percentile": "percentile(amount, 90)",
    "distinct": "distinct(customer)",
    "share": "share(paid)",
}
"""What can be said about many rows, with the usage of each."""

FIGURE: Final = "@figure"
"""The shape whose fields are the aggregates of a figure."""

HUNDREDTHS: Final = 100
"""A percentile is kept as hundredths of a percent, so that 99.95 is a whole number."""
_MISSES: Final = frozenset({Kind.PLACE, Kind.JSON, Kind.WORKING_TIME, Kind.NOTHING}) | MANY
_SHARE: Final = Type(Kind.PERCENT, scale=MAX_PLACES)


@dataclass(frozen=True)
class Aggregate:
    """One aggregate over the rows that satisfy ``where``; ``value`` is what is taken of each row, if anything.

    ``at`` is the percentile in hundredths of a percent (9000 for the 90th, 5000 for the median).
    """

    name: str
    key: str
    type: Type
    value: Checked | None
    where: Checked | None
    at: int = 0


@dataclass(frozen=True)
class CheckedFigure:
    """A checked figure: its aggregates, and ``whole``, an expression whose fields are their keys."""

    parts: tuple[Aggregate, ...]
    whole: Checked

    @property
    def type(self) -> Type:
        """The type of the figure."""
        return self.whole.type

    @property
    def asked(self) -> tuple[Checked, ...]:
        """The expressions that are asked of each row."""
        found: list[Checked] = []
        for part in self.parts:
            found += [one for one in (part.value, part.where) if one is not None]
        return tuple(found)


def check_figure(
    text: str, shapes: Shapes, rows: str, given: Mapping[str, Type] | None = None, expect: Type | None = None
) -> CheckedFigure:
    """Check the value of a figure over rows of shape ``rows``; ``given`` are names of other figures it is made with.

    ``expect`` is the type it must have, if it must have one.

    Raises:
        ExpressionErrors: everything that is wrong.
    """
    try:
        tree = parse(text)
    except ExpressionError as error:
        raise ExpressionErrors([error]) from None
    walk = _Walk(text, shapes, rows, given or {})
    outside = walk.lift(tree)
    if walk.errors:
        raise ExpressionErrors(walk.errors)
    if not walk.parts and not walk.named:
        raise ExpressionErrors([_mistake("no_aggregate", tree, usages=tuple(AGGREGATES.values()))])
    fields = {**walk.given, **{part.key: part.type for part in walk.parts.values()}}
    whole = check(outside, {FIGURE: EntityShape(FIGURE, fields)}, FIGURE, expect=expect, text=text, counted=True)
    return CheckedFigure(tuple(walk.parts.values()), whole)


class _Walk:
    """One walk over the tree of a figure, which takes its aggregates out."""

    def __init__(self, text: str, shapes: Shapes, rows: str, given: Mapping[str, Type]) -> None:
        self.text, self.shapes, self.rows, self.given = text, shapes, rows, given
        self.named: set[str] = set()
        self.parts: dict[str, Aggregate] = {}
        self.errors: list[ExpressionError] = []

    def lift(self, node: syntax.Node) -> syntax.Node:
        """Return ``node`` with a name in place of each aggregate."""
        if isinstance(node, syntax.Call):
            return self._lift_call(node)
        if isinstance(node, syntax.Name) and node.name in self.given:
            self.named.add(node.name)
        elif isinstance(node, (syntax.Name, syntax.Path)):
            self._refuse_row(node)
        elif isinstance(node, syntax.Unary):
            return replace(node, operand=self.lift(node.operand))
        elif isinstance(node, syntax.Binary):
            return replace(node, left=self.lift(node.left), right=self.lift(node.right))
        elif isinstance(node, syntax.Between):
            operand, low, high = (self.lift(one) for one in (node.operand, node.low, node.high))
            return replace(node, operand=operand, low=low, high=high)
        elif isinstance(node, (syntax.IsMissing, syntax.In)):
            return replace(node, operand=self.lift(node.operand))
        return node

    def _lift_call(self, node: syntax.Call) -> syntax.Node:
        several = node.name in ("min", "max") and len(node.arguments) > 1 and node.where is None
        if node.name not in AGGREGATES or several:
            if node.name not in FUNCTIONS:
                known = [*AGGREGATES, *FUNCTIONS]
                word = syntax.Name(node.start, node.start + len(node.name), node.name)
                self.errors.append(
                    _mistake("unknown_function", word, name=node.name, suggestion=nearest(node.name, known))
                )
                return node
            return replace(node, arguments=tuple(self.lift(one) for one in node.arguments))
        key = self.text[node.start : node.end]
        if key not in self.parts:
            part = self._aggregate(node, key)
            if part is not None:
                self.parts[key] = part
        return syntax.Name(node.start, node.end, key)

    def _aggregate(self, node: syntax.Call, key: str) -> Aggregate | None:
        where = None if node.where is None else self._check(node.where, Type(Kind.BOOLEAN))
        arguments, at = node.arguments, 5000
        if node.name == "percentile" and len(arguments) == 2:
            found = self._percentile(arguments[1])
            arguments, at = arguments[:1], found or 0
        if len(arguments) != (0 if node.name == "count" else 1) or (node.name == "percentile" and not at):
            self.errors.append(_mistake("wrong_arguments", node, usage=AGGREGATES[node.name]))
            return None
        value = self._check(arguments[0], Type(Kind.BOOLEAN) if node.name == "share" else None) if arguments else None
        if (value is None and arguments) or (where is None and node.where is not None):
            return None
        type_ = _type_of(node.name, value)
        if type_ is None and value is not None:
            said = {"usage": AGGREGATES[node.name], "kind": value.type.kind}
            self.errors.append(_mistake("wrong_argument", arguments[0], **said))
        return None if type_ is None else Aggregate(node.name, key, type_, value, where, at)

    def _percentile(self, node: syntax.Node) -> int | None:
        """Return hundredths of a percent; None when it is no number written out between 0 and 100."""
        value = node.value if isinstance(node, syntax.Literal) and node.form == "number" else None
        if not isinstance(value, Decimal) or not 0 < value < 100 or value * HUNDREDTHS % 1:
            return None
        return int(value * HUNDREDTHS)

    def _check(self, node: syntax.Node, expect: Type | None) -> Checked | None:
        try:
            return check(node, self.shapes, self.rows, expect=expect, text=self.text, counted=True)
        except ExpressionErrors as errors:
            self.errors += errors.errors
            return None

    def _refuse_row(self, node: syntax.Name | syntax.Path) -> None:
        """A field stands for each row; a figure says what is done with all of them."""
        if isinstance(node, syntax.Path) and node.parts[0] == "period":
            return  # the same for all of them
        said = self.text[node.start : node.end]
        self.errors.append(_mistake("outside_aggregate", node, name=said, suggestion=f"sum({said})"))


def _type_of(name: str, value: Checked | None) -> Type | None:
    if name == "share":
        return _SHARE
    if value is None or (name == "distinct" and value.type.kind not in _MISSES):
        return COUNT
    kind = value.type.kind
    if name in ("min", "max"):
        return value.type if kind in ORDERED - {Kind.TEXT, Kind.TIME} else None
    if kind not in NUMERIC:
        return None
    return replace(value.type, scale=value.type.places if name == "sum" else MAX_PLACES)


def _mistake(code: str, node: syntax.Node, **params: object) -> ExpressionError:
    return ExpressionError(code, params, node.start, node.end - node.start)
