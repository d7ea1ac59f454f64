"""Dashboards: places for tiles, each tile by itself, and the figures of a row at once.

Enters: the key of a dashboard, what its address asks. Leaves: the page at once, tiles when they are worked out, all of
them on paper. Must
not let a slow chart hold up another tile.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import g, render_template, request

from engine import reports
from engine.automation import receipts
from engine.automation.showing import find_board
from engine.compiler.app import Dashboard, Tile
from engine.errors import InvalidValues, NotFound, NotPossibleNow
from engine.reports import baselines
from web.gate import is_seen_as, locale, now, reads, store, unnoticed
from web.pages.frame import page_shell
from web.reporting.address import Asked, read_asked
from web.reporting.dash_page import dimensions_of_board, fetched_from, view_dashboard, view_row
from web.reporting.index_page import dashboard_url
from web.reporting.paper import send_board_paper
from web.reporting.report_page import hand_over
from web.reporting.tile_view import view_tile, with_digest
from web.reporting.waiting import view_waiting


@reads
def show(dashboard: str) -> Any:
    """Show a dashboard."""
    asked, board = read_board(dashboard)
    _note_opened(board)
    return render_template("pages/dashboard.html", dash=view_dashboard(asked, board), shell=page_shell())


@unnoticed
@reads
def tile(dashboard: str, place: str) -> Any:
    """Answer one tile; nothing when it is still as the page has it."""
    asked, board = read_board(dashboard)
    wanted = _find(board, place)
    view = _work_out(asked, wanted, place, reports.Counting())
    if view["digest"] == request.args.get("have"):
        return "", 204
    return render_template("fragments/tile.html", tile=view)


@unnoticed
@reads
def figures(dashboard: str, row: str) -> Any:
    """Answer a row of figures; nothing when all are still as the page has them."""
    asked, board = read_board(dashboard)
    places = view_row(asked, board, _find_row(board, row))
    seconds = reports.Counting().seconds
    for place in places["tiles"]:
        at, counting = place["id"].removeprefix("tile-"), reports.Counting(seconds)
        place["shown"] = _work_out(asked, _find(board, at), at, counting)
        seconds = counting.seconds
    digest = hashlib.sha256("".join(place["shown"]["digest"] for place in places["tiles"]).encode()).hexdigest()[:16]
    if digest == request.args.get("have"):
        return "", 204
    return render_template("fragments/tile_row.html", row=places, digest=digest)


@reads
def paper(dashboard: str) -> Any:
    """Send a dashboard on paper, every tile of it."""
    asked, board = read_board(dashboard)

    def make(counting: reports.Counting) -> Any:
        found = find_board(
            g.session, board, actor=g.actor, period=asked.period, filters=asked.filters, counting=counting
        )
        return send_board_paper(asked, found, dimensions_of_board(board))

    return hand_over(asked, board, "pdf", make)


ROUTES = (
    ("/dashboards/<dashboard>", ["GET"], show),
    ("/dashboards/<dashboard>/pdf", ["GET"], paper),
    ("/dashboards/<dashboard>/tiles/<place>", ["GET"], tile),
    ("/dashboards/<dashboard>/rows/<row>", ["GET"], figures),
)


def read_board(key: str) -> tuple[Asked, Dashboard]:
    """Return a dashboard and what the address asks of it; raises ``NotFound``."""
    board = reports.find_dashboard(g.session, key, actor=g.actor)
    today = locale().today(now())
    return read_asked(dashboard_url(board.key), request.args, period=board.period, today=today), board


def _note_opened(board: Dashboard) -> None:
    """Note that its reader opened what they were sent, where somebody may know that."""
    path = dashboard_url(board.key)
    if board.receipts and not is_seen_as() and receipts.waits(g.session, path, actor=g.actor):
        with store().write() as session:
            receipts.note_opened(session, path, actor=g.actor)


def _find(board: Dashboard, place: str) -> Tile:
    """Return the tile at a place, if it is there for the reader."""
    seen = [one for row in reports.seen_tiles(g.session, board, actor=g.actor) for one in row]
    for number, row in enumerate(board.rows):
        for at, one in enumerate(row):
            if f"{number}-{at}" == place and any(one is other for other in seen):
                return one
    raise NotFound()


def _find_row(board: Dashboard, number: str) -> list[Tile]:
    """Return what of a row is there for the reader, if those are figures only."""
    written: Sequence[Tile] = next((row for at, row in enumerate(board.rows) if str(at) == number), ())
    for seen in reports.seen_tiles(g.session, board, actor=g.actor):
        if all(one.kind == "figure" and any(one is other for other in written) for one in seen):
            return seen
    raise NotFound()


def _work_out(asked: Asked, wanted: Tile, place: str, counting: reports.Counting) -> dict[str, Any]:
    """Return the view of a tile, or why there is none now."""
    try:
        found = reports.run_tile(
            g.session, wanted, actor=g.actor, period=asked.period, filters=asked.filters, counting=counting
        )
    except reports.StillCounting as still:
        waiting = view_waiting(still, fetched_from(asked, f"tiles/{place}"))
        return with_digest({"kind": "computing", "computing": waiting, "foot": []})
    except (InvalidValues, NotPossibleNow) as refused:
        said = refused.errors[0] if isinstance(refused, InvalidValues) else refused
        return with_digest({"kind": "refused", "refused": said.text(locale().language), "foot": []})
    return view_tile(asked, wanted, found, baselines.find_all(g.session), place, counting.as_of)
