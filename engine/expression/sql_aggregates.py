"""Aggregates of a figure as SQL: a column for each row, and what is made of that column.

Enters: an ``Aggregate`` and an ``SqlSource``. Leaves: SQL for SQLite and PostgreSQL alike. Must not group or filter:
whoever counts rows does.

A row that an aggregate leaves out has NULL in its column, so that no aggregate needs a condition of its own.

The median and the percentile of ``n`` values interpolate between the two nearest ones: with the values in order,
counted from 0, the ``p``-th percentile lies at ``p / 100 * (n - 1)``; between two values it is their difference times
the fraction, added to the lower (Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, type 7).
It is worked out in whole numbers, never in floating point, and rounded half away from zero to ``MAX_PLACES``.
"""

import sqlalchemy as sa

from engine.expression import sql_terms as terms
from engine.expression.aggregates import Aggregate
from engine.expression.check import Checked
from engine.expression.sql import compile_sql, compile_where
from engine.expression.sql_kinds import sql_type
from engine.expression.sql_source import Column, SqlSource
from engine.expression.sql_terms import Exact, Term
from engine.expression.types import MAX_PLACES, NUMERIC


def row_column(part: Aggregate, source: SqlSource, row: sa.FromClause) -> Column:
    """Return what one row gives to an aggregate; NULL where it gives nothing."""
    value = _value(part, source, row)
    if part.where is None:
        return value
    template = "CASE WHEN {0} THEN {1} END"
    return Term(value.type, template, compile_where(part.where, source, row), value)


def _value(part: Aggregate, source: SqlSource, row: sa.FromClause) -> Column:
    if part.value is None:
        return Term(terms.INTEGER, "1")
    if part.name == "share":
        return Term(terms.INTEGER, "CASE WHEN {0} THEN 1 ELSE 0 END", compile_where(part.value, source, row))
    found = compile_sql(part.value, source, row)
    if part.value.type.kind not in NUMERIC:
        return found
    return terms.exact(found, part.value.type.places)


def result_column(part: Aggregate, column: Column) -> Column:
    """Return the aggregate over a column that ``row_column`` made."""
    if part.name == "count":
        return Term(Exact(0), "count({0})", column)
    if part.name == "distinct":
        return Term(Exact(0), "count(DISTINCT {0})", column)
    places = _places(part.value) if part.name != "share" else 0
    if part.name == "sum":
        return terms.total(column, places)
    if part.name in ("avg", "share"):
        return terms.quotient(terms.total(column, places), sa.func.count(column), MAX_PLACES - places)
    if part.name in ("min", "max"):
        return Term(sql_type(part.type), f"{part.name}({{0}})", column)
    return terms.percentile(column, part.at, places)


def _places(value: Checked | None) -> int:
    return 0 if value is None else value.type.places
