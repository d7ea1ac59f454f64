"""Closed months on a page: what a figure was when its month was closed, what it is now, and the adjustment between.

Enters: a result, the reader's locale. Leaves: the ``closed`` of ``pages/report.html``, of paper and of a figure. Must
not say which of the two is right: the kept one is what was told then, the other counts what was corrected since.
"""

from typing import Any

from flask import g

from engine.compiler.app import Figure
from engine.reports.charting import Charting, exact
from engine.reports.closed import closed_months_of, sees_whole
from engine.reports.keys import write_key
from engine.reports.periods import Period
from engine.reports.results import Cell, Closed, Result
from engine.reports.spans import say_period
from engine.reports.values import say_in_unit
from web.i18n import Locale

_VERSION = 8


def say_closed(locale: Locale, figure: Figure, cell: Cell | None) -> dict[str, str] | None:
    """Return what a figure was when its month was closed, and how it was adjusted since; None for an open month."""
    if cell is None or cell.closed is None:
        return None
    return {
        "text": say_in_unit(locale, cell.closed.value, figure.unit),
        "about": locale.t("figure.closed_at", date=locale.date(cell.closed.at), n=cell.closed.n),
        "adjusted": _adjusted(locale, figure, cell),
    }


def view_closed(locale: Locale, result: Result, charting: Charting) -> dict[str, Any] | None:
    """Return the table of the closed months of a result; None where there are none."""
    rows = [_row(locale, charting, *one) for one in closed_months_of(result)]
    title, by = locale.t("report.closed"), locale.t("report.closed_month")
    heads = [locale.t(f"report.closed_{one}") for one in ("then", "on", "version", "now", "adjusted")]
    return {"title": title, "by": by, "heads": heads, "rows": rows, "totals": None} if rows else None


def say_version(figure: Figure, closed: Closed) -> str:
    """Return by which version of its definition a figure was closed, and by which it goes now where that is another."""
    then, now = closed.digest[:_VERSION], figure.digest[:_VERSION]
    return then if closed.digest == figure.digest else f"{then} → {now}"


def say_open(locale: Locale, result: Result) -> list[str]:
    """Return the note that somebody sees a part of what was closed, and so the figures of now alone."""
    closing = [one for one in result.figures if one.closes is not None]
    partly = any(not sees_whole(g.session, one, actor=g.actor) for one in closing)
    return [locale.t("report.closed_in_part")] if partly else []


def _row(locale: Locale, charting: Charting, figure: Figure, month: Period, cell: Cell, part: bool) -> dict[str, Any]:
    closed = cell.closed
    if closed is None:
        raise ValueError("an open month has no row")
    keys = [("date.month", write_key(month))] if part else []
    cells = [
        _said(say_in_unit(locale, closed.value, figure.unit), n=closed.n),
        _said(locale.date(closed.at)),
        _said(say_version(figure, closed)),
        _said(say_in_unit(locale, exact(cell.value), figure.unit), n=cell.n, url=charting.rows(figure, keys)),
        _said(_adjusted(locale, figure, cell)),
    ]
    return {"label": f"{say_period(locale, month)} · {locale.label(figure.label)}", "cells": cells}


def _adjusted(locale: Locale, figure: Figure, cell: Cell) -> str:
    """Return by how much a figure was adjusted, with its sign; that it was not, where it is what it was."""
    if cell.closed is None or cell.value == cell.closed.value:
        return locale.t("figure.not_adjusted")
    moved = cell.adjustment
    said = say_in_unit(locale, None if moved is None else abs(moved), figure.unit)
    return said if moved is None else f"{'+' if moved > 0 else '−'}{said}"


def _said(text: str, *, n: int | None = None, url: str | None = None) -> dict[str, Any]:
    return {"text": text, "n": n, "url": url if n else None, "few": False, "before": []}
