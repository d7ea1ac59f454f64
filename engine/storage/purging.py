"""Values that no release shows, dropped for good: the only place where what was typed ends.

Enters: leftovers that a person chose after reading how many values each holds. Leaves: a database without them, their
history included, and a line of audit for each. Must not drop what the current release, people who are deciding or
another table needs, nor more than was shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, delete, func, null, select, type_coerce, update

from engine.compiler.app import CompiledApp
from engine.definition.source import SourceFolder
from engine.errors import FormworkError, NotFound, NotPossibleNow
from engine.expression.sql import OF_NOBODY
from engine.storage.approval_tables import approval_copies, approval_events, approvals, tasks
from engine.storage.automation_tables import assignments, runs
from engine.storage.changes import TableOf, tables_of
from engine.storage.column_types import JsonText
from engine.storage.comment_tables import comments, followers
from engine.storage.compiled import load_stored
from engine.storage.delivery_tables import deliveries
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.dropping import drop_column, drop_tables, find_referring
from engine.storage.export_tables import exports
from engine.storage.filling import Filling, Publisher
from engine.storage.form_draft_tables import form_drafts
from engine.storage.import_tables import imports
from engine.storage.journal import write_audit
from engine.storage.json_rows import rewrite_json
from engine.storage.leftovers import Leftover, find_leftovers
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.merge_tables import merges
from engine.storage.narrowing import holds_option
from engine.storage.ownership_tables import owner_spans
from engine.storage.physical import read_schema
from engine.storage.recomputing import recompute
from engine.storage.releases import get_sources
from engine.storage.rewriting import rewrite
from engine.storage.search_tables import search_terms
from engine.storage.share_tables import shares
from engine.storage.stage_tables import evidence, flags, moves, stays, timers
from engine.storage.store import Session, Store
from engine.storage.system_tables import audit, files, history, notices, outbox
from engine.storage.tables import table_name
from engine.storage.turns import alone, patiently
from engine.storage.view_tables import view_defaults, views

ACTION = "definition.purge"
_UPLOADING = timedelta(hours=1)
"""A content that came in this lately may belong to an upload whose row is not written yet."""
_OF_RECORDS = (
    history, outbox, notices, stays, moves, timers, flags, evidence, match_keys, match_grams, files, comments,
    followers, search_terms, shares, owner_spans, imports, exports, form_drafts, view_defaults, views, merges,
    disputes, duplicate_hits, deliveries, runs, assignments,
)  # fmt: skip


def find_chosen(session: Session, addresses: Iterable[str]) -> list[Leftover]:
    """Return the leftovers of these addresses, each once, in the order given; raises ``NotFound``."""
    found = {one.address: one for one in find_leftovers(session)}
    wanted = list(dict.fromkeys(addresses))
    for address in wanted:
        if address not in found:
            raise NotFound("purge.unknown", name=address)
    return [found[address] for address in wanted]


def find_hindrance(session: Session, one: Leftover, chosen: Sequence[Leftover]) -> FormworkError | None:
    """Return why a leftover cannot go together with the others that are ``chosen``, None when it can."""
    if one.written:
        code = "purge.stage" if one.kind == "stage" else "purge.written"
        return NotPossibleNow(code, name=one.address, release=session.release_id)
    deciding = _count_deciding(session, one)
    if deciding:
        return NotPossibleNow("purge.deciding", name=one.address, count=deciding)
    going = {(other.table, other.column) for other in chosen if other.kind in ("field", "parked")}
    for table in _tables_of(session, one):
        for place in find_referring(session.connection, table, read_schema(session.connection).tables):
            if place not in going and place[0] not in _all_tables(session, chosen):
                return NotPossibleNow("purge.referred", name=one.address, by=".".join(place).removeprefix("e_"))
    return None


def purge(store: Store, chosen: Sequence[Leftover], by: Publisher) -> None:
    """Drop what was chosen, in one transaction.

    Raises ``NotPossibleNow`` when a release was published or values changed since it was shown, or something needs it.
    """
    store.reload()
    seen = store.release_id
    store.follow(patiently(store.database, store.patience, lambda: _purge(store, chosen, by, seen)))


def _purge(store: Store, chosen: Sequence[Leftover], by: Publisher, seen: int | None) -> Session:
    with alone(store.database, store.patience) as connection:
        session = store.within(connection)
        if session.release_id != seen:
            raise NotPossibleNow("purge.changed")
        if find_chosen(session, [one.address for one in chosen]) != list(chosen):
            raise NotPossibleNow("purge.changed")
        for one in chosen:
            hindrance = find_hindrance(session, one, chosen)
            if hindrance is not None:
                raise hindrance
        for one in sorted(chosen, key=lambda one: _ORDER.index(one.kind)):
            _drop(session, one, by)
            details = {"kind": one.kind, "values": one.values, "known_to": one.known_to}
            write_audit(session, ACTION, one.address, details, actor=by)
        drop_tables(session.connection, _all_tables(session, chosen))
    return session


def find_emptied(session: Session, earlier: CompiledApp) -> list[str]:
    """Return the addresses of what was dropped and would come back empty with an earlier release."""
    query = select(audit.c.subject).where(audit.c.action == ACTION).order_by(audit.c.id)
    dropped = dict.fromkeys(address for address in session.connection.scalars(query) if address)
    return [address for address in dropped if _has(earlier, address) and not _has(session.app, address)]


_ORDER = ("option", "files", "parked", "field", "lines", "entity")


def _has(app: CompiledApp, address: str) -> bool:
    key, *rest = address.split(".")
    entity = app.entities.get(key)
    if entity is None or not rest:
        return entity is not None
    item = entity.fields.get(rest[0])
    return item is not None and all(part in item.fields for part in rest[1:])


# ---- what needs it


def _count_deciding(session: Session, one: Leftover) -> int:
    """Count the running approvals of records that have the field, or link to some, under a release that shows it."""
    if one.kind == "parked":
        return 0
    running = select(approvals.c.entity, approvals.c.release_id, func.count()).where(approvals.c.state == "running")
    found = 0
    for entity, release, number in session.connection.execute(
        running.group_by(approvals.c.entity, approvals.c.release_id)
    ):
        app = session.app if release in (None, session.release_id) else _load(session, release)
        if _may_read(app, entity, one):
            found += number
    return found


def _load(session: Session, release: int) -> CompiledApp:
    return load_stored(SourceFolder(get_sources(session.connection, release)))


def _may_read(app: CompiledApp, entity: str, one: Leftover) -> bool:
    item = app.entities.get(entity)
    if item is None or one.entity not in app.entities:
        return False
    near = {entity, *(field.to for field in item.fields.values())}
    near |= {column.to for line in item.line_fields for column in line.fields.values()}
    return one.entity in near and (one.kind in ("entity", "option") or _has(app, one.address))


def _tables_of(session: Session, one: Leftover) -> list[str]:
    if one.table is None or one.kind not in ("entity", "lines"):
        return []
    if one.kind == "lines":
        return [one.table]
    lines = table_name(one.entity, "")
    return [*(name for name in read_schema(session.connection).tables if name.startswith(lines)), one.table]


def _all_tables(session: Session, chosen: Iterable[Leftover]) -> set[str]:
    return {name for one in chosen for name in _tables_of(session, one)}


# ---- dropping


def _drop(session: Session, one: Leftover, by: Publisher) -> None:
    if one.kind == "option":
        _empty_option(session, one, by)
    elif one.kind == "files":
        _drop_files(session, files.c.entity == one.entity, files.c.field == one.key)
    elif one.kind == "entity":
        _drop_files(session, files.c.entity == one.entity)
        _forget_records(session, one.entity)
    elif one.kind in ("field", "parked"):
        drop_column(session.connection, one.table or "", one.column or "")
    if one.kind in ("files", "lines", "field"):
        _forget_history(session, one)
        _forget_typed(session, one)


def _empty_option(session: Session, one: Leftover, by: Publisher) -> None:
    """Leave the records that hold an option without it; their history says so."""
    place = next(place for place in tables_of(session.app, session.tables) if place.table.name == one.table)
    item = place.fields[one.column or ""]
    column = place.table.c[item.key]
    filling = _filling(session, by)
    if item.type.column == "json":
        _take_out(filling, place, column, one.key)
    else:
        rewrite(filling, place, {item.key: null()}, column == one.key)
    recompute(filling, frozenset(), set())


def _take_out(filling: Filling, place: TableOf, column: ColumnElement[Any], key: str) -> None:
    holding = select(column).where(holds_option(column, key)).distinct()
    for value in filling.connection.scalars(holding).all():
        left = [one for one in value if one != key]
        rewrite(filling, place, {column.key or "": type_coerce(left or None, JsonText())}, column == value)


def _filling(session: Session, by: Publisher) -> Filling:
    local = session.now().astimezone(ZoneInfo(session.app.timezone))
    offset = local.utcoffset() or timedelta()
    parameters: Mapping[str, Any] = {
        **OF_NOBODY,
        "now": session.now(),
        "today": local.date(),
        "utc_offset": offset // timedelta(seconds=1),
    }
    app, tables = session.app, session.tables
    return Filling(session.connection, app, app, tables, parameters, session.release_id or 0, by)


def _drop_files(session: Session, *mine: ColumnElement[bool]) -> None:
    """Forget files, and take their content off the disk once nothing else holds the same."""
    gone = set(session.connection.scalars(select(files.c.sha256).where(*mine)))
    session.connection.execute(delete(files).where(*mine))
    kept = set(session.connection.scalars(select(files.c.sha256).where(files.c.sha256.in_(gone))))
    before = session.now() - _UPLOADING
    for sha256 in sorted(gone - kept):
        session.after_commit(partial(session.files.discard, sha256, before))


def _forget_history(session: Session, one: Leftover) -> None:
    """Take the values out of the history: what is dropped must not live on there."""
    entity, inside = session.app.entities.get(one.entity), one.kind == "field" and one.line is not None
    if entity is not None and not inside and one.key in entity.fields:
        return  # another kind of field has this key now, and its history

    def without(changes: Any) -> Any:
        if not inside:
            return {key: pair for key, pair in changes.items() if key != one.key}
        return {
            key: [_without_column(rows, one.key) for rows in pair] if key == one.line else pair
            for key, pair in changes.items()
        }

    rewrite_json(session.connection, history.c.changes, [one.key], without, history.c.entity == one.entity)


def _forget_typed(session: Session, one: Leftover) -> None:
    """Take what was typed for it out of the drafts of forms."""
    inside = one.kind == "field" and one.line is not None

    def without(content: Any) -> Any:
        return [[name, value] for name, value in content if not _is_input_of(one, name, inside)]

    told = [one.line if inside and one.line else one.key]
    rewrite_json(session.connection, form_drafts.c.content, told, without, form_drafts.c.entity == one.entity)


def _is_input_of(one: Leftover, name: str, inside: bool) -> bool:
    parts = name.split(".")
    return parts[0] == one.line and parts[2:3] == [one.key] if inside else parts[0] == one.key


def _without_column(rows: Any, key: str) -> Any:
    return [{name: value for name, value in row.items() if name != key} for row in rows] if rows else rows


def _forget_records(session: Session, entity: str) -> None:
    """Delete what the engine keeps about the records of an entity; its series counts on, since numbers were printed."""
    connection, own = session.connection, select(approvals.c.id).where(approvals.c.entity == entity)
    for kept in (approval_events, tasks, approval_copies):
        connection.execute(delete(kept).where(kept.c.approval_id.in_(own)))
    connection.execute(update(approvals).where(approvals.c.parent_id.in_(own)).values(parent_id=None))
    connection.execute(delete(approvals).where(approvals.c.entity == entity))
    for table in _OF_RECORDS:
        _forget(session, table, entity)


def _forget(session: Session, table: Table, entity: str) -> None:
    session.connection.execute(delete(table).where(table.c.entity == entity))
