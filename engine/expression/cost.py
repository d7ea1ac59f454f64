"""What working an expression out for one record may cost, and the sentence when it would cost more.

Enters: a checked expression and the function that runs it. Leaves: a function with a bound. Must not stop what the
database works out.
"""

from collections.abc import Callable
from typing import Any

from engine.errors import NotPossibleNow
from engine.expression import functions, resolved
from engine.expression.check import Checked
from engine.expression.env import MOST_STEPS, Env, OutOfSteps, Row
from engine.expression.resolved import Resolved
from engine.expression.types import Kind
from engine.expression.walking import walk

DAY_STEPS, COUNT_STEPS = 20, 100
"""Steps of moving by a day of working time, and of counting working time however long it is."""

_LINK_STEPS = 100
_SAID = 80
"""Characters of an expression a refusal quotes."""


def within_budget(run: Callable[[Row, Env], Any], checked: Checked) -> Callable[[Row, Env], Any]:
    """Return ``run`` so that it raises ``NotPossibleNow`` for a record it would take more than ``MOST_STEPS`` for."""
    if not any(map(_costs, walk(checked.tree))):  # its size alone is a bound
        return run
    text = checked.text
    said = text if len(text) <= _SAID else f"{text[:_SAID]}…"

    def limited(record: Row, env: Env) -> Any:
        env.budget.left = MOST_STEPS
        try:
            return run(record, env)
        except OutOfSteps:
            raise NotPossibleNow("expression.too_costly", expression=said, limit=MOST_STEPS) from None

    return limited


def row_steps(fold: resolved.Fold) -> int:
    """Return the steps of one row: its parts that are worked out, and many more for each link it follows."""
    worked_out = [part for part in walk(fold) if not isinstance(part, resolved.Constant)]
    return sum(_LINK_STEPS if isinstance(part, (resolved.Hop, resolved.Column)) else 1 for part in worked_out)


def _costs(node: Resolved) -> bool:
    of_calendar = isinstance(node, resolved.Call) and node.name in functions.OF_CALENDAR
    return of_calendar or isinstance(node, (resolved.Fold, resolved.Column)) or node.type.kind is Kind.WORKING_TIME
