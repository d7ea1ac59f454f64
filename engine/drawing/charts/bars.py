"""Bars, beside each other or on top of each other, with the line of what they come to so far (Pareto).

Enters: a chart whose series share a unit, and a width. Leaves: a plot. Must not hide a value: each bar says it,
shortly where exact ones would run into each other; under a
line their table alone does.
"""

from collections.abc import Iterator
from dataclasses import replace

from engine.drawing.charts.chart import Cell, Chart, Series
from engine.drawing.charts.frame import Frame, draw_axes, draw_lines, draw_shares, lies, make_frame
from engine.drawing.charts.legend import draw_legend, has_legend, lines_more, look_of
from engine.drawing.charts.lines import trace
from engine.drawing.charts.plot import Piece, Plot, Shape, Words, text_width
from engine.drawing.charts.scale import make_scale, share_scale, short, values_of

_ROW = 30
_THIN = 22
_HEIGHT = 260


def draw_bars(chart: Chart, width: float) -> Plot:
    """Return the chart as bars; a series that is compared with stands thin behind the one it belongs to."""
    stacked = chart.kind == "stacked"
    scale, shares = make_scale(values_of(chart, stacked), chart.series[0].unit), share_scale(chart)
    rows = 1 if stacked else len(_bars(chart))
    height: float = 60 + len(chart.categories) * max(_ROW, _THIN * rows) if lies(chart) else _HEIGHT
    height += lines_more(chart, width)
    frame = make_frame(chart, scale, width, height)
    pieces = draw_axes(chart, frame)
    pieces += _stacks(chart, frame) if stacked else _groups(chart, frame)
    pieces += draw_lines(chart, frame)
    if shares is not None:
        beside = replace(frame, scale=shares)
        pieces += draw_shares(chart, beside)
        pieces += [piece for one in chart.series if one.role == "cumulated" for piece in trace(chart, beside, one)]
    if has_legend(chart):
        pieces += draw_legend(chart, width)
    return Plot(width, height, tuple(pieces), chart.title)


def _bars(chart: Chart) -> list[Series]:
    return [series for series in chart.series if series.role != "cumulated"]


def _groups(chart: Chart, frame: Frame) -> Iterator[Piece]:
    bars = _bars(chart)
    shown, alone = len(bars), len(bars) == len(chart.series)
    thick = min(frame.band * 0.72 / shown, 34)
    widest = max((text_width(cell.said) for series in bars for cell in series.cells), default=0)
    for place, series in enumerate(bars):
        for at, cell in enumerate(series.cells):
            if cell.value is None:
                continue
            start = frame.middle(at) - thick * shown / 2 + thick * place
            value, shape_look = float(cell.value), "few" if cell.few else look_of(chart, series)
            corners = frame.box(min(value, 0), max(value, 0), start + 1, start + thick - 1)
            yield Shape(corners, shape_look, True, _named(chart, series.label, at, cell), cell.address)
            if cell.target is not None and series.role == "now":
                yield _aim(frame, float(cell.target), start, start + thick)
            if alone and (shown == 1 or frame.sideways):
                fits = frame.sideways or widest + 6 <= frame.band
                said = cell.said if fits else short(value, series.unit, chart.language, chart.sign)
                yield _label(frame, said, value, start + thick / 2)


def _stacks(chart: Chart, frame: Frame) -> Iterator[Piece]:
    thick = min(frame.band * 0.62, 46)
    for at in range(len(chart.categories)):
        base = 0.0
        for series in chart.series:
            cell = series.cells[at]
            if not cell.value or series.role != "now":
                continue
            top = base + float(cell.value)
            start = frame.middle(at) - thick / 2
            corners = frame.box(base, top, start, start + thick)
            yield Shape(corners, look_of(chart, series), True, _named(chart, series.label, at, cell), cell.address)
            base = top


def _aim(frame: Frame, target: float, start: float, end: float) -> Shape:
    """Return the mark of what a bar should reach."""
    at = frame.value(target)
    return Shape(((at, start), (at, end)) if frame.sideways else ((start, at), (end, at)), "target", False)


def _label(frame: Frame, said: str, value: float, middle: float) -> Words:
    if frame.sideways:
        return Words(frame.value(max(value, 0)) + 5, middle + 4, said)
    return Words(middle, frame.value(max(value, 0)) - 4, said, "middle")


def _named(chart: Chart, series: str, at: int, cell: Cell) -> str:
    counted = "" if cell.n is None else f" (n={cell.n})"
    return f"{chart.categories[at]} · {series}: {cell.said}{counted}"
