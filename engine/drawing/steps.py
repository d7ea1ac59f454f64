"""Steps one after another and side by side, from the top down: how an approval goes.

Enters: a sequence of steps and blocks of branches. Leaves: a picture. Must not know who is asked or why: that stands in
the notes. A sequence is as wide as its widest part and as high as all of them; a block is as wide as its branches
together and as high as the highest; so any nesting finds its place in one pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.drawing.picture import LEADING, Box, Line, Picture, State, Text, joined, wrapped

BOX_WIDTH = 224
_PAD = 12
_GAP = 34  # between one step and the next, with its arrow
_ASIDE = 24  # between branches
_MARGIN = 8


@dataclass(frozen=True)
class DrawnStep:
    """One step: what it is called, what is to be said of it, and the condition it waits for ("" for none)."""

    title: str
    notes: tuple[str, ...] = ()
    condition: str = ""
    state: State = "plain"
    tone: str = "neutral"


@dataclass(frozen=True)
class DrawnBranch:
    """One of several ways taken side by side."""

    title: str
    steps: "tuple[DrawnStep | DrawnBlock, ...]"
    condition: str = ""
    state: State = "plain"


@dataclass(frozen=True)
class DrawnBlock:
    """Branches that begin together and are waited for together."""

    step: DrawnStep
    branches: tuple[DrawnBranch, ...]


Drawn = DrawnStep | DrawnBlock


def draw_steps(begin: str, steps: Sequence[Drawn], end: str, *, ended: State = "plain") -> Picture:
    """Return the picture of ``steps`` between a beginning and an end."""
    parts = [_pill(begin, "done" if ended != "plain" else "plain"), *(_draw(step) for step in steps), _pill(end, ended)]
    body = _in_a_column(parts)
    return replace(body.moved(_MARGIN, _MARGIN), width=body.width + 2 * _MARGIN, height=body.height + 2 * _MARGIN)


def _draw(drawn: Drawn) -> Picture:
    return _box(drawn) if isinstance(drawn, DrawnStep) else _block(drawn)


def _box(step: DrawnStep) -> Picture:
    inner = BOX_WIDTH - 2 * _PAD
    lines = [(line, False) for line in wrapped(step.title, inner, 2)]
    said = ([step.condition] if step.condition else []) + list(step.notes)
    lines += [(line, True) for note in said for line in wrapped(note, inner, 3)]
    texts = tuple(Text(_PAD, _PAD + LEADING * at + 13, line, quiet=quiet) for at, (line, quiet) in enumerate(lines))
    height = LEADING * len(lines) + 2 * _PAD - 4
    box = Box(0, 0, BOX_WIDTH, height, step.tone, step.state, dashed=bool(step.condition))
    return Picture(BOX_WIDTH, height, (box,), (), texts)


def _pill(said: str, state: State) -> Picture:
    width, height = 112, 30
    text = Text(width / 2, 20, said, "middle")
    return Picture(width, height, (Box(0, 0, width, height, "neutral", state, round=True),), (), (text,))


def _block(block: DrawnBlock) -> Picture:
    """The step that opens the branches, the branches beside each other, and a bar where they meet again."""
    head = _box(block.step)
    columns = [_column_of(branch) for branch in block.branches]
    width = max(head.width, sum(column.width for column in columns) + _ASIDE * (len(columns) - 1))
    top = head.height + _GAP
    bottom = top + max(column.height for column in columns)
    parts = [head.moved((width - head.width) / 2, 0)]
    x = (width - sum(column.width for column in columns) - _ASIDE * (len(columns) - 1)) / 2
    middle = width / 2
    for column in columns:
        centre = x + column.width / 2
        fork = (
            (middle, head.height),
            (middle, head.height + _GAP / 2),
            (centre, head.height + _GAP / 2),
            (centre, top),
        )
        foot = top + column.height
        meet = ((centre, foot), (centre, bottom + _GAP / 2), (middle, bottom + _GAP / 2))
        parts += [column.moved(x, top), Picture(0, 0, (), (Line(fork), Line(meet, plain=True)))]
        x += column.width + _ASIDE
    return joined(width, bottom + _GAP / 2, parts)


def _column_of(branch: DrawnBranch) -> Picture:
    title = DrawnStep(branch.title, (), branch.condition, branch.state)
    heading = _box(title)
    label = replace(heading, boxes=tuple(replace(box, round=True) for box in heading.boxes))
    return _in_a_column([label, *(_draw(step) for step in branch.steps)])


def _in_a_column(parts: Sequence[Picture]) -> Picture:
    """Put parts below each other, each joined to the next by an arrow."""
    width = max(part.width for part in parts)
    placed, y = [], 0.0
    for at, part in enumerate(parts):
        if at:
            placed.append(Picture(0, 0, (), (Line(((width / 2, y - _GAP), (width / 2, y))),)))
        placed.append(part.moved((width - part.width) / 2, y))
        y += part.height + _GAP
    return joined(width, y - _GAP, placed)
