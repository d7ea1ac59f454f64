"""What a report announces, in words: tables for pages, paper and pictures, lines for messages and the command line.

Enters: an ``Announced``, who is spoken to. Leaves: texts; none leads to rows, since what is announced shows none. Must
not look anything up.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from engine.compiler.app import USER, Figure
from engine.reports.charting import exact
from engine.reports.results import Announced, Cell, Place
from engine.reports.spans import say_period
from engine.reports.values import say_in_unit
from engine.speaking import Speaker


def say_announced(speaker: Speaker, announced: Announced) -> dict[str, Any]:
    """Return what is announced: ``first`` and ``own`` are tables, None where there is nothing; ``notes`` say why."""
    label = speaker.label(announced.figure.label)
    first = [
        {
            "label": f"{place.rank}. {name_of(announced, place)}",
            "cells": [_told(speaker, announced.figure, place.value)],
        }
        for place in announced.first
    ]
    pairs = zip(announced.figures, announced.own or (), strict=False)
    own = [
        {"label": speaker.label(figure.label), "cells": [_told(speaker, figure, cell and cell.value, cell)]}
        for figure, cell in pairs
    ]
    return {
        "title": title_of(speaker, announced),
        "first": _table(speaker.say("report.announced_place"), label, first),
        "own": _table(speaker.say("report.announced_own"), own_rank(speaker, announced), own),
        "notes": list(_notes(speaker, announced)),
    }


def announced_lines(speaker: Speaker, announced: Announced) -> Iterator[str]:
    """Yield the same in lines."""
    yield title_of(speaker, announced)
    for place in announced.first:
        said = say_in_unit(speaker, exact(place.value), announced.figure.unit)
        yield speaker.say("report.announced_line", rank=place.rank, name=name_of(announced, place), value=said)
    if announced.own:
        pairs = zip(announced.figures, announced.own, strict=True)
        parts = [f"{speaker.label(one.label)} {_value(speaker, one, cell)}" for one, cell in pairs]
        said = ", ".join(parts) if speaker.language == "en" else "，".join(parts)
        yield speaker.say("report.announced_yours", rank=own_rank(speaker, announced), parts=said)
    if not announced.first or (announced.own is not None and announced.rank is None):
        yield _why(speaker, announced)


def title_of(speaker: Speaker, announced: Announced) -> str:
    """Return of when it is."""
    return speaker.say("report.announced", period=say_period(speaker, announced.period))


def own_rank(speaker: Speaker, announced: Announced) -> str:
    """Return the place of whoever reads."""
    if announced.rank is None:
        return speaker.say("report.announced_no_rank")
    return speaker.say("report.announced_rank", rank=announced.rank)


def name_of(announced: Announced, place: Place) -> str:
    """Return who has a place."""
    return announced.labels.get((USER, place.person), f"#{place.person}")


def _notes(speaker: Speaker, announced: Announced) -> Iterator[str]:
    if not announced.first or (announced.own is not None and announced.rank is None):
        yield _why(speaker, announced)
    figure = speaker.label(announced.figure.label)
    yield speaker.say("report.announced_about", count=announced.most, figure=figure)
    if announced.in_part:
        yield speaker.say("report.announced_in_part")


def _why(speaker: Speaker, announced: Announced) -> str:
    """Return why there is no place: the figure could not be worked out; its help says what it takes."""
    code = "report.announced_none" if not announced.first else "report.announced_not_you"
    figure, help_ = speaker.label(announced.figure.label), speaker.label(announced.figure.help)
    said = speaker.say(code, figure=figure)
    return f"{said}{speaker.say('report.announced_how', help=help_)}" if help_ else said


def _table(by: str, head: str, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return {"by": by, "heads": [head], "rows": rows, "totals": None} if rows else None


def _told(speaker: Speaker, figure: Figure, value: Any, cell: Cell | None = None) -> dict[str, Any]:
    said = say_in_unit(speaker, exact(value), figure.unit)
    few = cell is not None and cell.grey
    return {"text": said, "n": None if cell is None else cell.n, "url": None, "few": few, "before": []}


def _value(speaker: Speaker, figure: Figure, cell: Cell | None) -> str:
    value: Decimal | None = None if cell is None else exact(cell.value)
    return say_in_unit(speaker, value, figure.unit)
