"""How many records a list has and what they come to, as SQL: counted no further than anybody reads.

Enters: the conditions of a list, which ``listing.py`` puts together. Leaves: counts, the totals of stages, the figures
of groups. Must not have conditions of its own: it counts what the list shows.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    bindparam,
    false,
    func,
    literal,
    literal_column,
    not_,
    select,
    type_coerce,
    union,
    union_all,
)

from engine.compiler.app import Entity
from engine.records.columns import column
from engine.records.finding import Source, Word, first_ids
from engine.records.list_query import ListQuery
from engine.records.rarity import Condition, Plainly, parts_of
from engine.records.sql import PeriodOf
from engine.storage.column_types import UtcDateTime
from engine.storage.store import Session

COUNTED = 1_000
"""How far a list is counted."""

FIRST = 10_000
"""Records of a word that are looked up to be counted."""


class Counting:
    """What a list can be asked besides its rows."""

    words: tuple[Word, ...]
    _entity: Entity
    _table: Table
    _sources: tuple[Source, ...]
    _given: dict[str, Any]
    _query: ListQuery
    _few_in_scope: bool
    _led_by_scope: bool

    def _conditions(
        self,
        session: Session,
        *,
        led: bool = False,
        among_first: int = 0,
        within: ColumnElement[bool] | None = None,
        ordered: bool = True,
    ) -> list[ColumnElement[bool]]:
        raise NotImplementedError

    def _in_scope(self, session: Session) -> Condition:
        raise NotImplementedError

    def _shape(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def count(self, session: Session, most: int = COUNTED) -> int:
        """Count the rows, to ``most + 1`` at most.

        A word that stands in thousands is looked up first, as far as ``FIRST`` for a whole count: in a large table its
        records are soon more than are counted, or all of them are among those, and asking each row could go through
        the whole table.
        """
        if self._has_first():
            first = min(FIRST, 10 * most)
            found = self._count(session, most, among_first=first)
            if found > most or self._is_all(session, first):
                return found
        return self._count(session, most)

    def _count(self, session: Session, most: int, *, among_first: int = 0) -> int:
        most_rows: ColumnElement[int] = literal_column(
            str(most + 1)
        )  # PostgreSQL makes room for as many as it may find

        def build() -> Select[Any]:
            parts = [] if self.words or self._is_few_narrowed() else self._parts_of_scope(session)
            if len(parts) > 1:
                ids = self._first_of_parts(session, parts, most_rows).subquery()
                rows = select(ids.c.id).limit(most_rows)
            else:
                rows = select(self._table.c.id).where(
                    *self._conditions(session, among_first=among_first, ordered=False)
                )
                rows = rows.limit(most_rows)
            return select(func.count()).select_from(rows.subquery())

        key = ("count", most, among_first, *self._shape())
        row = session.prepared(key, build).fetch_one(session.connection, self._given)
        return int(row[0]) if row else 0

    def _is_few_narrowed(self) -> bool:
        """Whether few records are in scope and are asked for more: they are looked up, and only they are asked.

        Part by part, PostgreSQL would go along the index of what is asked: of a statement that is prepared for every
        reader it takes each team for as large as the mean, and thousands to be found soon.
        """
        return self._few_in_scope and bool(self._query.filters)

    def _parts_of_scope(self, session: Session) -> list[ColumnElement[bool]]:
        return list(parts_of(self._in_scope(session)(self._table)))

    def _first_of_parts(
        self, session: Session, parts: Sequence[ColumnElement[bool]], most: ColumnElement[int]
    ) -> CompoundSelect[Any]:
        """Select the ids that are counted: the first of each part of the scope, found by an index of its own.

        What a whole scope holds is a range of no index, and so many rows would be asked as lie between its own.
        """
        firsts = (
            select(self._table.c.id)
            .where(*self._conditions(session, within=part, ordered=False))
            .limit(most)
            .subquery()
            for part in parts
        )
        return union(*(select(one.c.id) for one in firsts))

    def _rows(self, session: Session, columns: Sequence[ColumnElement[Any]]) -> Select[Any] | CompoundSelect[Any]:
        """Select columns of the rows of the list, each once.

        Of a scope with few records each part is gone along by itself, and what was in a part before is left out: the
        rows are read as they are found, not found and then looked up.
        """
        parts = self._parts_of_scope(session) if self._few_in_scope and not self.words else []
        if len(parts) < 2:
            return select(*columns).where(*self._conditions(session))
        rows = [
            select(*columns).where(
                *self._conditions(session, within=part), *(not_(func.coalesce(one, false())) for one in parts[:at])
            )
            for at, part in enumerate(parts)
        ]
        return union_all(*rows)

    def _has_first(self) -> bool:
        """Whether all words stand in thousands, and the first records of the first can be told along its terms."""
        if not self.words or self._led_by_scope or any(word.ids for word in self.words):
            return False
        return any(few or len(one.links) < 2 for one, few in zip(self._sources, self.words[0].few, strict=True))

    def _is_all(self, session: Session, most: int) -> bool:
        """Whether the first ``most`` records of the first word are all it has."""
        word = self.words[0]
        if not all(few or not one.links for one, few in zip(self._sources, word.few, strict=True)):
            return False

        def build() -> Select[Any]:
            first = first_ids(session.tables, self._entity, self._sources, word, "word0", most + 1).subquery()
            return select(func.count()).select_from(first)

        key = ("first of word", self._entity.key, self._sources, word.few, most)
        row = session.prepared(key, build).fetch_one(session.connection, self._given)
        return row is not None and row[0] <= most

    def totals(self, session: Session, values: Sequence[str], added: str | None, most: int) -> list[tuple[Any, ...]]:
        """Return rows of one of ``values`` of the stage, how many records are there, and what ``added`` comes to.

        Each stage is looked at by itself, and no further than ``most + 1`` records: whoever finds more there knows that
        the sum is not whole.
        """
        table = self._table
        summed = table.c.id if added is None else column(table, added)

        def together() -> Select[Any]:
            rows = self._rows(session, [table.c.stage.label("stage"), summed.label("added")]).subquery()
            total = type_coerce(func.sum(rows.c.added), summed.type)
            return select(rows.c.stage, func.count(), total).group_by(rows.c.stage)

        if self._few_in_scope:  # looked up once for all stages
            statement = session.prepared(("totals together", added, *self._shape()), together)
            found = statement.fetch_all(session.connection, self._given)
            return [(stage, min(count, most + 1), total) for stage, count, total in found if stage in values]

        def one(at: int) -> Select[Any]:
            stage = Plainly(table.c.stage) if self._led_by_scope else table.c.stage
            here = stage == bindparam(f"stage{at}", type_=stage.type)
            rows = select(summed.label("added")).where(here, *self._conditions(session)).limit(bindparam("limit"))
            inner = rows.subquery()
            asked = select(literal(at), func.count(), type_coerce(func.sum(inner.c.added), summed.type))
            return asked.select_from(inner)

        key = ("totals", len(values), added, *self._shape())
        statement = session.prepared(key, lambda: union_all(*(one(at) for at in range(len(values)))))
        given = {f"stage{at}": value for at, value in enumerate(values)} | {"limit": most + 1}
        rows = statement.fetch_all(session.connection, self._given | given)
        return [(values[row[0]], *row[1:]) for row in rows]

    def figures(
        self,
        session: Session,
        group: str | None,
        sums: tuple[str, ...],
        *,
        most: int | None = None,
        span: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return rows of a value of ``group`` (None without one), how many records have it, and what ``sums`` come to.

        The largest groups come first. ``span`` takes a day or moment for its month (``2026-03``), week (its Monday) or
        day, the latest first. At most ``most`` records are looked at: whoever finds all counts to make up as many knows
        that the figures are not whole.
        """
        table = self._table
        timed = group is not None and isinstance(column(table, group).type, UtcDateTime)
        zone = session.app.timezone if timed else None

        def build() -> Select[Any]:
            keys = dict.fromkeys([*([group] if group else []), *sums])
            columns: list[ColumnElement[Any]] = [column(table, key).label(key) for key in keys] or [table.c.id]
            found = self._rows(session, columns)
            if most is not None and not self._few_in_scope:
                # In the order they lie in: along an index they would be gathered from all over the table.
                found = found.order_by(table.c.id).limit(most)
            inner = found.subquery()
            value: Any = literal(None) if group is None else inner.c[group]
            value = value if span is None else PeriodOf(value, span, zone)
            added = [type_coerce(func.sum(inner.c[key]), inner.c[key].type) for key in sums]
            asked = select(value.label("value"), func.count().label("rows"), *added).select_from(inner)
            if group is None:
                return asked
            first = [func.count().desc(), value] if span is None else [value.desc().nulls_last()]
            return asked.group_by(value).order_by(*first)

        key = ("figures", group, sums, most, span, zone, *self._shape())
        return session.prepared(key, build).fetch_all(session.connection, self._given)
