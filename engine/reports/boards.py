"""Dashboards: which there are for somebody, and what their tiles come to.

Enters: the actor, the key of a dashboard, a tile. Leaves: dashboards, results, pages of records. Must not show a tile
whose reader may not see what it is of: such a tile is not there.
"""

from functools import partial

from engine.compiler.app import Dashboard, Tile
from engine.errors import NotFound
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.records.list_query import LinkCondition, readable_keys
from engine.records.listing import ListPlan, ListQuery
from engine.records.queries import Page
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import find_rights
from engine.records.values import said
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.funnels import run_funnel
from engine.reports.kept import Asked, Counting, Recording
from engine.reports.opening import run
from engine.reports.periods import Period, find_period
from engine.reports.results import FunnelResult, Result
from engine.reports.running import run_figure
from engine.reports.seeing import SeenSource, may_read
from engine.storage.store import Session


def list_dashboards(session: Session, *, actor: Actor) -> list[Dashboard]:
    """Return the dashboards the actor may open, in the order of their files."""
    return [one for one in session.app.dashboards.values() if _is_for(one, actor)]


def home_of(session: Session, *, actor: Actor) -> Dashboard | None:
    """Return the dashboard the actor sees first: the first that is for one of their roles, else the first for all."""
    found = list_dashboards(session, actor=actor)
    mine = (one for one in found if one.roles and (actor.is_admin or not one.roles.isdisjoint(actor.roles)))
    return next(mine, next((one for one in found if not one.roles), None))


def find_dashboard(session: Session, key: str, *, actor: Actor) -> Dashboard:
    """Return a dashboard; raises ``NotFound`` for one the actor may not open."""
    found = session.app.dashboards.get(key)
    if found is None or not _is_for(found, actor):
        raise NotFound("report.no_dashboard", name=said(key))
    return found


def _is_for(dashboard: Dashboard, actor: Actor) -> bool:
    roles = dashboard.roles | dashboard.receipts
    return not dashboard.roles or not roles.isdisjoint(actor.roles) or actor.is_admin


def sees_receipts(dashboard: Dashboard, *, actor: Actor) -> bool:
    """Tell whether the actor may know who opened a dashboard."""
    return not dashboard.receipts.isdisjoint(actor.roles)


def seen_tiles(session: Session, dashboard: Dashboard, *, actor: Actor) -> list[list[Tile]]:
    """Return the rows of tiles that are there for the actor."""
    rows = [[one for one in row if _sees(session, one, actor)] for row in dashboard.rows]
    return [row for row in rows if row]


def _sees(session: Session, tile: Tile, actor: Actor) -> bool:
    if tile.kind == "list":
        return may_read(session.app, tile.reads, tile.name, actor)
    try:
        if tile.kind == "figure":
            asking.find_figure(session, tile.name, actor=actor)
        elif tile.kind == "report":
            asking.find_report(session, tile.name, actor=actor)
        else:
            asking.find_funnel(session, tile.name, actor=actor)
    except NotFound:
        return False
    return True


def run_tile(
    session: Session,
    tile: Tile,
    *,
    actor: Actor,
    period: str | Period | None = None,
    filters: Filters | None = None,
    counting: Counting | None = None,
) -> Result | FunnelResult | Page:
    """Return what a tile comes to; ``period`` is that of its dashboard, which a tile with its own leaves aside.

    Filters that it has no dimension for are left out (``Result.ignored``). Raises as ``run`` does.
    """
    wanted = period_of_tile(session, tile, period)
    if tile.kind == "figure":
        return run_figure(
            session, tile.name, actor=actor, period=wanted, filters=filters, compare=tile.compare, lenient=True,
            counting=counting,
        )  # fmt: skip
    if tile.kind == "report":
        return run(session, tile.name, actor=actor, period=wanted, filters=filters, lenient=True, counting=counting)
    if tile.kind == "funnel":
        known = asking.dimensions_of(session, asking.find_funnel(session, tile.name, actor=actor), actor=actor)
        kept = {key: value for key, value in (filters or {}).items() if key in known}
        return run_funnel(session, tile.name, actor=actor, period=wanted, filters=kept, counting=counting)
    return run_list(session, tile, actor=actor, counting=counting)


