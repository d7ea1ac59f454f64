"""How the figures of a report add up: the steps of its waterfall, and by how much they do not come to what they should.

Enters: a ``Result``, words. Leaves: steps, and one sentence where the last is not what the others come to. Must not
count anything anew, nor judge a report of which its reader may not see every figure that is added up.
"""

from collections.abc import Iterator
from decimal import Decimal

from engine.compiler.app import Figure
from engine.reports.results import Cell, Result
from engine.reports.values import say_in_unit
from engine.speaking import Speaker

Step = tuple[Figure, Cell | None, int]
"""A figure, what it is over everything, and 1 where it is added, -1 where it is taken away, 0 where it is a whole."""


def can_add(result: Result) -> bool:
    """Tell whether it is known how the figures of a result add up, and all of them are there for the reader."""
    adds = result.report.adds if result.report is not None else None
    return adds is not None and set(adds.keys) <= {figure.key for figure in result.figures}


def steps_of(result: Result) -> Iterator[Step]:
    """Yield the figures in the order they are added; nothing where they are not."""
    if result.report is None or result.report.adds is None or not can_add(result):
        return
    adds = result.report.adds
    found = {figure.key: (figure, cell) for figure, cell in zip(result.figures, result.total.cells, strict=True)}
    yield (*found[adds.begin], 0)
    yield from ((*found[key], 1) for key in adds.plus)
    yield from ((*found[key], -1) for key in adds.minus)
    yield (*found[adds.end], 0)


def say_difference(speaker: Speaker, result: Result) -> str | None:
    """Return by how much the sum is not what it should be, in one sentence; None where it is, or nothing is added."""
    steps = list(steps_of(result))
    if not steps:
        return None
    (begin, *_), *_, (end, last, _) = steps
    total = sum((_value(cell) * (sign or 1) for _, cell, sign in steps[:-1]), Decimal(0))
    difference = _value(last) - total
    if not difference:
        return None
    return speaker.say(
        "report.unreconciled", begin=speaker.label(begin.label), end=speaker.label(end.label),
        difference=say_in_unit(speaker, abs(difference), end.unit), sum=say_in_unit(speaker, total, end.unit),
        value=say_in_unit(speaker, _value(last), end.unit),
    )  # fmt: skip


def _value(cell: Cell | None) -> Decimal:
    return Decimal(0) if cell is None or cell.value is None else Decimal(cell.value)
