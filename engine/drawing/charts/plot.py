"""A drawn chart as plain shapes with their places, in pixels from the top left corner.

Enters: nothing (the layouts fill these). Leaves: frozen data that ``svg`` writes. Must not know colours: a ``look`` is
the name of one, which a page gives its own colour and a file that of its style sheet.
"""

from dataclasses import dataclass
from typing import Literal

from engine.drawing.picture import SIZE as DRAWN_SIZE
from engine.drawing.picture import width_of, wrapped

Point = tuple[float, float]
SIZE = 12
"""Letters are this high, in pixels."""


@dataclass(frozen=True)
class Shape:
    """An area, or a line when not ``filled``; ``said`` names what it stands for, ``address`` where that leads."""

    points: tuple[Point, ...]
    look: str
    filled: bool = True
    said: str = ""
    address: str = ""


@dataclass(frozen=True)
class Dot:
    """A point of a line."""

    x: float
    y: float
    look: str
    said: str = ""
    address: str = ""


@dataclass(frozen=True)
class Words:
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    said: str
    anchor: Literal["start", "middle", "end"] = "start"
    look: str = "text"


Piece = Shape | Dot | Words


@dataclass(frozen=True)
class Plot:
    """Everything to draw; ``title`` says to whoever cannot see it what it is."""

    width: float
    height: float
    pieces: tuple[Piece, ...]
    title: str = ""


def rectangle(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """Return the corners of a box."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def text_width(said: str) -> float:
    """Return about how wide a text is."""
    return width_of(said) * SIZE / DRAWN_SIZE


def cut(said: str, width: float) -> str:
    """Return a text in one line no wider than ``width``."""
    return wrapped(said, width * DRAWN_SIZE / SIZE, 1)[0]
