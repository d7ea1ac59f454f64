"""The drawing of how things go: the stages of an entity, its approvals, and where one record stands in them.

Enters: an entity, or a record of it. Leaves: a page of drawings with the same in words. Must not draw what the reader
may not read records of.
"""

from typing import Any

from flask import g, render_template

from engine.compiler.app import Entity
from engine.drawing.picture import Picture
from engine.records import queries
from engine.records.rights import get_entity
from engine.workflow.drawings.approvals import draw_approval, draw_running
from engine.workflow.drawings.workflows import draw_workflow
from engine.workflow.panel import find_state
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.gate import locale, reads
from web.pages.frame import page_shell
from web.pages.simulations import SIMULATE_URL, may_simulate
from web.shell import ENTITY_URL


@reads
def show(entity: str) -> Any:
    """Show how records of an entity go."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    drawings = _stages(compiled, None) + [
        _view(key, draw_approval(g.session.app, approval, locale().language))
        for key, approval in g.session.app.approvals.items()
        if approval.entity == entity
    ]
    crumbs = [{"label": locale().label(compiled.label), "url": ENTITY_URL.format(entity=entity)}]
    simulate = SIMULATE_URL.format(entity=entity) if may_simulate(compiled) else None
    return _page(locale().t("flow.title", name=locale().label(compiled.label)), crumbs, drawings, simulate)


@reads
def show_record(entity: str, record_id: str) -> Any:
    """Show where a record stands."""
    compiled = get_entity(g.session.app, entity)
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    drawings = _stages(compiled, record.values.get("stage"))
    state = find_state(g.session, entity, record.id)
    if state is not None:
        drawings.insert(
            0, _view(state.approval, draw_running(g.session.app, entity, state, locale().language, locale().datetime))
        )
    title = title_of(compiled, record)
    crumbs = [
        {"label": locale().label(compiled.label), "url": ENTITY_URL.format(entity=entity)},
        {"label": title, "url": record_url(entity, record.id)},
    ]
    return _page(locale().t("flow.title", name=title), crumbs, drawings)


ROUTES = (
    ("/e/<entity>/flow", ["GET"], show),
    ("/e/<entity>/<record_id>/flow", ["GET"], show_record),
)


def _stages(entity: Entity, stage: str | None) -> list[dict[str, Any]]:
    picture = draw_workflow(g.session.app, entity, locale().language, at=stage)
    return [_view("stages", picture)] if picture is not None else []


def _view(key: str, picture: Picture) -> dict[str, Any]:
    return {"key": key, "label": picture.title, "status": None, "picture": picture, "words": picture.words}


def _page(title: str, crumbs: list[dict[str, str]], drawings: list[dict[str, Any]], simulate: str | None = None) -> Any:
    text = locale()
    empty = {"icon": "sitemap", "title": text.t("flow.none"), "text": text.t("flow.none_text"), "action": None}
    flow = {"title": title, "crumbs": crumbs, "drawings": drawings, "empty": empty, "simulate_url": simulate}
    return render_template("pages/flow.html", flow=flow, shell=page_shell())
