"""Lines over time.

Enters: a chart whose series share a unit, and a width. Leaves: a plot. Must not bridge a gap: where there is no value
the line breaks.
"""

from collections.abc import Iterator

from engine.drawing.charts.chart import Chart, Series
from engine.drawing.charts.frame import Frame, draw_axes, draw_lines, make_frame
from engine.drawing.charts.legend import draw_legend, has_legend, lines_more, look_of
from engine.drawing.charts.plot import Dot, Piece, Plot, Point, Shape
from engine.drawing.charts.scale import make_scale, values_of

_HEIGHT = 260


def draw_line(chart: Chart, width: float) -> Plot:
    """Return the chart as lines with a dot for each value."""
    height = _HEIGHT + lines_more(chart, width)
    frame = make_frame(chart, make_scale(values_of(chart), chart.series[0].unit), width, height)
    pieces = [*draw_axes(chart, frame), *draw_lines(chart, frame)]
    for series in chart.series:
        pieces += trace(chart, frame, series)
    if has_legend(chart):
        pieces += draw_legend(chart, width)
    return Plot(width, height, tuple(pieces), chart.title)


def trace(chart: Chart, frame: Frame, series: Series) -> Iterator[Piece]:
    """Yield a series as a line with a dot for each value."""
    shown = look_of(chart, series)
    places = [
        None if cell.value is None else frame.point(at, float(cell.value)) for at, cell in enumerate(series.cells)
    ]
    for run in _runs(places):
        if len(run) > 1:
            yield Shape(run, shown, filled=False)
    for at, (place, cell) in enumerate(zip(places, series.cells, strict=True)):
        if place is not None:
            counted = "" if cell.n is None else f" (n={cell.n})"
            said = f"{chart.categories[at]} · {series.label}: {cell.said}{counted}"
            yield Dot(*place, "few" if cell.few else shown, said, cell.address)


def _runs(places: list[Point | None]) -> Iterator[tuple[Point, ...]]:
    run: list[Point] = []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            yield tuple(run)
            run = []
