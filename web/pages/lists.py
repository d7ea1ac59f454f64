"""The list of an entity.

Enters: filters, sort, search and place from the query. Leaves: a page of rows, or the next rows for htmx.
"""

from typing import Any

from flask import g, render_template, request

from engine.records import queries
from engine.records.rights import get_entity
from web.gate import reads
from web.list_view import ListView
from web.pages.frame import page_shell


@reads
def show(entity: str) -> Any:
    """Show the list, or its next rows."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    view = ListView(compiled)
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("fragments/rows.html", list=view.rows())
    return render_template("pages/list.html", list=view.whole(), shell=page_shell())


ROUTES = (("/e/<entity>", ["GET"], show),)
