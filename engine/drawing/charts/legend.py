"""Which look each series has, and the lines that name them.

Enters: a chart. Leaves: names of looks, pieces. Must not know colours, nor leave a name out: one for which a line has
no room stands in the next.
"""

from collections.abc import Iterator, Sequence

from engine.drawing.charts.chart import Chart, Series
from engine.drawing.charts.plot import Piece, Shape, Words, cut, rectangle, text_width
from engine.messages import text

_FIRST, _FURTHER = 24, 18
_EDGE, _MARK, _APART = 8, 17, 18
_LOOKS = 6
_LINES = ("target", "baseline")
_NAME = 160


def look(at: int) -> str:
    """Return the look of the series that stands at this place; after six they repeat."""
    return f"series-{at % _LOOKS + 1}"


def look_of(chart: Chart, series: Series) -> str:
    """Return the look of a series: what is compared with is quiet."""
    if series.role == "cumulated":
        return look(1)
    if series.role != "now":
        return series.role if series.role in _LINES else "before"
    shown = [one for one in chart.series if one.role == "now"]
    return look(next(at for at, one in enumerate(shown) if one is series))


def lines_of(chart: Chart) -> dict[str, str]:
    """Return the lines a chart is drawn with beside its series, with what they are called."""
    shown = [series for series in chart.series if series.role == "now"]
    drawn = {name for name in _LINES for series in shown if getattr(series, name) is not None}
    if any(cell.target is not None for series in shown for cell in series.cells):
        drawn.add("target")
    return {name: text(f"chart.{name}", chart.language) for name in _LINES if name in drawn}


def has_legend(chart: Chart) -> bool:
    """Return whether there is more than one thing to tell apart."""
    return len(chart.series) > 1 or bool(lines_of(chart))


def legend_height(chart: Chart, width: float, names: Sequence[str] | None = None) -> float:
    """Return how high the lines are together; 0 where there is nothing to tell apart."""
    if names is None and not has_legend(chart):
        return 0
    return _FIRST + lines_more(chart, width, names)


def lines_more(chart: Chart, width: float, names: Sequence[str] | None = None) -> float:
    """Return how much higher a plot is for the lines after the first."""
    if names is None and not has_legend(chart):
        return 0
    return max((y for _, y, *_ in _placed(chart, width, names)), default=0)


def draw_legend(chart: Chart, width: float, names: Sequence[str] | None = None) -> Iterator[Piece]:
    """Yield a mark and a name for each series, or for ``names``."""
    for x, y, said, shown, line in _placed(chart, width, names):
        mark = rectangle(x, y + 7, x + 10, y + 17)
        yield Shape(((x, y + 12), (x + 12, y + 12)), shown, False) if line else Shape(mark, shown)
        yield Words(x + _MARK, y + 16, said)


def _placed(chart: Chart, width: float, names: Sequence[str] | None) -> Iterator[tuple[float, float, str, str, bool]]:
    """Yield where each name stands: how far from the left, and how much below the first line."""
    x, y = float(_EDGE), 0.0
    for name, shown, line in _entries(chart, names):
        said = cut(name, min(_NAME, width - 2 * _EDGE - _MARK))
        if x > _EDGE and x + _MARK + text_width(said) > width:
            x, y = float(_EDGE), y + _FURTHER
        yield x, y, said, shown, line
        x += _MARK + text_width(said) + _APART


def _entries(chart: Chart, names: Sequence[str] | None) -> Iterator[tuple[str, str, bool]]:
    if names is not None:
        yield from ((name, look(at), False) for at, name in enumerate(names))
        return
    yield from ((series.label, look_of(chart, series), series.role == "cumulated") for series in chart.series)
    yield from ((said, name, True) for name, said in lines_of(chart).items())
