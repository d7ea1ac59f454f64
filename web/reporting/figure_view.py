"""A figure by itself: a tile with what it is, how it moved, where it began and where it should be.

Enters: a compiled ``Figure``, its ``Cell``, the period. Leaves: the ``figure`` of ``parts/figures.html``. Must not
judge a figure of too few rows, or one that is too early: it is grey, and nothing is green or red about it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from engine.compiler.app import Figure
from engine.reports.charting import exact
from engine.reports.periods import Period
from engine.reports.results import Cell
from engine.reports.spans import say_period
from engine.reports.values import say_beside, say_in_unit
from web.i18n import Locale
from web.reporting.closed_view import say_closed
from web.reporting.definitions import view_definition
from web.reporting.figure_words import is_met, say_aimed, say_change, say_counted, say_large

_COMPARED = ("previous", "last_year")


def view_figure(
    locale: Locale,
    figure: Figure,
    cell: Cell | None,
    period: Period,
    *,
    before: Sequence[Period | None] = (None, None),
    rows_url: str | None = None,
    baseline: Decimal | None = None,
) -> dict[str, Any]:
    """Return the view of a figure; ``before`` are the period before and that of a year ago."""
    value, n = (cell.value, cell.n) if cell is not None else (None, None)
    number = exact(value)
    target = cell.target if cell is not None and cell.target is not None else figure.target
    counted = say_counted(locale, n, figure.at_least)
    if cell is not None and cell.provisional and figure.provisional is not None:
        counted = {"text": f"{counted['text']} · {locale.label(figure.provisional.says)}", "few": True}
    met = None if counted["few"] else is_met(number, target, figure.better)
    dated = value is not None and number is None
    large, aim = say_aimed(locale, number, target, figure.unit)
    said = locale.date(value) if dated else large
    return {
        "label": locale.label(figure.label),
        "text": said,
        "exact": said if dated else say_beside(locale, number, target, figure.unit)[0],
        "empty": value is None,
        "few": counted["few"],
        "count": counted["text"],
        "url": rows_url if n else None,
        "changes": [] if counted["few"] else _changes(locale, figure, cell, period, before),
        "baseline": _said(locale, figure, baseline),
        "closed": say_closed(locale, figure, cell),
        "target": None if target is None else {"text": aim},
        "met": met,
        "share": _share(number, target, figure),
        "about": view_definition(locale, figure, period),
    }


def _said(locale: Locale, figure: Figure, value: Decimal | None) -> dict[str, str] | None:
    return None if value is None else {"text": say_large(locale, value, figure.unit)}


def _share(value: Decimal | None, target: Decimal | None, figure: Figure) -> int | None:
    """Return how much of its target is reached, for what more of is better; a bar over less would mislead."""
    if value is None or not target or target < 0 or figure.better == "less":
        return None
    return max(0, min(100, int(value / target * 100)))


def _changes(
    locale: Locale, figure: Figure, cell: Cell | None, whole: Period, before: Sequence[Period | None]
) -> list[dict[str, Any]]:
    found = []
    for name, period in zip(_COMPARED, before, strict=True):
        earlier: Cell | None = getattr(cell, name) if cell is not None else None
        if cell is None or earlier is None or period is None:
            continue
        so_far = "_so_far" if period.kind != whole.kind else ""
        label = locale.t(f"figure.than_{name}{so_far}")
        if not earlier.n and cell.n:
            found.append({
                "label": label, "text": locale.t("figure.no_earlier"), "tone": "grey",
                "icon": "minus", "before": say_period(locale, period),
            })  # fmt: skip
            continue
        moved = say_change(locale, exact(cell.value), exact(earlier.value), figure.unit, figure.better)
        if moved is not None:
            said = f"{say_period(locale, period)}: {say_in_unit(locale, exact(earlier.value), figure.unit)}"
            found.append({"label": label, "before": said, **moved})
    return found
