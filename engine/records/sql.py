"""Small pieces of SQL that read the same on both databases.

Enters: columns and names of parameters. Leaves: SQLAlchemy expressions that a prepared statement can hold. Must not
contain a value: values always travel as parameters.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    ScalarSelect,
    Table,
    Text,
    bindparam,
    intersect,
    literal,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Boolean

from engine.storage.lists import IsOneOf, ListOf, is_one_of

__all__ = [
    "HasAnyOf", "IsAmong", "IsOneOf", "ItemOf", "ListOf", "NotByIndex", "PeriodOf", "in_all", "insert_into",
    "is_one_of",
]  # fmt: skip


class HasAnyOf(IsOneOf):
    """Whether a JSON list of texts or whole numbers has one of a list that is one parameter."""

    inherit_cache = False


@compiles(HasAnyOf, "postgresql")
def _render_overlap(element: HasAnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    if getattr(element.values.type, "numbers", False):
        held = f"jsonb_array_elements_text(CAST({column} AS jsonb)) AS held(value)"
        return f"EXISTS (SELECT 1 FROM {held} WHERE CAST(held.value AS BIGINT) = ANY ({values}))"  # noqa: S608 - both are rendered by SQLAlchemy
    return f"jsonb_exists_any(CAST({column} AS jsonb), {values})"


@compiles(HasAnyOf, "sqlite")
def _render_each(element: HasAnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    has = f"SELECT 1 FROM json_each({column}) AS held WHERE held.value IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are rendered by SQLAlchemy
    return f"EXISTS ({has})"


class NotByIndex(ColumnElement[str]):
    """A text column by whose index or key a statement is not to find its rows: another one leads to fewer."""

    inherit_cache = False
    type = Text()

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


@compiles(NotByIndex, "postgresql")
def _render_joined(element: NotByIndex, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.column, **kw)} || '')"


@compiles(NotByIndex, "sqlite")
def _render_plus(element: NotByIndex, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


class PeriodOf(ColumnElement[str]):
    """The ``span`` a day lies in: a ``month`` as ``2026-03``, a ``day``, or the Monday of its ``week``.

    A moment lies on the day that clocks of ``zone`` show; a day has none.
    """

    inherit_cache = False
    type = Text()

    def __init__(self, day: ColumnElement[Any], span: str, zone: str | None) -> None:
        self.day = day
        self.span = span
        self.zone = None if zone is None else literal(zone, Text)


@compiles(PeriodOf, "postgresql")
def _render_date_trunc(element: PeriodOf, compiler: SQLCompiler, **kw: Any) -> str:
    day = compiler.process(element.day, **kw)
    local = day if element.zone is None else f"({day} AT TIME ZONE {_write(element.zone, compiler)})"
    form = "YYYY-MM" if element.span == "month" else "YYYY-MM-DD"
    return f"to_char(date_trunc('{element.span}', {local}), '{form}')"


@compiles(PeriodOf, "sqlite")
def _render_period(element: PeriodOf, compiler: SQLCompiler, **kw: Any) -> str:
    day = compiler.process(element.day, **kw)
    local = day if element.zone is None else f"formwork_local_day({day}, {_write(element.zone, compiler)})"
    if element.span == "week":
        return f"date({local}, 'weekday 0', '-6 days')"
    return f"substr({local}, 1, {7 if element.span == 'month' else 10})"


def _write(zone: ColumnElement[str], compiler: SQLCompiler) -> str:
    return compiler.process(zone, literal_binds=True)


class ItemOf(ColumnElement[int]):
    """The whole number at a place, counted from zero, of a list that is one parameter."""

    inherit_cache = False
    type = BigInteger()

    def __init__(self, parameter: str, place: ColumnElement[int]) -> None:
        self.values = bindparam(parameter, type_=ListOf(numbers=True))
        self.place = place


@compiles(ItemOf, "postgresql")
def _render_subscript(element: ItemOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.values, **kw)})[{compiler.process(element.place, **kw)} + 1]"


@compiles(ItemOf, "sqlite")
def _render_extract(element: ItemOf, compiler: SQLCompiler, **kw: Any) -> str:
    values, place = compiler.process(element.values, **kw), compiler.process(element.place, **kw)
    return f"json_extract({values}, '$[' || ({place}) || ']')"


class IsAmong(ColumnElement[bool]):
    """``column IN`` a subquery of few rows, written so that an index of the column serves it beside an ``OR``.

    Only one of a statement may be so: PostgreSQL would look up every pair of two lists in that index.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], rows: ScalarSelect[Any], *, looked_up: bool = True) -> None:
        self.column = column
        self.rows = rows
        self.looked_up = looked_up

    def of_each_row(self) -> "IsAmong":
        """Return the condition for a statement that finds its rows by another: each of them is asked."""
        return IsAmong(self.column, self.rows, looked_up=False)

    def self_group(self, against: Any = None) -> "IsAmong":
        """Stay as it is, as ``IsOneOf`` does."""
        return self


def in_all(conditions: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Return conditions of a row of which at most one looks up ids: those that are in every list of ids there is.

    The lists are all of the same column.
    """
    among = [one for one in conditions if isinstance(one, IsAmong)]
    if len(among) < 2:
        return list(conditions)
    rows = [one.rows.element.subquery() for one in among]  # SQLite allows no compound within another
    in_each = intersect(*(select(next(iter(one.c))) for one in rows)).scalar_subquery()
    return [IsAmong(among[0].column, in_each), *(one for one in conditions if not isinstance(one, IsAmong))]


@compiles(IsAmong, "postgresql")
def _render_array(element: IsAmong, compiler: SQLCompiler, **kw: Any) -> str:
    column, rows = compiler.process(element.column, **kw), compiler.process(element.rows, **kw)
    return f"{column} = ANY (ARRAY({rows}))" if element.looked_up else f"({column} IN {rows}) IS TRUE"


@compiles(IsAmong, "sqlite")
def _render_among(element: IsAmong, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} IN {compiler.process(element.rows, **kw)}"


def insert_into(table: Table, dialect: Dialect) -> Any:
    """Return the ``INSERT`` of the database in use, which knows ``ON CONFLICT``; the other one is never loaded."""
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)
