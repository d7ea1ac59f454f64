"""Compiled reports: figures with their rows and dimensions, how they stand beside each other, funnels, dashboards.

Enters: nothing (the compiler fills these). Leaves: frozen data asked for at each report. Must not know SQL or HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from engine.compiler.app.parts import Expression, Label
from engine.definition.model.reports import Against, Chart, Taking, TileKind, Unit
from engine.errors import Location
from engine.expression import Checked, Env
from engine.expression.aggregates import Aggregate, CheckedFigure
from engine.expression.types import Type

Read = tuple[str, str]
"""An entity and one of its fields (``items.cost`` for a column of lines), as access rules name them."""

Part = Literal["records", "lines", "moves", "changes"]
MOVES: Final = "moves"
CHANGES: Final = "changes"
"""How an author calls the stage moves of a record, and the changes of its fields: ``order.moves``."""

Span = Literal["day", "week", "month", "quarter", "year"]
SPANS: tuple[Span, ...] = ("day", "week", "month", "quarter", "year")
OWN_DATE = "date"
"""Begins the dimension of the date that places the rows of each figure: ``date.month``."""


@dataclass(frozen=True)
class Dimension:
    """A way to divide rows of one shape.

    ``value`` is what each is divided by: a date or moment is taken for the ``span`` it lies in, a number for the range
    between two ``buckets``. ``options`` are what a choice can be, in order; ``target`` is the entity, ``user`` or
    ``department`` that ids lead to. With ``many`` a row counts once for each of its choices, so parts exceed the whole.
    """

    key: str
    label: Label
    value: Checked
    reads: frozenset[Read]
    span: Span | None = None
    buckets: tuple[Decimal, ...] = ()
    options: Mapping[str, Label] = field(default_factory=dict)
    target: str | None = None
    many: bool = False

    @property
    def type(self) -> Type:
        """The type of what rows are divided by, before it is cut into spans or ranges."""
        return self.value.type


@dataclass(frozen=True)
class Rows:
    """What a figure counts: records of ``entity``, or ``part`` of them.

    Parts are the rows of the line table ``lines``, stage ``moves``, or ``changes`` of fields. ``shape`` is the key of
    their shape: ``order``, ``@order.items`` or ``@order.moves``; rows that are no records have the fields of their
    record besides their own, and are seen by whoever sees the record. ``dimensions`` are those that can be asked for.
    """

    shape: str
    entity: str
    part: Part
    dimensions: Mapping[str, Dimension]
    lines: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the rows are records."""
        return self.part == "records"

    @property
    def moves(self) -> bool:
        """Whether the rows are stage moves."""
        return self.part == "moves"

    @property
    def changes(self) -> bool:
        """Whether the rows are changes of fields."""
        return self.part == "changes"


@dataclass(frozen=True)
class Input:
    """Another figure that one is made with, under the ``name`` it has in its value.

    Without ``each`` it is divided as the figure is. With it, it is divided by that dimension besides, or by it no
    longer where the figure is divided by it already, and ``take`` says what is made of the values that stand there.
    """

    name: str
    figure: str
    each: str | None
    take: Taking | None


@dataclass(frozen=True)
class Provisional:
    """When a figure is too early to judge by: ``when`` over its rows, ``run`` what works it out; ``says`` is why."""

    when: CheckedFigure
    says: Label
    run: Callable[[Mapping[str, Any], Env], Any]


