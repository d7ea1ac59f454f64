"""Closed months as they are read: what a figure was when its month was closed, beside what it is now.

Enters: a figure, the reader. Leaves: ``Closed`` values by month. Must not show one to whoever does not see everything
it was worked out of: they have the figure of now alone.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import bindparam, select

from engine.compiler.app import Figure
from engine.people.actor import Actor, engine_actor
from engine.reports.periods import Period, find_period
from engine.reports.results import Cell, Closed, Result
from engine.reports.seeing import sight_key
from engine.storage.closing_tables import closed_months
from engine.storage.store import Session

_NOBODY: Final = 0


def find_closed(session: Session, figure: Figure, *, actor: Actor) -> Mapping[Period, Closed]:
    """Return what a figure was by its closed months; nothing for whoever does not see all it is made of."""
    if figure.closes is None or not sees_whole(session, figure, actor=actor):
        return {}
    rows = session.prepared("closed months", _select_months).fetch_all(session.connection, {"figure": figure.key})
    found = {}
    for month, value, n, digest, at in rows:
        period = find_period(month, date.min)
        if period is not None:
            found[period] = Closed(None if value is None else Decimal(value), n, digest, at)
    return found


def closed_months_of(result: Result) -> Iterator[tuple[Figure, Period, Cell, bool]]:
    """Yield each closed month of a result: the figure, the month, its cell, and whether it is a part of the period."""
    for at, figure in enumerate(result.figures):
        total = result.total.cells[at]
        if total is not None and total.closed is not None:
            yield figure, result.period, total, False
        for line in result.lines:
            cell, key = line.cells[at], line.keys[0] if len(line.keys) == 1 else None
            if cell is not None and cell.closed is not None and isinstance(key, Period):
                yield figure, key, cell, True


def sees_whole(session: Session, figure: Figure, *, actor: Actor) -> bool:
    """Tell whether an actor sees every record and field that a figure is made of, as the engine itself does."""
    app, whole = session.app, engine_actor(_NOBODY)
    own = {"of_changes": figure.rows.changes}
    keys = (sight_key(app, figure.reads, figure.rows.entity, one, **own) for one in (actor, whole))
    alike = len(set(keys)) == 1
    return alike and all(sees_whole(session, app.figures[one.figure], actor=actor) for one in figure.inputs)


def _select_months() -> Any:
    c = closed_months.c
    return select(c.month, c.value, c.n, c.digest, c.closed_at).where(c.figure == bindparam("figure"))
