"""A figure counted: what its own rows come to, with the other figures it is made with.

Enters: a figure, the periods, the keys it is divided by, filters, the reader. Leaves: ``Counted``, a cell for each
group of each period. Must not ask the database itself: whoever asks for a figure says how.

A figure it is made with is counted over the same periods, divided and narrowed the same way. One that is taken over
``each`` is divided by that besides, or by it no longer where the figure is divided by it itself, and what stands there
becomes one value: the best of all regions, the days of a person added up. A filter by ``each`` does not narrow it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from engine.compiler.app import Dimension, Figure
from engine.compiler.app.reports import Input
from engine.definition.model.reports import Taking
from engine.expression import Env
from engine.expression.decimals import divide, multiply, total
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.dividing import Narrowing
from engine.reports.periods import Period
from engine.reports.results import Cell
from engine.reports.statement import Group, Question, sets_of
from engine.reports.working_days import Bounds
from engine.storage.store import Session

Address = tuple[int, tuple[int, ...], tuple[Any, ...]]
"""The number of a period, the numbers of the dimensions a group is of, its values."""

Ask = Callable[[Question, Sequence[Period], Sequence[Dimension], Sequence[Narrowing]], Iterable[Group]]
"""Asks the database for the groups of a question, in periods, divided by dimensions, narrowed to values."""

_COUNTED: Final = frozenset({"count", "sum", "distinct"})


@dataclass
class Known:
    """What is worked out already for one reader at one moment, for figures that are made with the same ones."""

    counted: "dict[Any, Counted]" = field(default_factory=dict)
    envs: dict[Period, Env] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What figures are counted over: one asked for, and those it is made with."""

    session: Session
    actor: Actor
    env: Env
    ask: Ask
    periods: tuple[Period, ...]
    by: tuple[str, ...]
    filters: Filters
    lenient: bool = False
    known: Known = field(default_factory=Known, compare=False)

    def key_of(self, figure: Figure) -> Any:
        """Return what tells one count from others of the same reader at the same moment."""
        return figure.key, self.periods, self.by, repr(asking.plain_filters(self.filters)), self.lenient

    def env_of(self, at: int) -> Env:
        """Return what an expression may know of period ``at``."""
        one, zone = self.periods[at], site_zone(self.session.app)
        if one not in self.known.envs:
            bounds = {"start": one.start(zone), "end": one.end(zone), "from": one.first, "to": one.last}
            self.known.envs[one] = replace(self.env, period=Bounds(self.session, one, bounds))
        return self.known.envs[one]


@dataclass(frozen=True)
class Counted:
    """The cells of a figure by address; ``empty`` is that of no row at all, ``ignored`` are filters left out."""

    cells: Mapping[Address, Cell]
    empty: Cell
    ignored: tuple[str, ...]


def count(asked: Asked, figure: Figure) -> Counted:
    """Return what a figure comes to, once for all that are made with it; raises as ``running.run`` does."""
    key = asked.key_of(figure)
    if key not in asked.known.counted:
        asked.known.counted[key] = _Count(asked, figure).counted()
    return asked.known.counted[key]


@dataclass
class _Count:
    """One figure being counted."""

    asked: Asked
    figure: Figure
    ignored: list[str] = field(default_factory=list)

    def counted(self) -> Counted:
        """Return the cells."""
        own, values = self._own(), [self._values(one) for one in self.figure.inputs]
        cells = {}
        for address in dict.fromkeys([*own, *(one for many in values for one in many.addresses())]):
            n, results = own.get(address, (0, self._nothing))
            cells[address] = self._cell(address[0], n, results, [one.of(address) for one in values])
        empty = self._cell(0, 0, self._nothing, [one.of(None) for one in values])
        return Counted(cells, empty, tuple(dict.fromkeys(self.ignored)))

    def _own(self) -> dict[Address, tuple[int, tuple[Any, ...]]]:
        """Return how many rows each group has, and what its aggregates come to."""
        asked, figure = self.asked, self.figure
        session, actor = asked.session, asked.actor
        by = asking.divided_by(session, figure, asked.by, actor)
        narrowed, ignored = asking.narrowed_to(session, figure, asked.filters, actor, lenient=asked.lenient)
        self.ignored += ignored
        groups = asked.ask(asking.question_of(figure), asked.periods, by, narrowed)
        return {(one.at, one.divided, one.values): (one.n, one.results) for one in groups}

    @cached_property
    def _nothing(self) -> tuple[Any, ...]:
        """What the aggregates come to over no rows at all."""
        return tuple(0 if part.name in _COUNTED else None for part in self.figure.parts)

    def _cell(self, at: int, n: int, results: Sequence[Any], values: Sequence[Any]) -> Cell:
        figure = self.figure
        given = dict(zip((part.key for part in figure.parts), results, strict=True))
        given |= {one.name: value for one, value in zip(figure.inputs, values, strict=True)}
        env, early = self.asked.env_of(at), figure.provisional
        found = figure.run(given, env) if n >= figure.hide_below else None
        provisional = early is not None and found is not None and early.run(given, env) is True
        return Cell(found, n, small=n < figure.at_least, target=figure.target, provisional=provisional)

    # ---- the figures it is made with

    def _values(self, input_: Input) -> "_Alike | _Taken":
        other = self.asked.session.app.figures[input_.figure]
        if input_.each is None or input_.take is None:
            found = count(self.asked, other)
            self.ignored += found.ignored
            return _Alike(found, len(self.asked.periods) if other.of_now else 1)
        kept = {key: value for key, value in self.asked.filters.items() if key != input_.each}
        asked = replace(self.asked, filters=kept)
        taken = _Taken(self.asked.by, input_.each, input_.take, still=other.of_now)
        if asking.is_own_date(input_.each):
            taken.add_parts(asked, other)
        else:
            taken.add_groups(asked, other)
        return taken


