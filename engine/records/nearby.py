"""The cells of a grid by which places near one are found.

Enters: points and metres. Leaves: keys of cells. Must not read records.
"""

from math import cos, floor, radians

from engine.expression.earth import RADIUS, Point

_DEGREE = RADIUS * radians(1)
"""Metres of a degree of latitude."""


def cell_of(point: Point, metres: int) -> str:
    """Return the cell a place lies in; a cell is at least ``metres`` high and wide."""
    row = _row(point, metres)
    return f"{row}:{_column(point, row, metres)}"


def cells_near(point: Point, metres: int) -> list[str]:
    """Return the cells in which every place within ``metres`` lies: its own and those around it."""
    middle = _row(point, metres)
    found = []
    for row in (middle - 1, middle, middle + 1):
        column, columns = _column(point, row, metres), _columns(row, metres)
        found += [f"{row}:{(column + step) % columns}" for step in (-1, 0, 1)]
    return list(dict.fromkeys(found))


def _row(point: Point, metres: int) -> int:
    return floor((point.lat + 90) * _DEGREE / metres)


def _column(point: Point, row: int, metres: int) -> int:
    columns = _columns(row, metres)
    return min(columns - 1, floor((point.lng + 180) / 360 * columns))


def _columns(row: int, metres: int) -> int:
    """Return how many cells a row has: each wide enough also for what lies in the rows beside it."""
    height = metres / _DEGREE
    furthest = max(abs((row - 1) * height - 90), abs((row + 2) * height - 90))
    around = 360 * _DEGREE * cos(radians(furthest)) if furthest < 90 else 0.0
    return max(1, int(around / metres))
