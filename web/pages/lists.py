"""The list of an entity.

Enters: filters, sort, search and place from the query. Leaves: a page of rows, or the next rows for htmx.
"""

from typing import Any
from urllib.parse import urlencode

from flask import g, redirect, render_template, request

from engine.records import queries
from engine.records.rights import get_entity
from engine.records.views import list_views
from web.gate import reads
from web.list_figures import LATER
from web.list_filters import panel_keys, pickers_of
from web.list_tabs import find_default
from web.list_view import ListView
from web.pages.frame import page_shell
from web.picked import settle


@reads
def show(entity: str) -> Any:
    """Show the list, its next rows, its groups, or the rows of one group of it."""
    compiled = get_entity(g.session.app, entity)
    kept = list_views(g.session, entity, actor=g.actor)
    rights = queries.require_read(g.session, compiled, g.actor)
    beginning = find_default(compiled, rights, kept)
    if beginning is not None:
        return redirect(beginning, 303)
    panel = pickers_of(compiled, panel_keys(compiled, queries.readable_keys(compiled, rights)))
    settled, unread = settle(panel, request.args)
    if settled != request.args:
        return redirect(f"{request.path}?{urlencode(list(settled.items(multi=True)))}", 303)
    view = ListView(compiled, kept, unread)
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("fragments/rows.html", list=view.rows())
    if request.headers.get("HX-Request") and request.args.get("part") == "group":
        return render_template("fragments/group_rows.html", list=view.rows(), url=view.address())
    if request.headers.get("HX-Request") and request.args.get("part") == LATER:
        return render_template("fragments/groups.html", group=view.groups())
    return render_template("pages/list.html", list=view.whole(), shell=page_shell())


ROUTES = (("/e/<entity>", ["GET"], show),)
