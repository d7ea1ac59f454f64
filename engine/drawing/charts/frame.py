"""What stands around a chart: its axes, and the box that they and a legend leave for bars and lines.

Enters: a chart, its scale and a width. Leaves: pieces, and the ``Frame`` that places values. Must not draw a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from engine.drawing.charts.chart import Chart
from engine.drawing.charts.legend import legend_height
from engine.drawing.charts.plot import Piece, Point, Shape, Words, cut, rectangle, text_width
from engine.drawing.charts.scale import Scale, share_scale, short

_PAD = 8
_UNDER = 24
_MOST_NAME = 150
_MOST_UPRIGHT = 8
_MOST_STEPS = 4


@dataclass(frozen=True)
class Frame:
    """The box of the values; ``sideways`` when bars lie and categories stand on the left."""

    left: float
    top: float
    right: float
    bottom: float
    scale: Scale
    count: int
    sideways: bool = False

    def value(self, value: float) -> float:
        """Return where on its axis a value stands."""
        share = self.scale.share(value)
        if self.sideways:
            return self.left + share * (self.right - self.left)
        return self.bottom - share * (self.bottom - self.top)

    @property
    def band(self) -> float:
        """Return how much room each category has."""
        return ((self.bottom - self.top) if self.sideways else (self.right - self.left)) / max(self.count, 1)

    def middle(self, at: int) -> float:
        """Return where the middle of a category stands."""
        return (self.top if self.sideways else self.left) + self.band * (at + 0.5)

    def point(self, at: int, value: float) -> Point:
        """Return where a value of a category stands."""
        along, up = self.middle(at), self.value(value)
        return (up, along) if self.sideways else (along, up)

    def box(self, low: float, high: float, start: float, end: float) -> tuple[Point, ...]:
        """Return the corners of a bar from one value to another, over a stretch of the axis of categories."""
        if self.sideways:
            return rectangle(self.value(low), start, self.value(high), end)
        return rectangle(start, self.value(high), end, self.value(low))


def lies(chart: Chart) -> bool:
    """Return whether bars lie: many names, or long ones, are read from the left; time runs to the right.

    A waterfall of more than a few steps lies: none of its names may be left out.
    """
    if chart.timeline or chart.kind == "line":
        return False
    most = _MOST_STEPS if chart.kind == "waterfall" else _MOST_UPRIGHT
    return len(chart.categories) > most or max((text_width(name) for name in chart.categories), default=0) > 72


def make_frame(chart: Chart, scale: Scale, width: float, height: float) -> Frame:
    """Return the box that axes and legend leave free."""
    top = _PAD + legend_height(chart, width)
    second = 0.0 if share_scale(chart) is None else text_width("100%") + 2 * _PAD
    texts = [short(step, chart.series[0].unit, chart.language, chart.sign) for step in scale.steps]
    if lies(chart):
        names = min(max(text_width(name) for name in chart.categories), _MOST_NAME)
        said = max(text_width(cell.said) for series in chart.series for cell in series.cells)
        right = width - (_PAD * 2 if second else min(said, 110) + 10)
        top += _UNDER if second else 0
        return Frame(names + 2 * _PAD, top, right, height - _UNDER, scale, len(chart.categories), True)
    room = max(text_width(text) for text in texts)
    right = width - (second or _PAD)
    return Frame(room + 2 * _PAD, top + 8, right, height - _UNDER, scale, len(chart.categories))


def draw_axes(chart: Chart, frame: Frame) -> list[Piece]:
    """Return lines and texts of both axes."""
    return [*_values(chart, frame), *_categories(chart, frame)]


def draw_lines(chart: Chart, frame: Frame) -> list[Piece]:
    """Return targets and baselines that are the same for all categories, each once."""
    pieces: list[Piece] = []
    for name in ("target", "baseline"):
        for value in dict.fromkeys(getattr(series, name) for series in chart.series if series.role == "now"):
            if value is not None:
                at = frame.value(float(value))
                across: tuple[Point, ...] = ((at, frame.top), (at, frame.bottom))
                along: tuple[Point, ...] = ((frame.left, at), (frame.right, at))
                pieces.append(Shape(across if frame.sideways else along, name, filled=False))
    return pieces


def draw_shares(chart: Chart, frame: Frame) -> list[Piece]:
    """Return the texts of the second axis, whose scale is that of the frame: on the right, above where bars lie."""
    pieces: list[Piece] = []
    texts = [short(step, "percent", chart.language) for step in frame.scale.steps]
    every = _every(frame, texts)
    for place, (step, said) in enumerate(zip(frame.scale.steps, texts, strict=True)):
        at = frame.value(step)
        if frame.sideways and place % every == 0:
            pieces.append(Words(at, frame.top - _PAD, said, "middle", "quiet"))
        elif not frame.sideways:
            pieces.append(Words(frame.right + _PAD, at + 4, said, "start", "quiet"))
    return pieces


def _every(frame: Frame, texts: Sequence[str]) -> int:
    """Return each how-manieth text has room along an axis of values that lies."""
    room = (frame.right - frame.left) / max(len(texts) - 1, 1)
    return max(1, ceil((max(text_width(said) for said in texts) + 4) / room))


def _values(chart: Chart, frame: Frame) -> list[Piece]:
    pieces: list[Piece] = []
    unit = chart.series[0].unit
    texts = [short(step, unit, chart.language, chart.sign) for step in frame.scale.steps]
    every = _every(frame, texts)
    for place, (step, said) in enumerate(zip(frame.scale.steps, texts, strict=True)):
        at = frame.value(step)
        shown = "axis" if step == 0 else "grid"
        if frame.sideways:
            pieces.append(Shape(((at, frame.top), (at, frame.bottom)), shown, filled=False))
            if place % every == 0:
                pieces.append(Words(at, frame.bottom + 16, said, "middle", "quiet"))
        else:
            pieces.append(Shape(((frame.left, at), (frame.right, at)), shown, filled=False))
            pieces.append(Words(frame.left - _PAD, at + 4, said, "end", "quiet"))
    return pieces


def _categories(chart: Chart, frame: Frame) -> list[Piece]:
    if frame.sideways:
        return [
            Words(frame.left - _PAD, frame.middle(at) + 4, cut(name, _MOST_NAME), "end")
            for at, name in enumerate(chart.categories)
        ]
    widest = max((text_width(name) for name in chart.categories), default=0)
    every = max(1, int((widest + 6) // frame.band) + 1 if widest + 6 > frame.band else 1)
    return [
        Words(frame.middle(at), frame.bottom + 16, name, "middle")
        for at, name in enumerate(chart.categories)
        if at % every == 0
    ]
