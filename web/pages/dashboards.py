"""Dashboards: places for tiles, and each tile by itself.

Enters: the key of a dashboard, what its address asks. Leaves: the page at once, each tile when it is worked out. Must
not let one slow figure hold up another.
"""

from typing import Any

from flask import g, render_template, request

from engine import reports
from engine.compiler.app import Dashboard, Tile
from engine.errors import InvalidValues, NotFound, NotPossibleNow
from engine.reports import baselines
from web.gate import locale, now, reads, unnoticed
from web.pages.frame import page_shell
from web.reporting.address import Asked, read_asked
from web.reporting.dash_page import view_dashboard
from web.reporting.index_page import dashboard_url
from web.reporting.tile_view import view_tile


@reads
def show(dashboard: str) -> Any:
    """Show a dashboard."""
    asked, board = read_board(dashboard)
    return render_template("pages/dashboard.html", dash=view_dashboard(asked, board), shell=page_shell())


@unnoticed
@reads
def tile(dashboard: str, place: str) -> Any:
    """Answer one tile; nothing when it is still as the page has it."""
    asked, board = read_board(dashboard)
    wanted = _find(board, place)
    view = _work_out(asked, wanted, place)
    if view["digest"] == request.args.get("have"):
        return "", 204
    return render_template("fragments/tile.html", tile=view)


ROUTES = (
    ("/dashboards/<dashboard>", ["GET"], show),
    ("/dashboards/<dashboard>/tiles/<place>", ["GET"], tile),
)


def read_board(key: str) -> tuple[Asked, Dashboard]:
    """Return a dashboard and what the address asks of it; raises ``NotFound``."""
    board = reports.find_dashboard(g.session, key, actor=g.actor)
    today = locale().today(now())
    return read_asked(dashboard_url(board.key), request.args, period=board.period, today=today), board


def _find(board: Dashboard, place: str) -> Tile:
    """Return the tile at a place, if it is there for the reader."""
    seen = [one for row in reports.seen_tiles(g.session, board, actor=g.actor) for one in row]
    for number, row in enumerate(board.rows):
        for at, one in enumerate(row):
            if f"{number}-{at}" == place and any(one is other for other in seen):
                return one
    raise NotFound()


def _work_out(asked: Asked, wanted: Tile, place: str) -> dict[str, Any]:
    """Return the view of a tile, or why there is none now."""
    try:
        found = reports.run_tile(g.session, wanted, actor=g.actor, period=asked.period, filters=asked.filters)
    except (InvalidValues, NotPossibleNow) as refused:
        said = refused.errors[0] if isinstance(refused, InvalidValues) else refused
        return {"kind": "refused", "refused": said.text(locale().language), "digest": "", "foot": []}
    return view_tile(asked, wanted, found, baselines.find_all(g.session), place)
