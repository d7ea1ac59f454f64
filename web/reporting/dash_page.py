"""A dashboard as places for its tiles: a row of figures is fetched at once, every other tile by itself.

Enters: a dashboard and what its address asks. Leaves: the ``dash`` of ``pages/dashboard.html``. Must not work out any
figure: a slow one would hold up the page.
"""

from typing import Any
from urllib.parse import urlencode

from flask import g

from engine import reports
from engine.automation import receipts
from engine.compiler.app import Dashboard, Dimension, Tile
from engine.errors import NotFound
from engine.reports.periods import Period
from web.cells import Cells
from web.gate import locale, now
from web.reporting.address import Asked, figure_url, funnel_url, report_url
from web.reporting.filtering import view_filters
from web.reporting.index_page import dashboard_url
from web.reporting.report_page import view_period
from web.shell import ENTITY_URL

_DRAWN = ("report", "funnel")


def view_dashboard(asked: Asked, board: Dashboard) -> dict[str, Any]:
    """Return the view of a dashboard."""
    text = locale()
    boards = reports.list_dashboards(g.session, actor=g.actor)
    others = [
        {"label": text.label(one.label), "url": asked.address(path=dashboard_url(one.key)), "on": one.key == board.key}
        for one in boards
    ]
    return {
        "title": text.label(board.label),
        "url": asked.url,
        "period": view_period(asked),
        "pdf_url": asked.address(path=f"{asked.url}/pdf"),
        "others": others,
        "rows": [view_row(asked, board, row) for row in reports.seen_tiles(g.session, board, actor=g.actor)],
        "receipts": _receipts(board) if reports.sees_receipts(board, actor=g.actor) else None,
        "watched": _watched(board),
        **view_filters(asked, dimensions_of_board(board)),
    }


def _receipts(board: Dashboard) -> list[dict[str, Any]]:
    """Return to whom the dashboard was sent, and when each opened it."""
    cells = Cells(locale(), now())
    return [
        {
            "who": cells.person(one.who),
            "sent": cells.when(one.at),
            "opened": cells.when(one.opened) if one.opened else None,
        }
        for one in receipts.list_receipts(g.session, dashboard_url(board.key))
    ]


def _watched(board: Dashboard) -> str | None:
    """Tell its readers who sees that they opened it."""
    if board.receipts.isdisjoint(g.session.app.roles) or reports.sees_receipts(board, actor=g.actor):
        return None
    roles = [locale().label(one.label) for key, one in g.session.app.roles.items() if key in board.receipts]
    return locale().t("dashboards.watched", roles=locale().t("text.comma").join(roles))


def view_first(asked: Asked, board: Dashboard) -> dict[str, Any]:
    """Return the view of a dashboard for the first page: its figures and lists, and the first of its rows of charts."""
    view = view_dashboard(asked, board)
    drawn = [row for row in view["rows"] if any(tile["kind"] == "chart" for tile in row["tiles"])]
    return view | {"rows": [row for row in view["rows"] if row not in drawn[1:]]}


def dimensions_of_board(board: Dashboard) -> dict[str, Dimension]:
    """Return the dimensions a dashboard offers as filters, as the first of its figures has them."""
    known: dict[str, Dimension] = {}
    for tile in (one for row in board.rows for one in row):
        for key in _figures(tile):
            try:
                found = reports.find_figure(g.session, key, actor=g.actor)
            except NotFound:
                continue
            known = reports.dimensions_of(g.session, found, actor=g.actor) | known
    return {key: known[key] for key in board.filters if key in known}


def title_of_tile(tile: Tile) -> str:
    """Return what a tile is called: as its dashboard says, else as what it shows."""
    app, text = g.session.app, locale()
    kinds = {"figure": app.figures, "report": app.reports, "funnel": app.funnels, "list": app.entities}
    return text.label(tile.label) or text.label(kinds[tile.kind][tile.name].label)


def address_of_tile(asked: Asked, tile: Tile) -> str:
    """Return where a tile leads to, in the same period and under the same filters."""
    if tile.kind == "list":
        return ENTITY_URL.format(entity=tile.name)
    urls = {"figure": figure_url, "report": report_url, "funnel": funnel_url}
    period = reports.period_of_tile(g.session, tile, asked.period)
    named = period.name if isinstance(period, Period) else period
    return asked.address(path=urls[tile.kind](tile.name), period=named, chart=tile.chart)


def view_row(asked: Asked, board: Dashboard, row: list[Tile]) -> dict[str, Any]:
    """Return the places of a row; ``load`` is where all of it comes from at once, None where each tile comes alone."""
    number, plain = _place_of(board, row[0])[0], all(tile.kind == "figure" for tile in row)
    load = fetched_from(asked, f"rows/{number}") if plain else None
    return {"wide": not plain, "load": load, "tiles": [_place(asked, board, tile) for tile in row]}


def _place(asked: Asked, board: Dashboard, tile: Tile) -> dict[str, Any]:
    number, place = _place_of(board, tile)
    at = f"{number}-{place}"
    kind = "chart" if tile.kind in _DRAWN else tile.kind
    return {
        "id": f"tile-{at}", "title": title_of_tile(tile), "url": address_of_tile(asked, tile), "kind": kind,
        "load": fetched_from(asked, f"tiles/{at}"),
    }  # fmt: skip


def _place_of(board: Dashboard, tile: Tile) -> tuple[int, int]:
    """Return the row a tile stands in and its place there, as the dashboard is written."""
    return next(
        (number, place) for number, row in enumerate(board.rows) for place, one in enumerate(row) if one is tile
    )


def fetched_from(asked: Asked, part: str) -> str:
    """Return where a part of a dashboard comes from, of its period and under its filters."""
    query = urlencode([("period", asked.period.name), *asked.kept("period")])
    return f"{asked.url}/{part}?{query}"


def _figures(tile: Tile) -> tuple[str, ...]:
    app = g.session.app
    if tile.kind == "figure":
        return (tile.name,)
    return app.reports[tile.name].show if tile.kind == "report" else ()
