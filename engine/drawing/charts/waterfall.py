"""A waterfall: what there was, what came to it and went from it one after the other, what there is.

Enters: a chart whose steps share a unit, and a width. Leaves: a plot. Must not leave rise and fall to colour alone: the
sign stands in the text of each bar, which is the exact one, shortly where those would run into each other.
"""

from collections.abc import Iterator
from decimal import Decimal

from engine.drawing.charts.chart import Chart, Step
from engine.drawing.charts.frame import Frame, draw_axes, lies, make_frame
from engine.drawing.charts.plot import Piece, Plot, Shape, Words, text_width
from engine.drawing.charts.scale import make_scale, short, stretches, values_of

_ROW = 30
_HEIGHT = 260
_WIDEST = 46
_SHARE = 0.62
WHOLE, RISE, FALL = "series-1", "series-4", "series-2"


def draw_waterfall(chart: Chart, width: float) -> Plot:
    """Return the steps as bars that begin where the one before ended, the first and the last from zero."""
    scale = make_scale(values_of(chart), chart.series[0].unit)
    height: float = 60 + len(chart.steps) * _ROW if lies(chart) else _HEIGHT
    frame = make_frame(chart, scale, width, height)
    return Plot(width, height, (*draw_axes(chart, frame), *_bars(chart, frame)), chart.title)


def look_of_step(step: Step) -> str:
    """Return the look of a bar: a whole, a rise or a fall; in grey what is not to be judged by."""
    if step.cell.few:
        return "few"
    return WHOLE if step.whole else FALL if (step.cell.value or 0) < 0 else RISE


def _bars(chart: Chart, frame: Frame) -> Iterator[Piece]:
    thick = min(frame.band * _SHARE, _WIDEST)
    widest = max(text_width(step.cell.said) for step in chart.steps)
    fits = frame.sideways or widest + 6 <= frame.band
    ends = stretches(chart)
    for at, (step, (begin, end)) in enumerate(zip(chart.steps, ends, strict=True)):
        start = frame.middle(at) - thick / 2
        low, high = float(min(begin, end)), float(max(begin, end))
        if step.cell.value is not None:
            counted = "" if step.cell.n is None else f" (n={step.cell.n})"
            said = f"{step.label}: {step.cell.said}{counted}"
            corners = frame.box(low, high, start, start + thick)
            yield Shape(corners, look_of_step(step), True, said, step.cell.address)
            yield _label(frame, step.cell.said if fits else _shortly(chart, step), high, start + thick / 2)
        if at + 1 < len(ends):
            yield _connector(frame, float(end), start, frame.middle(at + 1) - thick / 2)


def _connector(frame: Frame, value: float, start: float, end: float) -> Shape:
    """Return the line at the end of a bar on to the next; of a step of zero it is all there is."""
    at = frame.value(value)
    return Shape(((at, start), (at, end)) if frame.sideways else ((start, at), (end, at)), "axis", False)


def _label(frame: Frame, said: str, high: float, middle: float) -> Words:
    if frame.sideways:
        return Words(frame.value(high) + 5, middle + 4, said)
    return Words(middle, frame.value(high) - 4, said, "middle")


def _shortly(chart: Chart, step: Step) -> str:
    value = step.cell.value or Decimal(0)
    said = short(float(value if step.whole else abs(value)), chart.series[0].unit, chart.language, chart.sign)
    return said if step.whole or not value else f"{'+' if value > 0 else '−'}{said}"
