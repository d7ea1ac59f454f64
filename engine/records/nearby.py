"""How far places are apart, and the cells of a grid by which places near one are found.

Enters: points (degrees, WGS 84) and metres. Leaves: metres, and keys of cells. Must not read records.

The distance is that of the great circle by the haversine formula (R. W. Sinnott, Virtues of the Haversine, Sky and
Telescope 68, 1984) on a sphere of the earth's mean radius: off by half a percent at most, less than what a telephone
says of where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import asin, cos, floor, radians, sin, sqrt
from typing import Any

_RADIUS = 6_371_008.8
"""Metres; mean radius of the earth (IUGG)."""
_DEGREE = _RADIUS * radians(1)
"""Metres of a degree of latitude."""


@dataclass(frozen=True)
class Point:
    """A place on the earth."""

    lat: float
    lng: float

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Point":
        """Return the point of a value of a field of places."""
        return cls(float(value["lat"]), float(value["lng"]))

    @classmethod
    def read(cls, text: str) -> "Point":
        """Return the point that ``text`` was made of."""
        lat, _, lng = text.partition(",")
        return cls(float(lat), float(lng))

    @property
    def text(self) -> str:
        """The point as it is kept."""
        return f"{self.lat!r},{self.lng!r}"


def metres_between(one: Point, other: Point) -> float:
    """Return how far two places are apart."""
    up = sin(radians(other.lat - one.lat) / 2) ** 2
    along = cos(radians(one.lat)) * cos(radians(other.lat)) * sin(radians(other.lng - one.lng) / 2) ** 2
    return 2 * _RADIUS * asin(min(1.0, sqrt(up + along)))


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
