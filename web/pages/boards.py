"""The board of an entity with stages, and the way a card takes when it is dropped on another stage.

Enters: an entity, or a record and the stage it was dropped on. Leaves: the board, or the dialog of the move that leads
there. Must not move anything by itself: the dialog asks the same gate as every other way.
"""

from typing import Any
from urllib.parse import urlencode

from flask import Response, g, redirect, render_template, request

from engine.compiler.app import Entity, Workflow
from engine.errors import NotFound, NotPossibleNow
from engine.records import queries
from engine.records.rights import get_entity
from engine.records.views import list_views
from engine.workflow.transitions import list_moves
from web.api.requests import read_id
from web.board_view import BoardView
from web.cells import record_url, title_of
from web.gate import locale, reads
from web.pages.frame import page_shell
from web.shell import ENTITY_URL


@reads
def show(entity: str) -> Any:
    """Show the board."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    board = BoardView(compiled, _workflow(compiled), list_views(g.session, entity, actor=g.actor)).whole()
    return render_template("pages/board.html", board=board, shell=page_shell())


@reads
def drop(entity: str, record_id: str, stage: str) -> Any:
    """Lead to the move from where a record is to a stage; say why when there is none.

    The query is that of the board, which one comes back to.
    """
    compiled = get_entity(g.session.app, entity)
    workflow = _workflow(compiled)
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    if stage not in workflow.stages:
        raise NotFound()
    for possible in list_moves(g.session, record, actor=g.actor):
        if stage in (possible.move.to, possible.move.during):
            url = f"{record_url(entity, record.id)}/moves/{possible.move.key}"
            query = request.query_string.decode("ascii", "ignore")
            board = f"{ENTITY_URL.format(entity=entity)}/board" + (f"?{query}" if query else "")
            return redirect(f"{url}?{urlencode({'next': board})}", 303)
    here = workflow.stages.get(record.values.get("stage") or "")
    said = locale().t(
        "board.no_way",
        record=title_of(compiled, record),
        here=locale().label(here.label) if here is not None else "–",
        there=locale().label(workflow.stages[stage].label),
    )
    if request.headers.get("HX-Request"):
        return Response(said, mimetype="text/plain")  # an answer, not a failure: the board says it
    raise NotPossibleNow("workflow.not_now")


ROUTES = (
    ("/e/<entity>/board", ["GET"], show),
    ("/e/<entity>/<record_id>/to/<stage>", ["GET"], drop),
)


def _workflow(entity: Entity) -> Workflow:
    if entity.workflow is None:
        raise NotFound()
    return entity.workflow
