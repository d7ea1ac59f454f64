"""The functions of single values as SQL.

Enters: a call and the writer of its arguments. Leaves: SQL. Must not know folds: rows are the writer's.
"""

from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from engine.expression import resolved
from engine.expression import sql_terms as terms
from engine.expression import sql_texts as texts
from engine.expression.resolved import Resolved
from engine.expression.sql_kinds import sql_type
from engine.expression.sql_source import Column, SqlSource
from engine.expression.sql_terms import Term
from engine.expression.types import NUMERIC, Kind, Type


class Writer(Protocol):
    """The writer of SQL, as far as functions need it."""

    @property
    def source(self) -> SqlSource: ...
    @property
    def row(self) -> sa.FromClause: ...
    def condition(self, node: Resolved) -> Column: ...
    def value(self, node: Resolved) -> Column: ...
    def values(self, node: resolved.Call) -> list[Column]: ...
    def branch(self, node: Resolved, result: Type) -> Column: ...


def _if(writer: Writer, node: resolved.Call) -> Column:
    condition, *branches = node.arguments
    written = [writer.branch(branch, node.type) for branch in branches]
    otherwise = written[1] if len(written) > 1 else sa.null()
    template = "CASE WHEN {0} THEN {1} ELSE {2} END"
    return Term(sql_type(node.type), template, writer.condition(condition), written[0], otherwise)


def _round(writer: Writer, node: resolved.Call) -> Column:
    number = node.arguments[0]
    return terms.rounded(writer.value(number), number.type.places, node.type.places)


def _text_position(sign: str) -> "_Write":
    def write(writer: Writer, node: resolved.Call) -> Column:
        postgresql = f"(strpos({{0}}, {{1}}) {sign})"
        return Term(terms.BOOLEAN, f"(instr({{0}}, {{1}}) {sign})", *writer.values(node), postgresql=postgresql)

    return write


def _join(writer: Writer, node: resolved.Call) -> Column:
    pieces = " || ".join(f"coalesce({{{position}}}, '')" for position in range(len(node.arguments)))
    return Term(sa.Text(), f"nullif({pieces}, '')", *writer.values(node))


def _date(writer: Writer, node: resolved.Call) -> Column:
    value = writer.value(node.arguments[0])
    if node.arguments[0].type.kind is Kind.DATETIME:
        return terms.local_date(value, _offset())
    return texts.read_date(value)


def _text(writer: Writer, node: resolved.Call) -> Column:
    argument, value = node.arguments[0], writer.value(node.arguments[0])
    kind = argument.type.kind
    if kind is Kind.DATETIME:
        return texts.write_moment(value, _offset())
    if kind in NUMERIC:
        return texts.write_number(value, argument.type.places, percent=kind is Kind.PERCENT)
    return texts.WRITERS[kind](value) if kind in texts.WRITERS else value


def _add_days(writer: Writer, node: resolved.Call) -> Column:
    day, days = node.arguments
    whole = terms.rounded(writer.value(days), days.type.places, 0)
    return terms.moved_date(writer.value(day), "+", terms.as_span(whole))


def _offset() -> Column:
    return sa.bindparam("utc_offset", type_=terms.INTEGER)


def _size(writer: Writer, node: resolved.Call) -> Column:
    many = node.arguments[0]
    if not isinstance(many, resolved.Field):
        raise TypeError("count() takes a field with many values")
    return Term(terms.INTEGER, "({0})", writer.source.size(writer.row, many.entity, many.name))


def _default(writer: Writer, node: resolved.Call) -> Column:
    return Term(sql_type(node.type), "coalesce({0}, {1})", *writer.values(node))


def _extreme(writer: Writer, node: resolved.Call) -> Column:
    return terms.extreme(node.name, sql_type(node.type), writer.values(node))


def _one(write: Callable[[Column], Column]) -> "_Write":
    return lambda writer, node: write(writer.value(node.arguments[0]))


_Write = Callable[[Writer, resolved.Call], Column]
FUNCTIONS: dict[str, _Write] = {
    "if": _if,
    "default": _default,
    "date": _date,
    "days": _one(lambda span: terms.whole(span, 86400)),
    "hours": _one(lambda span: terms.whole(span, 3600)),
    "minutes": _one(lambda span: terms.whole(span, 60)),
    "year": _one(lambda day: terms.calendar_part(day, "%Y", "year")),
    "month": _one(lambda day: terms.calendar_part(day, "%m", "month")),
    "month_end": _one(terms.month_end),
    "add_days": _add_days,
    "round": _round,
    "abs": lambda writer, node: Term(sql_type(node.type), "abs({0})", *writer.values(node)),
    "max": _extreme,
    "min": _extreme,
    "count": _size,
    "length": _one(lambda text: Term(terms.INTEGER, "length({0})", text)),
    "number": _one(terms.read_number),
    "text": _text,
    "contains": _text_position("> 0"),
    "starts_with": _text_position("= 1"),
    "distance": lambda writer, node: terms.distance(*writer.values(node)),
    "join": _join,
}
