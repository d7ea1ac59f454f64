"""Stages in a column with the ways between them: how a record goes from its first stage to an outcome.

Enters: stages from first to last and moves between them. Leaves: a picture. Must not know what a move needs: that
stands in the notes. The next stage is a straight arrow down; every other way leaves to the side, on the right when it
leads on and on the left when it leads back. Ways to the same stage by the same name share one line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.drawing.picture import LEADING, Box, Line, Picture, State, Text, joined, width_of, wrapped
from engine.drawing.steps import BOX_WIDTH

_PAD = 12
_GAP = 46
_LANE = 16  # between two lines that run beside each other
_MARGIN = 10
_LABEL = 168  # the longest label of a line


@dataclass(frozen=True)
class DrawnStage:
    """One stage: what it is called and what is to be said of it."""

    title: str
    notes: tuple[str, ...] = ()
    tone: str = "neutral"
    state: State = "plain"
    outcome: bool = False


@dataclass(frozen=True)
class DrawnMove:
    """A way from some stages to another, by position; ``dashed`` when people decide on the way."""

    title: str
    start: tuple[int, ...]
    end: int
    dashed: bool = False


@dataclass(frozen=True)
class _Lane:
    """A move that runs beside the column, from the highest to the lowest stage it touches."""

    move: DrawnMove
    starts: tuple[int, ...]
    right: bool

    @property
    def span(self) -> tuple[int, int]:
        touched = (*self.starts, self.move.end)
        return min(touched), max(touched)


def draw_stages(stages: Sequence[DrawnStage], moves: Sequence[DrawnMove]) -> Picture:
    """Return the picture of stages and moves."""
    boxes = [_box(stage) for stage in stages]
    tops = [_MARGIN + sum(box.height + _GAP for box in boxes[:at]) for at in range(len(boxes))]
    lanes = [lane for move in moves for lane in _lanes(move)]
    left, right = ([lane for lane in lanes if lane.right is side] for side in (False, True))
    start = _MARGIN + _room(left)
    parts = [box.moved(start, top) for box, top in zip(boxes, tops, strict=True)]
    heights = [box.height for box in boxes]
    parts += [_straight(move, start, tops, heights) for move in moves if _is_next(move)]
    parts += _draw_lanes(left, start, tops, heights) + _draw_lanes(right, start + BOX_WIDTH, tops, heights)
    width = start + BOX_WIDTH + _room(right) + _MARGIN
    return joined(width, tops[-1] + heights[-1] + _MARGIN, parts)


def _box(stage: DrawnStage) -> Picture:
    inner = BOX_WIDTH - 2 * _PAD
    lines = [(line, False) for line in wrapped(stage.title, inner, 2)]
    lines += [(line, True) for note in stage.notes for line in wrapped(note, inner, 2)]
    texts = tuple(Text(_PAD, _PAD + LEADING * at + 13, line, quiet=quiet) for at, (line, quiet) in enumerate(lines))
    height = LEADING * len(lines) + 2 * _PAD - 4
    return Picture(
        BOX_WIDTH, height, (Box(0, 0, BOX_WIDTH, height, stage.tone, stage.state, round=stage.outcome),), (), texts
    )


def _is_next(move: DrawnMove) -> bool:
    return any(at + 1 == move.end for at in move.start)


def _lanes(move: DrawnMove) -> list[_Lane]:
    """Split a move into what runs on the right (from stages above) and on the left (from stages below)."""
    above = tuple(at for at in move.start if at < move.end - 1)
    below = tuple(at for at in move.start if at > move.end)
    return [_Lane(move, starts, right) for starts, right in ((above, True), (below, False)) if starts]


def _straight(move: DrawnMove, x: float, tops: Sequence[float], heights: Sequence[float]) -> Picture:
    middle, end = x + BOX_WIDTH / 2, tops[move.end]
    line = Line(((middle, tops[move.end - 1] + heights[move.end - 1]), (middle, end)), dashed=move.dashed)
    return Picture(0, 0, (), (line,), (_label(move.title, middle + 8, end - _GAP / 2 + 4, "start", 200),))


def _draw_lanes(lanes: Sequence[_Lane], edge: float, tops: Sequence[float], heights: Sequence[float]) -> list[Picture]:
    """Give each lane a distance from the column so that no two run over each other, and a height at its end."""
    distances = _distances(lanes)
    into = _entries(lanes)
    parts = []
    for at, lane in enumerate(lanes):
        side = 1 if lane.right else -1
        x = edge + side * (_label_room(lanes) + _LANE * distances[at])
        y = tops[lane.move.end] + heights[lane.move.end] * into[at]
        ways = []
        for begin in lane.starts:
            leaves = tops[begin] + heights[begin] * (0.75 if lane.right else 0.35)
            ways.append(Line(((edge, leaves), (x, leaves), (x, y), (edge, y)), dashed=lane.move.dashed))
        label = _label(lane.move.title, edge + side * 14, y - 5, "start" if lane.right else "end", _LABEL)
        parts.append(Picture(0, 0, (), tuple(ways), (label,)))
    return parts


def _distances(lanes: Sequence[_Lane]) -> Mapping[int, int]:
    """Return for each lane the first distance at which nothing that shares a stage with it runs yet, short ones inside.

    Source: greedy colouring of an interval graph.
    """
    order = sorted(range(len(lanes)), key=lambda at: lanes[at].span[1] - lanes[at].span[0])
    found: dict[int, int] = {}
    for at in order:
        low, high = lanes[at].span
        taken = {found[other] for other in found if lanes[other].span[0] <= high and low <= lanes[other].span[1]}
        found[at] = next(place for place in range(len(lanes)) if place not in taken)
    return found


def _entries(lanes: Sequence[_Lane]) -> list[float]:
    """Return where on the height of its last stage each lane ends, so that several do not end at one point."""
    found = []
    for at, lane in enumerate(lanes):
        same = [other for other, one in enumerate(lanes) if one.move.end == lane.move.end]
        found.append((same.index(at) + 1) / (len(same) + 1) if len(same) > 1 else 0.5)
    return found


def _room(lanes: Sequence[_Lane]) -> float:
    return _label_room(lanes) + _LANE * (max(_distances(lanes).values()) + 1) if lanes else 0


def _label_room(lanes: Sequence[_Lane]) -> float:
    return 28 + max(min(width_of(lane.move.title), _LABEL) for lane in lanes)


def _label(said: str, x: float, y: float, anchor: str, width: float) -> Text:
    return Text(x, y, wrapped(said, width, 1)[0], "start" if anchor == "start" else "end", quiet=True)
