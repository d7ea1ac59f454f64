"""What people say about a record, over HTTP: remarks, and following.

Enters: an entity's key, ids, a text. Leaves: remarks, newest first. Must not hold a rule: each view calls one command
or query.
"""

from typing import Any

from flask import g

from engine.records import comments
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_ids, read_number
from web.gate import reads, writes


@reads
def list_comments(entity: str, record_id: str) -> Any:
    """Answer what was said about a record."""
    before, limit = read_number("before", 0, most=2**53) or None, read_number("limit", comments.PAGE, most=200)
    found = comments.list_comments(g.session, entity, read_id(record_id), actor=g.actor, before=before, limit=limit)
    items = [
        {
            "id": one.id,
            "at": iso(one.at),
            "author": one.author_id,
            "author_name": one.author,
            "text": one.text,
            "mentioned": list(one.mentioned),
            "removed": one.removed,
        }
        for one in found
    ]
    return answer({"items": items, "next": found[-1].id if len(found) == limit else None})


@writes
def add_comment(entity: str, record_id: str) -> Any:
    """Say something about a record."""
    sent = read_fields("text", "people", "action_id", lists=("people",))
    made = comments.add_comment(
        g.session,
        entity,
        read_id(record_id),
        sent["text"] or "",
        mentioned=read_ids(sent["people"], "people"),
        action_id=sent["action_id"],
        actor=g.actor,
    )
    return answer({"id": made}, 201)


@writes
def remove_comment(entity: str, record_id: str, comment_id: str) -> Any:
    """Take one's own remark back."""
    comments.remove_comment(g.session, entity, read_id(record_id), read_id(comment_id), actor=g.actor)
    return "", 204


@writes
def follow(entity: str, record_id: str) -> Any:
    """Hear what is said about a record."""
    comments.follow(g.session, entity, read_id(record_id), actor=g.actor)
    return "", 204


@writes
def unfollow(entity: str, record_id: str) -> Any:
    """Hear no more of it."""
    comments.unfollow(g.session, entity, read_id(record_id), actor=g.actor)
    return "", 204


_ONE = "/<entity>/<record_id>"
ROUTES = (
    (f"{_ONE}/comments", ["GET"], list_comments),
    (f"{_ONE}/comments", ["POST"], add_comment),
    (f"{_ONE}/comments/<comment_id>", ["DELETE"], remove_comment),
    (f"{_ONE}/follow", ["PUT"], follow),
    (f"{_ONE}/follow", ["DELETE"], unfollow),
)
