"""As what figures can be drawn, by how many dimensions divide them and which units they have.

Enters: a number of dimensions, units. Leaves: kinds of charts, the first where none is asked for. Must not look at
values: a definition is checked by the same rule before there are any.
"""

from collections.abc import Sequence

from engine.drawing.charts.chart import Kind, Unit

OF_NOTHING: tuple[Kind, ...] = ("tiles", "table")
OF_ONE: tuple[Kind, ...] = ("bars", "line", "table")
OF_TWO: tuple[Kind, ...] = ("stacked", "bars", "line", "heat", "pivot")
OF_MORE: tuple[Kind, ...] = ("table",)
_TWO = 2
_LEAST_AXES = 3


def fitting_kinds(dimensions: int, units: Sequence[Unit], *, adds: bool = False) -> tuple[Kind, ...]:
    """Return as what figures of these units can be shown; ``adds`` tells that it is known how they add up."""
    falls: tuple[Kind, ...] = ("waterfall",) if adds else ()
    if not dimensions:
        return (OF_NOTHING[0], *falls, *OF_NOTHING[1:])
    if dimensions >= _TWO:
        return OF_TWO if dimensions == _TWO else OF_MORE
    more: list[Kind] = ["stacked"] if len(units) > 1 and len(set(units)) == 1 else []
    more += ["radar"] if len(units) >= _LEAST_AXES else []
    return (*OF_ONE[:2], *more, *falls, "table")
