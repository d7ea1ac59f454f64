"""Values written as texts, and days read in them, in the SQL of either database.

Enters: SQL expressions. Leaves: SQL expressions that say the same as ``writing.py`` and ``moments.read_date``. Must not
know expressions' nodes.
"""

# ruff: noqa: S608 - templates are put together from constants of this file; every value is a bound parameter.

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text

from engine.expression.moments import FIRST_YEAR, LAST_YEAR, WRITTEN_DATE
from engine.expression.sql_terms import DATE, Term
from engine.expression.types import Kind

TEXT = Text()


def read_date(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Read the day written in a text; a text that is none is missing, and no error.

    PostgreSQL counts from the first of a month that is there, and looks whether it ends up at the parts it began with.
    """
    day = "make_date(greatest(y, 1), least(greatest(m, 1), 12), 1) + (d - 1)"
    parts = ", ".join(f"CAST(p[{at}] AS INTEGER) AS {name}" for at, name in ((1, "y"), (2, "m"), (3, "d")))
    postgresql = (
        f"(SELECT CASE WHEN y BETWEEN {FIRST_YEAR} AND {LAST_YEAR} AND extract(month FROM day) = m "
        f"AND extract(day FROM day) = d THEN day END FROM (SELECT y, m, d, {day} AS day "
        f"FROM (SELECT {parts} FROM (SELECT regexp_match({{0}}, '{WRITTEN_DATE}') AS p OFFSET 0) AS matched) AS parts "
        "OFFSET 0) AS counted)"
    )
    return Term(DATE, "formwork_read_date({0})", text, postgresql=postgresql)


def write_number(value: ColumnElement[Any], places: int, *, percent: bool) -> ColumnElement[Any]:
    """Write a number with the digits it has; a share with its sign."""
    if percent:
        written = "CAST(trim_scale(CAST({0} AS NUMERIC) * 100) AS TEXT) || chr(37)"
        return Term(TEXT, f"formwork_write_share({{0}}, {places})", value, postgresql=f"({written})")
    written = "CAST(trim_scale(CAST({0} AS NUMERIC)) AS TEXT)"
    return Term(TEXT, f"formwork_write_number({{0}}, {places})", value, postgresql=written)


def write_moment(moment: ColumnElement[Any], offset: ColumnElement[Any]) -> ColumnElement[Any]:
    """Write a moment to the minute as clocks show it where they show ``offset`` seconds more than UTC."""
    local = "(({0} AT TIME ZONE 'UTC') + {1} * interval '1 second')"
    postgresql = (
        f"(SELECT CASE WHEN extract(year FROM l) BETWEEN 1 AND 9999 THEN to_char(l, 'YYYY-MM-DD HH24:MI') END "
        f"FROM (SELECT {local} AS l OFFSET 0) AS local)"
    )
    return Term(TEXT, "formwork_write_moment({0}, {1})", moment, offset, postgresql=postgresql)


def _write_span(span: ColumnElement[Any]) -> ColumnElement[Any]:
    units = (("d", "a / 86400"), ("h", "mod(a / 3600, 24)"), ("m", "mod(a / 60, 60)"), ("s", "mod(a, 60)"))
    parts = ", ".join(f"nullif({count}, 0) || '{unit}'" for unit, count in units)
    postgresql = (
        f"(SELECT CASE WHEN s < 0 THEN '-' ELSE '' END || coalesce(nullif(concat_ws(' ', {parts}), ''), '0m') "
        "FROM (SELECT s, abs(s) AS a FROM (SELECT CAST({0} AS BIGINT) AS s OFFSET 0) AS spans) AS sizes "
        "WHERE s IS NOT NULL)"
    )
    return Term(TEXT, "formwork_write_span({0})", span, postgresql=postgresql)


WRITERS: Mapping[Kind, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = {
    Kind.DATE: lambda day: Term(TEXT, "{0}", day, postgresql="to_char({0}, 'YYYY-MM-DD')"),
    Kind.TIME: lambda time: Term(TEXT, "substr({0}, 1, 5)", time, postgresql="to_char({0}, 'HH24:MI')"),
    Kind.DURATION: _write_span,
}
"""How the other kinds are written that are no texts already."""