@dataclass(frozen=True)
class _Alike:
    """A figure divided the same way; one of now is the same in every period."""

    found: Counted
    periods: int

    def addresses(self) -> Iterator[Address]:
        """Yield the groups that are there."""
        for at, divided, values in self.found.cells:
            yield from ((at + more, divided, values) for more in range(self.periods))

    def of(self, address: Address | None) -> Any:
        """Return the value of a group; that of none at all for None."""
        if address is not None and self.periods > 1:
            address = (0, *address[1:])
        return (self.found.empty if address is None else self.found.cells.get(address, self.found.empty)).value


@dataclass
class _Taken:
    """What is made of the values a figure has for each value of one dimension."""

    by: tuple[str, ...]
    each: str
    take: Taking
    still: bool  # the same in every period
    values: dict[Address, list[Any]] = field(default_factory=dict)

    def add_groups(self, asked: Asked, figure: Figure) -> None:
        """Count a figure divided by ``each`` besides; every set of dimensions by itself, so that each has its total."""
        for divided in sets_of(len(self.by)):
            kept = tuple(number for number in divided if self.by[number] != self.each)
            whole = tuple(range(len(kept) + 1))
            found = count(replace(asked, by=(*(self.by[number] for number in kept), self.each)), figure)
            for (at, of, values), cell in found.cells.items():
                if of == whole:
                    self._add((at, divided, values[:-1]), cell)

    def add_parts(self, asked: Asked, figure: Figure) -> None:
        """Count a figure over the parts of each period, once where a part lies in several periods."""
        span = asking.own_span([self.each])
        wholes: dict[Period, list[int]] = {}
        for at, one in enumerate(asked.periods):
            for part in one.parts(span) if span else ():
                wholes.setdefault(part, []).append(at)
        if not wholes:
            return
        found, parts = count(replace(asked, periods=tuple(wholes)), figure), tuple(wholes.values())
        for (number, divided, values), cell in found.cells.items():
            for at in parts[number]:
                self._add((at, divided, values), cell)

    def _add(self, address: Address, cell: Cell) -> None:
        if cell.value is not None:
            self.values.setdefault(address, []).append(cell.value)

    def addresses(self) -> Iterator[Address]:
        """Yield the groups that are there; without one of its dimensions an address is of no group."""
        return (one for one in self.values if len(one[1]) == len(one[2]))

    def of(self, address: Address | None) -> Any:
        """Return what is taken for a group; that over no values for None."""
        if address is None:
            return take(self.take, [])
        at, divided, values = address
        left = tuple(value for number, value in zip(divided, values, strict=True) if self.by[number] != self.each)
        return take(self.take, self.values.get((0 if self.still else at, divided, left), []))


def take(how: Taking, values: Iterable[Any]) -> Any:
    """Return what is made of some values; None of none, but a sum of none is 0."""
    there = sorted(values)
    return total(there) if how == "sum" else _TAKES[how](there) if there else None


def _percentile(values: Sequence[Decimal], share: str) -> Decimal:
    """Interpolate between the two nearest of values in order, as ``median`` and ``percentile`` do over rows."""
    along = Decimal(share) * (len(values) - 1)
    low = int(along)
    high = min(low + 1, len(values) - 1)
    return total([values[low], multiply(values[high] - values[low], along - low)])


_TAKES: Final[Mapping[Taking, Callable[[Sequence[Any]], Any]]] = {
    "avg": lambda values: divide(total(values), len(values)),
    "min": lambda values: values[0],
    "max": lambda values: values[-1],
    "median": lambda values: _percentile(values, "0.5"),
    "p90": lambda values: _percentile(values, "0.9"),
}
