"""Which conditions an index can be kept for: those both databases work out from the row alone, the same at any time.

Enters: a checked condition. Leaves: the parts that stand in the way. Must not know tables: whether a field is a column
of the row is for whoever asks.
"""

from collections.abc import Iterator

from engine.expression import resolved
from engine.expression.check import Checked
from engine.expression.resolved import Resolved
from engine.expression.types import Kind
from engine.expression.walking import walk

_BY_SUBQUERY = frozenset({"days", "hours", "minutes", "add_days", "date", "distance"})
"""Functions one of the databases writes with a query of its own, which no index may hold."""
_READ_BY_SETTINGS = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.DURATION})
"""What PostgreSQL writes as a text by its settings, so not for ever in the same way."""


def unsteady(checked: Checked) -> Iterator[Resolved]:
    """Yield the parts of a condition that no index can be kept for."""
    return (node for node in walk(checked.tree) if _is_unsteady(node))


def _is_unsteady(node: Resolved) -> bool:
    if isinstance(node, resolved.Call):
        written = node.name == "text" and node.arguments[0].type.kind in _READ_BY_SETTINGS
        return written or node.name in _BY_SUBQUERY
    if not isinstance(node, resolved.Arithmetic):
        return False
    left, right = node.left.type.kind, node.right.type.kind
    moved = left in (Kind.DATE, Kind.DATETIME) and right is Kind.DURATION
    return moved or left is Kind.DATETIME
