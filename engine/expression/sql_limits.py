"""What keeps an expression from being asked of the database.

Enters: a checked expression. Leaves: errors. Must not load the database library: who only checks definitions
would wait for it longer than for all the rest.
"""

from engine.expression import functions, resolved
from engine.expression.check import Checked
from engine.expression.errors import ExpressionError
from engine.expression.resolved import Resolved
from engine.expression.types import NUMERIC, Kind
from engine.expression.walking import parts, walk

MOST_WEIGHT = 84
"""What a branch of the tree may weigh: the parser of SQLite keeps at most a hundred open symbols."""

_WEIGHT = 7
_LIGHT = 4
_HEAVY = 14


def check_sql(checked: Checked) -> tuple[ExpressionError, ...]:
    """Return what keeps an expression from being compiled to SQL; nothing when it can be."""
    working = [node for node in walk(checked.tree) if _needs_calendar(node)]
    errors = [ExpressionError("not_in_sql", {"found": _text(checked, node)}, *_place(node)) for node in working]
    if not errors and _weight(checked.tree) > MOST_WEIGHT:
        errors = [ExpressionError("too_deep_in_sql", {}, *_place(checked.tree))]
    return tuple(errors)


def _needs_calendar(node: Resolved) -> bool:
    counted = isinstance(node, resolved.Call) and node.name in functions.OF_CALENDAR
    return counted or node.type.kind is Kind.WORKING_TIME


def _weight(node: Resolved) -> int:
    return _own_weight(node) + max(map(_weight, parts(node)), default=0)


def _own_weight(node: Resolved) -> int:
    if isinstance(node, resolved.Logic):
        return _LIGHT
    if isinstance(node, (resolved.Fold, resolved.Hop, resolved.Column, resolved.Member, resolved.Reached)):
        return _HEAVY
    between_days = isinstance(node, resolved.Arithmetic) and node.left.type.kind not in NUMERIC
    return _HEAVY if between_days and node.type.kind is Kind.DURATION else _WEIGHT if parts(node) else 0


def _text(checked: Checked, node: Resolved) -> str:
    return checked.text[node.start : node.end]


def _place(node: Resolved) -> tuple[int, int]:
    return node.start, node.end - node.start
