"""The calendar of an entity with dates.

Enters: an entity, the date to look by, a month or week. Leaves: the calendar. Must not change anything.
"""

from typing import Any

from flask import g, render_template

from engine.errors import NotFound
from engine.records import queries
from engine.records.list_query import dated_keys
from engine.records.rights import get_entity
from engine.records.views import list_views
from web.calendar_view import CalendarView
from web.gate import reads
from web.pages.frame import page_shell


@reads
def show(entity: str) -> Any:
    """Show the calendar."""
    compiled = get_entity(g.session.app, entity)
    rights = queries.require_read(g.session, compiled, g.actor)
    if not dated_keys(compiled, rights):
        raise NotFound()
    view = CalendarView(compiled, list_views(g.session, entity, actor=g.actor))
    return render_template("pages/calendar.html", calendar=view.whole(), shell=page_shell())


ROUTES = (("/e/<entity>/calendar", ["GET"], show),)
