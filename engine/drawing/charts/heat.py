"""A heat map: one figure over two groups, the darker the more.

Enters: a chart whose series are the rows. Leaves: a plot. Must not say a value by its colour alone: it stands in its
box where there is room.
"""

from engine.drawing.charts.chart import Chart
from engine.drawing.charts.plot import Piece, Plot, Shape, Words, cut, rectangle, text_width
from engine.drawing.charts.scale import short

LEVELS = 5
_ROW = 26
_NAME = 140
_HEAD = 24


def level(value: float, low: float, high: float) -> int:
    """Return which of the ``LEVELS`` colours a value has, from 1."""
    return 1 + min(int((value - low) / (high - low) * LEVELS), LEVELS - 1) if high > low else LEVELS


def draw_heat(chart: Chart, width: float) -> Plot:
    """Return the chart as a table of coloured boxes."""
    known = [float(cell.value) for row in chart.series for cell in row.cells if cell.value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    left = min(max((text_width(row.label) for row in chart.series), default=0), _NAME) + 16
    box = (width - left - 8) / max(len(chart.categories), 1)
    every = max(1, int(max((text_width(name) for name in chart.categories), default=0) // box) + 1)
    pieces: list[Piece] = [
        Words(left + box * (at + 0.5), 16, name, "middle", "quiet")
        for at, name in enumerate(chart.categories)
        if at % every == 0
    ]
    for place, row in enumerate(chart.series):
        top = _HEAD + _ROW * place
        pieces.append(Words(left - 8, top + 17, cut(row.label, _NAME), "end"))
        for at, cell in enumerate(row.cells):
            corners = rectangle(left + box * at + 1, top + 1, left + box * (at + 1) - 1, top + _ROW - 1)
            said = f"{row.label} · {chart.categories[at]}: {cell.said}"
            if cell.value is None:
                pieces.append(Shape(corners, "heat-0", True, said))
                continue
            shade = level(float(cell.value), low, high)
            pieces.append(Shape(corners, f"heat-{shade}", True, said, cell.address))
            text = short(float(cell.value), row.unit, chart.language, "")
            if text_width(text) + 4 < box:
                pieces.append(Words(left + box * (at + 0.5), top + 17, text, "middle", f"on-heat-{shade}"))
    return Plot(width, _HEAD + _ROW * len(chart.series) + 8, tuple(pieces), chart.title)
