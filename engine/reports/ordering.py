"""The order of the lines of a result.

Enters: a result. Leaves: its lines in order. Must not leave any out.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from engine.reports.periods import Period
from engine.reports.results import Axis, Cell, Line, Result

Rank = tuple[Any, ...]
Sort = tuple[str, bool]
"""The key of a figure or dimension, and whether the largest comes first."""


def in_order(result: Result, sort: Sort | None, then: Sort | None = None) -> list[Line]:
    """Return the lines sorted as asked; else along what has an order of its own, the largest of the rest first.

    ``then`` decides between lines that are alike by ``sort``.

    What has no value comes last, either way.
    """
    natural = sorted(result.lines, key=lambda line: tuple(_along(result, axis, line, at) for at, axis in _axes(result)))
    if sort is None:
        return _largest_first(natural) if len(result.axes) == 1 and not _is_ordered(result.axes[0]) else natural
    found = natural if then is None else _sorted(result, natural, then)
    return _sorted(result, found, sort)


def _sorted(result: Result, natural: list[Line], sort: Sort) -> list[Line]:
    """Return lines sorted by a figure or an axis; those that are alike stay in their order."""
    key, descending = sort
    figures = [one.key for one in result.figures]
    if key in figures:
        place = figures.index(key)
        return _by(natural, lambda line: _value(line.cells[place]), descending)
    axis = next((at for at, one in _axes(result) if one.key == key), None)
    if axis is None:
        return natural
    return _by(natural, lambda line: _key(result, result.axes[axis], line.keys[axis]), descending)


def _axes(result: Result) -> list[tuple[int, Axis]]:
    return list(enumerate(result.axes))


def _by(lines: list[Line], value: Callable[[Line], Any], descending: bool) -> list[Line]:
    present = [one for one in lines if value(one) is not None]
    absent = [one for one in lines if value(one) is None]
    return [*sorted(present, key=value, reverse=descending), *absent]


def _largest_first(lines: list[Line]) -> list[Line]:
    return _by(lines, lambda line: _value(line.cells[0]) if line.cells else None, True)


def _value(cell: Cell | None) -> Any:
    value = None if cell is None else cell.value
    return value if isinstance(value, Decimal | int | date) else None


def _is_ordered(axis: Axis) -> bool:
    """Tell whether the keys of an axis have an order of their own."""
    dimension = axis.dimension
    return dimension is None or bool(dimension.options or dimension.span or dimension.buckets)


def _along(result: Result, axis: Axis, line: Line, at: int) -> Rank:
    key = _key(result, axis, line.keys[at])
    return (key is None, key if key is not None else 0)


def _key(result: Result, axis: Axis, key: Any) -> Any:
    """Return what a key is sorted by; None for what has none."""
    if key is None:
        return None
    if isinstance(key, Period):
        return key.first
    dimension = axis.dimension
    if dimension is not None and dimension.options:
        known = list(dimension.options)
        return known.index(key) if key in known else len(known)
    if dimension is not None and dimension.target is not None:
        return result.labels.get((dimension.target, key), "￿"), key
    return key
