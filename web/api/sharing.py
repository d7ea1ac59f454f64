"""Shares of a record over HTTP.

Enters: a record, a recipient (``user:7``, ``department:2``, ``group:board``), how and until when. Leaves: the shares
there are. Must not decide who may share: the command does.
"""

from typing import Any

from flask import g

from engine.errors import FieldError, InvalidValues
from engine.records import queries, sharing
from engine.records.sharing import Share
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_moment
from web.gate import reads, writes


@reads
def list_shares(entity: str, record_id: str) -> Any:
    """Answer with whom a record is shared now."""
    return answer({"items": _shares(entity, read_id(record_id))})


@writes
def share(entity: str, record_id: str) -> Any:
    """Share a record, or change how it is shared with somebody already."""
    id_, sent = read_id(record_id), read_fields("to", "access", "until")
    to = sharing.find_recipient(g.session, sent["to"] or "")
    errors = [FieldError("to", "share.nobody")] if to is None else []
    if sent["access"] not in (None, "read", "write"):
        errors.append(FieldError("access", "share.access_unknown"))
    if errors or to is None:
        raise InvalidValues(errors)
    access: sharing.Access = "write" if sent["access"] == "write" else "read"
    ends_at = None if sent["until"] is None else read_moment("until", sent["until"])
    sharing.share_record(g.session, entity, id_, to, access, ends_at=ends_at, actor=g.actor)
    return answer({"items": _shares(entity, id_)}, 201)


@writes
def end_share(entity: str, record_id: str, share_id: str) -> Any:
    """End a share now."""
    sharing.end_share(g.session, entity, read_id(record_id), read_id(share_id), actor=g.actor)
    return answer({"ended": True})


ROUTES = (
    ("/<entity>/<record_id>/shares", ["GET"], list_shares),
    ("/<entity>/<record_id>/shares", ["POST"], share),
    ("/<entity>/<record_id>/shares/<share_id>", ["DELETE"], end_share),
)


def _shares(entity: str, id_: int) -> list[dict[str, Any]]:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    return [_share(one) for one in sharing.list_shares(g.session, record)]


def _share(one: Share) -> dict[str, Any]:
    return {
        "id": one.id,
        "to": f"{one.recipient.kind}:{one.recipient.key}",
        "name": one.name,
        "access": one.access,
        "until": iso(one.ends_at),
        "by": one.by,
        "created_at": iso(one.created_at),
    }
