"""A radar: each figure on an axis of its own, each category a shape.

Enters: a chart whose series are the axes. Leaves: scores and a plot. Must not be read as an area: figures stand beside
it in the table.
"""

from decimal import Decimal
from math import cos, pi, sin

from engine.drawing.charts.chart import Cell, Chart, Series
from engine.drawing.charts.legend import draw_legend, lines_more, look
from engine.drawing.charts.plot import Dot, Piece, Plot, Point, Shape, Words, cut, text_width

_HEIGHT = 320
_FULL = Decimal("1.2")
_RINGS = (20, 40, 60, 80, 100)
_MOST = 6
_UPRIGHT, _EDGE, _ABOVE = 4, 2, 10


def scores(series: Series) -> tuple[float | None, ...]:
    """Return from 0 to 100 how well each category does on an axis, None where there is no value.

    With a target min(value / target, 1.2) / 1.2; without one value / best. Where less is better, the ratio is turned.
    """
    targets = [cell.target if cell.target is not None else series.target for cell in series.cells]
    known = [cell.value for cell in series.cells if cell.value is not None and not cell.few]
    best = (min(known) if series.less_is_better else max(known)) if known else None
    found = []
    for cell, target in zip(series.cells, targets, strict=True):
        share = None if cell.value is None else _share(cell.value, target, best, series.less_is_better)
        found.append(None if share is None else float(share) * 100)
    return tuple(found)


def draw_radar(chart: Chart, width: float) -> Plot:
    """Return the chart as a radar of at most six shapes; the rest stands in the table."""
    axes = [series for series in chart.series if series.role == "now"]
    names = chart.categories[:_MOST]
    more = lines_more(chart, width, names)
    middle: Point = (width / 2, _HEIGHT / 2 + 16 + more)
    reach = _HEIGHT / 2 - 56
    pieces: list[Piece] = [
        Shape(_closed([_at(middle, reach * ring / 100, at, len(axes)) for at in range(len(axes))]), "grid", False)
        for ring in _RINGS
    ]
    scored = [scores(axis) for axis in axes]
    for at, axis in enumerate(axes):
        pieces.append(Shape((middle, _at(middle, reach, at, len(axes))), "grid", False))
        pieces.append(_name(middle, reach, at, len(axes), axis.label, width))
    for place, name in enumerate(names):
        corners = [_at(middle, reach * (own[place] or 0) / 100, at, len(axes)) for at, own in enumerate(scored)]
        pieces += [Shape(tuple(corners), f"{look(place)} thin"), Shape(_closed(corners), look(place), False)]
        for corner, axis in zip(corners, axes, strict=True):
            cell = axis.cells[place]
            pieces.append(Dot(*corner, look(place), f"{name} · {axis.label}: {cell.said}", cell.address))
    pieces += draw_legend(chart, width, names)
    return Plot(width, _HEIGHT + more, tuple(pieces), chart.title)


def is_scored(cell: Cell, series: Series) -> bool:
    """Return whether a target is what a cell is scored by, and not the best of all."""
    return cell.target is not None or series.target is not None


def _share(value: Decimal, target: Decimal | None, best: Decimal | None, less: bool) -> Decimal | None:
    aim = target if target else best
    if aim is None or aim <= 0:
        return None
    ratio = max(value, Decimal(0)) / aim
    if less:
        ratio = _FULL if value <= 0 else aim / value
    most = _FULL if target else Decimal(1)
    return min(ratio, most) / most


def _at(middle: Point, reach: float, at: int, count: int) -> Point:
    turn = 2 * pi * at / count - pi / 2
    return middle[0] + reach * cos(turn), middle[1] + reach * sin(turn)


def _closed(points: list[Point]) -> tuple[Point, ...]:
    return (*points, points[0])


def _name(middle: Point, reach: float, at: int, count: int, label: str, width: float) -> Words:
    """Return what an axis is called beside its end; above it, from the edge on, where there is no room beside it."""
    x, y = _at(middle, reach + 14, at, count)
    off, said = x - middle[0], cut(label, 150)
    anchor = "middle" if abs(off) < _UPRIGHT else "start" if off > 0 else "end"
    room = {"start": width - x, "end": x, "middle": width}[anchor]
    if text_width(said) > room:
        return Words(width - _EDGE, y - _ABOVE, said, "end") if off > 0 else Words(_EDGE, y - _ABOVE, said)
    return Words(x, y + 4, said, anchor)  # type: ignore[arg-type]
