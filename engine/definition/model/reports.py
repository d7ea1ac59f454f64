"""Figures, how they stand beside each other, funnels and dashboards, as written.

Enters: nothing (the parser fills these). Leaves: frozen data in file order. Must not resolve a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.definition.model.values import ExpressionText, Reference
from engine.errors import Location

Against = Literal["previous", "last_year", "target"]
Chart = Literal["tiles", "table", "bars", "stacked", "line", "funnel", "radar", "heat", "pivot", "waterfall"]
Taking = Literal["sum", "avg", "min", "max", "median", "p90"]
Unit = Literal["number", "money", "percent", "minutes", "hours", "days"]
TileKind = Literal["figure", "report", "funnel", "list"]


@dataclass(frozen=True)
class DimensionDefinition:
    """A way to divide rows: what of each, cut into ranges at ``buckets`` if it is a number."""

    key: str
    location: Location
    label: str
    value: ExpressionText
    buckets: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class InputDefinition:
    """Another figure that one is made with: divided the same way, or taken over the values of it for ``each``."""

    key: str
    location: Location
    figure: Reference
    each: Reference | None = None
    take: Taking | None = None


@dataclass(frozen=True)
class ProvisionalDefinition:
    """When a figure is too early to judge by, worked out of the rows it is made of, and what is said of it then."""

    key: str
    location: Location
    when: ExpressionText
    says: str


@dataclass(frozen=True)
class FigureDefinition:
    """A number: what is made (``value``) of the rows of ``of`` that satisfy ``where``, placed in time by ``date``.

    ``with_`` gives names to other figures that ``value`` is made with too. ``target`` is a number, ``target_from``
    another figure; fewer rows than ``at_least`` say little, fewer than ``hide_below`` nothing. ``provisional``: when
    it is too early to judge by. ``closes``: so many days after its end a month of it is closed.
    """

    key: str
    location: Location
    label: str
    value: ExpressionText
    help: str | None = None
    of: Reference | None = None
    date: ExpressionText | None = None
    where: ExpressionText | None = None
    with_: Mapping[str, InputDefinition] = field(default_factory=dict)
    unit: Unit | None = None
    better: Literal["more", "less"] | None = None
    target: Decimal | None = None
    target_from: Reference | None = None
    at_least: int | None = None
    hide_below: int | None = None
    provisional: ProvisionalDefinition | None = None
    closes: int | None = None
    was: str | None = None


@dataclass(frozen=True)
class AddsDefinition:
    """How figures of a report add up: ``from_``, and those of ``plus``, less those of ``minus``, come to ``to``."""

    location: Location
    from_: Reference
    to: Reference
    plus: tuple[Reference, ...] = ()
    minus: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class LayoutDefinition:
    """Figures beside each other: a report.

    ``cumulative``: beside what it is sorted by stands which share the lines have so far. ``then`` says which of those
    comes first that ``sort`` finds alike; ``announce`` of the first are told to everybody who may open it. ``adds``
    says how its figures add up.
    """

    key: str
    location: Location
    label: str
    show: tuple[Reference, ...]
    help: str | None = None
    by: tuple[Reference, ...] = ()
    period: str = "month"
    compare: tuple[Against, ...] = ()
    chart: Chart = "table"
    sort: str | None = None
    then: str | None = None
    top: int | None = None
    announce: int | None = None
    cumulative: bool = False
    adds: AddsDefinition | None = None
    was: str | None = None


@dataclass(frozen=True)
class FunnelStepDefinition:
    """A step of a funnel; without ``when`` every row of the cohort took it."""

    key: str
    location: Location
    label: str
    when: ExpressionText | None = None


@dataclass(frozen=True)
class FunnelDefinition:
    """How many rows of a cohort ever got how far."""

    key: str
    location: Location
    label: str
    steps: Mapping[str, FunnelStepDefinition]
    help: str | None = None
    of: Reference | None = None
    date: ExpressionText | None = None
    where: ExpressionText | None = None
    by: tuple[Reference, ...] = ()
    period: str = "month"
    was: str | None = None


@dataclass(frozen=True)
class ReportsDefinition:
    """What is counted about one entity."""

    key: str
    location: Location
    entity: Reference
    dimensions: Mapping[str, DimensionDefinition] = field(default_factory=dict)
    figures: Mapping[str, FigureDefinition] = field(default_factory=dict)
    layouts: Mapping[str, LayoutDefinition] = field(default_factory=dict)
    funnels: Mapping[str, FunnelDefinition] = field(default_factory=dict)


@dataclass(frozen=True)
class TileDefinition:
    """One tile of a dashboard; ``name`` is the figure, report, funnel or entity its ``kind`` says."""

    kind: TileKind
    location: Location
    name: Reference
    label: str | None = None
    period: str | None = None
    compare: tuple[Against, ...] = ()
    chart: Chart | None = None
    where: ExpressionText | None = None
    columns: tuple[Reference, ...] = ()
    sort: str | None = None
    then: str | None = None
    top: int | None = None


@dataclass(frozen=True)
class DashboardDefinition:
    """Rows of tiles for some roles, for everybody when ``for_`` is empty; ``receipts`` see who opened it.

    One with ``trial`` stands in the report of the two weeks' trial, over its days.
    """

    key: str
    location: Location
    label: str
    rows: tuple[tuple[TileDefinition, ...], ...]
    for_: tuple[Reference, ...] = ()
    receipts: tuple[Reference, ...] = ()
    trial: bool = False
    period: str = "month"
    filters: tuple[Reference, ...] = ()
