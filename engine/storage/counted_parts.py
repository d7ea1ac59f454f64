"""Figures, reports, funnels and dashboards as a plan of what a publish changes names them.

Enters: a compiled app. Leaves: for each its kind, key, label, what it says in one text, place and former key. Must not
compare: ``differences.py`` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import CompiledApp, Dashboard, Figure, Funnel, Label, Report, Tile
from engine.compiler.app.reports import Adds
from engine.errors import Location
from engine.expression import Checked


@dataclass(frozen=True)
class Counted:
    """One of them; ``settings`` has its label, its help and its definition as text."""

    thing: str
    key: str
    label: Label
    settings: dict[str, Any]
    location: Location
    was: str | None = None


def counted_parts(app: CompiledApp) -> Iterator[Counted]:
    """Yield every figure, report, funnel and dashboard."""
    for figure in app.figures.values():
        yield _counted("figure", figure, _figure(figure))
    for report in app.reports.values():
        yield _counted("report", report, _report(report))
    for funnel in app.funnels.values():
        yield _counted("funnel", funnel, _funnel(funnel))
    for board in app.dashboards.values():
        settings = {"label": dict(board.label), "definition": _said(_dashboard(board))}
        yield Counted("dashboard", board.key, board.label, settings, board.location)


def _counted(thing: str, one: Figure | Report | Funnel, said: dict[str, Any]) -> Counted:
    settings = {"label": dict(one.label), "help": dict(one.help), "definition": _said(said)}
    return Counted(thing, one.key, one.label, settings, one.location, one.was)


def _said(parts: dict[str, Any]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in parts.items() if value not in (None, "", ()))


def _text(checked: Checked | None) -> str | None:
    return None if checked is None else " ".join(checked.text.split())


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "of": figure.rows.shape.lstrip("@"),
        "date": _text(figure.date),
        "where": _text(figure.where),
        "value": _text(figure.value.whole),
        "with": "; ".join(" ".join(filter(None, (f"{x.name}: {x.figure}", x.each, x.take))) for x in figure.inputs),
        "unit": figure.unit,
        "better": figure.better,
        "target": figure.target_from or (None if figure.target is None else str(figure.target)),
        "at_least": figure.at_least or None,
        "hide_below": figure.hide_below or None,
        "provisional": None if figure.provisional is None else _text(figure.provisional.when.whole),
        "closes": None if figure.closes is None else str(figure.closes),
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "show": ", ".join(report.show),
        "by": ", ".join(report.by),
        "period": report.period,
        "compare": ", ".join(report.compare),
        "chart": report.chart,
        "sort": _order(report.sort),
        "then": _order(report.then),
        "top": report.top,
        "announce": report.announce,
        "cumulative": "true" if report.cumulative else None,
        "adds": None if report.adds is None else _adds(report.adds),
    }


def _adds(adds: Adds) -> str:
    changes = [*(f"+ {one}" for one in adds.plus), *(f"- {one}" for one in adds.minus)]
    return " ".join([adds.begin, *changes, "=", adds.end])


def _order(sort: tuple[str, bool] | None) -> str | None:
    return None if sort is None else f"{'-' if sort[1] else ''}{sort[0]}"


def _funnel(funnel: Funnel) -> dict[str, Any]:
    steps = ", ".join(f"{one.key} ({_text(one.when)})" if one.when else one.key for one in funnel.steps)
    said = {"of": funnel.rows.shape.lstrip("@"), "date": _text(funnel.date), "where": _text(funnel.where)}
    return {**said, "by": ", ".join(funnel.by), "period": funnel.period, "steps": steps}


def _dashboard(board: Dashboard) -> dict[str, Any]:
    rows = " / ".join(", ".join(_tile(tile) for tile in row) for row in board.rows)
    said = {"for": ", ".join(sorted(board.roles)), "period": board.period, "filters": ", ".join(board.filters)}
    return {**said, "rows": rows}


def _tile(tile: Tile) -> str:
    where = "" if tile.where is None else f" where {_text(tile.where.checked)}"
    return f"{tile.kind} {tile.name}{where}"
