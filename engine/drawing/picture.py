"""A picture as plain shapes with their places, in pixels from the top left corner.

Enters: nothing (the layouts fill these). Leaves: frozen data that any page, file or printer can draw. Must not know
what a picture is about, nor SVG: escaping belongs to whoever writes it.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

State = Literal["plain", "done", "now", "skipped", "later"]
Point = tuple[float, float]

SIZE = 13
"""Letters are this high, in pixels; a line of text takes ``LEADING``."""
LEADING = 19


@dataclass(frozen=True)
class Text:
    """One line of text; ``y`` is its base line, ``anchor`` which end of it stands at ``x``."""

    x: float
    y: float
    said: str
    anchor: Literal["start", "middle", "end"] = "start"
    quiet: bool = False


@dataclass(frozen=True)
class Box:
    """A box; ``tone`` is that of a stage, ``round`` for where something begins or ends."""

    x: float
    y: float
    width: float
    height: float
    tone: str = "neutral"
    state: State = "plain"
    dashed: bool = False
    round: bool = False


@dataclass(frozen=True)
class Line:
    """A line through ``points``, with an arrow at its end unless ``plain``."""

    points: tuple[Point, ...]
    plain: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Picture:
    """Everything to draw; ``title`` and ``words`` say the same to whoever cannot see it."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    texts: tuple[Text, ...] = ()
    title: str = ""
    words: tuple[str, ...] = field(default=())

    def moved(self, x: float, y: float) -> "Picture":
        """Return the picture with every shape moved."""
        return replace(
            self,
            boxes=tuple(replace(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            lines=tuple(replace(one, points=tuple((a + x, b + y) for a, b in one.points)) for one in self.lines),
            texts=tuple(replace(text, x=text.x + x, y=text.y + y) for text in self.texts),
        )


def joined(width: float, height: float, parts: Iterable[Picture]) -> Picture:
    """Return one picture of several that stand at their places already."""
    parts = list(parts)
    return Picture(
        width,
        height,
        tuple(box for part in parts for box in part.boxes),
        tuple(line for part in parts for line in part.lines),
        tuple(text for part in parts for text in part.texts),
    )


def width_of(said: str) -> float:
    """Return about how wide a text is; a Chinese character is as wide as it is high."""
    return sum(SIZE if unicodedata.east_asian_width(one) in "WF" else SIZE * 0.56 for one in said)


def wrapped(said: str, width: float, most: int = 3) -> list[str]:
    """Return a text in lines no wider than ``width``; what is left after ``most`` lines is cut with an ellipsis."""
    lines, line = [""], 0.0
    for piece in _pieces(said):
        wide = width_of(piece)
        if line + wide > width and lines[-1]:
            lines.append("")
            line, piece = 0.0, piece.lstrip()
        lines[-1] += piece
        line += wide
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], _cut(lines[most - 1], width)]


def _pieces(said: str) -> Iterable[str]:
    """Yield what may not be broken: a Chinese character, or a word with the blank before it."""
    word = ""
    for one in said:
        if unicodedata.east_asian_width(one) in "WF":
            if word:
                yield word
            yield one
            word = ""
        elif one == " ":
            if word:
                yield word
            word = one
        else:
            word += one
    if word:
        yield word


def _cut(said: str, width: float) -> str:
    while said and width_of(said) + SIZE > width:
        said = said[:-1]
    return f"{said}…"
