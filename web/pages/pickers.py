"""What a picker offers while somebody types.

Enters: a few letters, and for which field. Leaves: records or people to choose from, as JSON. Must not offer what the
reader may not see.
"""

from typing import Any

from flask import g, jsonify, request

from engine.people import directory
from engine.records import queries
from web.gate import reads

_MOST = 20


@reads
def records(entity: str) -> Any:
    """Answer records of an entity; ``for`` is the link (``quote.items.product``) whose condition they must meet."""
    source, _, field = request.args.get("for", "").partition(".")
    link = (source, field) if field else None
    found = queries.pick(g.session, entity, request.args.get("q", ""), actor=g.actor, limit=_MOST + 1, link=link)
    items = [
        {"value": str(one.id), "text": one.text, "hint": one.number if one.number != one.text else None}
        for one in found
    ]
    return jsonify({"items": items[:_MOST], "more": len(items) > _MOST})


@reads
def people() -> Any:
    """Answer people by name or login."""
    found = directory.find_people(g.session.connection, request.args.get("q", "")[:60], limit=_MOST + 1)
    items = [{"value": str(one.id), "text": one.name, "hint": one.login} for one in found]
    return jsonify({"items": items[:_MOST], "more": len(items) > _MOST})


ROUTES = (
    ("/pick/<entity>", ["GET"], records),
    ("/pick-person", ["GET"], people),
)
