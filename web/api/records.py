"""Records over HTTP: list, read, create, change, delete, move, make, history, search.

Enters: an entity's key, ids, JSON bodies. Leaves: JSON with the version as ETag. Must not hold a rule: each view calls
one command or query.
"""

from dataclasses import replace
from typing import Any

from flask import Response, g, redirect, request

from engine.compiler.app.ownership import POOL
from engine.errors import NotAllowed, NotFound
from engine.records import commands, figures, history, making, noting, pooled, queries, recycling, versions, views
from engine.records.commands import Stale
from engine.records.duplicates import NOT_DUPLICATE
from engine.records.history import Entry
from engine.records.merges import find_merged_away
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity, pool_rights
from engine.workflow import transitions
from engine.workflow.transitions import PossibleMove
from web.api.answers import PREFIX, answer, iso, record_answer, record_url, write_labels, writer_for
from web.api.expanding import expand, read_expand, split_fields
from web.api.requests import (
    RECORD_PARAMETERS,
    as_sent,
    check_query,
    read_chosen,
    read_fields,
    read_figure_query,
    read_id,
    read_list_query,
    read_number,
    read_object,
    read_version,
)
from web.errors import problem, write_missing
from web.gate import locale, reads, writes
from web.readers import note_read


@reads
def list_records(entity: str) -> Any:
    """Answer a page of records."""
    query, counted = read_list_query()
    compiled = get_entity(g.session.app, entity)
    rights = queries.require_read(g.session, compiled, g.actor)
    links = read_expand(compiled, rights)
    if request.args.get("view"):
        kept = views.get_view(g.session, entity, read_id(request.args["view"]), actor=g.actor)
        query = views.applied(query, views.fitted(compiled, rights, kept.content)[0])
    own, beyond = split_fields(query.columns, links)
    query = replace(query, columns=tuple(own))
    shown = replace(query, columns=(*own, *links)) if own else query
    page = queries.list_records(g.session, entity, shown, actor=g.actor)
    note_read(entity, [record.id for record in page.records], noting.PROGRAM)
    write = writer_for(entity).write
    data: dict[str, Any] = {
        "items": [write(record) for record in page.records],
        "next": page.next,
        "labels": write_labels(page.labels),
    }
    if links:
        data["expanded"] = expand(page.records, links, beyond)
    if counted:
        found = queries.count_records(g.session, entity, query, actor=g.actor)
        data["count"] = min(found, queries.COUNTED)
        data["count_is_exact"] = found <= queries.COUNTED
    return answer(data)


@reads
def figure_records(entity: str) -> Any:
    """Answer what a list comes to: counts and sums, by group where ``group`` names a field."""
    query, group, sums = read_figure_query()
    found = figures.figure_records(g.session, entity, query, group=group, sums=sums, actor=g.actor)
    fields = get_entity(g.session.app, entity).fields
    groups = [
        {
            "value": one.value,
            "count": one.count,
            "sums": {key: None if sum_ is None else fields[key].type.to_json(sum_) for key, sum_ in one.sums.items()},
        }
        for one in found.groups
    ]
    return answer({"items": groups, "more": found.more, "labels": write_labels(found.labels)})


@writes
def create_record(entity: str) -> Any:
    """Create a record."""
    record = commands.create_record(g.session, entity, read_object(), actor=g.actor)
    said = record_answer(record, 201)
    said.headers["Location"] = record_url(record)
    return said


@reads
def get_record(entity: str, record_id: str) -> Any:
    """Answer one record: one in a pool as far as that shows it, and where it is if it went into another."""
    id_ = read_id(record_id)
    try:
        record = queries.get_record(g.session, entity, id_, actor=g.actor)
    except (NotFound, NotAllowed):
        found = pooled.find_pooled(g.session, entity, id_, actor=g.actor)
        if found is not None:
            rights = pool_rights(g.session.app, get_entity(g.session.app, entity), found.values[POOL], g.actor)
            return answer(writer_for(entity, rights).write(found))
        away = find_merged_away(g.session, entity, id_, actor=g.actor)
        if away is None:
            raise
        return redirect(f"{PREFIX}/{entity}/{away[1]}", 307)
    note_read(entity, [id_], noting.PROGRAM)
    return _whole(record)


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
def list_deleted(entity: str) -> Any:
    """Answer what lies in the recycle bin, the last deleted first."""
    before, limit = read_number("before", 0, most=2**53) or None, read_number("limit", 50, most=200)
    found = recycling.list_deleted(g.session, entity, actor=g.actor, before=before, limit=limit)
    items = [
        {"id": one.id, "number": one.number, "title": one.title, "deleted_at": iso(one.at), "deleted_by": one.by}
        for one in found
    ]
    return answer({"items": items, "next": found[-1].id if len(found) == limit else None})


