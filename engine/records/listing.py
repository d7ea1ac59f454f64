"""One list of records: what may be asked of it, its statement, the rows of a page.

Enters: an entity, the actor's rights, a ``ListQuery``. Leaves: rows and how to read them. Must not let a field somebody
may not see be sorted, filtered or searched by: it is answered like one that does not exist.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    or_,
    select,
    true,
    tuple_,
)

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records import cursors
from engine.records.columns import column
from engine.records.counting import COUNTED, Counting
from engine.records.evaluation import parameters, site_zone
from engine.records.filters import (
    Asker,
    Filter,
    FilterGroup,
    condition,
    each_filter,
    shape_of,
)
from engine.records.finding import Source, find_words, first_ids, holds_word, sources_of
from engine.records.list_query import LinkCondition, ListQuery, readable_keys, scope_key, shown_keys
from engine.records.marks import mark_condition, mark_parameters, marks_of
from engine.records.masking import Masking
from engine.records.rarity import FEW, Condition, are_few, looked_up
from engine.records.reading import Reading
from engine.records.rights import ALL, OWN, SHARED, Rights, scope_condition
from engine.records.sql import IsAmong, in_all, is_one_of
from engine.records.values import said
from engine.storage.ordering import largest_first, smallest_first
from engine.storage.prepared import Prepared
from engine.storage.store import Session
from engine.storage.tables import column_name, is_indexed

_ALWAYS_READ = ("id", "number", "stage", "owner", "version", "updated_at")

__all__ = [
    "COUNTED", "MOST", "MOST_CONDITIONS", "LinkCondition", "ListPlan", "ListQuery", "readable_keys", "reading_of",
    "scope_key", "shown_keys",
]  # fmt: skip

MOST = 200
"""Records on a page at most."""

MOST_CONDITIONS = 30
"""Conditions a list is narrowed by at most."""


_OF_ONE_COLUMN = (frozenset({OWN}), frozenset({OWN, SHARED}), frozenset({SHARED}))
"""Scopes that are found by an index, whatever else a list asks."""


Find = Callable[[Session, Prepared, Mapping[str, Any]], list[tuple[Any, ...]]]
"""Runs a statement and returns its rows."""


class ListPlan(Counting):
    """One list as one actor sees it, its statement prepared for its shape."""

    def __init__(
        self,
        session: Session,
        entity: Entity,
        rights: Rights,
        query: ListQuery,
        *,
        actor: Actor,
        link: LinkCondition | None = None,
    ) -> None:
        """Judge the query; raises ``InvalidValues`` for a field that is not there to see, or a wrong value."""
        self._entity, self._rights, self._query, self._link = entity, rights, query, link
        self._table = session.tables.entity[entity.key]
        self.limit = max(1, min(query.limit, MOST))
        allowed = readable_keys(entity, rights)
        self.sort, self.descending = self._sorted_by(allowed)
        self._then = query.then
        if query.then is not None:
            self._require_sortable(query.then[0], allowed)
        self._marks = frozenset(() if "stage" in rights.hidden else marks_of(entity))
        self._require(list(each_filter(query.filters)), {*allowed, *self._marks})
        wanted = query.columns or tuple(item.key for item in entity.stored_fields)
        shown = shown_keys(entity, rights) if rights.masked else allowed
        self.columns = tuple(key for key in wanted if key in shown)
        self.masking = Masking(entity, rights)
        system = [key for key in _ALWAYS_READ if key not in rights.hidden]
        keys = tuple(dict.fromkeys([*system, self.sort, *self.columns]))
        self.reading = reading_of(session, entity.key, self._table, entity.stored_fields, keys)
        self._sources = sources_of(session.app, entity, rights) if query.text else ()
        self.words = find_words(session, entity, self._sources, query.text)
        self._nothing = bool(query.text.strip()) and not self.words  # only marks: no record is found by them
        self._given = parameters(session, actor) | self._parameters(session, actor)
        self._few_in_scope = self._has_few_in_scope(session, actor)
        self._few_beside_words = self._has_few_beside_words(session, actor)
        self._led_by_scope = self._few_in_scope or rights.read in _OF_ONE_COLUMN
        self._asked_plainly = frozenset(self._plain_conditions(session))

    def _parameters(self, session: Session, actor: Actor) -> dict[str, Any]:
        """Return the parameters of the words, the link and the conditions."""
        given: dict[str, Any] = {}
        for at, word in enumerate(self.words):
            given |= word.parameters(at)
        given |= {} if self._link is None else self._link.given
        asker = Asker(actor.id, session.now(), site_zone(session.app))
        for at, one in enumerate(each_filter(self._query.filters)):
            if one.field in self._marks:
                given |= mark_parameters(self._entity, one, at, asker.now)
            else:
                given |= one.parameters(self._entity, at, asker)
        return given

    def _require(self, filters: Sequence[Filter], allowed: set[str]) -> None:
        """Refuse what may not be filtered by, and more conditions than one list may have."""
        if len(filters) > MOST_CONDITIONS:
            raise InvalidValues([FieldError("filter", "record.many_filters", {"max": MOST_CONDITIONS})])
        errors = [_unknown(one.field) for one in filters if one.field not in allowed]
        if errors:
            raise InvalidValues(errors)

    @property
    def own_words(self) -> Source | None:
        """Where words stand in the records themselves."""
        return next((one for one in self._sources if not one.links and one.whole is None), None)

    def _in_scope(self, session: Session) -> Condition:
        return lambda rows: scope_condition(session.tables, self._entity, rows, self._rights.read)

    def _has_few_in_scope(self, session: Session, actor: Actor) -> bool:
        """Whether the records in the actor's scope are so few that they are looked up.

        A scope of one column is a range of its own index; one of several columns is a range of none.
        """
        if self._rights.read in _OF_ONE_COLUMN or ALL in self._rights.read:
            return False
        return self._are_few(session, actor)

    def _has_few_beside_words(self, session: Session, actor: Actor) -> bool:
        """Whether the own records of the actor are so few that they are found by their ids as those of a word are."""
        return self._rights.read == {OWN} and any(word.ids for word in self.words) and self._are_few(session, actor)

    def _are_few(self, session: Session, actor: Actor) -> bool:
        shape = ("scope", self._rights.read)
        about = (actor.id, actor.team, actor.teams, actor.above, actor.roles)
        return are_few(session, self._table, shape, self._in_scope(session), about, self._given)

    def _plain_conditions(self, session: Session) -> Iterator[int]:
        """Yield the conditions whose index is not to be used.

        Where few records are in scope, those are found by it and asked. Else so many may meet a condition that the list
        had better go along the index of its order; but in its own order, the two are one range of one index.
        """
        own = self.sort in ("id", self._entity.sort[0]) or not is_indexed(self._table, column_name(self.sort))
        for at, one in enumerate(each_filter(self._query.filters)):
            if self._led_by_scope or (not own and self._is_common(session, one, at)):
                yield at

    def _is_common(self, session: Session, one: Filter, at: int) -> bool:
        """Whether many records meet a condition that all of the list must meet."""
        if one not in self._query.filters or one.operator != "eq" or one.field in self._marks:
            return False
        holds = partial(condition, entity=self._entity, one=one, at=at)
        about = str(self._given[f"value{at}"])
        return not are_few(session, self._table, (one.field, at), holds, about, self._given)

    def among(self, session: Session, ids: Sequence[int], *, found: bool = False) -> list[tuple[Any, ...]]:
        """Return those of some records that belong to the list, in no order; ``found``: by its words already."""

        def build() -> Select[Any]:
            columns = [*self.reading.columns, *self.masking.columns(session.tables, self._table)]
            rows = select(*columns).select_from(self.reading.source)
            conditions = self._conditions(session, led=True, worded=not found)
            return rows.where(is_one_of(self._table.c.id, "among"), *conditions)

        statement = session.prepared(("among", found, *self._shape(), self.reading.keys, self._rights.masked), build)
        return statement.fetch_all(session.connection, self._given | {"among": list(ids)})

    def ids(self, session: Session, ids: Sequence[int] | None = None, *, most: int = FEW) -> list[int]:
        """Return the ids of the list, of those of ``ids`` alone if they are given, the newest first."""

        def build() -> Select[Any]:
            rows = self._table.c.id
            only = [] if ids is None else [is_one_of(rows, "among")]
            found = select(rows).where(*only, *self._conditions(session, led=bool(only)))
            return found.order_by(rows.desc()).limit(bindparam("limit"))

        statement = session.prepared(("ids", ids is None, *self._shape()), build)
        given = self._given | {"limit": most} | ({} if ids is None else {"among": list(ids)})
        return [row[0] for row in statement.fetch_all(session.connection, given)]

    def find_first(self, session: Session, find: Find) -> list[int]:
        """Return the ids of the first page and one more when there is a page after; ``find`` runs the statement."""

        def build() -> Select[Any]:
            found = select(self._table.c.id).where(*self._conditions(session))
            return found.order_by(*self._orders()).limit(bindparam("limit"))

        statement = session.prepared(("first ids", *self._shape(), *self._order), build)
        return [row[0] for row in find(session, statement, self._given | {"limit": self.limit + 1})]

    def fetch(self, session: Session) -> list[tuple[Any, ...]]:
        """Return the rows of the page, and one more when there is a page after."""
        after = cursors.decode(self._query.after, self._entity, self.sort) if self._query.after else None
        given = dict(self._given)
        if after is not None:
            given |= {"after": after[0], "after_id": after[1]}
        rows: list[tuple[Any, ...]] = []
        for part in self._parts(after):
            key = ("list", *self._shape(), self.reading.keys, *self._order, part, self._rights.masked)
            statement = session.prepared(key, lambda part=part: self._select(session, part))  # type: ignore[misc]
            rows += statement.fetch_all(session.connection, given | {"limit": self.limit + 1 - len(rows)})
            if len(rows) > self.limit:
                break
        return rows

    def asks(self, *what: Hashable) -> Hashable:
        """Return what tells one question about this list from another: its statement and every value in it.

        The moment it is asked at is left out, so that the same question of a few seconds later is the same.
        """
        given = sorted((name, repr(value)) for name, value in self._given.items() if name != "now")
        return what, self._shape(), tuple(given)

    def _shape(self) -> tuple[Any, ...]:
        """Return what tells the conditions of two lists apart, whatever their values."""
        filters = shape_of(self._query.filters)
        link = None if self._link is None else self._link.key
        scopes = scope_key(self._rights.read)
        words = tuple(word.shape for word in self.words), self._sources, self._nothing
        ways = self._few_in_scope, self._few_beside_words, self._asked_plainly
        return self._entity.key, scopes, filters, words, link, ways

    def _sorted_by(self, allowed: Sequence[str]) -> tuple[str, bool]:
        wanted = self._query.sort
        if wanted is None:
            own, descending = self._entity.sort
            return (own, descending) if own in allowed else ("id", True)
        self._require_sortable(wanted, allowed)
        return wanted, self._query.descending

    def _require_sortable(self, wanted: str, allowed: Sequence[str]) -> None:
        declared = self._entity.fields.get(wanted)
        if wanted not in allowed or (declared is not None and not declared.type.sortable):
            raise InvalidValues([_unknown(wanted)])

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
        columns = [*self.reading.columns, *self.masking.columns(session.tables, self._table)]
        found = select(*columns).select_from(self.reading.source).where(*self._conditions(session))
        return found.where(*self._within(part)).order_by(*self._orders()).limit(bindparam("limit"))

    @property
    def _order(self) -> tuple[Hashable, ...]:
        return self.sort, self.descending, self._then

    def _orders(self) -> list[Any]:
        by_id = self._table.c.id
        if self.sort == "id":
            return [by_id.desc() if self.descending else by_id.asc()]
        first = self._along(self.sort, descending=self.descending)
        if self._then is not None:
            return [first, self._along(self._then[0], descending=self._then[1]), by_id.asc()]
        return [first, by_id.desc() if self.descending else by_id.asc()]

    def _along(self, key: str, *, descending: bool) -> Any:
        """Return the order by one column; what has no value is the smallest of all."""
        by = column(self._table, key)
        if not getattr(by, "nullable", True):
            return by.desc() if descending else by.asc()
        return largest_first(by) if descending else smallest_first(by)

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

    def _conditions(
        self,
        session: Session,
        *,
        led: bool = False,
        among_first: int = 0,
        within: ColumnElement[bool] | None = None,
        ordered: bool = True,
        worded: bool = True,
    ) -> list[ColumnElement[bool]]:
        """Return what holds of every row.

        ``led``: the rows are found by their ids already; ``among_first``: so many of the first word alone are asked;
        ``within`` takes the place of the scope: a part of it; ``ordered``: in an order whose index leads;
        ``worded``: the words are asked of them too.

        What is looked up by ids more than once is looked up by those that are in all: of a word with hundreds of
        records and a scope of hundreds, a few rows are read.
        """
        table = self._table
        found = [table.c.deleted_at.is_(None), self._scope(session) if within is None else within]
        numbered = iter(range(MOST_CONDITIONS))
        plainly = self._asked_plainly if ordered or self._led_by_scope else frozenset[int]()
        found += [self._holds(one, numbered, plainly) for one in self._query.filters]
        found += [
            holds_word(session.tables, self._entity, table, self._sources, f"word{at}", word)
            for at, word in enumerate(self.words)
            if worded and (at or not among_first)
        ]
        if among_first:
            first = first_ids(session.tables, self._entity, self._sources, self.words[0], "word0", among_first)
            found.append(IsAmong(table.c.id, first.scalar_subquery()))
        if self._nothing:
            found.append(false())
        if self._link is not None:
            found.append(self._link.build(table))
        return [one.of_each_row() if isinstance(one, IsAmong) else one for one in found] if led else in_all(found)

    def _scope(self, session: Session) -> ColumnElement[bool]:
        scope = self._in_scope(session)
        few = self._few_in_scope or self._few_beside_words
        return looked_up(self._table, scope) if few else scope(self._table)

    def _holds(
        self, one: Filter | FilterGroup, numbered: Iterator[int], plainly: frozenset[int]
    ) -> ColumnElement[bool]:
        if isinstance(one, FilterGroup):
            parts = [self._holds(item, numbered, plainly) for item in one.items]
            return or_(false(), *parts) if one.joined == "any" else and_(true(), *parts)
        at = next(numbered)
        if one.field in self._marks:
            return mark_condition(self._table, self._entity, one, at)
        return condition(self._table, self._entity, one, at, plainly=at in plainly)


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


def _unknown(key: str) -> FieldError:
    return FieldError(said(key), "record.bad_filter", {"field": said(key)})