@dataclass(frozen=True)
class Figure:
    """One number with one definition; ``key`` is ``lead.response_median``.

    ``date`` places its rows in a period: a date or a moment; without it, and unless a condition names ``period``, the
    figure is ``of_now``. ``digest`` tells one definition of it from another. ``reads`` are the fields it is made of:
    for whoever may not see one of them the figure is not there. ``closes``: so many days after its end a month of it is
    closed; None for one that stays open.
    """

    key: str
    label: Label
    help: Label
    location: Location
    rows: Rows
    date: Checked | None
    where: Checked | None
    value: CheckedFigure
    unit: Unit
    better: Literal["more", "less"] | None
    target: Decimal | None
    target_from: str | None  # the key of another figure
    at_least: int
    hide_below: int
    digest: str
    reads: frozenset[Read]
    of_now: bool
    run: Callable[[Mapping[str, Any], Env], Any]  # from what the aggregates come to, by their keys
    was: str | None = None
    inputs: tuple[Input, ...] = ()
    closes: int | None = None
    provisional: Provisional | None = None

    @property
    def parts(self) -> tuple[Aggregate, ...]:
        """The aggregates that are asked of its rows, each once."""
        more = self.provisional.when.parts if self.provisional is not None else ()
        return tuple({one.key: one for one in (*self.value.parts, *more)}.values())

    @property
    def grows(self) -> bool:
        """Whether it grows with its period: one count or sum. A share or an average is as large on the first day."""
        return not self.inputs and [one.name in ("count", "sum") for one in self.value.parts] == [True]


@dataclass(frozen=True)
class Adds:
    """How figures of a report add up, by their keys: ``begin``, plus some, minus others, comes to ``end``."""

    begin: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    end: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The figures it is about, in the order they are added."""
        return (self.begin, *self.plus, *self.minus, self.end)


@dataclass(frozen=True)
class Report:
    """Figures beside each other; ``by`` are keys of dimensions that the rows of each of them have.

    ``announce``: so many of the first people by ``sort`` are told to everybody who may open it, over all records.
    ``cumulative``: beside what it is sorted by stands which share of the whole the lines have so far.
    ``adds``: how its figures add up, without which no waterfall is drawn of them.
    """

    key: str
    label: Label
    help: Label
    location: Location
    show: tuple[str, ...]
    by: tuple[str, ...]
    period: str
    compare: tuple[Against, ...]
    chart: Chart
    sort: tuple[str, bool] | None  # a figure or dimension, descending
    then: tuple[str, bool] | None  # the same for what is alike by that
    top: int | None
    was: str | None = None
    announce: int | None = None
    cumulative: bool = False
    adds: Adds | None = None


@dataclass(frozen=True)
class FunnelStep:
    """A step of a funnel; without ``when`` every row of the cohort took it."""

    key: str
    label: Label
    when: Checked | None


@dataclass(frozen=True)
class Funnel:
    """How many rows of a cohort ever got how far; ``open`` is what holds of those that may still get further."""

    key: str
    label: Label
    help: Label
    location: Location
    rows: Rows
    date: Checked | None
    where: Checked | None
    steps: tuple[FunnelStep, ...]
    open: Checked | None
    by: tuple[str, ...]
    period: str
    digest: str
    reads: frozenset[Read]
    was: str | None = None


@dataclass(frozen=True)
class Tile:
    """One tile of a dashboard; ``name`` is the key of the figure, report, funnel or entity its ``kind`` says.

    ``where``, ``columns``, ``sort``, ``then`` and ``top`` are those of a list, which shows what its reader may see;
    ``chart`` is how a report is drawn here, None for its own way.
    """

    kind: TileKind
    name: str
    label: Label
    period: str | None = None
    compare: tuple[Against, ...] = ()
    chart: Chart | None = None
    where: Expression | None = None
    reads: frozenset[Read] = frozenset()
    columns: tuple[str, ...] = ()
    sort: tuple[str, bool] | None = None
    then: tuple[str, bool] | None = None
    top: int = 10


@dataclass(frozen=True)
class Dashboard:
    """Rows of tiles; ``roles`` is empty where everybody may open it. ``filters`` are keys of dimensions.

    Roles of ``receipts`` open it too, and see to whom it was sent and who opened it when. One with ``trial`` stands in
    the report of the trial, over its days.
    """

    key: str
    label: Label
    location: Location
    roles: frozenset[str]
    period: str
    filters: tuple[str, ...]
    rows: tuple[tuple[Tile, ...], ...]
    receipts: frozenset[str] = frozenset()
    trial: bool = False
