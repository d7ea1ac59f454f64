"""A funnel: how many ever got so far, step by step.

Enters: a chart whose first series counts and whose series of the role ``rate`` say what part went on. Leaves: a plot.
Must not compute a rate.
"""

from engine.drawing.charts.chart import Chart
from engine.drawing.charts.plot import Piece, Plot, Shape, Words, cut, text_width

_ROW = 44
_BOX = 30
_NAME = 140
_RATE = 96


def draw_funnel(chart: Chart, width: float) -> Plot:
    """Return the chart as boxes in the middle, each as wide as its count, with the rates between them."""
    counted = next(series for series in chart.series if series.role == "now")
    rates = [series for series in chart.series if series.role == "rate"]
    most = max((float(cell.value or 0) for cell in counted.cells), default=0) or 1
    names = min(max((text_width(name) for name in chart.categories), default=0), _NAME) + 16
    room = width - names - _RATE
    middle = names + room / 2
    pieces: list[Piece] = []
    edges = []
    for at, cell in enumerate(counted.cells):
        top, half = 8 + _ROW * at, max(room * float(cell.value or 0) / most / 2, 1)
        edges.append((top, half))
        said = f"{chart.categories[at]}: {cell.said}"
        corners = ((middle - half, top), (middle + half, top), (middle + half, top + _BOX), (middle - half, top + _BOX))
        pieces.append(Shape(corners, "series-1", True, said, cell.address))
        inside = half * 2 > text_width(cell.said) + 12
        place = middle if inside else middle + half + 6
        pieces.append(Words(place, top + 19, cell.said, "middle" if inside else "start", "on" if inside else "text"))
        pieces.append(Words(names - 8, top + 19, cut(chart.categories[at], _NAME), "end"))
        if rates and rates[0].cells[at].value is not None:
            pieces.append(Words(width - _RATE + 12, top + 19, rates[0].cells[at].said))
    for (top, half), (below, narrow) in zip(edges, edges[1:], strict=False):
        slope = (
            (middle - half, top + _BOX),
            (middle + half, top + _BOX),
            (middle + narrow, below),
            (middle - narrow, below),
        )
        pieces.append(Shape(slope, "slope"))
    return Plot(width, 8 + _ROW * len(chart.categories), tuple(pieces), chart.title)
