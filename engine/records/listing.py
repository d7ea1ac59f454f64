"""One list of records: what may be asked of it, its statement, the rows of a page.

Enters: an entity, the actor's rights, a ``ListQuery``. Leaves: rows and how to read them. Must not let a field somebody
may not see be sorted, filtered or searched by: it is answered like one that does not exist.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, exists, func, or_, select, tuple_

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records import cursors
from engine.records.columns import column
from engine.records.evaluation import parameters, site_zone
from engine.records.filters import Filter, condition, like
from engine.records.reading import Reading
from engine.records.rights import ALL, Rights, scope_condition
from engine.records.values import said
from engine.storage.ordering import largest_first, smallest_first
from engine.storage.store import Session

MOST = 200
"""Records on a page at most."""

COUNTED = 1_000
"""How far a list is counted."""

NEVER_HIDDEN = ("id", "number", "stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by")
_WORDS = 5


@dataclass(frozen=True)
class ListQuery:
    """What a list shows.

    ``sort`` None is the entity's own, ``after`` the cursor of the page before, ``text`` a search.
    """

    filters: tuple[Filter, ...] = ()
    sort: str | None = None
    descending: bool = False
    after: str | None = None
    limit: int = 50
    text: str = ""
    columns: tuple[str, ...] = ()  # empty: every field


@dataclass(frozen=True)
class LinkCondition:
    """What the records offered for a link must meet; ``key`` names the link."""

    key: tuple[str, str]
    build: Callable[[Table], ColumnElement[bool]]


def readable_keys(entity: Entity, rights: Rights) -> list[str]:
    """Return the stored fields and system fields the actor may see, sort and filter by."""
    fields = [item.key for item in entity.stored_fields if item.key not in rights.hidden and not item.retired]
    return [*fields, *NEVER_HIDDEN]


def scope_key(scopes: frozenset[str]) -> Any:
    """Return what tells the statements of different scopes apart."""
    return ALL if ALL in scopes else scopes


class ListPlan:
    """One list, its statement prepared for its shape."""

    def __init__(
        self, session: Session, entity: Entity, rights: Rights, query: ListQuery, *, link: LinkCondition | None = None
    ) -> None:
        """Judge the query; raises ``InvalidValues`` for a field that is not there to see, or a wrong value."""
        self._entity, self._rights, self._query, self._link = entity, rights, query, link
        self._table = session.tables.entity[entity.key]
        self.limit = max(1, min(query.limit, MOST))
        allowed = readable_keys(entity, rights)
        self.sort, self.descending = self._sorted_by(allowed)
        errors = [_unknown(one.field) for one in query.filters if one.field not in allowed]
        if errors:
            raise InvalidValues(errors)
        wanted = query.columns or tuple(item.key for item in entity.stored_fields)
        self.columns = tuple(key for key in wanted if key in allowed)
        system = ("id", "number", "stage", "owner", "version", "updated_at")
        keys = tuple(dict.fromkeys([*system, self.sort, *self.columns]))
        self.reading = reading_of(session, entity.key, self._table, entity.stored_fields, keys)
        self._unsearched = rights.hidden & set(entity.search)
        self._words = cursors.folded(query.text).split()[:_WORDS]
        self._given: dict[str, Any] = {f"word{at}": like(word) for at, word in enumerate(self._words)}
        zone = site_zone(session.app)
        for at, one in enumerate(query.filters):
            self._given |= one.parameters(entity, at, zone)

    def fetch(self, session: Session, actor: Actor) -> list[tuple[Any, ...]]:
        """Return the rows of the page, and one more when there is a page after."""
        after = cursors.decode(self._query.after, self._entity, self.sort) if self._query.after else None
        given = parameters(session, actor) | self._given
        if after is not None:
            given |= {"after": after[0], "after_id": after[1]}
        rows: list[tuple[Any, ...]] = []
        for part in self._parts(after):
            key = ("list", *self._shape(), self.reading.keys, self.sort, self.descending, part)
            statement = session.prepared(key, lambda part=part: self._select(session, part))  # type: ignore[misc]
            rows += statement.fetch_all(session.connection, given | {"limit": self.limit + 1 - len(rows)})
            if len(rows) > self.limit:
                break
        return rows

    def count(self, session: Session, actor: Actor) -> int:
        """Count the rows, to ``COUNTED + 1`` at most."""

        def build() -> Select[Any]:
            rows = select(self._table.c.id).where(*self._conditions(session)).limit(bindparam("limit")).subquery()
            return select(func.count()).select_from(rows)

        given = parameters(session, actor) | self._given | {"limit": COUNTED + 1}
        row = session.prepared(("count", *self._shape()), build).fetch_one(session.connection, given)
        return int(row[0]) if row else 0

    def _shape(self) -> tuple[Any, ...]:
        """Return what tells the conditions of two lists apart, whatever their values."""
        filters = tuple((one.field, one.operator) for one in self._query.filters)
        link = None if self._link is None else self._link.key
        scopes = scope_key(self._rights.read)
        return self._entity.key, scopes, filters, len(self._words), self._unsearched if self._words else None, link

    def _sorted_by(self, allowed: Sequence[str]) -> tuple[str, bool]:
        wanted = self._query.sort
        if wanted is None:
            own, descending = self._entity.sort
            return (own, descending) if own in allowed else ("id", True)
        declared = self._entity.fields.get(wanted)
        if wanted not in allowed or (declared is not None and not declared.type.sortable):
            raise InvalidValues([_unknown(wanted)])
        return wanted, self._query.descending

    def _parts(self, after: tuple[Any, int] | None) -> tuple[str, ...]:
        """Return the stretches of the list that make up a page, each one range of an index, in order.

        Missing values are the smallest of all: they come first or, descending, last.
        """
        if after is None:
            return ("start",)
        if self.sort == "id":
            return ("further",)
        if after[0] is None:
            return ("missing further",) if self.descending else ("missing further", "present")
        nullable = getattr(column(self._table, self.sort), "nullable", True)
        return ("further", "missing") if self.descending and nullable else ("further",)

    def _select(self, session: Session, part: str) -> Select[Any]:
        found = select(*self.reading.columns).select_from(self.reading.source).where(*self._conditions(session))
        return found.where(*self._within(part)).order_by(*self._orders()).limit(bindparam("limit"))

    def _orders(self) -> list[Any]:
        by_id, sort = self._table.c.id, column(self._table, self.sort)
        if not self.descending:
            first = smallest_first(sort) if getattr(sort, "nullable", True) else sort.asc()
            return [by_id.asc()] if self.sort == "id" else [first, by_id.asc()]
        first = largest_first(sort) if getattr(sort, "nullable", True) else sort.desc()
        return [by_id.desc()] if self.sort == "id" else [first, by_id.desc()]

    def _within(self, part: str) -> list[Any]:
        ids, sort = self._table.c.id, column(self._table, self.sort)
        if part == "start":
            return []
        if part == "present":
            return [sort.is_not(None)]
        if part == "missing":
            return [sort.is_(None)]
        last_id = bindparam("after_id", type_=ids.type)
        if part == "missing further" or self.sort == "id":
            next_id = ids < last_id if self.descending else ids > last_id
            return [next_id] if self.sort == "id" else [sort.is_(None), next_id]
        # A comparison of pairs, unlike one with OR, lets the index begin where the page before ended.
        here, last = tuple_(sort, ids), tuple_(bindparam("after", type_=sort.type), last_id)
        return [here < last if self.descending else here > last]

    def _conditions(self, session: Session) -> list[ColumnElement[bool]]:
        table = self._table
        found = [table.c.deleted_at.is_(None), scope_condition(session.tables, self._entity, table, self._rights.read)]
        found += [condition(table, self._entity, one, at) for at, one in enumerate(self._query.filters)]
        found += [self._holds_word(session, f"word{at}") for at in range(len(self._words))]
        if self._link is not None:
            found.append(self._link.build(table))
        return found

    def _holds_word(self, session: Session, word: str) -> ColumnElement[bool]:
        """A record is found by its search text; where that holds what the actor may not see, by its other columns."""
        table, entity = self._table, self._entity
        if not self._unsearched:
            return table.c.search_text.like(bindparam(word), escape="\\")
        found: list[ColumnElement[bool]] = []
        for key in entity.search:
            field = entity.fields.get(key)
            if key in self._unsearched:
                continue
            if field is None or field.to is None:
                found.append(_contains(column(table, key), word))
            else:
                found.append(_linked_contains(session, field, table, word))
        return or_(*found)


_readings: dict[Any, Reading] = {}


def reading_of(session: Session, of: str, table: Any, fields: Iterable[Field], keys: tuple[str, ...]) -> Reading:
    """Return the columns of a select, worked out once per release (and store: each has tables of its own)."""
    tables = session.tables.metadata
    cached = _readings.get((tables, of, keys))
    if cached is None:
        if len(_readings) > COUNTED:
            _readings.clear()
        cached = _readings[tables, of, keys] = Reading(session, table, fields, keys)
    return cached


def _contains(text: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    return func.lower(text).like(bindparam(word), escape="\\")


def _linked_contains(session: Session, field: Field, table: FromClause, word: str) -> ColumnElement[bool]:
    """Tell whether a word stands in the name of the linked record."""
    target = session.app.entities[field.to or ""]
    other = session.tables.entity[target.key].alias()
    texts = {"number", *(key for key, one in target.fields.items() if one.type.searchable)}
    named = [other.c[key] for _, key in target.display if key in texts]
    if not named:
        return other.c.id.is_(None) & table.c.id.is_(None)
    words = or_(*(_contains(one, word) for one in named))
    return exists().where(other.c.id == table.c[field.key], words)


def _unknown(key: str) -> FieldError:
    return FieldError(said(key), "record.bad_filter", {"field": said(key)})
