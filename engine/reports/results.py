"""What a report comes to, as plain values: whoever draws, prints or sends it reads these.

Enters: nothing (``running.py`` fills these). Leaves: frozen data. Must not know SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.compiler.app import Dimension, Figure, Funnel, FunnelStep, Label, Report
from engine.records.record import Labels, Record
from engine.reports.periods import Period


@dataclass(frozen=True)
class Closed:
    """What a figure was when its month was closed: its value, over how many rows, by which definition, and when."""

    value: Decimal | None
    n: int
    digest: str
    at: datetime


@dataclass(frozen=True)
class Cell:
    """A figure over the rows of one group.

    ``value`` is a ``Decimal``, an ``int``, a ``date`` or a ``datetime``; None where it cannot be worked out, such as
    with an empty denominator, which is shown as ``—``. A percentage is a fraction. ``n`` rows were looked at; ``small``
    says that they are fewer than the figure needs to say something, ``provisional`` that it is too early to judge by.
    ``closed`` is what it was when its month was closed, ``cumulated`` the share of the whole that the lines down to
    this one have.
    """

    value: Any
    n: int
    small: bool = False
    previous: "Cell | None" = None
    last_year: "Cell | None" = None
    target: Decimal | None = None
    closed: Closed | None = None
    provisional: bool = False
    cumulated: Decimal | None = None

    @property
    def grey(self) -> bool:
        """Whether nothing is to be judged by it yet: it is shown in grey."""
        return self.small or self.provisional

    @property
    def adjustment(self) -> Decimal | None:
        """How much more it is now than when its month was closed; None where one of the two has no value."""
        if self.closed is None or self.closed.value is None or not isinstance(self.value, Decimal | int):
            return None
        return Decimal(self.value) - self.closed.value

    @property
    def change(self) -> Decimal | None:
        """How much more than the period before, as a share of that; None where there is nothing to compare with."""
        return _change(self.value, self.previous)

    @property
    def year_change(self) -> Decimal | None:
        """How much more than a year before, as a share of that."""
        return _change(self.value, self.last_year)

    @property
    def attained(self) -> Decimal | None:
        """The share of the target that is reached, for a figure of which more is better; None without a target."""
        if self.target in (None, 0) or not isinstance(self.value, Decimal | int):
            return None
        return round(Decimal(self.value) / Decimal(self.target or 1), 6)


def _change(value: Any, before: Cell | None) -> Decimal | None:
    if before is None or not isinstance(value, Decimal | int) or not before.value:
        return None
    return round((Decimal(value) - Decimal(before.value)) / abs(Decimal(before.value)), 6)


@dataclass(frozen=True)
class Line:
    """One row of a report: the value of each dimension, a cell for each figure.

    A key is an option, an id, a text, a number, yes or no, the first day of a span, the number of a range counted from
    0, a ``Period`` for the date of each figure, or None for what has none. A cell is None where the figure has no rows
    under such a key, or does not divide so.
    """

    keys: tuple[Any, ...]
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Axis:
    """One dimension of a result: ``dimension`` is None for the date of each figure, cut into spans."""

    key: str
    label: Label
    dimension: Dimension | None

    @property
    def options(self) -> Mapping[str, Label]:
        """What a choice can be, in order."""
        return {} if self.dimension is None else self.dimension.options

    @property
    def many(self) -> bool:
        """Whether a row may stand under several keys, so that the parts exceed the whole."""
        return self.dimension is not None and self.dimension.many


@dataclass(frozen=True)
class Place:
    """The place of a person in a ranking, and the figure that gave it."""

    rank: int
    person: int
    value: Any


@dataclass(frozen=True)
class Announced:
    """Who came first in a period that is over, as everybody who may open the report is told.

    ``first`` are names and ``figure`` alone, down to place ``most``. ``rank`` is the reader's own place, None for none;
    ``own`` are their cells for ``figures``, empty where they have none, None where a group reads. ``labels`` names the
    first; ``in_part``: the reader sees a part of the records, so what stands beside this is another number.
    """

    period: Period
    axis: Axis
    figure: Figure
    first: tuple[Place, ...]
    most: int
    rank: int | None
    figures: tuple[Figure, ...]
    own: tuple[Cell | None, ...] | None
    labels: Labels
    in_part: bool


@dataclass(frozen=True)
class Result:
    """A report as one reader sees it; ``report`` is None for a figure by itself.

    ``figures`` are those that are there for them, in order; ``lines`` are sorted and cut, ``more`` were left out;
    ``total`` has the figures over everything, ``subtotals`` by number of the dimension, where there are two.
    ``labels`` names the records, people and departments that keys stand for, by ``(target, id)``. ``ignored`` are the
    filters that some of the figures have no dimension for. ``announced`` is what the report tells of everybody,
    ``cumulated`` the figure whose cells say which share the lines have so far.
    """

    report: Report | None
    period: Period
    previous: Period | None
    last_year: Period | None
    axes: tuple[Axis, ...]
    figures: tuple[Figure, ...]
    lines: tuple[Line, ...]
    total: Line
    subtotals: Mapping[int, tuple[Line, ...]] = field(default_factory=dict)
    labels: Labels = field(default_factory=dict)
    more: int = 0
    ignored: tuple[str, ...] = ()
    announced: Announced | None = None
    cumulated: str | None = None


@dataclass(frozen=True)
class Stand:
    """How many rows of a cohort got as far as a step.

    ``rate`` is the share of those of the step before that got here, ``open`` the share of those here that went no
    further yet and still can; None where there is nobody to be a share of.
    """

    step: FunnelStep
    count: int
    rate: Decimal | None
    share: Decimal | None
    open: Decimal | None


@dataclass(frozen=True)
class FunnelResult:
    """A funnel as one reader sees it: ``total``, and ``parts`` by the values of its dimensions."""

    funnel: Funnel
    period: Period
    axes: tuple[Axis, ...]
    n: int
    total: tuple[Stand, ...]
    parts: tuple[tuple[tuple[Any, ...], int, tuple[Stand, ...]], ...] = ()
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class Behind:
    """The rows a figure is made of: ``n`` in all, of which these are some, the newest record first.

    ``records`` are what their reader sees of them, one for each row; ``lines`` are the rows themselves where they are
    no records: the columns of a line, or ``from``, ``to``, ``at``, ``until``, ``by`` and ``owner`` of a move.
    """

    n: int
    entity: str
    columns: tuple[str, ...]
    records: tuple[Record, ...]
    lines: tuple[Mapping[str, Any], ...] = ()
    labels: Labels = field(default_factory=dict)
