"""Charts drawn without a browser, each kind by its own layout.

Enters: a chart and a width. Leaves: plots, one for each unit. Must not draw a table: whoever shows a chart has one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from engine.drawing.charts.bars import draw_bars
from engine.drawing.charts.chart import Chart, Kind
from engine.drawing.charts.funnel import draw_funnel
from engine.drawing.charts.heat import draw_heat
from engine.drawing.charts.lines import draw_line
from engine.drawing.charts.plot import Plot
from engine.drawing.charts.radar import draw_radar
from engine.drawing.charts.waterfall import draw_waterfall

DRAWN: Mapping[Kind, Callable[[Chart, float], Plot]] = {
    "bars": draw_bars,
    "stacked": draw_bars,
    "line": draw_line,
    "funnel": draw_funnel,
    "radar": draw_radar,
    "heat": draw_heat,
    "waterfall": draw_waterfall,
}
_LEAST_AXES = 3


def draw_chart(chart: Chart, width: float = 640) -> Iterator[Plot]:
    """Yield the plots of a chart; nothing for tiles and tables, and for a chart without any value."""
    if chart.is_empty or chart.kind not in DRAWN:
        return
    for one in chart.by_unit():
        if not one.is_empty:
            yield DRAWN[kind_of(one)](one, width)


def kind_of(chart: Chart) -> Kind:
    """Return as what a chart is drawn: a radar of fewer than three axes is none, but bars."""
    axes = sum(series.role == "now" for series in chart.series)
    return "bars" if chart.kind == "radar" and axes < _LEAST_AXES else chart.kind


def as_kind(chart: Chart, kind: Kind) -> Chart:
    """Return the same figures to be shown another way."""
    return replace(chart, kind=kind)
