"""One figure as one statement: its rows, divided by dimensions, in several periods, each with what it comes to.

Enters: rows, conditions and aggregates, the dimensions, the periods, the reader. Leaves: ``Group`` values. Must not
join what somebody may not see: every table comes from ``seeing.py``.

The rows are found once, each with what it gives to every aggregate. A row is counted in every period it lies in, so a
month, the days of that month, the month before and the year before are one statement; each total is counted by itself,
since a median of parts is no median of the whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, ColumnElement, FromClause, Select, and_, bindparam, func, or_, select, true, union_all

from engine.compiler.app import Dimension, Rows
from engine.compiler.app.reports import Read
from engine.errors import NotPossibleNow
from engine.expression import Checked, Kind
from engine.expression import sql_terms as terms
from engine.expression.aggregates import Aggregate
from engine.expression.sql import compile_sql, compile_where
from engine.expression.sql_aggregates import result_column, row_column
from engine.expression.sql_terms import Moment, Term
from engine.people.actor import Actor
from engine.records.evaluation import parameters
from engine.records.rarity import are_few
from engine.records.rights import ALL, Rights, find_rights, scope_condition
from engine.reports import dividing
from engine.reports.dividing import Narrowing
from engine.reports.kept import Asked, Counting, Recording
from engine.reports.periods import Period
from engine.reports.seeing import SeenSource, sight_key
from engine.reports.working_days import WORKING_DAYS, count_working_days
from engine.storage.store import Session

MOST_GROUPS: Final = 20_000
"""Groups that one figure is divided into, over all its periods."""

_BOUNDS: Final = (
    ("start", Moment()), ("end", Moment()), ("from", terms.DATE), ("to", terms.DATE), (WORKING_DAYS, terms.INTEGER),
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked of some rows. ``key`` tells it from every other of a release; ``reads`` are all it is made of.

    Without ``timed`` there are no periods: what is counted is of now.
    """

    key: str
    rows: Rows
    date: Checked | None
    where: Checked | None
    parts: tuple[Aggregate, ...]
    reads: frozenset[Read]
    timed: bool


@dataclass(frozen=True, slots=True)
class Group:
    """What rows of one group come to in period ``at``: ``n`` of them, and the result of each aggregate.

    ``divided`` are the numbers of the dimensions the group is of, ``values`` the value of each of those.
    """

    at: int
    divided: tuple[int, ...]
    values: tuple[Any, ...]
    n: int
    results: tuple[Any, ...]


def ask(
    session: Session,
    question: Question,
    *,
    actor: Actor,
    periods: Sequence[Period],
    by: Sequence[Dimension] = (),
    narrowed: Sequence[Narrowing] = (),
    counting: Counting | Recording | None = None,
    asked: Asked | None = None,
) -> list[Group]:
    """Return the groups of every period, totals among them; a group without a row is not there.

    With ``counting`` the statement takes no longer than that allows, and ``asked`` says how it is asked again in the
    background. Raises ``NotPossibleNow`` when there are more than ``MOST_GROUPS``, ``StillCounting`` with ``counting``.
    """
    plan = _Plan(session, question, actor, tuple(periods), tuple(by), tuple(narrowed))
    found = list(plan.groups(counting, asked or {}))
    if len(found) > MOST_GROUPS:
        raise NotPossibleNow("report.too_many_groups", most=MOST_GROUPS)
    return found


def count_rows(
    session: Session, question: Question, *, actor: Actor, period: Period, narrowed: Sequence[Narrowing]
) -> int:
    """Return how many rows there are."""
    return _Plan(session, question, actor, (period,), (), tuple(narrowed)).count()


def find_rows(
    session: Session,
    question: Question,
    *,
    actor: Actor,
    period: Period,
    narrowed: Sequence[Narrowing],
    limit: int,
    offset: int = 0,
    after: tuple[int, int] | None = None,
) -> list[tuple[int, int]]:
    """Return some of the rows, the newest record first: the ids of record and row; those behind ``after``, if given."""
    return _Plan(session, question, actor, (period,), (), tuple(narrowed)).rows(limit, offset, after)


@dataclass(frozen=True)
class _Scene:
    """The rows of a statement: where they come from, each in its period, and what must hold of them."""

    source: SeenSource
    row: FromClause
    joined: FromClause
    at: ColumnElement[Any]
    conditions: tuple[ColumnElement[bool], ...]


