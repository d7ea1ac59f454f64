"""A chart on a page: drawn by the server at once, drawn again by the browser, and a table of the same figures.

Enters: a ``Chart``. Leaves: the ``chart`` of ``parts/chart.html``. Must not leave a figure to colour or shape alone:
the table holds every one, with how many rows it was worked out of and a link to them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.drawing.charts.chart import Chart, Series
from engine.drawing.charts.drawn import DRAWN, draw_chart, kind_of
from engine.drawing.charts.frame import lies
from engine.drawing.charts.legend import lines_of, look_of
from engine.drawing.charts.plot import Dot, Piece, Plot, Words
from engine.drawing.charts.radar import scores
from engine.drawing.charts.scale import Scale, make_scale, share_scale, stretches, values_of
from engine.drawing.charts.table import view_table
from engine.drawing.charts.waterfall import look_of_step

_SIZES = (("narrow", 300), ("middle", 520), ("wide", 1000))
"""How wide the server draws, in pixels: the page shows the drawing that fits its place."""


def view_chart(chart: Chart, id: str, *, whole: bool = False, earlier: str | None = None) -> dict[str, Any]:
    """Return the view of a chart.

    ``id`` names its elements, ``whole`` tells that it has a page of its own, ``earlier`` is where the same is of the
    period before: looked at where there is nothing in this one.
    """
    shown = chart.kind in DRAWN and not chart.is_empty
    return {
        "id": id,
        "title": chart.title,
        "kind": kind_of(chart),
        "empty": chart.is_empty,
        "earlier_url": earlier,
        "drawn": list(_drawn(chart, id, _SIZES if whole else _SIZES[:2])) if shown else [],
        "table": view_table(chart),
        "notes": list(chart.notes),
        "open": not shown,
    }


def _drawn(chart: Chart, id: str, sizes: Sequence[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    parts = [one for one in chart.by_unit() if not one.is_empty]
    plots = [list(draw_chart(chart, width)) for _, width in sizes]
    for at, one in enumerate(parts):
        stills = [view_plot(found[at]) | {"size": name} for (name, _), found in zip(sizes, plots, strict=True)]
        yield {
            "id": f"{id}-{at}",
            "title": one.title if len(parts) > 1 else "",
            "called": one.title,
            "stills": stills,
            "data": chart_data(one),
        }


def view_plot(plot: Plot) -> dict[str, Any]:
    """Return a plot as the template draws it."""
    return {
        "width": round(plot.width),
        "height": round(plot.height),
        "title": plot.title,
        "pieces": [_piece(piece) for piece in plot.pieces],
    }


def _piece(piece: Piece) -> dict[str, Any]:
    classes = " ".join(f"look-{one}" for one in piece.look.split())
    if isinstance(piece, Words):
        return {"text": piece.said, "x": piece.x, "y": piece.y, "anchor": piece.anchor, "look": classes}
    named = {"look": classes, "said": piece.said, "url": piece.address or None}
    if isinstance(piece, Dot):
        return named | {"x": piece.x, "y": piece.y}
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece.points)
    return named | {"points": points, "filled": piece.filled}


def chart_data(chart: Chart) -> dict[str, Any]:
    """Return what the browser draws from; numbers are for lengths, texts for reading."""
    return {
        "kind": kind_of(chart),
        "title": chart.title,
        "unit": chart.series[0].unit,
        "language": chart.language,
        "sign": chart.sign,
        "sideways": lies(chart),
        "axis": _axis(make_scale(values_of(chart, chart.kind == "stacked"), chart.series[0].unit)),
        "shares": None if (shares := share_scale(chart)) is None else _axis(shares),
        "categories": list(chart.categories),
        "lines": lines_of(chart),
        "series": [_series(chart, series) for series in chart.series],
        "steps": [
            {"from": float(begin), "to": float(end), "look": look_of_step(step), "whole": step.whole}
            for step, (begin, end) in zip(chart.steps, stretches(chart), strict=True)
        ],
    }


def _axis(scale: Scale) -> dict[str, float]:
    return {"low": scale.low, "high": scale.high, "step": scale.steps[1] - scale.steps[0]}


def _series(chart: Chart, series: Series) -> dict[str, Any]:
    return {
        "label": series.label,
        "role": series.role,
        "look": look_of(chart, series),
        "values": [None if cell.value is None else float(cell.value) for cell in series.cells],
        "said": [cell.said for cell in series.cells],
        "n": [cell.n for cell in series.cells],
        "urls": [cell.address or None for cell in series.cells],
        "few": [cell.few for cell in series.cells],
        "aims": [None if cell.target is None else float(cell.target) for cell in series.cells],
        "target": None if series.target is None else float(series.target),
        "baseline": None if series.baseline is None else float(series.baseline),
        "scores": list(scores(series)) if chart.kind == "radar" else None,
    }
