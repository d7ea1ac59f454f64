"""The figures of a chart as a table: every one, with how many rows it was worked out of and where those are listed.

Enters: a ``Chart``. Leaves: plain data. Must not leave a figure out that the chart shows.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.drawing.charts.chart import Cell, Chart, Series


def view_table(chart: Chart) -> dict[str, Any]:
    """Return the figures as a table: a row for each category, in a pivot and a heat map for each series."""
    by_series = chart.kind in ("heat", "pivot")
    if by_series:
        ends = any(one.total is not None for one in chart.series)
        rows = [
            {"label": one.label, "cells": [_cell(cell) for cell in (*one.cells, *([one.total or Cell()] * ends))]}
            for one in chart.series
        ]
        heads = [*chart.categories, *([chart.totals] * ends)]
        return {"by": chart.across, "heads": heads, "rows": rows, "totals": None}
    columns = list(_columns(chart))
    rows = [
        {"label": name, "cells": [_cell(one.cells[at], _befores(before, at)) for one, before in columns]}
        for at, name in enumerate(chart.categories)
    ]
    totals = [one.total for one, _ in columns]
    heads = [one.label for one, _ in columns]
    return {
        "by": chart.by,
        "heads": heads,
        "rows": rows,
        "totals": [_cell(one) for one in totals] if any(totals) else None,
    }


def _columns(chart: Chart) -> Iterator[tuple[Series, list[Series]]]:
    """Yield each series with those it is compared with, which follow it and share its column."""
    column: tuple[Series, list[Series]] | None = None
    for series in chart.series:
        if series.role == "before" and column is not None:
            column[1].append(series)
            continue
        if column is not None:
            yield column
        column = series, []
    if column is not None:
        yield column


def _befores(series: Sequence[Series], at: int) -> list[dict[str, str]]:
    return [{"label": one.brief or one.label, "text": one.cells[at].said} for one in series]


def _cell(cell: Cell | None, before: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    cell = cell or Cell(said="")
    return {"text": cell.said, "n": cell.n, "url": cell.address or None, "few": cell.few, "before": list(before)}
