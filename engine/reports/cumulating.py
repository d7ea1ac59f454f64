"""Adding up the lines of a report from the top: which share of the whole the first so many have (Pareto).

Enters: a result whose lines are in order, none left out yet. Leaves: the same, each line with its cumulated share. Must
not look at more than the lines of its reader: the whole is what they may see, under the filters they chose.
"""

from dataclasses import replace
from decimal import Decimal

from engine.compiler.app import Report
from engine.expression.decimals import divide, total
from engine.reports.keys import is_timeline
from engine.reports.results import Cell, Line, Result


def cumulate(result: Result, report: Report) -> Result:
    """Return a result with what its report adds up; as it is where there is nothing to add up.

    Divided otherwise than written, it is still added up over one dimension whose rows stand under one key each. What is
    below zero comes last, so the share before it is above one; the last line always has all of it. Of a whole that is
    nothing or below zero nobody has a share.
    """
    figures = [one.key for one in result.figures]
    if not report.cumulative or report.sort is None or report.sort[0] not in figures or len(result.axes) != 1:
        return result
    axis, at = result.axes[0], figures.index(report.sort[0])
    if axis.many or is_timeline(axis):
        return result
    values = [_value(line.cells[at]) for line in result.lines]
    whole, so_far, lines = total(values), Decimal(0), []
    for line, value in zip(result.lines, values, strict=True):
        so_far += value
        lines.append(_with_share(line, at, divide(so_far, whole) if whole > 0 else None))
    return replace(result, lines=tuple(lines), cumulated=report.sort[0])


def _value(cell: Cell | None) -> Decimal:
    value = None if cell is None else cell.value
    return Decimal(value) if isinstance(value, Decimal | int) else Decimal(0)


def _with_share(line: Line, at: int, share: Decimal | None) -> Line:
    """Return a line with its share; where the figure does not divide so there is none."""
    cell = line.cells[at]
    if cell is None:
        return line
    return replace(line, cells=(*line.cells[:at], replace(cell, cumulated=share), *line.cells[at + 1 :]))
