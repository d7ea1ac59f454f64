"""Dimensions as SQL: the column that rows are divided by, and the conditions that narrow them to one of its values.

Enters: a compiled ``Dimension``, the rows as their reader sees them. Leaves: columns, conditions and their parameters.
Must not decide who may divide by what: ``seeing.py`` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    bindparam,
    false,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.types import TypeEngine

from engine.compiler.app import Dimension
from engine.expression import Kind, resolved
from engine.expression import sql_terms as terms
from engine.expression.sql import compile_sql
from engine.expression.sql_terms import Term
from engine.reports.seeing import SeenSource

MOST_VALUES = 100
"""Values one filter looks at."""


@dataclass(frozen=True)
class Narrowing:
    """Rows are counted whose ``dimension`` is one of ``values``; None stands for no value at all."""

    dimension: Dimension
    values: tuple[Any, ...]

    @property
    def shape(self) -> Any:
        """What tells the SQL of two apart, whatever their values."""
        return self.dimension.key, len(self._present), None in self.values

    @property
    def _present(self) -> list[Any]:
        return [one for one in self.values if one is not None]

    def parameters(self, at: int) -> dict[str, Any]:
        """Return the parameters of the condition that is number ``at``."""
        return {f"filter{at}_{number}": value for number, value in enumerate(self._present)}

    def condition(self, source: SeenSource, row: FromClause, at: int, zone: str) -> ColumnElement[bool]:
        """Return the condition that is number ``at``."""
        type_ = _type_of(self.dimension) if self.dimension.many else column_of(self.dimension, source, row, zone).type
        given = [bindparam(f"filter{at}_{number}", type_=type_) for number in range(len(self._present))]
        if self.dimension.many:
            found = [holds(self.dimension, source, row, one) for one in given]
            found += [holds_nothing(self.dimension, source, row)] if None in self.values else []
        else:
            column = column_of(self.dimension, source, row, zone)
            found = [terms.one_of(column, given)] if given else []
            found += [Term(terms.BOOLEAN, "({0} IS NULL)", column)] if None in self.values else []
        either = " OR ".join(f"{{{number}}}" for number in range(len(found)))
        return Term(terms.BOOLEAN, f"({either})", *map(terms.never_missing, found)) if found else false()


def column_of(dimension: Dimension, source: SeenSource, row: FromClause, zone: str) -> ColumnElement[Any]:
    """Return what rows are divided by: a value, the first day of a span, the number of a range."""
    value = compile_sql(dimension.value, source, row)
    if dimension.span is not None:
        return _first_day(value, dimension.type.kind, dimension.span, zone)
    if dimension.buckets:
        return _range(value, dimension)
    return value


def choices_of(dimension: Dimension) -> FromClause:
    """Return a table of the choices a row can have, one of them nothing."""
    typed = [Term(Text(), "{0}", literal(one, Text()), postgresql="CAST({0} AS TEXT)") for one in dimension.options]
    nothing = Term(Text(), "NULL", postgresql="CAST(NULL AS TEXT)")
    asked: list[Select[Any]] = [select(one.label("choice")) for one in [*typed, nothing]]
    return union_all(*asked).subquery(f"choices of {dimension.key}")


def linked_of(dimension: Dimension, found: FromClause, dialect: str) -> tuple[FromClause, ColumnElement[Any]]:
    """Return the records that the field of a row leads to as a table beside it, and the column with their ids."""
    listed = found.c[_field(dimension).name]
    name = f"linked by {dimension.key}"
    if dialect == "sqlite":
        held = func.json_each(listed).table_valued("value", name=name)
        return held, Term(terms.INTEGER, "{0}", held.c.value)
    cast = Term(Text(), "{0}", listed, postgresql="CAST({0} AS JSONB)")
    each = func.jsonb_array_elements_text(cast).table_valued("value", name=name).render_derived().lateral()
    return each, Term(terms.INTEGER, "{0}", each.c.value, postgresql="CAST({0} AS BIGINT)")


def has_choice(
    dimension: Dimension, source: SeenSource, row: FromClause, choice: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition that a row has a choice, or none when that is nothing."""
    present, absent = holds(dimension, source, row, choice), holds_nothing(dimension, source, row)
    return Term(terms.BOOLEAN, "(({0} IS NOT NULL AND {1}) OR ({0} IS NULL AND {2}))", choice, present, absent)


def holds(dimension: Dimension, source: SeenSource, row: FromClause, value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a field of several choices has one."""
    field = _field(dimension)
    return terms.never_missing(source.member(row, field.entity, field.name, value))


def holds_nothing(dimension: Dimension, source: SeenSource, row: FromClause) -> ColumnElement[bool]:
    """Return the condition that a field of several choices has none."""
    field = _field(dimension)
    return Term(terms.BOOLEAN, "({0} = 0)", source.size(row, field.entity, field.name))


def field_column(dimension: Dimension, source: SeenSource, row: FromClause) -> ColumnElement[Any]:
    """Return the column of a field of several choices, under the name by which it is asked."""
    field = _field(dimension)
    column = source.column(row, field.entity, field.name)
    return column.label(field.name)


def _type_of(dimension: Dimension) -> TypeEngine[Any]:
    return BigInteger() if dimension.target is not None else Text()


def _field(dimension: Dimension) -> resolved.Field:
    field = dimension.value.tree
    if not isinstance(field, resolved.Field):
        raise TypeError("several choices are those of a field of the row itself")
    return field


def _first_day(value: ColumnElement[Any], kind: Kind, span: str, zone: str) -> ColumnElement[Any]:
    """Return the first day of the span that a day or a moment lies in, by the clocks of the site."""
    if kind is Kind.DATETIME:
        place = literal(zone, Text())
        value = Term(terms.DATE, "formwork_local_day({0}, {1})", value, place, postgresql="({0} AT TIME ZONE {1})")
    return Term(terms.DATE, _SQLITE[span], value, postgresql=f"CAST(date_trunc('{span}', {{0}}) AS DATE)")


_SQLITE = {
    "day": "{0}",
    "week": "date({0}, 'weekday 0', '-6 days')",
    "month": "(substr({0}, 1, 7) || '-01')",
    "quarter": "(SELECT substr(d, 1, 5) || substr('010101040404070707101010', CAST(substr(d, 6, 2) AS INTEGER) * 2 - 1,"
    " 2) || '-01' FROM (SELECT {0} AS d))",
    "year": "(substr({0}, 1, 4) || '-01-01')",
}


def _range(value: ColumnElement[Any], dimension: Dimension) -> ColumnElement[Any]:
    """Return how many of the buckets a number has reached."""
    places = max([dimension.type.places, *(max(0, -int(one.as_tuple().exponent)) for one in dimension.buckets)])
    number = terms.at_places(value, dimension.type.places, places)
    ends = [terms.number(one, places) for one in dimension.buckets]
    whens = " ".join(f"WHEN n < {{{at}}} THEN {at - 1}" for at in range(1, len(ends) + 1))
    cut = f"CASE WHEN n IS NULL THEN NULL {whens} ELSE {len(ends)} END"
    template = f"(SELECT {cut} FROM (SELECT {{0}} AS n) AS cut)"  # noqa: S608 - every value is a bound parameter
    return Term(terms.INTEGER, template, number, *ends)


def nothing() -> ColumnElement[Any]:
    """Return what stands in place of a dimension that a total is not divided by."""
    return null()


def shapes(narrowings: Sequence[Narrowing]) -> Any:
    """Return what tells the SQL of several filters apart."""
    return tuple(one.shape for one in narrowings)
