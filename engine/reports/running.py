"""Running figures: each as one statement, laid beside each other.

Enters: a session, figures, the actor, a period, filters. Leaves: a ``Result``. Must not count
anything itself: ``statement.py`` asks the database, and what a figure makes of its aggregates is its own expression.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from engine import messages
from engine.compiler.app import Dimension, Figure, Label
from engine.compiler.app.reports import Span
from engine.definition.model.reports import Against
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.closed import find_closed
from engine.reports.combining import Asked, Known, count
from engine.reports.dividing import Narrowing
from engine.reports.kept import Counting, Recording, StillCounting
from engine.reports.naming import name_keys
from engine.reports.ordering import in_order
from engine.reports.periods import Period
from engine.reports.results import Axis, Cell, Closed, Line, Result
from engine.reports.statement import Group, Question, ask
from engine.storage.store import Session

MOST_PARTS: Final = 400
"""Days, weeks or months into which a period is divided at most."""

_NOW, _PREVIOUS, _LAST_YEAR = "now", "previous", "last_year"


def run_figure(
    session: Session,
    figure: str,
    *,
    actor: Actor,
    period: str | Period | None = None,
    filters: Filters | None = None,
    by: Sequence[str] = (),
    compare: Sequence[Against] = (),
    lenient: bool = False,
    so_far: bool = True,
    counting: Counting | Recording | None = None,
) -> Result:
    """Return one figure, divided by dimensions and compared as asked; raises as ``opening.run`` does.

    Without ``so_far`` a period that lasts is compared with whole ones.
    """
    found = asking.find_figure(session, figure, actor=actor)
    wanted = Wanted(
        asking.period_of(session, period, "month"), tuple(by), tuple(compare), filters or {}, lenient, counting,
        today=asking.today(session) if so_far else None,
    )  # fmt: skip
    result = lay_beside(session, (found,), wanted, actor)
    return replace(result, lines=tuple(in_order(result, None)))


@dataclass(frozen=True)
class Wanted:
    """What is asked of some figures."""

    period: Period
    by: tuple[str, ...]
    compare: tuple[Against, ...]
    filters: Filters
    lenient: bool
    counting: Counting | Recording | None = None
    today: date | None = None
    """The day it is where the site lives: what grows with a period that lasts is compared as far as it has come. None:
    it is compared whole."""
    whole: Mapping[str, Any] | None = None
    """What the figures are asked for together, as plain data; else each is asked for by itself."""

    def asked(self, figure: Figure) -> Mapping[str, Any]:
        """Return as plain data what is asked of one figure."""
        if self.whole is not None:
            return self.whole
        compare = [one for one in self.compare if one != "target"]
        filters = asking.plain_filters(self.filters)
        said = {"period": self.period.plain, "by": list(self.by), "compare": compare, "filters": filters}
        before = {key: one.plain for key, one in self.variants.items() if key != _NOW and one.kind != self.period.kind}
        return {"what": "figure", "key": figure.key, **said, **({"before": before} if before else {})}

    @cached_property
    def variants(self) -> dict[str, Period]:
        """The period, and those it is compared with; divided by days, weeks or months they are whole."""
        others = {_PREVIOUS: self.period.previous, _LAST_YEAR: self.period.last_year}
        found = {key: one for key, one in others.items() if key in self.compare and one}
        if self.today is not None and self.span is None:
            found = {key: self.period.beside(one, self.today) for key, one in found.items()}
        return {_NOW: self.period} | found

    @cached_property
    def span(self) -> Span | None:
        """The span by which the date of each figure is divided, if it is."""
        return asking.own_span(self.by)

    @cached_property
    def parts(self) -> dict[str, list[Period]]:
        """The parts of each period; raises ``InvalidValues`` for one that has too many, or no first."""
        if self.span is None:
            return dict.fromkeys(self.variants, [])
        found = {key: one.parts(self.span) for key, one in self.variants.items()}
        if not 0 < len(found[_NOW]) <= MOST_PARTS:
            raise InvalidValues([FieldError("period", "report.too_long", {"most": MOST_PARTS})])
        return found


def lay_beside(session: Session, figures: Sequence[Figure], wanted: Wanted, actor: Actor) -> Result:
    """Return some figures beside each other, their lines in no order; raises as ``opening.run`` does."""
    if not all(one.grows for one in figures if not one.of_now):
        wanted = replace(wanted, today=None)
    return _Run(session, figures, wanted, actor).result()


Address = tuple[str, int | None, tuple[int, ...], tuple[Any, ...]]
"""Which of the periods, which part of it (None is all), the dimensions a group is of and its values."""


@dataclass
class _Counted:
    """One figure, counted: its groups by address."""

    figure: Figure
    groups: dict[Address, Cell] = field(default_factory=dict)
    empty: Cell = Cell(None, 0)
    target: "_Counted | None" = None
    ignored: list[str] = field(default_factory=list)
    closed: Mapping[Period, Closed] = field(default_factory=dict)
    periods: Mapping[int | None, Period] = field(default_factory=dict)

    def cell(
        self, part: int | None, divided: tuple[int, ...], values: tuple[Any, ...], variants: Iterable[str]
    ) -> Cell:
        """Return the cell of an address, with what it is compared with."""
        now = self.groups.get((_NOW, part, divided, values), self.empty)
        before = {one: self.groups.get((one, part, divided, values), self.empty) for one in variants if one != _NOW}
        if self.figure.of_now:
            before = {}
        return replace(
            now,
            previous=before.get(_PREVIOUS),
            last_year=before.get(_LAST_YEAR),
            target=self._target(part, divided, values),
            closed=self.closed.get(self.periods[part]) if self.closed and not divided else None,
        )

    def _target(self, part: int | None, divided: tuple[int, ...], values: tuple[Any, ...]) -> Decimal | None:
        if self.target is None:
            return self.figure.target
        found = self.target.groups.get((_NOW, part, divided, values))
        return None if found is None or not isinstance(found.value, Decimal | int) else Decimal(found.value)


class _Run:
    """Figures run together."""

    def __init__(self, session: Session, figures: Sequence[Figure], wanted: Wanted, actor: Actor) -> None:
        self.session, self.wanted, self.actor = session, wanted, actor
        self.env = make_env(session, actor)
        self.known = Known()
        self.counted = self._count_all(figures)

    def result(self) -> Result:
        """Return the result, its lines in the order of their keys."""
        axes = self._axes()
        dimensions = tuple(range(sum(one.dimension is not None for one in axes)))
        lines = tuple(self._lines(axes, dimensions, parted=self.wanted.span is not None))
        found = Result(
            report=None,
            period=self.wanted.period,
            previous=self.wanted.variants.get(_PREVIOUS),
            last_year=self.wanted.variants.get(_LAST_YEAR),
            axes=axes,
            figures=tuple(one.figure for one in self.counted),
            lines=lines,
            total=Line((), tuple(self._cells(None, (), ()))),
            subtotals=dict(self._subtotals(axes)) if len(axes) == 2 else {},
            ignored=tuple(dict.fromkeys(key for one in self.counted for key in one.ignored)),
        )
        keys = [(axis, line.keys[at]) for line in lines for at, axis in enumerate(axes)]
        return replace(found, labels=name_keys(self.session, keys, actor=self.actor))

    # ---- counting

    def _count_all(self, figures: Sequence[Figure]) -> list[_Counted]:
        """Count figures and their targets; what takes too long for one holds up no other (``StillCounting``)."""
        waiting: list[StillCounting] = []

        def patiently(counting: Callable[[Figure], _Counted | None], figure: Figure) -> _Counted | None:
            try:
                return counting(figure)
            except StillCounting as still:
                waiting.append(still)
                return None

        found = [patiently(self._count, one) for one in figures]
        aims = [patiently(self._count_target, one) if "target" in self.wanted.compare else None for one in figures]
        if waiting:
            raise StillCounting.of(waiting, sum(one is not None for one in [*found, *aims]))
        for one, aim in zip(found, aims, strict=True):
            if one is not None:
                one.target = aim
        return [one for one in found if one is not None]

    def _count(self, figure: Figure) -> _Counted:
        wanted, session = self.wanted, self.session
        if wanted.span is not None and figure.of_now:
            raise InvalidValues([FieldError("by", "report.no_dimension", {"name": f"date.{wanted.span}"})])

        def ask_for(
            question: Question, periods: Sequence[Period], by: Sequence[Dimension], narrowed: Sequence[Narrowing]
        ) -> list[Group]:
            return ask(
                session, question, actor=self.actor, periods=periods, by=by, narrowed=narrowed,
                counting=wanted.counting, asked=wanted.asked(figure) if wanted.counting is not None else None,
            )  # fmt: skip

        slots = list(self._slots())
        periods = tuple(period for _, _, period in slots)
        by = tuple(key for key in wanted.by if not asking.is_own_date(key))
        asked = Asked(session, self.actor, self.env, ask_for, periods, by, wanted.filters, wanted.lenient, self.known)
        counted = count(asked, figure)
        found = _Counted(
            figure, empty=counted.empty, ignored=list(counted.ignored), closed=self._closed(figure),
            periods={part: period for variant, part, period in slots if variant == _NOW},
        )  # fmt: skip
        for (at, divided, values), cell in counted.cells.items():
            variant, part, _ = slots[at]
            found.groups[variant, part, divided, values] = cell
        return found

    def _closed(self, figure: Figure) -> Mapping[Period, Closed]:
        """Return what a figure was when its months were closed; that was over everything, so no part of it is known."""
        monthly = any(period.kind == "month" for _, _, period in self._slots())
        whole = monthly and not self.wanted.filters
        return find_closed(self.session, figure, actor=self.actor) if whole else {}

    def _slots(self) -> Iterator[tuple[str, int | None, Period]]:
        """Yield every period a row may be counted in: which variant, which part of it."""
        for variant, period in self.wanted.variants.items():
            yield variant, None, period
            for part, one in enumerate(self.wanted.parts[variant]):
                yield variant, part, one

    def _count_target(self, figure: Figure) -> _Counted | None:
        """Count the figure that says what another should be; None when it is not there, or does not divide so."""
        known = self.session.app.figures.get(figure.target_from or "")
        if known is None or not list(asking.seen_figures(self.session, [known.key], self.wanted.by, self.actor)):
            return None
        if self.wanted.span is not None and known.of_now:
            return None
        counted = self._count_leniently(known)
        return None if counted.ignored else counted

    def _count_leniently(self, figure: Figure) -> _Counted:
        wanted, self.wanted = self.wanted, replace(self.wanted, lenient=True)
        try:
            return self._count(figure)
        finally:
            self.wanted = wanted

    # ---- laying out

    def _axes(self) -> tuple[Axis, ...]:
        first = self.counted[0].figure
        return tuple(
            Axis(key, _own_label(key), None)
            if asking.is_own_date(key)
            else Axis(key, first.rows.dimensions[key].label, first.rows.dimensions[key])
            for key in self.wanted.by
        )

    def _cells(self, part: int | None, divided: tuple[int, ...], values: tuple[Any, ...]) -> list[Cell]:
        return [one.cell(part, divided, values, self.wanted.variants) for one in self.counted]

    def _lines(self, axes: Sequence[Axis], divided: tuple[int, ...], *, parted: bool) -> Iterator[Line]:
        """Yield a line for each group of some dimensions, or each part of the period, that is there in any figure."""
        if not divided and not parted:
            return
        found: dict[tuple[int | None, tuple[Any, ...]], None] = {}
        if parted and not divided:  # an axis of time has no holes
            found = {(part, ()): None for part in range(len(self.wanted.parts[_NOW]))}
        for one in self.counted:
            for _, part, of, values in one.groups:
                if of == divided and (part is not None) == parted and self._is_part(part):
                    found.setdefault((part, values))
        for part, values in found:
            yield Line(self._keys(axes, part, values), tuple(self._cells(part, divided, values)))

    def _is_part(self, part: int | None) -> bool:
        return part is None or part < len(self.wanted.parts[_NOW])

    def _keys(self, axes: Sequence[Axis], part: int | None, values: tuple[Any, ...]) -> tuple[Any, ...]:
        given = iter(values)
        parts = self.wanted.parts[_NOW]
        return tuple(parts[part or 0] if one.dimension is None else next(given) for one in axes)

    def _subtotals(self, axes: Sequence[Axis]) -> Iterator[tuple[int, tuple[Line, ...]]]:
        """Yield the lines of each of two axes alone."""
        numbers = iter(range(len(axes)))
        for at, axis in enumerate(axes):
            divided = () if axis.dimension is None else (next(numbers),)
            yield at, tuple(self._lines([axis], divided, parted=axis.dimension is None))


def _own_label(key: str) -> Label:
    span = key.partition(".")[2]
    return {
        language: messages.text(f"report.by_{span}", language, field=messages.text("report.field.date", language))
        for language in messages.LANGUAGES
    }
