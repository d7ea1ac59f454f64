"""Everything that happened around a record, as one line of time: its own history, what was said, its files, and the
records that link to it.

Enters: a record, kinds of happenings, a place in time. Leaves: a page of them, the newest first. Must not tell of a
record, a field or a file the actor may not see: each source is read under their rights.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, bindparam, literal_column, or_, select

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.chain import links_between
from engine.records.evaluation import parameters
from engine.records.history import Entry, entry_columns, names_of, to_entry
from engine.records.listing import scope_key
from engine.records.queries import get_record
from engine.records.rights import find_rights, get_entity, scope_condition
from engine.records.sql import IsAmong
from engine.storage.comment_tables import comments
from engine.storage.store import Session
from engine.storage.system_tables import COME_OR_MOVED, files, history, users

Kind = Literal["moves", "approvals", "changes", "remarks", "files", "linked"]
KINDS: tuple[Kind, ...] = ("moves", "approvals", "changes", "remarks", "files", "linked")
PAGE = 30
_MOVES = ("move",)
_APPROVALS = (
    "approve", "refuse", "return", "withdraw", "terminate", "comment", "complete", "claim", "retract", "revoke", "urge",
    "transfer", "consult", "answer", "add_before", "add_after", "remove", "cc", "late", "resume", "reassign", "submit",
)  # fmt: skip


@dataclass(frozen=True)
class Happening:
    """One thing that happened. ``entry`` tells it where it is of a history, ``text`` is a remark or a file's name.

    ``entity`` and ``record_id`` are those of the record it happened to, ``name`` what that is called if it is another.
    """

    kind: Kind
    at: datetime
    id: int
    entity: str
    record_id: int
    actor: str | None
    entry: Entry | None = None
    text: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class _Place:
    """Where the page before ended."""

    at: datetime
    source: str
    id: int

    def after(self, key: str) -> str:
        """Return how a source stands to the place: what it may still tell of that very moment."""
        return "all" if key > self.source else "rest" if key == self.source else "none"


Read = Callable[[_Place | None, int], list[Happening]]
"""Reads a source: where the page before ended, and how many at most."""


def list_journey(
    session: Session,
    entity: str,
    record_id: int,
    *,
    actor: Actor,
    kinds: Collection[Kind] = KINDS,
    after: str | None = None,
    limit: int = PAGE,
) -> tuple[list[Happening], str | None]:
    """Return what happened, the newest first, and the cursor of the page after, None on the last.

    Raises ``NotFound`` like reading the record, and ``InvalidValues`` for a cursor that is not one of ours.
    """
    hidden = get_record(session, entity, record_id, actor=actor).hidden
    place = None if after is None else _read_cursor(after)
    compiled, found = get_entity(session.app, entity), list[tuple[str, Happening]]()
    for key, read in _sources(session, compiled, record_id, hidden, actor, frozenset(kinds)):
        found += [(key, one) for one in read(place, limit + 1)]
    found.sort(key=lambda one: one[1].id, reverse=True)
    found.sort(key=lambda one: one[0])
    found.sort(key=lambda one: one[1].at, reverse=True)
    shown = found[:limit]
    further = None
    if len(found) > limit:
        key, last = shown[-1]
        further = f"{last.at.isoformat()}~{key}~{last.id}"
    return _named(session, [one for _, one in shown]), further


def _sources(
    session: Session, entity: Entity, id_: int, hidden: frozenset[str], actor: Actor, kinds: frozenset[str]
) -> Iterator[tuple[str, Read]]:
    if kinds & {"moves", "approvals", "changes"}:
        yield "history", partial(_own, session, entity, id_, hidden, kinds)
    if "remarks" in kinds:
        yield "remarks", partial(_remarks, session, entity, id_)
    if "files" in kinds and entity.file_fields:
        yield "files", partial(_files, session, entity, id_, hidden)
    for other in session.app.entities.values() if "linked" in kinds else ():
        rights = find_rights(session.app, other, actor)
        links = tuple(links_between(session.app, other, entity.key, rights.hidden)) if rights.read else ()
        if links:
            yield f"linked {other.key}", partial(_linked, session, other, links, id_, actor)


def _own(
    session: Session,
    entity: Entity,
    id_: int,
    hidden: frozenset[str],
    kinds: frozenset[str],
    place: _Place | None,
    most: int,
) -> list[Happening]:
    c = history.c
    told = tuple(sorted(kinds & {"moves", "approvals", "changes"}))

    def build() -> Select[Any]:
        parts = {
            "moves": _any(c.action, _MOVES),
            "approvals": _any(c.action, _APPROVALS),
            "changes": ~_any(c.action, (*_MOVES, *_APPROVALS)),
        }
        own = (c.entity == entity.key, c.record_id == bindparam("record_id"))
        found = select(*entry_columns()).select_from(history.outerjoin(users, users.c.id == c.actor_id))
        which = () if len(told) == len(parts) else (or_(*(parts[one] for one in told)),)
        return _page(found.where(*own, *which), c.at, c.id, "history", place)

    rows = _fetch(session, ("journey", entity.key, told), build, "history", place, {"record_id": id_, "limit": most})
    entries = [to_entry(row, hidden) for row in rows]
    return [
        Happening(_kind_of(one), one.at, one.id, entity.key, id_, one.actor if one.actor_id else None, entry=one)
        for one in entries
    ]


def _remarks(session: Session, entity: Entity, id_: int, place: _Place | None, most: int) -> list[Happening]:
    c = comments.c

    def build() -> Select[Any]:
        own = (c.entity == bindparam("entity"), c.record_id == bindparam("record_id"), c.removed_at.is_(None))
        found = select(c.id, c.at, users.c.name, c.text).join_from(comments, users, users.c.id == c.author_id)
        return _page(found.where(*own), c.at, c.id, "remarks", place)

    given = {"entity": entity.key, "record_id": id_, "limit": most}
    rows = _fetch(session, ("journey remarks",), build, "remarks", place, given)
    return [Happening("remarks", row[1], row[0], entity.key, id_, row[2], text=row[3]) for row in rows]


def _files(
    session: Session, entity: Entity, id_: int, hidden: frozenset[str], place: _Place | None, most: int
) -> list[Happening]:
    c = files.c
    seen = tuple(one.key for one in entity.file_fields if one.key not in hidden)
    if not seen:
        return []

    def build() -> Select[Any]:
        own = (c.entity == entity.key, c.record_id == bindparam("record_id"), c.deleted_at.is_(None))
        source = files.outerjoin(users, users.c.id == c.uploaded_by)
        found = select(c.id, c.uploaded_at, users.c.name, c.name).select_from(source)
        visible = or_(*(c.field == key for key in seen))
        return _page(found.where(*own, visible), c.uploaded_at, c.id, "files", place)

    given = {"record_id": id_, "limit": most}
    rows = _fetch(session, ("journey files", entity.key, seen), build, "files", place, given)
    return [Happening("files", row[1], row[0], entity.key, id_, row[2], text=row[3]) for row in rows]


def _linked(
    session: Session,
    other: Entity,
    links: Sequence[str],
    id_: int,
    actor: Actor,
    place: _Place | None,
    most: int,
) -> list[Happening]:
    """Return when records that link here came and moved, of those the actor may read."""
    rights, key = find_rights(session.app, other, actor), f"linked {other.key}"
    table, c = session.tables.entity[other.key], history.c

    def build() -> Select[Any]:
        mine = scope_condition(session.tables, other, table, rights.read)
        leads = or_(*(table.c[one] == bindparam("record_id") for one in links))
        seen = select(table.c.id).where(leads, table.c.deleted_at.is_(None), mine)
        source = history.outerjoin(users, users.c.id == c.actor_id)
        found = select(*entry_columns(), c.record_id).select_from(source)
        told: ColumnElement[bool] = literal_column(f"{history.name}.{COME_OR_MOVED}")  # as its index says it
        found = found.where(c.entity == other.key, told, IsAmong(c.record_id, seen.scalar_subquery()))
        return _page(found, c.at, c.id, key, place)

    shape = ("journey linked", other.key, tuple(links), scope_key(rights.read))
    given = parameters(session, actor) | {"record_id": id_, "limit": most}
    found = []
    for row in _fetch(session, shape, build, key, place, given):
        entry = to_entry(row, rights.hidden)
        who = entry.actor if entry.actor_id else None
        found.append(Happening("linked", entry.at, entry.id, other.key, row[-1], who, entry=entry))
    return found


def _page(found: Select[Any], at: Any, id_: Any, key: str, place: _Place | None) -> Select[Any]:
    """Go on where the page before ended, the newest first."""
    if place is not None:
        then = bindparam("then", type_=at.type)
        same: dict[str, ColumnElement[bool]] = {
            "all": at <= then,
            "rest": or_(at < then, and_(at == then, id_ < bindparam("then_id"))),
            "none": at < then,
        }
        found = found.where(same[place.after(key)])
    return found.order_by(at.desc(), id_.desc()).limit(bindparam("limit"))


def _fetch(
    session: Session,
    shape: tuple[Any, ...],
    build: Callable[[], Select[Any]],
    key: str,
    place: _Place | None,
    given: dict[str, Any],
) -> list[tuple[Any, ...]]:
    stands = None if place is None else place.after(key)
    if place is not None:
        given = given | {"then": place.at} | ({"then_id": place.id} if stands == "rest" else {})
    return session.prepared((*shape, stands), build).fetch_all(session.connection, given)


def _any(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(column == one for one in values))


def _kind_of(entry: Entry) -> Kind:
    return "moves" if entry.action in _MOVES else "approvals" if entry.action in _APPROVALS else "changes"


def _named(session: Session, found: list[Happening]) -> list[Happening]:
    """Say what other records are called."""
    others: dict[str, set[int]] = {}
    for one in found:
        if one.kind == "linked":
            others.setdefault(one.entity, set()).add(one.record_id)
    names: dict[tuple[str, int], str] = {}
    for key, ids in others.items():
        names |= names_of(session, key, ids)
    return [replace(one, name=names.get((one.entity, one.record_id))) if one.kind == "linked" else one for one in found]


def _read_cursor(cursor: str) -> _Place:
    try:
        at, source, id_ = cursor[:200].split("~")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not 1900 <= moment.year <= 2300 or not 0 <= int(id_) < 2**63:
            raise ValueError
        return _Place(moment, source, int(id_))
    except (ValueError, OverflowError):
        raise InvalidValues([FieldError("after", "record.bad_cursor")]) from None
