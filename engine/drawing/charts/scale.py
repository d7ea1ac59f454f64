"""Axes: round steps between the lowest and the highest value, and short texts for them.

Enters: values, a unit, a language. Leaves: steps and texts. Must not say an exact figure: that is the text of its cell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from engine.drawing.charts.chart import Chart, Unit

_STEPS = (1, 2, 2.5, 5, 10)
_LARGE = {"zh": ((1e8, "亿"), (1e4, "万")), "en": ((1e9, "B"), (1e6, "M"), (1e3, "k"))}
_TIMES = {
    "zh": {"minutes": "分", "hours": "时", "days": "天"},
    "en": {"minutes": "m", "hours": "h", "days": "d"},
}
_CLOCK = {"minutes": (1, 5, 10, 15, 30, 60, 120, 240, 480), "hours": (1, 2, 4, 8, 12, 24, 48), "days": ()}


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high`` with round ``steps``."""

    low: float
    high: float
    steps: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return where a value stands, 0 at the low end and 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def make_scale(values: Iterable[Decimal | float | None], unit: Unit = "number", most: int = 5) -> Scale:
    """Return an axis for values; it begins at zero, or below when a value does.

    Source of the steps: P. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.
    """
    known = [float(value) for value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    if low == high:
        high = low + (0.1 if unit == "percent" else 1)
    step = _nice((high - low) / most, unit)
    if unit == "number" and all(value == int(value) for value in known):
        step = max(step, 1)  # there is no half of what is counted
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    steps = tuple(round(at * step, 10) for at in range(first, last + 1))
    return Scale(steps[0], steps[-1], steps)


def short(value: float, unit: Unit, language: str, sign: str = "¥") -> str:
    """Return a value as it stands at an axis: ``¥120万``, ``15%``."""
    if unit == "percent":
        return f"{_plain(value * 100)}%"
    said, ending = abs(value), ""
    for size, name in _LARGE.get(language, _LARGE["en"]):
        if said >= size:
            said, ending = said / size, name
            break
    mark = sign if unit == "money" else ""
    return f"{'-' if value < 0 else ''}{mark}{_plain(said)}{ending}{_TIMES.get(language, _TIMES['en']).get(unit, '')}"


def values_of(chart: Chart, stacked: bool = False) -> list[Decimal]:
    """Return what the value axis of a chart must reach, targets and baselines too."""
    cells = [cell for series in chart.series if series.role != "cumulated" for cell in series.cells]
    found = [value for cell in cells for value in (cell.value, cell.target) if value is not None]
    if chart.kind == "waterfall":
        return [end for ends in stretches(chart) for end in ends]
    if stacked:
        columns = zip(*(series.cells for series in chart.series if series.role == "now"), strict=True)
        found = [sum((cell.value for cell in column if cell.value is not None), Decimal(0)) for column in columns]
    lines = [line for series in chart.series for line in (series.target, series.baseline) if line is not None]
    return [*found, *lines]


def stretches(chart: Chart) -> list[tuple[Decimal, Decimal]]:
    """Return from where to where each bar of a waterfall reaches: a whole from zero, a step from where the last ended.

    What has no value changes nothing.
    """
    found, level = [], Decimal(0)
    for step in chart.steps:
        value = step.cell.value or Decimal(0)
        begin = Decimal(0) if step.whole else level
        level = begin + value
        found.append((begin, level))
    return found


def share_scale(chart: Chart) -> Scale | None:
    """Return the axis of what is added up, which reaches the whole at least; None where nothing is."""
    added = [cell.value for series in chart.series if series.role == "cumulated" for cell in series.cells]
    return make_scale([Decimal(1), *added], "percent") if added else None


def _nice(rough: float, unit: Unit) -> float:
    fitting = [step for step in _CLOCK.get(unit, ()) if step >= rough]
    if fitting:
        return float(fitting[0])
    power = 10.0 ** floor(log10(rough))
    return next(step for step in _STEPS if step * power >= rough * (1 - 1e-9)) * power


def _plain(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value else "0"
