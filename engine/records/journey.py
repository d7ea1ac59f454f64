"""Everything that happened around a record, as one line of time: its own history, what was said, its files, and the
records that link to it.

Enters: a record, kinds of happenings, a place in time. Leaves: a page of them, the newest first. Must not tell of a
record, a field or a file the actor may not see: each source is read under their rights.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, or_, select

from engine.compiler.app import CompiledApp, Entity
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.chain import links_between
from engine.records.evaluation import parameters
from engine.records.history import Entry, entry_columns, names_of, to_entry
from engine.records.listing import scope_key
from engine.records.queries import get_record
from engine.records.rights import Rights, find_rights, get_entity, scope_condition
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


@dataclass(frozen=True)
class _Source:
    """Where happenings are read: a statement, the columns of when and which, and what a row of it tells."""

    key: str
    shape: tuple[Any, ...]
    build: Callable[[], Select[Any]]
    at: Any
    id: Any
    given: Mapping[str, Any]
    make: Callable[[tuple[Any, ...]], Happening]

    def read(self, session: Session, place: _Place | None, most: int) -> list[Happening]:
        """Return what happened before a place, the newest first."""
        stands = None if place is None else place.after(self.key)
        given = {**self.given, "limit": most}
        if place is not None:
            given |= {"then": place.at} | ({"then_id": place.id} if stands == "rest" else {})
        found = session.prepared((*self.shape, stands), lambda: self._page(stands))
        return [self.make(row) for row in found.fetch_all(session.connection, given)]

    def count(self, session: Session, most: int) -> int:
        """Return how much happened, ``most`` at most."""

        def build() -> Select[Any]:
            return select(func.count()).select_from(self.build().limit(bindparam("limit")).subquery())

        found = session.prepared((*self.shape, "count"), build)
        return int(found.fetch_all(session.connection, {**self.given, "limit": most})[0][0])

    def _page(self, stands: str | None) -> Select[Any]:
        found, then = self.build(), bindparam("then", type_=self.at.type)
        same: dict[str | None, ColumnElement[bool]] = {
            "all": self.at <= then,
            "rest": or_(self.at < then, and_(self.at == then, self.id < bindparam("then_id"))),
            "none": self.at < then,
        }
        if stands is not None:
            found = found.where(same[stands])
        return found.order_by(self.at.desc(), self.id.desc()).limit(bindparam("limit"))


def list_journey(
    session: Session,
    entity: str,
    record_id: int,
    *,
    actor: Actor,
    kinds: Collection[Kind] = KINDS,
    among: Collection[str] | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> tuple[list[Happening], str | None]:
    """Return what happened, the newest first, and the cursor of the page after, None on the last.

    ``among`` names the entities whose linked records are told of, None all of them. Raises ``NotFound`` like reading
    the record, and ``InvalidValues`` for a cursor that is not one of ours.
    """
    place, found = None if after is None else _read_cursor(after), list[tuple[str, Happening]]()
    for source in _sources(session, entity, record_id, frozenset(kinds), among, actor):
        found += [(source.key, one) for one in source.read(session, place, limit + 1)]
    found.sort(key=lambda one: one[1].id, reverse=True)
    found.sort(key=lambda one: one[0])
    found.sort(key=lambda one: one[1].at, reverse=True)
    shown = found[:limit]
    further = None
    if len(found) > limit:
        key, last = shown[-1]
        further = f"{last.at.isoformat()}~{key}~{last.id}"
    return _named(session, [one for _, one in shown]), further


def count_journey(
    session: Session,
    entity: str,
    record_id: int,
    *,
    actor: Actor,
    kinds: Collection[Kind] = KINDS,
    among: Collection[str] | None = None,
    most: int,
) -> int:
    """Return how much ``list_journey`` has to tell, ``most`` of each source at most."""
    sources = _sources(session, entity, record_id, frozenset(kinds), among, actor)
    return sum(source.count(session, most) for source in sources)


def linking(app: CompiledApp, entity: str, actor: Actor) -> list[str]:
    """Return the entities with records that the actor may read and that can link to one of ``entity``."""
    return [key for key, other in app.entities.items() if _links(app, other, entity, find_rights(app, other, actor))]


def _links(app: CompiledApp, other: Entity, entity: str, rights: Rights) -> tuple[str, ...]:
    return tuple(links_between(app, other, entity, rights.hidden)) if rights.read else ()


def _sources(
    session: Session, key: str, id_: int, kinds: frozenset[str], among: Collection[str] | None, actor: Actor
) -> Iterator[_Source]:
    hidden, entity = get_record(session, key, id_, actor=actor).hidden, get_entity(session.app, key)
    seen = tuple(one.key for one in entity.file_fields if one.key not in hidden)
    if kinds & {"moves", "approvals", "changes"}:
        yield _own(entity, id_, hidden, kinds)
    if "remarks" in kinds:
        yield _remarks(entity, id_)
    if "files" in kinds and seen:
        yield _files(entity, id_, seen)
    for other in session.app.entities.values() if "linked" in kinds else ():
        rights = find_rights(session.app, other, actor)
        links = _links(session.app, other, key, rights)
        if links and (among is None or other.key in among):
            yield _linked(session, other, links, id_, rights, actor)


def _own(entity: Entity, id_: int, hidden: frozenset[str], kinds: frozenset[str]) -> _Source:
    c, told = history.c, tuple(sorted(kinds & {"moves", "approvals", "changes"}))

    def build() -> Select[Any]:
        parts = {
            "moves": _any(c.action, _MOVES),
            "approvals": _any(c.action, _APPROVALS),
            "changes": ~_any(c.action, (*_MOVES, *_APPROVALS)),
        }
        own = (c.entity == entity.key, c.record_id == bindparam("record_id"))
        found = select(*entry_columns()).select_from(history.outerjoin(users, users.c.id == c.actor_id))
        which = () if len(told) == len(parts) else (or_(*(parts[one] for one in told)),)
        return found.where(*own, *which)

    def make(row: tuple[Any, ...]) -> Happening:
        one = to_entry(row, hidden)
        who = one.actor if one.actor_id else None
        return Happening(_kind_of(one), one.at, one.id, entity.key, id_, who, entry=one)

    return _Source("history", ("journey", entity.key, told), build, c.at, c.id, {"record_id": id_}, make)


def _remarks(entity: Entity, id_: int) -> _Source:
    c, given = comments.c, {"entity": entity.key, "record_id": id_}

    def build() -> Select[Any]:
        own = (c.entity == bindparam("entity"), c.record_id == bindparam("record_id"), c.removed_at.is_(None))
        found = select(c.id, c.at, users.c.name, c.text).join_from(comments, users, users.c.id == c.author_id)
        return found.where(*own)

    def make(row: tuple[Any, ...]) -> Happening:
        return Happening("remarks", row[1], row[0], entity.key, id_, row[2], text=row[3])

    return _Source("remarks", ("journey remarks",), build, c.at, c.id, given, make)


def _files(entity: Entity, id_: int, seen: tuple[str, ...]) -> _Source:
    c = files.c

    def build() -> Select[Any]:
        own = (c.entity == entity.key, c.record_id == bindparam("record_id"), c.deleted_at.is_(None))
        source = files.outerjoin(users, users.c.id == c.uploaded_by)
        found = select(c.id, c.uploaded_at, users.c.name, c.name).select_from(source)
        return found.where(*own, or_(*(c.field == key for key in seen)))

    def make(row: tuple[Any, ...]) -> Happening:
        return Happening("files", row[1], row[0], entity.key, id_, row[2], text=row[3])

    shape = ("journey files", entity.key, seen)
    return _Source("files", shape, build, c.uploaded_at, c.id, {"record_id": id_}, make)


def _linked(session: Session, other: Entity, links: tuple[str, ...], id_: int, rights: Rights, actor: Actor) -> _Source:
    """Return when records that link here came and moved, of those the actor may read."""
    table, c = session.tables.entity[other.key], history.c

    def build() -> Select[Any]:
        mine = scope_condition(session.tables, other, table, rights.read)
        leads = or_(*(table.c[one] == bindparam("record_id") for one in links))
        seen = select(table.c.id).where(leads, table.c.deleted_at.is_(None), mine)
        source = history.outerjoin(users, users.c.id == c.actor_id)
        found = select(*entry_columns(), c.record_id).select_from(source)
        told: ColumnElement[bool] = literal_column(f"{history.name}.{COME_OR_MOVED}")  # as its index says it
        return found.where(c.entity == other.key, told, IsAmong(c.record_id, seen.scalar_subquery()))

    def make(row: tuple[Any, ...]) -> Happening:
        entry = to_entry(row, rights.hidden)
        who = entry.actor if entry.actor_id else None
        return Happening("linked", entry.at, entry.id, other.key, row[-1], who, entry=entry)

    shape = ("journey linked", other.key, links, scope_key(rights.read))
    given = parameters(session, actor) | {"record_id": id_}
    return _Source(f"linked {other.key}", shape, build, c.at, c.id, given, make)


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
