"""The figures a schedule asks of reports, as its conditions and texts have them.

Enters: an automation, a session. Leaves: values by the names it gave them. Must not tell a figure to whoever does not
see all it was worked out of: these are over everything, as the engine sees it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.compiler.app import Automation
from engine.errors import NotFound
from engine.expression import Env
from engine.expression.decimals import round_half_up
from engine.people.actor import Actor, engine_actor
from engine.reports import find_period, run_figure
from engine.reports.closed import sees_whole
from engine.storage.store import Session

_NOBODY: Final = 0


def count_figures(session: Session, automation: Automation, env: Env) -> Mapping[str, Any]:
    """Return what each figure comes to, None for one that cannot be worked out."""
    found = {}
    for name, one in automation.on.counted.items():
        period = find_period(one.period, env.today)
        try:
            cell = run_figure(session, one.figure, actor=engine_actor(_NOBODY), period=period).total.cells[0]
        except NotFound:  # its module is off
            cell = None
        value = cell.value if cell is not None else None
        found[name] = None if value is None else round_half_up(Decimal(value), one.type.places)
    return found


def untold(session: Session, automation: Automation, reader: Actor | None) -> frozenset[str]:
    """Return the names of the figures that a reader must not be told; none of a group, whose author answers for it."""
    if reader is None:
        return frozenset()
    figures = session.app.figures
    return frozenset(
        name
        for name, one in automation.on.counted.items()
        if not sees_whole(session, figures[one.figure], actor=reader)
    )