class _Plan:
    """One statement about one question."""

    def __init__(
        self,
        session: Session,
        question: Question,
        actor: Actor,
        periods: tuple[Period, ...],
        by: tuple[Dimension, ...],
        narrowed: tuple[Narrowing, ...],
    ) -> None:
        self.session, self.question, self.actor = session, question, actor
        self.periods, self.by, self.narrowed = periods if question.timed else (), by, narrowed
        self.zone = session.app.timezone
        self.given = parameters(session, actor) | self._parameters()

    def _parameters(self) -> dict[str, Any]:
        """Return the bounds of the periods and the values of the filters."""
        found: dict[str, Any] = {}
        zone = ZoneInfo(self.zone)
        for at, one in enumerate(self.periods):
            days = count_working_days(self.session, one) if self._asks_days else None
            bounds = (one.start(zone), one.end(zone), one.first, one.last, None if days is None else int(days))
            found |= {f"p{at}_{name}": value for (name, _), value in zip(_BOUNDS, bounds, strict=True)}
        for at, narrowing in enumerate(self.narrowed):
            found |= narrowing.parameters(at)
        return found

    @property
    def _asks_days(self) -> bool:
        """Whether anything asks for the working days of the period."""
        asked = self.question
        said = (asked.date, asked.where, *(one for part in asked.parts for one in (part.value, part.where)))
        return any(one is not None and f"period.{WORKING_DAYS}" in one.context for one in said)

    def _key(self, what: str) -> tuple[Any, ...]:
        """Return what tells a statement from others."""
        asked = self.question
        dimensions = (*self.by, *(one.dimension for one in self.narrowed))
        reads = frozenset().union(asked.reads, *(one.reads for one in dimensions))
        sight = sight_key(self.session.app, reads, asked.rows.entity, self.actor, of_changes=asked.rows.changes)
        divided = tuple(one.key for one in self.by), dividing.shapes(self.narrowed)
        return "report", what, asked.key, asked.rows.shape, sight, divided, len(self.periods), self.zone, self._gathers

    # ---- what is asked

    def groups(self, counting: Counting | Recording | None, asked: Asked) -> Iterator[Group]:
        """Yield the groups."""
        sets, size = sets_of(len(self.by)), len(self.by)
        statement = self.session.prepared(self._key("groups"), lambda: self._select_groups(sets))
        if counting is None:
            rows = statement.fetch_all(self.session.connection, self.given)
        else:
            rows = counting.rows(self.session, statement, self.given, asked, self.actor)
        for row in rows:
            divided = sets[row[0]]
            values = tuple(row[2 + number] for number in divided)
            yield Group(row[1], divided, values, row[2 + size], tuple(row[3 + size :]))

    def count(self) -> int:
        """Return how many rows there are."""

        def build() -> Select[Any]:
            scene = self._scene()
            return select(func.count()).select_from(scene.source.joined(scene.joined)).where(*scene.conditions)

        found = self.session.prepared(self._key("count"), build).fetch_one(self.session.connection, self.given)
        return int(found[0]) if found is not None else 0

    def rows(self, limit: int, offset: int, after: tuple[int, int] | None) -> list[tuple[int, int]]:
        """Return the ids of some of the records, and of the rows, the newest record first."""

        def build() -> Select[Any]:
            scene = self._scene(gathers=False)  # a page of them stops as soon as it is full
            record, own = scene.source.record(scene.row, self.question.rows), scene.row.c.id
            asked = select(record, own).select_from(scene.joined).where(*scene.conditions)
            if after is not None:
                last, row = bindparam("last_record", type_=record.type), bindparam("last_row", type_=own.type)
                asked = asked.where(or_(record < last, and_(record == last, own > row)))
            return asked.order_by(record.desc(), own).limit(bindparam("limit")).offset(bindparam("offset"))

        given = self.given | {"limit": limit, "offset": offset}
        given |= {} if after is None else {"last_record": after[0], "last_row": after[1]}
        key = self._key("rows" if after is None else "further rows")
        found = self.session.prepared(key, build).fetch_all(self.session.connection, given)
        return [(int(row[0]), int(row[1])) for row in found]

    # ---- the statement

    def _select_groups(self, sets: Sequence[tuple[int, ...]]) -> Any:
        found = self._found()
        asked = [self._grouped(found, number, divided) for number, divided in enumerate(sets)]
        return (union_all(*asked) if len(asked) > 1 else asked[0]).limit(bindparam(None, MOST_GROUPS + 1, unique=True))

    def _grouped(self, found: CTE, number: int, divided: tuple[int, ...]) -> Select[Any]:
        """Return the groups of some of the dimensions; only those make a row of several choices count for each."""
        joined: FromClause = found
        seen = SeenSource(self.session, self.actor, None)
        columns: list[ColumnElement[Any]] = []
        for at, dimension in enumerate(self.by):
            if at not in divided:
                columns.append(dividing.nothing())
            elif dimension.many and dimension.target is not None:
                linked, id_ = dividing.linked_of(dimension, found, self.session.connection.dialect.name)
                joined = joined.outerjoin(linked, true())
                columns.append(id_)
            elif dimension.many:
                choices = dividing.choices_of(dimension)
                joined = joined.join(choices, dividing.has_choice(dimension, seen, found, choices.c.choice))
                columns.append(choices.c.choice)
            else:
                columns.append(found.c[f"by__{at}"])
        groups = [found.c.period__, *(column for at, column in enumerate(columns) if at in divided)]
        results = [result_column(part, found.c[f"given__{at}"]) for at, part in enumerate(self.question.parts)]
        shown = [column.label(f"by{at}") for at, column in enumerate(columns)]
        told = [one.label(f"result{at}") for at, one in enumerate(results)]
        asked = select(Term(terms.INTEGER, str(number)), found.c.period__, *shown, func.count().label("n"), *told)
        return asked.select_from(joined).group_by(*groups)

    def _found(self) -> CTE:
        """Return the rows: the period each is counted in, what divides it, what it gives to each aggregate."""
        scene = self._scene()
        columns: list[ColumnElement[Any]] = [scene.at.label("period__")]
        for number, dimension in enumerate(self.by):
            if dimension.many:
                columns.append(dividing.field_column(dimension, scene.source, scene.row))
            else:
                divided = dividing.column_of(dimension, scene.source, scene.row, self.zone)
                columns.append(divided.label(f"by__{number}"))
        for number, part in enumerate(self.question.parts):
            columns.append(row_column(part, scene.source, scene.row).label(f"given__{number}"))
        joined = scene.source.joined(scene.joined)
        return select(*columns).select_from(joined).where(*scene.conditions).cte("found")

    @cached_property
    def _gathers(self) -> bool:
        """Whether what a period says of linked records is added up for all rows at once: where these are many.

        Rows with a date of their own are those of the period, and few records ask for what leads to them alone.
        """
        return bool(self.periods) and self.question.date is None and not self._are_few()

    def _are_few(self) -> bool:
        scope = self._rights.read
        if ALL in scope:
            return False
        about = (self.actor.id, self.actor.team, self.actor.teams, self.actor.above, self.actor.roles)
        entity, tables = self.session.app.entities[self.question.rows.entity], self.session.tables

        def condition(rows: FromClause) -> ColumnElement[bool]:
            return scope_condition(tables, entity, rows, scope)

        return are_few(self.session, tables.entity[entity.key], ("scope", scope), condition, about, self.given)

    @property
    def _rights(self) -> Rights:
        app = self.session.app
        return find_rights(app, app.entities[self.question.rows.entity], self.actor)

    def _scene(self, *, gathers: bool = True) -> _Scene:
        periods = self._periods() if self.periods else None
        source = SeenSource(self.session, self.actor, periods, gathers=gathers and self._gathers)
        row = source.rows(self.question.rows)
        conditions = [*source.seen(row, self.question.rows)]
        if self.question.where is not None:
            conditions.append(compile_where(self.question.where, source, row))
        for at, narrowing in enumerate(self.narrowed):
            conditions.append(narrowing.condition(source, row, at, self.zone))
        if periods is None:
            return _Scene(source, row, row, Term(terms.INTEGER, "0"), tuple(conditions))
        within = true() if self.question.date is None else _within(self.question.date, source, row, periods)
        return _Scene(source, row, row.join(periods, within), periods.c.period_at, tuple(conditions))

    def _periods(self) -> FromClause:
        """Return a table of the periods, each with its number and its bounds."""
        asked = []
        for at in range(len(self.periods)):
            bounds = [bindparam(f"p{at}_{name}", type_=type_).label(f"period_{name}") for name, type_ in _BOUNDS]
            asked.append(select(Term(terms.INTEGER, str(at)).label("period_at"), *bounds))
        return union_all(*asked).subquery("periods")


def sets_of(size: int) -> list[tuple[int, ...]]:
    """Return which dimensions are divided by together, all of them first, none of them last."""
    sizes = range(size, -1, -1) if size <= _EACH else (size, 0)
    return [divided for some in dict.fromkeys(sizes) for divided in combinations(range(size), some)]


_EACH: Final = 2
"""So many dimensions have totals of their own for each; with more there is the total alone."""


def _within(date: Checked, source: SeenSource, row: FromClause, periods: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row lies in a period."""
    value = compile_sql(date, source, row)
    if date.type.kind is Kind.DATETIME:
        return Term(terms.BOOLEAN, "({0} >= {1} AND {0} < {2})", value, periods.c.period_start, periods.c.period_end)
    return Term(terms.BOOLEAN, "({0} >= {1} AND {0} <= {2})", value, periods.c.period_from, periods.c.period_to)
