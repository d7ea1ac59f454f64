"""Pools over HTTP: what is in them, taking, giving back, giving out, keeping; and who had a record when.

Enters: a pool or a record, JSON bodies. Leaves: records as far as a pool shows them, spans. Must not decide who may:
the commands do.
"""

from typing import Any

from flask import g

from engine.errors import FieldError, InvalidValues
from engine.people import accounts
from engine.records import pooled, pools, queries, spans
from engine.records.rights import get_entity, pool_rights
from web.api.answers import answer, iso, record_answer, write_labels, writer_for
from web.api.requests import read_fields, read_id, read_list_query
from web.gate import locale, reads, writes


@reads
def list_pools(entity: str) -> Any:
    """Answer the pools of an entity that the caller sees."""
    found = pooled.list_pools(g.session.app, get_entity(g.session.app, entity), g.actor)
    items = [
        {
            "key": pool.key,
            "label": locale().label(pool.label),
            "claims": not g.actor.roles.isdisjoint(pool.members),
            "assigns": not g.actor.roles.isdisjoint(pool.admins),
        }
        for pool in found
    ]
    return answer({"items": items})


@reads
def list_pooled(entity: str, pool: str) -> Any:
    """Answer a page of what is in a pool, as far as it shows."""
    query, counted = read_list_query()
    compiled = get_entity(g.session.app, entity)
    page = pooled.list_pooled(g.session, entity, pool, query, actor=g.actor)
    write = writer_for(entity, pool_rights(g.session.app, compiled, pool, g.actor)).write
    data: dict[str, Any] = {
        "items": [write(record) for record in page.records],
        "next": page.next,
        "labels": write_labels(page.labels),
    }
    if counted:
        found = pooled.count_pooled(g.session, entity, pool, query, actor=g.actor)
        data["count"] = min(found, queries.COUNTED)
        data["count_is_exact"] = found <= queries.COUNTED
    return answer(data)


@writes
def claim(entity: str, record_id: str) -> Any:
    """Take a record from its pool."""
    id_ = read_id(record_id)
    pools.claim_record(g.session, entity, id_, actor=g.actor)
    return record_answer(queries.get_record(g.session, entity, id_, actor=g.actor))


@writes
def release(entity: str, record_id: str) -> Any:
    """Give a record back to a pool."""
    id_, sent = read_id(record_id), read_fields("pool", "reason")
    pools.release_record(g.session, entity, id_, sent["pool"] or "", sent["reason"] or "", actor=g.actor)
    return answer({"pool": sent["pool"]})


@writes
def assign(entity: str, record_id: str) -> Any:
    """Give a record in a pool to a member, named by login."""
    id_, sent = read_id(record_id), read_fields("to")
    to = accounts.find_user(g.session.connection, sent["to"] or "")
    if to is None:
        raise InvalidValues([FieldError("to", "cli.no_user", {"login": (sent["to"] or "")[:60]})])
    pools.assign_record(g.session, entity, id_, to, actor=g.actor)
    return answer({"to": sent["to"]})


@writes
def keep(entity: str, record_id: str) -> Any:
    """Lock a record of one's own against being taken back."""
    pools.keep_record(g.session, entity, read_id(record_id), keep=True, actor=g.actor)
    return "", 204


@writes
def let_go(entity: str, record_id: str) -> Any:
    """Unlock it."""
    pools.keep_record(g.session, entity, read_id(record_id), keep=False, actor=g.actor)
    return "", 204


@reads
def list_owners(entity: str, record_id: str) -> Any:
    """Answer who had a record from when to when, the last one first."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    found = spans.list_spans(g.session, entity, record.id)
    items = [
        {
            "owner": one.owner, "pool": one.pool, "since": iso(one.since), "until": iso(one.until), "by": one.by,
            "why": one.why, "note": one.note,
        }
        for one in found
    ]  # fmt: skip
    return answer({"items": items})


_ONE = "/<entity>/<record_id>"
ROUTES = (
    ("/<entity>/pools", ["GET"], list_pools),
    ("/<entity>/pools/<pool>", ["GET"], list_pooled),
    (f"{_ONE}/claim", ["POST"], claim),
    (f"{_ONE}/release", ["POST"], release),
    (f"{_ONE}/assign", ["POST"], assign),
    (f"{_ONE}/keep", ["PUT"], keep),
    (f"{_ONE}/keep", ["DELETE"], let_go),
    (f"{_ONE}/owners", ["GET"], list_owners),
)
