"""Records over HTTP: list, read, create, change, delete, move, make, history, search.

Enters: an entity's key, ids, JSON bodies. Leaves: JSON with the version as ETag. Must not hold a rule: each view calls
one command or query.
"""

from typing import Any

from flask import g, request

from engine.records import commands, history, making, queries
from engine.records.commands import Stale
from engine.records.history import Entry
from engine.workflow import transitions
from engine.workflow.transitions import PossibleMove
from web.api.answers import answer, iso, record_answer, record_url, write_labels, writer_for
from web.api.requests import read_fields, read_id, read_list_query, read_number, read_object, read_version
from web.errors import problem, write_missing
from web.gate import locale, reads, writes


@reads
def list_records(entity: str) -> Any:
    """Answer a page of records."""
    query, counted = read_list_query()
    page = queries.list_records(g.session, entity, query, actor=g.actor)
    write = writer_for(entity).write
    data: dict[str, Any] = {
        "items": [write(record) for record in page.records],
        "next": page.next,
        "labels": write_labels(page.labels),
    }
    if counted:
        found = queries.count_records(g.session, entity, query, actor=g.actor)
        data["count"] = min(found, queries.COUNTED)
        data["count_is_exact"] = found <= queries.COUNTED
    return answer(data)


@writes
def create_record(entity: str) -> Any:
    """Create a record."""
    record = commands.create_record(g.session, entity, read_object(), actor=g.actor)
    said = record_answer(record, 201)
    said.headers["Location"] = record_url(record)
    return said


@reads
def get_record(entity: str, record_id: str) -> Any:
    """Answer one record."""
    return record_answer(queries.get_record(g.session, entity, read_id(record_id), actor=g.actor))


@writes
def update_record(entity: str, record_id: str) -> Any:
    """Change the fields that were sent."""
    id_, version, raw = read_id(record_id), read_version(), read_object()
    try:
        record = commands.update_record(g.session, entity, id_, raw, version=version, actor=g.actor)
    except Stale as stale:
        return _stale(entity, stale, raw)
    return record_answer(record)


@writes
def delete_record(entity: str, record_id: str) -> Any:
    """Put a record into the recycle bin."""
    id_, version = read_id(record_id), read_version()
    try:
        commands.delete_record(g.session, entity, id_, version=version, actor=g.actor)
    except Stale as stale:
        return _stale(entity, stale, {})
    return "", 204


@reads
def list_moves(entity: str, record_id: str) -> Any:
    """Answer the moves that can be made now, and what each still needs."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    return answer({"items": [_move(found) for found in transitions.list_moves(g.session, record, actor=g.actor)]})


@writes
def move_record(entity: str, record_id: str, move: str) -> Any:
    """Make a move: ``values`` are filled in on the way, ``reason`` is kept in the history."""
    id_, version, body = read_id(record_id), read_version(), read_fields("values", "reason")
    raw, reason = body["values"] or {}, body["reason"]
    try:
        record = transitions.move_record(
            g.session, entity, id_, move, raw=raw, reason=reason, version=version, actor=g.actor
        )
    except Stale as stale:
        return _stale(entity, stale, raw)
    return record_answer(record)


@writes
def make_record(entity: str, record_id: str, make: str) -> Any:
    """Make a record of another entity from this one; the body overrides what it is given."""
    found, values = making.make_values(g.session, entity, read_id(record_id), make, actor=g.actor)
    origin = {"made_from": {"entity": entity, "id": read_id(record_id), "make": make}}
    record = commands.create_record(g.session, found.entity, values | read_object(), actor=g.actor, origin=origin)
    said = record_answer(record, 201)
    said.headers["Location"] = record_url(record)
    return said


@reads
def list_history(entity: str, record_id: str) -> Any:
    """Answer what happened to a record, the newest first."""
    before = read_number("before", 0, most=999_999_999) or None
    limit = read_number("limit", 50, most=200)
    found = history.list_history(g.session, entity, read_id(record_id), actor=g.actor, before=before, limit=limit)
    return answer({"items": [_entry(entry) for entry in found], "next": found[-1].id if len(found) == limit else None})


@reads
def search() -> Any:
    """Answer what is found under a text, by entity."""
    found = queries.search(g.session, request.args.get("q", ""), actor=g.actor, limit=read_number("limit", 10, most=50))
    items = [
        {"entity": hit.entity, "id": hit.id, "number": hit.number, "stage": hit.stage, "text": hit.text}
        for hits in found.values()
        for hit in hits
    ]
    return answer({"items": items})


def _stale(entity: str, stale: Stale, raw: dict[str, Any]) -> Any:
    """Answer a conflict with both values of each field that was sent."""
    current = writer_for(entity).write_whole(stale.record)
    both = [{"path": key, "yours": value, "current": current.get(key)} for key, value in raw.items() if key in current]
    said = problem(409, stale.code, stale.text(locale().language), current=current, conflicts=both)
    said.headers["ETag"] = f'"{stale.record.version}"'
    return said


def _move(found: PossibleMove) -> dict[str, Any]:
    move = found.move
    return {
        "key": move.key,
        "label": locale().label(move.label),
        "to": move.to,
        "approval": move.approval,
        "reason": move.reason,
        "missing": write_missing(found.missing, locale().language),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "version": entry.version,
        "at": iso(entry.at),
        "actor": entry.actor_id,
        "actor_name": entry.actor,
        "action": entry.action,
        "changes": entry.changes,
        "details": entry.details,
        "note": entry.note,
        "via": entry.via,
    }


_ONE = "/<entity>/<record_id>"
ROUTES = (
    ("/search", ["GET"], search),
    ("/<entity>", ["GET"], list_records),
    ("/<entity>", ["POST"], create_record),
    (_ONE, ["GET"], get_record),
    (_ONE, ["PATCH"], update_record),
    (_ONE, ["DELETE"], delete_record),
    (f"{_ONE}/history", ["GET"], list_history),
    (f"{_ONE}/moves", ["GET"], list_moves),
    (f"{_ONE}/moves/<move>", ["POST"], move_record),
    (f"{_ONE}/makes/<make>", ["POST"], make_record),
)