@writes
def restore_record(entity: str, record_id: str) -> Any:
    """Take a record out of the recycle bin."""
    return record_answer(commands.restore_record(g.session, entity, read_id(record_id), actor=g.actor))


@reads
def get_version(entity: str, record_id: str, number: str) -> Any:
    """Answer a record as it was: ``differs`` names what is another now, ``restorable`` what may be brought back."""
    found = versions.read_version(g.session, entity, read_id(record_id), read_id(number), actor=g.actor)
    note_read(entity, [found.now.id], noting.PROGRAM)
    then = replace(found.now, version=found.number, values=dict(found.values), labels={})
    about = {"at": iso(found.at), "actor": found.entry.actor_id, "actor_name": found.entry.actor}
    fields = {"differs": list(found.differs), "restorable": list(found.restorable)}
    return answer({"version": found.number, **about, **fields, "record": writer_for(entity).write_whole(then)})


@writes
def restore_version(entity: str, record_id: str, number: str) -> Any:
    """Give ``fields`` the values they had in an earlier version."""
    id_, version = read_id(record_id), read_version()
    fields = [str(key) for key in read_fields("fields", lists=("fields",))["fields"] or ()]
    try:
        record = versions.restore_version(
            g.session, entity, id_, read_id(number), fields, version=version, actor=g.actor
        )
    except Stale as stale:
        return _stale(entity, stale, {})
    return record_answer(record)


@reads
def list_moves(entity: str, record_id: str) -> Any:
    """Answer the moves that can be made now, and what each still needs."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    return answer({"items": [_move(found) for found in transitions.list_moves(g.session, record, actor=g.actor)]})


@writes
def move_record(entity: str, record_id: str, move: str) -> Any:
    """Make a move: ``values`` are filled in on the way, ``chosen`` are approvers by step, ``reason`` is kept."""
    id_, version = read_id(record_id), read_version()
    body = read_fields("values", "reason", "chosen", objects=("values", "chosen"))
    raw, reason, chosen = body["values"] or {}, body["reason"], read_chosen(body["chosen"])
    try:
        record = transitions.move_record(
            g.session, entity, id_, move, raw=raw, reason=reason, chosen=chosen, version=version, actor=g.actor
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
        {
            "entity": hit.entity,
            "id": hit.id,
            "number": hit.number,
            "stage": hit.stage,
            "text": hit.text,
            "field": hit.field,
            "said": hit.said,
            "near": hit.near,
        }
        for hits in found.values()
        for hit in hits
    ]
    return answer({"items": items})


def _whole(record: Record) -> Response:
    """Answer one record, with ``fields`` only these, with ``expand`` also what its links lead to."""
    check_query(RECORD_PARAMETERS)
    compiled = get_entity(g.session.app, record.entity)
    links = read_expand(compiled, find_rights(g.session.app, compiled, g.actor), whole=True)
    own, beyond = split_fields([name for name in request.args.get("fields", "").split(",") if name], links)
    more = {"_expanded": expand([record], links, beyond)} if links else {}
    return record_answer(record, only=own, more=more)


def _stale(entity: str, stale: Stale, raw: dict[str, Any]) -> Any:
    """Answer a conflict with both values of each field that was sent."""
    current = writer_for(entity).write_whole(stale.record)
    sent = {key: as_sent(value) for key, value in raw.items()}
    both = [{"path": key, "yours": value, "current": current.get(key)} for key, value in sent.items() if key in current]
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
        "details": _told(entry.details),
        "note": entry.note,
        "via": entry.via,
        "release": entry.release,
    }


def _told(details: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry adds; of records somebody was told are no duplicate only by which rules they were found."""
    distinct = details.get(NOT_DUPLICATE)
    if not isinstance(distinct, dict):
        return details
    return details | {NOT_DUPLICATE: {"why": distinct.get("why"), "rules": sorted(distinct.get("rules") or ())}}


_ONE = "/<entity>/<record_id>"
ROUTES = (
    ("/search", ["GET"], search),
    ("/<entity>", ["GET"], list_records),
    ("/<entity>/figures", ["GET"], figure_records),
    ("/<entity>", ["POST"], create_record),
    (_ONE, ["GET"], get_record),
    (_ONE, ["PATCH"], update_record),
    (_ONE, ["DELETE"], delete_record),
    (f"{_ONE}/history", ["GET"], list_history),
    ("/<entity>/deleted", ["GET"], list_deleted),
    (f"{_ONE}/restore", ["POST"], restore_record),
    (f"{_ONE}/versions/<number>", ["GET"], get_version),
    (f"{_ONE}/versions/<number>/restore", ["POST"], restore_version),
    (f"{_ONE}/moves", ["GET"], list_moves),
    (f"{_ONE}/moves/<move>", ["POST"], move_record),
    (f"{_ONE}/makes/<make>", ["POST"], make_record),
)