def period_of_tile(session: Session, tile: Tile, period: str | Period | None) -> str | Period | None:
    """Return the period of a tile: its own, else that of its dashboard.

    A report divided by its own date keeps its length, since one month is no line over months: it ends where the
    dashboard's period does, or today while that lasts.
    """
    report = session.app.reports.get(tile.name) if tile.kind == "report" else None
    if tile.period is not None or report is None or asking.own_span(report.by) is None or period is None:
        return tile.period or period
    today = session.now().astimezone(site_zone(session.app)).date()
    last = asking.period_of(session, period, report.period).last
    return find_period(report.period, min(last, today)) or period


def run_list(session: Session, tile: Tile, *, actor: Actor, counting: Counting | Recording | None = None) -> Page:
    """Return the records of a list, under the rights of its reader.

    With ``counting`` it is the list that may be a kept one; its records are read as they are now.
    """
    entity = session.app.entities[tile.name]
    if not may_read(session.app, tile.reads, tile.name, actor):
        raise NotFound("report.no_dashboard", name=tile.name)
    rights = find_rights(session.app, entity, actor)
    known = readable_keys(entity, rights)
    sort, descending = tile.sort if tile.sort is not None and tile.sort[0] in known else (None, False)
    columns = tuple(key for key in tile.columns if key in known)
    then = tile.then if sort is not None and tile.then is not None and tile.then[0] in known else None
    query = ListQuery(sort=sort, descending=descending, limit=tile.top, columns=columns, then=then)
    plan = ListPlan(session, entity, rights, query, actor=actor, link=_condition(session, tile, actor))
    if counting is None:
        rows = plan.fetch(session)
    else:
        ids = plan.find_first(session, partial(counting.rows, asked=_asked(session, tile), actor=actor))
        there = {plan.reading.values(row)["id"]: row for row in plan.among(session, ids)} if ids else {}
        rows = [there[one] for one in ids if one in there]
    labels: Labels = {}
    records = []
    for row in rows[: plan.limit]:
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        found = plan.masking.mark(Record(entity.key, values["id"], values.pop("version"), values, labels), row)
        records.append(without_hidden(found) if found.masked else found)
    more = "more" if len(rows) > plan.limit else None
    return Page(records, labels, more, plan.columns, plan.sort, plan.descending)


def _asked(session: Session, tile: Tile) -> Asked:
    """Return as plain data which list is asked for: where it stands on its dashboard."""
    for board in session.app.dashboards.values():
        for at, row in enumerate(board.rows):
            for place, one in enumerate(row):
                if one is tile:
                    return {"what": "list", "key": board.key, "row": at, "place": place}
    raise NotFound("report.no_dashboard", name=tile.name)


def find_tile(session: Session, asked: Asked) -> Tile:
    """Return the tile that plain data describes; raises ``NotFound``."""
    board = session.app.dashboards.get(asked["key"])
    rows = board.rows if board is not None else ()
    if asked["row"] >= len(rows) or asked["place"] >= len(rows[asked["row"]]):
        raise NotFound("report.no_dashboard", name=asked["key"])
    return rows[asked["row"]][asked["place"]]


def _condition(session: Session, tile: Tile, actor: Actor) -> LinkCondition | None:
    """Return the condition of a list, in which every record reached is one its reader may see."""
    if tile.where is None:
        return None
    checked = tile.where.checked
    source = SeenSource(session, actor, None)
    key = ("tile", f"{tile.name} where {checked.text} for {sorted(actor.roles)}")
    return LinkCondition(key, lambda table: compile_where(checked, source, table), {})
