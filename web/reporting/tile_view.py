"""One tile of a dashboard, worked out: a figure, a chart, a funnel or a short list.

Enters: a tile, what its dashboard asks, what the engine answered. Leaves: the ``tile`` of ``fragments/tile.html``. Must
not leave a filter out silently: what a figure has no dimension for is said under it.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import g

from engine.compiler.app import Entity, Tile
from engine.records.queries import Page
from engine.records.record import Record
from engine.reports.charting import fitting_kind
from engine.reports.results import FunnelResult, Result
from engine.reports.spans import say_period
from web.cells import Cell, Cells, record_url, title_of
from web.gate import locale, now
from web.reporting.address import Asked, funnel_url
from web.reporting.chart_view import view_chart
from web.reporting.dash_page import title_of_tile
from web.reporting.figure_view import view_figure
from web.reporting.report_page import earlier_of, make_charting, view_announced
from web.reporting.waiting import say_as_of
from web.shell import ENTITY_URL

_UNSPOKEN = ("number", "money", "percent", "rating", "boolean", "moment", "time", "duration")
"""Cells of fields whose values do not tell by themselves what they are."""


def view_tile(
    asked: Asked,
    tile: Tile,
    found: Result | FunnelResult | Page,
    baselines: Mapping[str, Decimal],
    id: str,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Return the view of a tile; ``as_of`` is when it was worked out, where that was not now."""
    if isinstance(found, Page):
        view = _list(tile, found)
    elif isinstance(found, FunnelResult):
        view = _funnel(asked, tile, found, id)
    elif not found.axes and tile.kind == "figure":
        view = _figure(asked, found, baselines)
    else:
        view = _chart(asked, tile, found, baselines, id)
    return with_digest(view | {"foot": [*view["foot"], *say_as_of(as_of)]})


def with_digest(view: dict[str, Any]) -> dict[str, Any]:
    """Return the view with a digest of all it says, by which a page tells whether it has it already."""
    return view | {"digest": hashlib.sha256(repr(view).encode()).hexdigest()[:16]}


def _figure(asked: Asked, result: Result, baselines: Mapping[str, Decimal]) -> dict[str, Any]:
    return {"kind": "figure", "figure": _one(asked, result, 0, baselines), "foot": _foot(result)}


def _one(asked: Asked, result: Result, at: int, baselines: Mapping[str, Decimal]) -> dict[str, Any]:
    figure = result.figures[at]
    rows = make_charting(asked, baselines).rows(figure, ())
    return view_figure(
        locale(), figure, result.total.cells[at], result.period, before=(result.previous, result.last_year),
        rows_url=rows, baseline=baselines.get(figure.key),
    )  # fmt: skip


def _chart(asked: Asked, tile: Tile, result: Result, baselines: Mapping[str, Decimal], id: str) -> dict[str, Any]:
    written = tile.chart or (result.report.chart if result.report is not None else "tiles")
    kind = fitting_kind(result, written)
    if kind == "tiles":
        figures = [_one(asked, result, at, baselines) for at in range(len(result.figures))]
        return {"kind": "figures", "figures": figures, "foot": _foot(result)}
    report = result.report.key if result.report is not None else ""
    chart = make_charting(asked, baselines, report).chart(result, kind, title_of_tile(tile))
    view = view_chart(chart, f"chart-{id}", earlier=earlier_of(asked, result))
    return {"kind": "chart", "chart": view, "announced": view_announced(result), "foot": _foot(result)}


def _funnel(asked: Asked, tile: Tile, result: FunnelResult, id: str) -> dict[str, Any]:
    url = f"{funnel_url(tile.name)}/rows"
    chart = make_charting(asked, {}).funnel(
        result, title_of_tile(tile), lambda step: asked.rows_address(url, step=step)
    )
    foot = [say_period(locale(), result.period), f"n={result.n:,}"]
    view = view_chart(chart, f"chart-{id}", earlier=asked.earlier_url)
    return {"kind": "chart", "chart": view, "foot": foot}


def _foot(result: Result) -> list[str]:
    text = locale()
    of_now = all(figure.of_now for figure in result.figures)
    said = [text.say("report.of_now") if of_now else say_period(text, result.period)]
    if result.ignored:
        known = {key: one for figure in g.session.app.figures.values() for key, one in figure.rows.dimensions.items()}
        names = [text.label(known[key].label) if key in known else key for key in result.ignored]
        said.append(text.t("dashboards.ignored", names=text.t("text.comma").join(names)))
    return said


# ---- a short list


def _list(tile: Tile, page: Page) -> dict[str, Any]:
    entity = g.session.app.entities[tile.name]
    cells, text = Cells(locale(), now()), locale()
    url = ENTITY_URL.format(entity=entity.key)
    rows = [_row(cells, entity, record, page.columns) for record in page.records]
    return {
        "kind": "list",
        "list": {"rows": rows, "empty": text.t("dashboards.none_due"), "all_url": url, "more": bool(page.next)},
        "foot": [text.t("dashboards.more", count=len(rows))] if page.next else [],
    }


def _row(cells: Cells, entity: Entity, record: Record, columns: Any) -> dict[str, Any]:
    title = title_of(entity, record)
    shown = [(key, _cell(cells, entity, key, record)) for key in columns if key != "stage"]
    facts = [(key, cell) for key, cell in shown if cell.get("text") and cell["text"] not in title]
    dated = next((one for one in reversed(facts) if one[1]["kind"] in ("date", "datetime", "money")), None)
    said = [_fact(entity, key, cell) for key, cell in facts if dated is None or key != dated[0]]
    return {
        "url": record_url(entity.key, record.id),
        "title": title,
        "facts": said,
        "stage": cells.stage(entity, record.values.get("stage")),
        "last": _fact(entity, *dated) if dated is not None else None,
    }


def _fact(entity: Entity, key: str, cell: Cell) -> dict[str, Any]:
    """Return what a column says; a number or a day does not say by itself what it is."""
    field = entity.fields.get(key)
    label = locale().label(field.label) if field is not None and field.type.cell in _UNSPOKEN else ""
    return {"label": label, "text": cell["text"]}


def _cell(cells: Cells, entity: Entity, key: str, record: Record) -> Cell:
    """Return the cell of a column; a moment still to come is said as it is, for it is no while ago."""
    value = record.values.get(key)
    if isinstance(value, datetime) and value > cells.now and key not in record.masked:
        return cells.plain("datetime", cells.due(value)["text"])
    return cells.of_record(entity, key, record)
