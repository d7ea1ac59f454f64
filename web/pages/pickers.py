"""What a picker offers while somebody types.

Enters: a few letters, and for which field. Leaves: records or people to choose from, as JSON. Must not offer what the
reader may not see.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, jsonify, request

from engine.records.rights import get_entity
from engine.records.tags import list_tags
from web.api.requests import read_id
from web.gate import computes, reads
from web.picked import MOST, find_departments_for, find_people_for, find_records, values_so_far
from web.posted import Choice, read_posted


@computes
@reads
def records(entity: str) -> Any:
    """Answer records of an entity; ``for`` is the link (``quote.items.product``) whose condition they must meet.

    When that condition reads the record being edited, its form is posted along; ``record`` is its id, if it has one.
    """
    source, _, field = request.args.get("for", "").partition(".")
    link = (source, field) if field else None
    record = _edited(source) if request.method == "POST" else {}
    return _answer(find_records(entity, request.args.get("q", ""), link, record))


@reads
def people() -> Any:
    """Answer people by name or login."""
    return _answer(find_people_for(request.args.get("q", "")))


@reads
def departments() -> Any:
    """Answer departments by name or key."""
    return _answer(find_departments_for(request.args.get("q", "")))


@reads
def tags() -> Any:
    """Answer the tags in use in the field named in ``for``, among the records the reader may see."""
    entity, _, field = request.args.get("for", "").partition(".")
    found = list_tags(g.session, entity, field, request.args.get("q", ""), actor=g.actor, limit=MOST)
    return jsonify({"items": [{"value": tag, "text": tag, "hint": None} for tag in found], "more": False})


ROUTES = (
    ("/pick/<entity>", ["GET", "POST"], records),
    ("/pick-person", ["GET"], people),
    ("/pick-department", ["GET"], departments),
    ("/pick-tag", ["GET"], tags),
)


def _edited(entity: str) -> Mapping[str, Any]:
    """Return the values that the record being edited would have now."""
    compiled = get_entity(g.session.app, entity)
    record = read_id(request.args["record"]) if "record" in request.args else None
    return values_so_far(compiled, read_posted(compiled, request.form).raw, record)


def _answer(found: Sequence[Choice]) -> Any:
    items = [{"value": one.value, "text": one.text, "hint": one.hint} for one in found]
    return jsonify({"items": items[:MOST], "more": len(items) > MOST})
