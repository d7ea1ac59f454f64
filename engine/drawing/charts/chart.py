"""A chart as plain data: figures in rows and columns, each said in words and leading to what it counts.

Enters: nothing (whoever has figures fills these). Leaves: frozen data that a page, a file or a message shows. Must not
know where the figures came from, nor compute any.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

Kind = Literal["tiles", "table", "bars", "stacked", "line", "funnel", "radar", "heat", "pivot", "waterfall"]
Unit = Literal["number", "money", "percent", "minutes", "hours", "days"]
Role = Literal["now", "before", "target", "baseline", "rate", "cumulated"]

_TABLES = ("table", "pivot", "tiles", "funnel")
_WHOLE = ("radar", *_TABLES)

NOTHING = "—"
"""What is said of a figure that has no value: its denominator is empty."""


@dataclass(frozen=True)
class Cell:
    """One figure in one place.

    ``said`` is its exact text in the reader's language, ``n`` how many rows it was worked out of, ``address`` where
    those rows are listed, ``few`` that they are too few, or it too early, to judge by, ``target`` what it should be
    here. ``value`` of a percentage is a fraction.
    """

    value: Decimal | None = None
    said: str = NOTHING
    n: int | None = None
    address: str = ""
    few: bool = False
    target: Decimal | None = None


@dataclass(frozen=True)
class Series:
    """One figure, or one group, over all categories; ``role`` tells what is compared with from what is compared;
    ``cumulated`` is which share of the whole the series before it has so far, drawn over its bars along an axis of its
    own.

    ``brief`` is what it is compared with, where the figure itself stands beside it.
    ``target`` and ``baseline`` are the same for all categories; ``less_is_better`` which way is good; ``total`` the
    figure over all categories, which is no sum unless the figure is one.
    """

    label: str
    cells: tuple[Cell, ...]
    unit: Unit = "number"
    role: Role = "now"
    brief: str = ""
    less_is_better: bool = False
    target: Decimal | None = None
    baseline: Decimal | None = None
    total: Cell | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is compared with, and nothing throughout."""
        return self.role == "before" and not any(cell.value for cell in self.cells)


@dataclass(frozen=True)
class Step:
    """A bar of a waterfall: what is there when ``whole``, else by how much it rises or falls."""

    label: str
    cell: Cell
    unit: Unit = "number"
    whole: bool = False


@dataclass(frozen=True)
class Chart:
    """Series over categories; ``by`` is what the categories are called, ``across`` what the series are, where they
    are groups of one figure.

    ``timeline`` tells that categories follow each other in time. In a radar each series is an axis and each category
    a shape, in a heat map and a pivot each series is a row, which may end with its
    total, called ``totals``. In a waterfall ``steps`` are drawn, of all categories together. ``notes`` say why some
    figures are grey. ``language`` and ``sign`` (of the currency) are for the texts at the axes.
    """

    kind: Kind
    title: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    by: str = ""
    across: str = ""
    timeline: bool = False
    language: str = "zh"
    sign: str = "¥"
    totals: str = ""
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether there is no value at all, nobody in a funnel, or nothing but zeros on a radar."""
        if self.kind == "funnel":
            return not any(cell.value for cell in self.series[0].cells)
        if self.kind == "radar":
            return not any(cell.value for series in self.series if series.role == "now" for cell in series.cells)
        if self.kind == "waterfall":
            return not any(step.cell.value is not None for step in self.steps)
        return not any(cell.value is not None for series in self.series for cell in series.cells)

    def by_unit(self) -> "Iterator[Chart]":
        """Yield a chart for each unit: figures of different units share no axis, and a radar scales each by itself.

        What is compared with is left out where it is nothing throughout: it stands in the table.
        """
        if self.kind == "waterfall":
            cells = tuple(step.cell for step in self.steps)
            one = Series(self.title, cells, self.steps[0].unit)
            yield replace(self, categories=tuple(step.label for step in self.steps), series=(one,), timeline=False)
            return
        if any(series.is_idle for series in self.series):
            yield from replace(self, series=tuple(series for series in self.series if not series.is_idle)).by_unit()
            return
        end = next((at for at, series in enumerate(self.series) if series.role == "cumulated"), None)
        if end is not None and self.kind not in _TABLES:
            yield from self._around(end)
            return
        units = dict.fromkeys(series.unit for series in self.series)
        if len(units) < 2 or self.kind in _WHOLE:
            yield self
            return
        for unit in units:
            own = tuple(series for series in self.series if series.unit == unit)
            heads = [series.label for series in own if series.role == "now"]
            yield replace(self, series=own, title=heads[0] if len(heads) == 1 else self.title)

    def _around(self, end: int) -> "Iterator[Chart]":
        """Yield the charts of figures of which one is added up: as bars it is one by itself, with the line over it."""
        others = tuple(series for at, series in enumerate(self.series) if at != end)
        if self.kind != "bars":
            yield from replace(self, series=others).by_unit()
            return
        begin = max(at for at in range(end) if self.series[at].role == "now")
        yield replace(self, series=self.series[begin : end + 1], title=self.series[begin].label)
        rest = (*self.series[:begin], *self.series[end + 1 :])
        if rest:
            yield from replace(self, series=rest, title=rest[0].label if len(rest) == 1 else self.title).by_unit()
