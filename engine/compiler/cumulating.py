"""Whether the lines of a report can be added up from the top, so that each says which share the first so many have.

Enters: a compiled report, its figures, the dimension it is divided by. Leaves: yes or no. Must not look at values: what
does not add up in one period adds up in none.
"""

from collections.abc import Mapping

from engine.compiler.app import Dimension, Figure, Report
from engine.expression.resolved import Arithmetic, Constant, Field, Negative, Resolved

_ADDED = frozenset({"count", "sum"})


def can_cumulate(
    report: Report, figure: Figure | None, dimension: Dimension | None, figures: Mapping[str, Figure]
) -> bool:
    """Tell whether a report has lines to add up: groups of one dimension that is no time, the largest first.

    ``figure`` is what it is sorted by, ``dimension`` what it is divided by; None where it is none or a date. A row that
    stands under several keys would count several times.
    """
    if figure is None or dimension is None or len(report.by) != 1 or report.sort != (figure.key, True):
        return False
    return dimension.span is None and not dimension.many and adds_up(figure, figures)


def adds_up(figure: Figure, figures: Mapping[str, Figure]) -> bool:
    """Tell whether a figure over everything is the sum of what it is over the parts, each of which is shown.

    ``figures`` has those it is made with, which must add up as well.
    """
    if figure.hide_below or not all(one.name in _ADDED for one in figure.value.parts):
        return False
    if not all(one.each is None and adds_up(figures[one.figure], figures) for one in figure.inputs):
        return False
    return _is_sum(figure.value.whole.tree)


def _is_sum(node: Resolved) -> bool:
    """Tell whether a node is made of counts and sums by adding, taking away and multiplying by what is fixed."""
    if isinstance(node, Field):
        return True
    if isinstance(node, Negative):
        return _is_sum(node.operand)
    if not isinstance(node, Arithmetic):
        return False
    if node.operator in ("+", "-"):
        return _is_sum(node.left) and _is_sum(node.right)
    scaled = _is_sum(node.left) and isinstance(node.right, Constant)
    return scaled or (node.operator == "*" and isinstance(node.left, Constant) and _is_sum(node.right))
