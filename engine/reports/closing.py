"""Closing months: some days after a month ended, what a figure is then is written down once and for all.

Enters: a store with figures that close. Leaves: rows that nobody changes. Must not write what was not so at the time: a
month that was missed stays open. A figure that could not be worked out is tried again after an hour, not at every look,
and holds up no other.
"""

import logging
from datetime import datetime, timedelta
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
from engine.storage.chosen import keep_setting, read_setting
from engine.storage.closing_tables import closed_months
from engine.storage.store import Session, Store

_NOBODY: Final = 0
_DAY: Final = timedelta(days=1)
AGAIN_AFTER: Final = timedelta(hours=1)
"""After a figure could not be worked out."""
_FAILED: Final = "closing.failed"
"""The setting that holds which figures could not be worked out of late, and when that was tried."""
_log = logging.getLogger("formwork.closing")


def close_months(store: Store) -> int:
    """Close the month before this one for one figure whose days have passed; return how many were closed.

    A month that nobody closed while it was the one before stays open: what is written down late is no longer what was.
    """
    if store.release_id is None:
        return 0
    figure: Figure | None = None
    try:
        with store.read() as session:
            due = _find_due(session)
            if due is None:
                return 0
            figure, month = due
            cell = run_figure(session, figure.key, actor=engine_actor(_NOBODY), period=month).total.cells[0]
    except Exception:
        if figure is None:
            raise
        _log.exception("%s could not be worked out to close its month; it is tried again in an hour", figure.key)
        _put_off(store, figure)
        return 0
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
    now = session.now()
    today = now.astimezone(site_zone(session.app)).date()
    month = find_period("last month", today)
    if month is None:
        return None
    rows = session.prepared("figures closed", _select_figures).fetch_all(session.connection, {"month": month.name})
    done, over, whole = {key for (key,) in rows}, today - month.last - _DAY, engine_actor(_NOBODY)
    due = [one for one in closing if one.key not in done and over.days >= (one.closes or 0)]
    failed = _failed_lately(session, now) if due else {}
    return next(((one, month) for one in due if one.key not in failed and sees_figure(session, one, whole)), None)


def _failed_lately(session: Session, now: datetime) -> dict[str, str]:
    """Return the figures that are not to be tried yet, each with the moment at which it failed."""
    known: dict[str, str] = read_setting(session.connection, _FAILED) or {}
    return {key: at for key, at in known.items() if now - datetime.fromisoformat(at) < AGAIN_AFTER}


def _put_off(store: Store, figure: Figure) -> None:
    """Remember that a figure could not be worked out just now."""
    with store.write() as session:
        now = session.now()
        failed = _failed_lately(session, now) | {figure.key: now.isoformat()}
        keep_setting(session.connection, _FAILED, failed)


def _select_figures() -> Any:
    return select(closed_months.c.figure).where(closed_months.c.month == bindparam("month"))
