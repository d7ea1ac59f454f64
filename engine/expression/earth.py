"""How far places on the earth are apart.

Enters: points (degrees, WGS 84). Leaves: metres. Must not know fields or cells of a grid.

The distance is that of the great circle by the haversine formula (R. W. Sinnott, Virtues of the Haversine, Sky and
Telescope 68, 1984) on a sphere of the earth's mean radius: off by half a percent at most, less than what a telephone
says of where it is. ``sql_terms.distance`` says the same in SQL, step by step, so that it rounds alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import asin, cos, floor, radians, sin, sqrt
from typing import Any

RADIUS = 6_371_008.8
"""Metres; mean radius of the earth (IUGG)."""


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
    up, along = sin(radians(other.lat - one.lat) / 2), sin(radians(other.lng - one.lng) / 2)
    part = up * up + cos(radians(one.lat)) * cos(radians(other.lat)) * (along * along)
    return 2 * RADIUS * asin(min(1.0, sqrt(part)))


def distance(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> int | None:
    """Return how far two values of fields of places are apart, in whole metres; missing when one of them is."""
    if one is None or other is None:
        return None
    return floor(metres_between(Point.of(one), Point.of(other)) + 0.5)
