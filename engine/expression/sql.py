"""A checked expression as SQL, one form for SQLite and PostgreSQL.

Enters: ``Checked`` and an ``SqlSource`` that knows tables and columns. Leaves: a SQLAlchemy expression with the named
parameters ``actor_id``, ``actor_roles``, ``actor_team``, ``now``, ``today`` and ``utc_offset`` as far as it needs them,
so that a statement can be prepared once. Must not run anything.

Missing is NULL, with the rules of ``evaluate.py``: a test holds the two together. Links are followed by correlated
subqueries, so the caller's statement needs no joins.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.expression import resolved
from engine.expression import sql_terms as terms
from engine.expression.check import Checked
from engine.expression.env import NOBODY
from engine.expression.errors import ExpressionErrors
from engine.expression.resolved import Resolved
from engine.expression.sql_functions import FUNCTIONS
from engine.expression.sql_judging import fits, is_of_period, uneven
from engine.expression.sql_kinds import collation, sql_type
from engine.expression.sql_limits import check_sql
from engine.expression.sql_parameters import (
    BETWEEN,
    OF_NOBODY,
    outer_parameter,
    payload_parameter,
    roles_parameter,
    sql_parameters,
)
from engine.expression.sql_source import Column, Linked, SqlSource
from engine.expression.sql_terms import Exact, Span, Term
from engine.expression.types import EVERY_SHAPE, MANY, MAX_PLACES, NUMERIC, PAYLOAD_SHAPE, USER_SHAPE, Kind, Type
from engine.expression.walking import form_of

__all__ = [
    "OF_NOBODY",
    "SqlSource",
    "check_sql",
    "compile_sql",
    "compile_where",
    "outer_parameter",
    "roles_parameter",
    "sql_parameters",
]

_ASKING = sa.bindparam("actor_id", type_=terms.INTEGER)
_OF_ACTOR = {"user": "actor_id", "user.department": "actor_team"}
_UNDECIDED = (resolved.Compare, resolved.Between, resolved.Logic, resolved.OneOf, resolved.Member)
"""Conditions that SQL may leave undecided (NULL) where the language says false."""


def compile_sql(checked: Checked, source: SqlSource, row: sa.FromClause | None = None) -> Column:
    """Return the value of an expression for ``row`` (the table of its entity unless given).

    A condition is true or false, never NULL. Decimal results carry a type that decodes them on either database.

    Raises:
        ExpressionErrors: the database cannot work this out (working time).
    """
    return _writer(checked, source, row).value(checked.tree)


def compile_where(checked: Checked, source: SqlSource, row: sa.FromClause | None = None) -> Column:
    """Return a condition for a WHERE clause or an index, where NULL counts as false: the form indexes understand.

    Raises:
        ExpressionErrors: the database cannot work this out (working time).
    """
    return _writer(checked, source, row).condition(checked.tree)


def _writer(checked: Checked, source: SqlSource, row: sa.FromClause | None) -> "_Writer":
    errors = check_sql(checked)
    if errors:
        raise ExpressionErrors(errors)
    return _Writer(source, source.table(checked.entity) if row is None else row)


class _Writer:
    """Writes the SQL of nodes about one row.

    A numeric node always comes out at the decimal places of its type.
    """

    def __init__(self, source: SqlSource, row: sa.FromClause, above: sa.FromClause | None = None) -> None:
        self.source = source
        self.row = row
        self.above_row = above

    def condition(self, node: Resolved) -> Column:
        """Write a condition; NULL counts as false."""
        return _WRITERS[type(node)](self, node)

    def value(self, node: Resolved) -> Column:
        """Write a value; NULL means missing."""
        written = _WRITERS[type(node)](self, node)
        inner = node.value if isinstance(node, resolved.Let) else node
        predicate = isinstance(inner, resolved.Call) and inner.name in ("contains", "starts_with")
        return terms.never_missing(written) if predicate or isinstance(inner, _UNDECIDED) else written

    def at(self, node: Resolved, places: int) -> Column:
        """Write a number at ``places`` decimal places, any other value as it is."""
        if isinstance(node, resolved.Constant) and isinstance(node.value, Decimal) and fits(node.value, places):
            return terms.number(node.value, places)
        written = self.value(node)
        return terms.at_places(written, node.type.places, places) if node.type.kind in NUMERIC else written

    def constant(self, node: resolved.Constant) -> Column:
        if isinstance(node.value, Decimal):
            return terms.number(node.value, node.type.places)
        if isinstance(node.value, bool):
            return sa.true() if node.value else sa.false()
        return sa.null() if node.value is None else sa.literal(node.value, sql_type(node.type))

    def field(self, node: resolved.Field) -> Column:
        return self._stored(self.source.column(self.row, node.entity, node.name), node.type)

    def outer(self, node: resolved.Outer) -> Column:
        named = payload_parameter if node.entity == PAYLOAD_SHAPE else outer_parameter
        return sa.bindparam(named(node.name), type_=sql_type(node.type))

    def above(self, node: resolved.Above) -> Column:
        assert self.above_row is not None  # noqa: S101 - only what stands inside a fold has a record above
        return self._stored(self.source.column(self.above_row, node.entity, node.name), node.type)

    def variable(self, node: resolved.Variable) -> Column:
        if node.name in _OF_ACTOR:
            return sa.bindparam(_OF_ACTOR[node.name], type_=terms.INTEGER)
        if node.name.startswith("period."):
            return self.source.period(node.name.removeprefix("period."), sql_type(node.type))
        return sa.bindparam(node.name, type_=sql_type(node.type))

    def reached(self, node: resolved.Reached) -> Column:
        return Term(terms.BOOLEAN, "({0})", self.source.reached(self.row, node.entity, node.stages))

    def hop(self, node: resolved.Hop) -> Column:
        row = self.source.table(node.entity).alias()
        found = sa.select(self.source.column(row, node.entity, node.name)).where(
            self.source.column(row, node.entity, "id") == self.value(node.link)
        )
        return self._stored(self._subquery(found, row, node.entity).scalar_subquery(), node.type)

    def let(self, node: resolved.Let) -> Column:
        return self.condition(node.value)

    def not_(self, node: resolved.Not) -> Column:
        return terms.negated(self.condition(node.operand))

    def negative(self, node: resolved.Negative) -> Column:
        return Term(sql_type(node.type), "(-{0})", self.value(node.operand))

    def logic(self, node: resolved.Logic) -> Column:
        sign = node.operator.upper()
        return Term(terms.BOOLEAN, f"({{0}} {sign} {{1}})", self.condition(node.left), self.condition(node.right))

    def compare(self, node: resolved.Compare) -> Column:
        left, right = self._level(node.left, node.right)
        if node.operator == "=":
            missing = not (_never_missing(node.left) or _never_missing(node.right))
            return terms.same(left, right, either_missing=missing)
        if node.operator == "!=":
            return terms.different(left, right)
        collate = collation(node.left.type)
        return Term(
            terms.BOOLEAN, f"({{0}} {node.operator} {{1}})", left, right,
            postgresql=f"({{0}}{collate} {node.operator} {{1}})",
        )  # fmt: skip

    def between(self, node: resolved.Between) -> Column:
        if uneven(node.operand, node.low, node.high):
            ends = zip((node.low, node.high), (">=", "<="), strict=True)
            sides = [
                Term(terms.BOOLEAN, f"({{0}} {sign} {{1}})", *self._level(node.operand, end)) for end, sign in ends
            ]
            return Term(terms.BOOLEAN, "({0} AND {1})", *sides)
        parts = self._level(node.operand, node.low, node.high)
        collate = collation(node.operand.type)
        return Term(
            terms.BOOLEAN, "({0} BETWEEN {1} AND {2})", *parts, postgresql=f"({{0}}{collate} BETWEEN {{1}} AND {{2}})"
        )

    def one_of(self, node: resolved.OneOf) -> Column:
        found = self._one_of(node)
        return terms.negated(found) if node.negated else found

    def _one_of(self, node: resolved.OneOf) -> Column:
        if not uneven(node.operand, *node.items):
            operand, *items = self._level(node.operand, *node.items)
            return terms.one_of(operand, items)
        equal = [Term(terms.BOOLEAN, "({0} = {1})", *self._level(node.operand, item)) for item in node.items]
        either = " OR ".join(f"coalesce({{{position}}}, {{{len(equal)}}})" for position in range(len(equal)))
        return Term(terms.BOOLEAN, f"({either})", *equal, sa.false())

    def member(self, node: resolved.Member) -> Column:
        if isinstance(node.many, resolved.Column):
            there = self._in_column(node.operand, node.many)
            return terms.negated(there) if node.negated else there
        value = self.value(node.operand)
        if isinstance(node.many, resolved.Variable):
            held = terms.listed(sa.bindparam("actor_roles", type_=sa.Text()), value, BETWEEN)
            return terms.negated(held) if node.negated else held
        found = self.source.member(self.row, node.many.entity, node.many.name, value)
        return terms.negated(found) if node.negated else Term(terms.BOOLEAN, "({0})", found)

    def _in_column(self, operand: Resolved, column: resolved.Column) -> Column:
        whole, row = self.source.table(column.entity).alias(), self.source.table(column.row).alias()
        id_ = self.source.column(whole, column.entity, "id")
        alive = self._subquery(sa.select(id_).where(id_ == self.value(column.link)), whole, column.entity)
        held = resolved.Field(column.type, column.start, column.end, column.row, column.name)
        places = max((node.type.places for node in (operand, held) if node.type.kind in NUMERIC), default=0)
        same = terms.same(self.at(operand, places), _Writer(self.source, row).at(held, places), either_missing=False)
        rows = sa.select(sa.literal(1)).select_from(row)
        rows = rows.where(self.source.parent(row, column.row) == alive.scalar_subquery(), same)
        return Term(terms.BOOLEAN, "({0})", sa.exists(self._subquery(rows, row, column.row)))

    def is_missing(self, node: resolved.IsMissing) -> Column:
        operand, word = node.operand, "IS NOT NULL" if node.negated else "IS NULL"
        if operand.type.kind in MANY and isinstance(operand, resolved.Field):
            size = self.source.size(self.row, operand.entity, operand.name)
            return Term(terms.BOOLEAN, f"(({{0}}) {'>' if node.negated else '='} 0)", size)
        if isinstance(operand, resolved.Variable) and operand.name == "user.department":
            return Term(terms.BOOLEAN, f"({{0}} {'<>' if node.negated else '='} {NOBODY})", self.value(operand))
        return Term(terms.BOOLEAN, f"({{0}} {word})", self.value(operand))

    def arithmetic(self, node: resolved.Arithmetic) -> Column:
        if node.left.type.kind in NUMERIC:
            return self._numbers(node)
        left, right = self.value(node.left), self.value(node.right)
        if node.right.type.kind is Kind.DURATION and node.left.type.kind is Kind.DATE:
            return terms.moved_date(left, node.operator, right)
        if node.right.type.kind is Kind.DURATION and node.left.type.kind is Kind.DATETIME:
            return terms.moved_moment(left, node.operator, right)
        if node.left.type.kind is Kind.DATE:
            return terms.days_between(left, right)
        if node.left.type.kind is Kind.DATETIME:
            return terms.seconds_between(left, right)
        return Term(Span(), f"({{0}} {node.operator} {{1}})", left, right)

    def call(self, node: resolved.Call) -> Column:
        return FUNCTIONS[node.name](self, node)

    def fold(self, node: resolved.Fold) -> Column:
        if node.name == "avg" and node.value is not None:
            total = self._fold(node, lambda value: terms.total(value, _places(node)))
            count = self._fold(node, sa.func.count)
            return terms.quotient(total, count, MAX_PLACES - _places(node))
        if node.name == "sum":
            return self._fold(node, lambda value: terms.total(value, node.type.places))
        if node.name == "median":
            return self._fold(node, lambda value: terms.percentile(value, 5000, _places(node)))
        if node.name in ("max", "min"):
            return self._fold(node, lambda value: Term(sql_type(node.type), f"{node.name}({{0}})", value))
        if node.name == "count":
            return self._fold(node, lambda value: sa.func.count())
        return self._exists(node)

    def _exists(self, node: resolved.Fold) -> Column:
        word = "(NOT {0})" if node.name == "all" else "({0})"
        linked = self._linked(node)
        if linked is not None:
            return Term(terms.BOOLEAN, word, linked.is_there)
        row, rows = self._rows(node, sa.select(sa.literal(1)))
        found = sa.exists(rows.where(self._where(node, row)))
        return Term(terms.BOOLEAN, word, found)

    def _fold(self, node: resolved.Fold, finish: Callable[[Column], Column]) -> Column:
        linked = self._linked(node)
        if linked is not None:
            found = linked.comes_to(finish(self._folded(node, linked.row)))
            return Term(found.type, "coalesce({0}, 0)", found) if node.name in _NEVER_MISSING else found
        row, rows = self._rows(node, sa.select())
        rows = rows if node.where is None else rows.where(self._where(node, row))
        subquery = rows.add_columns(finish(self._folded(node, row))).select_from(row).scalar_subquery()
        return Term(sql_type(node.type), "{0}", subquery)

    def _folded(self, node: resolved.Fold, row: sa.FromClause) -> Column:
        return sa.literal(1) if node.value is None else _Writer(self.source, row).field(node.value)

    def _where(self, node: resolved.Fold, row: sa.FromClause) -> Column:
        inside = _Writer(self.source, row, self.row)
        where = sa.true() if node.where is None else inside.condition(node.where)
        return terms.negated(where) if node.name == "all" else where

    def _linked(self, node: resolved.Fold) -> Linked | None:
        """Return the rows of a fold where the source adds them up for all records at once: those of a period."""
        if node.where is None or node.entity in (USER_SHAPE, EVERY_SHAPE) or not is_of_period(node.where):
            return None

        def find(name: str) -> Linked:
            row = self.source.table(node.row).alias()
            visible = self.source.visible(row, node.row)
            conditions = (self._where(node, row),) if visible is None else (visible, self._where(node, row))
            return Linked(name, row, self._back(node, row), self._mine(node), conditions)

        form = (node.entity, node.row, node.via, node.name == "all", form_of(node.where))
        return self.source.together(self.row, form, find)

    def _rows(self, node: resolved.Fold, chosen: sa.Select[Any]) -> tuple[sa.FromClause, sa.Select[Any]]:
        row = self.source.table(node.row).alias()
        leads = sa.true() if node.entity == EVERY_SHAPE else self._back(node, row) == self._mine(node)
        return row, self._subquery(chosen.select_from(row).where(leads), row, node.row)

    def _back(self, node: resolved.Fold, row: sa.FromClause) -> Column:
        return self.source.parent(row, node.row) if node.via is None else self.source.column(row, node.row, node.via)

    def _mine(self, node: resolved.Fold) -> Column:
        return self.source.column(self.row, node.entity, "id") if node.entity != USER_SHAPE else _ASKING

    def _subquery(self, chosen: sa.Select[Any], row: sa.FromClause, shape: str) -> sa.Select[Any]:
        visible = self.source.visible(row, shape)
        chosen = chosen if visible is None else chosen.where(visible)
        return chosen.correlate_except(row)

    def _stored(self, column: Column, type_: Type) -> Column:
        if type_.kind not in NUMERIC:
            return column
        stored = getattr(column.type, "scale", None) or 0
        return terms.at_places(column, stored, type_.places)

    def _level(self, *nodes: Resolved) -> list[Column]:
        """Write values to be compared, numbers all at the same decimal places."""
        places = max((node.type.places for node in nodes if node.type.kind in NUMERIC), default=0)
        return [self.at(node, places) for node in nodes]

    def _numbers(self, node: resolved.Arithmetic) -> Column:
        places = (node.left.type.places, node.right.type.places)
        if node.operator == "*":
            return terms.product(self._exact(node.left), self._exact(node.right), sum(places))
        if node.operator == "/":
            shift = MAX_PLACES + places[1] - places[0]
            return terms.quotient(self._exact(node.left), self._exact(node.right), shift)
        left, right = self._exact(node.left, max(places)), self._exact(node.right, max(places))
        return terms.bounded(Term(Exact(max(places)), f"({{0}} {node.operator} {{1}})", left, right), max(places))

    def _exact(self, node: Resolved, places: int | None = None) -> Column:
        wanted = node.type.places if places is None else places
        return terms.exact(self.at(node, wanted), wanted)

    def values(self, node: resolved.Call) -> list[Column]:
        return [self.branch(argument, node.type) for argument in node.arguments]

    def branch(self, node: Resolved, result: Type) -> Column:
        """Write one of several values of which one is the result."""
        written = self.at(node, result.places)
        raised = node.type.kind in NUMERIC and node.type.places < result.places
        return terms.bounded(written, result.places) if raised else written


_NEVER_MISSING = ("count", "sum", "avg")
"""Folds whose parts are 0 over no rows."""


def _never_missing(node: Resolved) -> bool:
    return isinstance(node, (resolved.Constant, resolved.Variable))


def _places(node: resolved.Fold) -> int:
    return 0 if node.value is None else node.value.type.places


_WRITERS: dict[type, Callable[[_Writer, Any], Column]] = {
    resolved.Constant: _Writer.constant,
    resolved.Field: _Writer.field,
    resolved.Outer: _Writer.outer,
    resolved.Above: _Writer.above,
    resolved.Variable: _Writer.variable,
    resolved.Hop: _Writer.hop,
    resolved.Reached: _Writer.reached,
    resolved.Let: _Writer.let,
    resolved.Not: _Writer.not_,
    resolved.Negative: _Writer.negative,
    resolved.Logic: _Writer.logic,
    resolved.Compare: _Writer.compare,
    resolved.Between: _Writer.between,
    resolved.OneOf: _Writer.one_of,
    resolved.Member: _Writer.member,
    resolved.IsMissing: _Writer.is_missing,
    resolved.Arithmetic: _Writer.arithmetic,
    resolved.Call: _Writer.call,
    resolved.Fold: _Writer.fold,
}
