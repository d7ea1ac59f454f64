"""What the SQL form of an expression asks about nodes before it writes them.

Enters: resolved nodes. Leaves: yes or no. Must not write SQL.
"""

from decimal import Decimal

from engine.expression import resolved
from engine.expression.resolved import Resolved
from engine.expression.types import MAX_DIGITS, NUMERIC
from engine.expression.walking import walk


def is_of_period(where: Resolved) -> bool:
    """Tell whether a condition asks the period and nothing of the one record: then it is the same for all of them."""
    asked = list(walk(where))
    alone = not any(isinstance(one, resolved.Above) for one in asked)
    return alone and any(isinstance(one, resolved.Variable) and one.name.startswith("period.") for one in asked)


def fits(value: Decimal, places: int) -> bool:
    """Tell whether a number written out fits into 64 bits at so many places."""
    return abs(value) < Decimal(10) ** (MAX_DIGITS - places)


def uneven(operand: Resolved, *others: Resolved) -> bool:
    """Tell whether two of the numbers would lose digits beside a third with more places: they are compared in pairs."""
    nodes = [node for node in (operand, *others) if node.type.kind in NUMERIC]
    most = max((node.type.places for node in nodes), default=0)
    return len([node for node in nodes if node.type.places < most and not is_small(node, most)]) > 1


def is_small(node: Resolved, places: int) -> bool:
    """Tell whether a node is a number written out that fits at so many places."""
    return isinstance(node, resolved.Constant) and isinstance(node.value, Decimal) and fits(node.value, places)
