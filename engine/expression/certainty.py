"""Conditions that hold for no record or for every record, found by simple reasoning about one thing at a time.

Enters: a checked expression. Leaves: a mistake for each condition nobody can have meant, such as ``amount > 10 and
amount < 5``; whether several conditions can hold together. Must not guess: what is not certain for all values, missing
ones among them, is left alone.

What a condition says about one thing (a field, a count, a question such as ``contains(...)``) changes only at the
values it is compared with. So it is tried at those values, between them, below, above, and at missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from itertools import product
from math import prod
from typing import Any

from engine.expression import resolved
from engine.expression.check import Checked
from engine.expression.errors import ExpressionError
from engine.expression.resolved import Resolved
from engine.expression.types import NUMERIC, Kind
from engine.expression.walking import names_of, parts

_ELSE = object()
"""A text that is none of those written."""

_ONE, _DAY, _SECOND = Decimal(1), timedelta(days=1), timedelta(seconds=1)
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, two: one < two, "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two, ">=": lambda one, two: one >= two,
}  # fmt: skip
_SAID = 80
_MOST_VALUES = 60
"""So many different values are tried; a condition with more is left alone."""
_MOST_TRIED = 4096
"""So many values of several things are tried together."""


def find_certainties(checked: Checked) -> tuple[ExpressionError, ...]:
    """Return a mistake for each condition in an expression that can never hold or always holds."""
    return tuple(_visit(checked.tree, checked.text, _Asked()))


def never_together(*conditions: Resolved) -> bool:
    """Tell whether no record can meet all of these conditions; what is too much to try is not said to be so."""
    asked = _Asked()
    by_thing: dict[Any, list[_Question]] = {}
    for condition in conditions:
        for question in asked.by(condition):
            by_thing.setdefault(question.key, []).append(question)
    choices = [_values(questions) for questions in by_thing.values()]
    if not all(choices) or prod(map(len, choices)) > _MOST_TRIED:
        return False
    tried = (dict(zip(by_thing, values, strict=True)) for values in product(*choices))
    return not any(all(_holds(condition, values, asked) for condition in conditions) for values in tried)


def negated(condition: Resolved) -> Resolved:
    """Return the condition that holds where this one does not."""
    return resolved.Not(condition.type, condition.start, condition.end, condition)


@dataclass(frozen=True)
class _Question:
    """What a condition asks of one thing: ``key`` tells the thing, ``holds`` answers for a value of it."""

    key: Any
    thing: Resolved
    values: tuple[Any, ...]
    holds: Callable[[Any], bool]
    plain: bool = False  # the answer itself is the thing: yes or no


class _Asked:
    """What each condition of one tree asks, worked out once: it is asked for every value that is tried."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Resolved, tuple[_Question, ...]]] = {}

    def by(self, node: Resolved) -> tuple[_Question, ...]:
        """Return what the parts of a condition ask, each of its thing."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = node, tuple(self._questions(node))
        return known[1]

    def _questions(self, node: Resolved) -> Iterator[_Question]:
        if isinstance(node, resolved.Let):
            yield from self.by(node.value)
        elif isinstance(node, (resolved.Logic, resolved.Not)):
            for part in parts(node):
                yield from self.by(part)
        elif not isinstance(node, resolved.Constant):
            yield _question(node)


def _visit(node: Resolved, text: str, asked: _Asked) -> Iterator[ExpressionError]:
    if isinstance(node, resolved.Let):
        return
    if _is_condition(node):
        found = _judge(node, text, asked)
        if found is not None:
            yield found
            return
    for part in parts(node):
        yield from _visit(part, text, asked)


def _is_condition(node: Resolved) -> bool:
    return isinstance(
        node, (resolved.Logic, resolved.Not, resolved.Compare, resolved.Between, resolved.OneOf, resolved.IsMissing)
    )


def _judge(node: Resolved, text: str, asked: _Asked) -> ExpressionError | None:
    """Return what is certain about a condition by what its parts say of one thing."""
    for operator, code, wanted in (("and", "never_holds", False), ("or", "always_holds", True)):
        by_thing: dict[Any, list[Resolved]] = {}
        for one in _flat(node, operator):
            keys = {question.key for question in asked.by(one)}
            if len(keys) == 1:
                by_thing.setdefault(keys.pop(), []).append(one)
        for said in by_thing.values():
            if _is_certain(said, operator, wanted, asked):
                return _mistake(code, said, text)
    return None


def _flat(node: Resolved, operator: str) -> list[Resolved]:
    if isinstance(node, resolved.Logic) and node.operator == operator:
        return _flat(node.left, operator) + _flat(node.right, operator)
    return [node]


def _is_certain(said: Sequence[Resolved], operator: str, wanted: bool, asked: _Asked) -> bool:
    """Tell whether the parts, joined by ``operator``, come out as ``wanted`` for every value of the thing."""
    questions = [question for one in said for question in asked.by(one)]
    values = _values(questions)
    joined = any if operator == "or" else all
    return bool(values) and all(
        joined(_holds(one, {questions[0].key: value}, asked) for one in said) is wanted for value in values
    )


def _holds(node: Resolved, tried: Mapping[Any, Any], asked: _Asked) -> bool:
    """Tell whether a condition holds with a value for each thing it asks about."""
    if isinstance(node, resolved.Let):
        return _holds(node.value, tried, asked)
    if isinstance(node, resolved.Not):
        return not _holds(node.operand, tried, asked)
    if isinstance(node, resolved.Logic):
        joined = any if node.operator == "or" else all
        return joined(_holds(one, tried, asked) for one in (node.left, node.right))
    if isinstance(node, resolved.Constant):
        return node.value is True
    (question,) = asked.by(node)
    return question.holds(tried[question.key])


def _question(node: Resolved) -> _Question:
    found = None
    if isinstance(node, resolved.Compare):
        found = _compared(node)
    elif isinstance(node, resolved.Between):
        found = _between(node)
    elif isinstance(node, resolved.OneOf):
        found = _one_of(node)
    elif isinstance(node, resolved.IsMissing) and _is_single(node.operand):
        found = _about(node.operand, (), lambda value: (value is None) is not node.negated)
    elif isinstance(node, (resolved.Member, resolved.IsMissing)):
        return _Question(
            _key(replace(node, negated=False)), node, (True, False), lambda value: value is not node.negated, plain=True
        )
    elif isinstance(node, (resolved.Field, resolved.Hop, resolved.Outer, resolved.Above)):
        found = _about(node, (True,), lambda value: value is True)
    if found is not None:
        return found
    return _Question(_key(node), node, (True, False), lambda value: value is True, plain=True)


def _compared(node: resolved.Compare) -> _Question | None:
    left, right, sign = node.left, node.right, node.operator
    if isinstance(left, resolved.Constant):
        left, right, sign = right, left, _MIRRORED[sign]
    if isinstance(left, resolved.Constant):
        return None
    if not isinstance(right, resolved.Constant):
        return _pair(left, right, sign)
    constant = right.value
    if sign in _ORDER:
        if left.type.kind is Kind.TEXT:
            return None
        return _about(left, (constant,), lambda value: value is not None and _ORDER[sign](value, constant))
    return _about(left, (constant,), lambda value: (value == constant) is (sign == "="))


def _pair(left: Resolved, right: Resolved, sign: str) -> _Question:
    """Ask how two things stand to one another: -1, 0, 1, or None and ``_ELSE`` where one or both are missing."""
    keys = _key(left), _key(right)
    if repr(keys[0]) > repr(keys[1]):
        keys, sign = (keys[1], keys[0]), _MIRRORED[sign]
    same = keys[0] == keys[1]
    values = (0, _ELSE) if same else (-1, 0, 1, None, _ELSE)

    def holds(value: Any) -> bool:
        if sign in ("=", "!="):
            return (value in (0, _ELSE)) is (sign == "=")
        return value is not None and value is not _ELSE and _ORDER[sign](value, 0)

    return _Question(("pair", *keys), left, values, holds, plain=True)


def _between(node: resolved.Between) -> _Question | None:
    low, high = node.low, node.high
    if not isinstance(low, resolved.Constant) or not isinstance(high, resolved.Constant):
        return None
    least, most = low.value, high.value
    if isinstance(node.operand, resolved.Constant) or node.operand.type.kind is Kind.TEXT:
        return None
    return _about(node.operand, (least, most), lambda value: value is not None and least <= value <= most)


def _one_of(node: resolved.OneOf) -> _Question | None:
    items = tuple(item.value for item in node.items if isinstance(item, resolved.Constant))
    if len(items) < len(node.items) or isinstance(node.operand, resolved.Constant):
        return None
    return _about(node.operand, items, lambda value: (value in items) is not node.negated)


def _about(thing: Resolved, values: tuple[Any, ...], holds: Callable[[Any], bool]) -> _Question:
    return _Question(_key(thing), thing, values, holds)


def _is_single(node: Resolved) -> bool:
    return node.type.kind not in (
        Kind.CHOICES,
        Kind.TAGS,
        Kind.USERS,
        Kind.LINKS,
        Kind.FILE,
        Kind.LINES,
    ) and not isinstance(node, (resolved.Constant, resolved.Variable))


def _values(questions: Sequence[_Question]) -> list[Any]:
    """Return values of one thing of which every possible one behaves like some; none when they cannot be told."""
    if questions[0].plain:
        return list(questions[0].values)
    thing = questions[0].thing
    written = list(dict.fromkeys(value for question in questions for value in question.values))
    if len(written) > _MOST_VALUES:
        return []
    counted = isinstance(thing, (resolved.Call, resolved.Fold)) and thing.name == "count"
    found = _all_of(thing, written)
    return [value for value in found if value is not _ELSE and value >= 0] if counted else [*found, None]


def _all_of(thing: Resolved, written: list[Any]) -> list[Any]:
    kind = thing.type.kind
    if kind is Kind.BOOLEAN:
        return [True, False]
    if kind is Kind.CHOICE and thing.type.options:
        return list(thing.type.options)
    if kind in NUMERIC:
        return _along(sorted(written), _next_whole if thing.type.places == 0 else _half_way)
    if kind is Kind.DATE:
        return _along(sorted(written), lambda low, high: low + _DAY, _DAY)
    if kind is Kind.DURATION:
        return _along(sorted(written), lambda low, high: low + _SECOND, _SECOND)
    return [*written, _ELSE]


def _next_whole(low: Decimal, high: Decimal) -> Decimal:
    return low.to_integral_value(ROUND_FLOOR) + 1


def _half_way(low: Decimal, high: Decimal) -> Decimal:
    return low + (high - low) / 2


def _along(written: list[Any], between: Callable[[Any, Any], Any], step: Any = _ONE) -> list[Any]:
    """Return values below, at, between and above those written, or some value when none is."""
    if not written:
        return [_ELSE]
    pairs = zip(written, written[1:], strict=False)
    middles = [middle for low, high in pairs if low < (middle := between(low, high)) < high]
    return [*_moved(written[0], -step), *written, *middles, *_moved(written[-1], step)]


def _moved(value: Any, step: Any) -> list[Any]:
    try:
        return [value + step]
    except OverflowError:
        return []


def _key(node: Any) -> Any:
    """Return what is equal for nodes that mean the same, wherever they stand."""
    if isinstance(node, resolved.Let):
        return _key(node.value)
    if isinstance(node, resolved.NODES):
        return (type(node).__name__, *[_key(getattr(node, name)) for name in names_of(type(node))])
    if isinstance(node, tuple):
        return tuple(map(_key, node))
    return node


def _mistake(code: str, said: Sequence[Resolved], text: str) -> ExpressionError:
    start, end = _with_brackets(text, min(one.start for one in said), max(one.end for one in said))
    found = text[start:end]
    found = found if len(found) <= _SAID else f"{found[:_SAID]}…"
    return ExpressionError(code, {"found": found}, start, end - start)


def _with_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place with the brackets around its first and last part, which no node holds."""
    while text.count("(", start, end) > text.count(")", start, end) and text[end:].lstrip().startswith(")"):
        end = text.index(")", end) + 1
    while text.count(")", start, end) > text.count("(", start, end) and text[:start].rstrip().endswith("("):
        start = text.rindex("(", 0, start)
    return start, end
