"""All that happened around a record, below the chain of the deal it belongs to.

Enters: an address, a kind of happenings, a place in time. Leaves: the page, or the next happenings for htmx.
"""

from typing import Any

from flask import g, render_template, request

from engine.records import queries
from web.api.requests import read_id
from web.gate import reads
from web.journey_view import view_chain, view_happenings, view_head
from web.pages.frame import page_shell


@reads
def show(entity: str, record_id: str) -> Any:
    """Show the chain of a record and the newest of what happened around it."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    kind, after = request.args.get("kind", ""), request.args.get("after") or None
    told = view_happenings(record, kind, after)
    if request.headers.get("HX-Request"):
        return render_template("fragments/journey.html", **told)
    return render_template(
        "pages/journey.html", journey=view_head(record, kind) | told, chain=view_chain(record), shell=page_shell()
    )


ROUTES = (("/e/<entity>/<record_id>/journey", ["GET"], show),)
