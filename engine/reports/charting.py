"""From what a report came to, to a chart of it: which figures over which groups, compared with what.

Enters: a ``Result`` or ``FunnelResult``, a kind of chart, how the rows of a cell are addressed. Leaves: a ``Chart``.
Must not compute: totals are those of the result, which are no sums of the parts where a figure is none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.compiler.app import Figure
from engine.drawing.charts.chart import Cell as Drawn
from engine.drawing.charts.chart import Chart, Kind, Series, Step
from engine.drawing.charts.fitting import fitting_kinds
from engine.reports.adding import can_add, say_difference, steps_of
from engine.reports.keys import is_timeline, say_key, write_key
from engine.reports.periods import Period
from engine.reports.results import Axis, Cell, FunnelResult, Line, Result
from engine.reports.spans import say_period
from engine.reports.values import say_beside, say_in_unit
from engine.speaking import Speaker

_TWO = 2
_BETWEEN = " · "
Rows = Callable[[Figure, Sequence[tuple[str, str]]], str]
"""Returns where the rows of a figure are listed, of the cell that has these keys of dimensions."""


def kinds_of(result: Result) -> tuple[Kind, ...]:
    """Return as what a result can be shown."""
    return fitting_kinds(len(result.axes), [figure.unit for figure in result.figures], adds=can_add(result))


def fitting_kind(result: Result, wanted: str | None) -> Kind:
    """Return the kind that is wanted, or the first that fits what the result is divided by."""
    kinds = kinds_of(result)
    for kind in kinds:
        if kind == wanted:
            return kind
    return "pivot" if wanted == "table" and "pivot" in kinds else kinds[0]


@dataclass(frozen=True)
class Charting:
    """Makes the charts of one reader; ``baselines`` are values by the key of their figure."""

    speaker: Speaker
    rows: Rows
    baselines: Mapping[str, Decimal]

    def chart(self, result: Result, kind: Kind, title: str) -> Chart:
        """Return a result as a chart of a kind that fits."""
        if len(result.axes) == _TWO:
            return self._of_two(result, kind, title)
        axes, axis = result.axes, result.axes[0] if len(result.axes) == 1 else None
        keys = [_BETWEEN.join(self._key(one, line, at, result) for at, one in enumerate(axes)) for line in result.lines]
        lines = result.lines if axes else (result.total,)
        return Chart(
            kind, title, tuple(keys) if axes else ("",),
            tuple(one for at, figure in enumerate(result.figures) for one in self._compared(result, figure, at, lines)),
            by=_BETWEEN.join(self.speaker.label(one.label) for one in axes),
            timeline=axis is not None and is_timeline(axis),
            notes=tuple(self.notes(result)), steps=tuple(self._steps(result)) if kind == "waterfall" else (),
            **self._spoken(),
        )  # fmt: skip

    def _steps(self, result: Result) -> Iterator[Step]:
        """Yield the bars of a waterfall, of everything together, each with its sign."""
        for figure, cell, sign in steps_of(result):
            drawn = self._cell(figure, cell, result, None)
            if sign and drawn.value:
                value = drawn.value * sign
                said = f"{'+' if value > 0 else '−'}{self.say(figure, abs(value))}"
                drawn = replace(drawn, value=value, said=said)
            yield Step(self.speaker.label(figure.label), drawn, figure.unit, whole=not sign)

    def funnel(self, result: FunnelResult, title: str, rows: Callable[[str], str]) -> Chart:
        """Return a funnel; ``rows`` gives where the rows of a step are listed."""
        speaker = self.speaker
        counts = tuple(
            Drawn(Decimal(one.count), speaker.number(one.count), address=rows(one.step.key) if one.count else "")
            for one in result.total
        )
        rates = tuple(Drawn(one.rate, say_in_unit(speaker, one.rate, "percent")) for one in result.total)
        still = tuple(Drawn(one.open, say_in_unit(speaker, one.open, "percent")) for one in result.total)
        return Chart(
            "funnel", title, tuple(speaker.label(one.step.label) for one in result.total),
            (
                Series(speaker.say("report.rows"), counts),
                Series(speaker.say("report.rate"), rates, "percent", "rate"),
                Series(speaker.say("report.still_open"), still, "percent", "rate"),
            ),
            by=speaker.say("report.steps"), **self._spoken(),
        )  # fmt: skip

    def _spoken(self) -> dict[str, Any]:
        return {"language": self.speaker.language, "sign": self.speaker.money(Decimal(0), scale=0).rstrip("0")}

    def notes(self, result: Result) -> Iterator[str]:
        """Yield by how much a sum does not reconcile, and why figures are grey: too few rows, too early to judge by."""
        difference = say_difference(self.speaker, result)
        if difference is not None:
            yield difference
        found: dict[str, dict[str, None]] = {}
        for at, figure in enumerate(result.figures):
            cells = [cell for cell in (line.cells[at] for line in (*result.lines, result.total)) if cell is not None]
            if any(cell.small and cell.n for cell in cells):
                few = self.speaker.say("report.grey_few", least=figure.at_least)
                found.setdefault(few, {})[self.speaker.label(figure.label)] = None
            if figure.provisional is not None and any(cell.provisional for cell in cells):
                early = self.speaker.label(figure.provisional.says)
                found.setdefault(early, {})[self.speaker.label(figure.label)] = None
        comma = self.speaker.say("report.grey_comma")
        for why, named in found.items():
            yield self.speaker.say("report.grey", why=why, figures=comma.join(named))

    # ---- one dimension or none; of three a row for each that there is

    def _compared(self, result: Result, figure: Figure, at: int, lines: Sequence[Line]) -> Iterator[Series]:
        """Yield a figure, and what it is compared with."""
        found = [line.cells[at] for line in lines]
        label = self.speaker.label(figure.label)
        yield Series(
            label,
            tuple(self._cell(figure, cell, result, line) for cell, line in zip(found, lines, strict=True)),
            figure.unit,
            less_is_better=figure.better == "less",
            target=figure.target,
            baseline=self.baselines.get(figure.key),
            total=self._cell(figure, result.total.cells[at], result, None) if result.axes else None,
        )
        for name, period in (("previous", result.previous), ("last_year", result.last_year)):
            if period is not None and any(getattr(cell, name) is not None for cell in found if cell is not None):
                earlier = [cell and getattr(cell, name) for cell in found]
                yield self._before(figure, label, period, earlier, self.speaker.say(f"report.{name}"))
        if figure.key == result.cumulated:
            yield self._cumulated(label, found)

    def _cumulated(self, label: str, found: Sequence[Cell | None]) -> Series:
        shares = [None if cell is None else cell.cumulated for cell in found]
        cells = tuple(Drawn(one, say_in_unit(self.speaker, one, "percent")) for one in shares)
        return Series(self.speaker.say("report.cumulated", label=label), cells, "percent", "cumulated")

    def _before(self, figure: Figure, label: str, period: Period, found: Sequence[Cell | None], brief: str) -> Series:
        said = self.speaker.say("report.before", label=label, period=say_period(self.speaker, period))
        cells = tuple(self._drawn(figure, cell) for cell in found)
        return Series(said, cells, figure.unit, "before", brief, less_is_better=figure.better == "less")

    def _cell(self, figure: Figure, cell: Cell | None, result: Result, line: Line | None) -> Drawn:
        if cell is None:
            return Drawn()
        pairs = zip(result.axes, line.keys, strict=True) if line is not None else ()
        keys = [(axis.key, write_key(key)) for axis, key in pairs]
        own = cell.target if cell.target != figure.target else None
        return self._drawn(figure, cell, self.rows(figure, keys) if cell.n else "", own)

    def _drawn(self, figure: Figure, cell: Cell | None, address: str = "", target: Decimal | None = None) -> Drawn:
        if cell is None:
            return Drawn()
        said = self.say(figure, cell.value, cell.target)
        return Drawn(exact(cell.value), said, cell.n, address, cell.grey, target)

    def say(self, figure: Figure, value: Any, target: Decimal | None = None) -> str:
        """Return the exact text of a value, which is not that of its target unless it has reached just that."""
        if value is None or isinstance(value, int | Decimal):
            number = None if value is None else Decimal(value)
            return say_beside(self.speaker, number, target, figure.unit)[0]
        return self.speaker.datetime(value) if hasattr(value, "hour") else self.speaker.date(value)

    def _key(self, axis: Axis, line: Line, at: int, result: Result) -> str:
        return say_key(self.speaker, axis, line.keys[at], result.labels, near=result.period.last)

    # ---- two dimensions

    def _of_two(self, result: Result, kind: Kind, title: str) -> Chart:
        """Return a figure over two dimensions: time, else the first of them, runs along; in a pivot it stands."""
        standing = kind in ("pivot", "heat")
        along = 1 if standing or (is_timeline(result.axes[1]) and not is_timeline(result.axes[0])) else 0
        across = 1 - along
        columns = _in_order(result, along)
        rows = _in_order(result, across)
        figures = list(enumerate(result.figures)) if kind == "pivot" else list(enumerate(result.figures))[:1]
        placed = {line.keys: line for line in result.lines}
        series = []
        for key in rows:
            for at, figure in figures:
                lines = [placed.get((column, key) if along == 0 else (key, column)) for column in columns]
                cells = tuple(self._cell(figure, line.cells[at], result, line) if line else Drawn() for line in lines)
                name = say_key(self.speaker, result.axes[across], key, result.labels, near=result.period.last)
                named = f"{name} · {self.speaker.label(figure.label)}" if len(figures) > 1 else name
                total = self._part(result, across, key, at)
                series.append(Series(named, cells, figure.unit, total=total if standing else None))
        if kind == "pivot":
            series += [self._total(result, along, columns, at, many=len(figures) > 1) for at, _ in figures]
        return Chart(
            kind, title,
            tuple(say_key(self.speaker, result.axes[along], key, result.labels, near=result.period.last)
                  for key in columns),
            tuple(series), by=self.speaker.label(result.axes[along].label),
            across=self.speaker.label(result.axes[across].label), timeline=is_timeline(result.axes[along]),
            totals=self.speaker.say("report.total"), notes=tuple(self.notes(result)), **self._spoken(),
        )  # fmt: skip

    def _total(self, result: Result, along: int, columns: Sequence[Any], at: int, *, many: bool) -> Series:
        """Return a figure over each column, and over everything."""
        figure, said = result.figures[at], self.speaker.say("report.total")
        cells = tuple(self._part(result, along, column, at) for column in columns)
        whole = self._cell(figure, result.total.cells[at], result, None)
        return Series(f"{said} · {self.speaker.label(figure.label)}" if many else said, cells, figure.unit, total=whole)

    def _part(self, result: Result, axis: int, key: Any, at: int) -> Drawn:
        """Return a figure over everything that has one value of one of two dimensions."""
        found = next((line for line in result.subtotals.get(axis, ()) if line.keys[0] == key), None)
        cell = None if found is None else found.cells[at]
        figure = result.figures[at]
        if cell is None:
            return Drawn()
        address = self.rows(figure, [(result.axes[axis].key, write_key(key))]) if cell.n else ""
        return self._drawn(figure, cell, address)


def exact(value: Any) -> Decimal | None:
    """Return what is drawn of a value: nothing of a date."""
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _in_order(result: Result, at: int) -> list[Any]:
    """Return the keys of a dimension: options and time in their order, the rest as the report sorted them."""
    keys = list(dict.fromkeys(line.keys[at] for line in result.lines))
    axis = result.axes[at]
    if is_timeline(axis):
        return sorted(keys, key=lambda key: (key is None, getattr(key, "first", key) if key is not None else 0))
    place = {key: number for number, key in enumerate(axis.options)}
    return sorted(keys, key=lambda key: place.get(key, len(place))) if place else keys
