"""Closing months: some days after a month ended, what a figure is then is written down once and for all.

Enters: a store with figures that close. Leaves: rows that nobody changes. Must not write what was not so at the time: a
month that was missed stays open.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from engine.compiler.app import Figure
from engine.people.actor import engine_actor
from engine.records.evaluation import site_zone
from engine.reports.asking import sees_figure
from engine.reports.periods import Period, find_period
from engine.reports.running import run_figure
from engine.storage.closing_tables import closed_months
from engine.storage.store import Session, Store

_NOBODY: Final = 0
_DAY: Final = timedelta(days=1)


def close_months(store: Store) -> int:
    """Close the month before this one for one figure whose days have passed; return how many were closed.

    A month that nobody closed while it was the one before stays open: what is written down late is no longer what was.
    """
    if store.release_id is None:
        return 0
    with store.read() as session:
        due = _find_due(session)
        if due is None:
            return 0
        figure, month = due
        whole = engine_actor(_NOBODY)
        cell = run_figure(session, figure.key, actor=whole, period=month).total.cells[0]
    row: dict[str, Any] = {
        "figure": figure.key, "month": month.name, "value": None, "n": cell.n if cell is not None else 0,
        "digest": figure.digest, "closed_at": store.clock.now(),
    }  # fmt: skip
    if cell is not None and isinstance(cell.value, int | Decimal):
        row["value"] = f"{Decimal(cell.value):f}"
    try:
        with store.write() as session:
            session.connection.execute(insert(closed_months).values(row))
    except IntegrityError:  # somebody else was first: a month is closed once
        return 0
    return 1


def _find_due(session: Session) -> tuple[Figure, Period] | None:
    """Return a figure whose last month is to be closed now."""
    closing = [one for one in session.app.figures.values() if one.closes is not None]
    if not closing:
        return None
    today = session.now().astimezone(site_zone(session.app)).date()
    month = find_period("last month", today)
    if month is None:
        return None
    rows = session.prepared("figures closed", _select_figures).fetch_all(session.connection, {"month": month.name})
    done, over, whole = {key for (key,) in rows}, today - month.last - _DAY, engine_actor(_NOBODY)
    for one in closing:
        if one.key not in done and over.days >= (one.closes or 0) and sees_figure(session, one, whole):
            return one, month
    return None


def _select_figures() -> Any:
    return select(closed_months.c.figure).where(closed_months.c.month == bindparam("month"))
