"""Which look each series has, and the line that names them.

Enters: a chart. Leaves: names of looks, pieces. Must not know colours.
"""

from collections.abc import Iterator, Sequence

from engine.drawing.charts.chart import Chart, Series
from engine.drawing.charts.plot import Piece, Shape, Words, cut, rectangle, text_width
from engine.messages import text

LEGEND = 24
"""How high the line is."""

_LOOKS = 6
_LINES = ("target", "baseline")
_NAME = 160


def look(at: int) -> str:
    """Return the look of the series that stands at this place; after six they repeat."""
    return f"series-{at % _LOOKS + 1}"


def look_of(chart: Chart, series: Series) -> str:
    """Return the look of a series: what is compared with is quiet."""
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


def draw_legend(chart: Chart, width: float, names: Sequence[str] | None = None) -> Iterator[Piece]:
    """Yield a mark and a name for each series, or for ``names``; what does not fit into one line is left out."""
    x = 8.0
    for name, shown, line in _entries(chart, names):
        said = cut(name, _NAME)
        if x + 16 + text_width(said) > width:
            return
        yield Shape(((x, 12), (x + 12, 12)), shown, False) if line else Shape(rectangle(x, 7, x + 10, 17), shown)
        yield Words(x + 17, 16, said)
        x += 17 + text_width(said) + 18


def _entries(chart: Chart, names: Sequence[str] | None) -> Iterator[tuple[str, str, bool]]:
    if names is not None:
        yield from ((name, look(at), False) for at, name in enumerate(names))
        return
    yield from ((series.label, look_of(chart, series), False) for series in chart.series)
    yield from ((said, name, True) for name, said in lines_of(chart).items())
