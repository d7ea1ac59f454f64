"""Small pieces of SQL that read the same on both databases.

Enters: columns and names of parameters. Leaves: SQLAlchemy expressions that a prepared statement can hold. Must not
contain a value: values always travel as parameters.
"""

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Dialect, Table, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine


class ListOf(TypeDecorator[list[Any]]):
    """A list of whole numbers or texts as one parameter: an array on PostgreSQL, JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database in use."""
        item = BigInteger() if self.numbers else Text()
        return ARRAY(item) if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what makes the parameter."""
        if dialect.name == "postgresql":
            return list
        return lambda values: json.dumps(list(values))


class IsOneOf(ColumnElement[bool]):
    """``column IN`` a list that is one parameter."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], values: ColumnElement[Any]) -> None:
        self.column = column
        self.values = values

    def self_group(self, against: Any = None) -> "IsOneOf":
        """Stay as it is: SQLAlchemy would write ``(column IN ...) = 1`` for SQLite, which no index serves."""
        return self


@compiles(IsOneOf, "postgresql")
def _render_any(element: IsOneOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY ({compiler.process(element.values, **kw)})"


@compiles(IsOneOf, "sqlite")
def _render_json(element: IsOneOf, compiler: SQLCompiler, **kw: Any) -> str:
    values = compiler.process(element.values, **kw)
    return f"{compiler.process(element.column, **kw)} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are rendered by SQLAlchemy


class HasAnyOf(IsOneOf):
    """Whether a JSON list of texts has one of a list that is one parameter."""

    inherit_cache = False


@compiles(HasAnyOf, "postgresql")
def _render_overlap(element: HasAnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"jsonb_exists_any(CAST({column} AS jsonb), {values})"


@compiles(HasAnyOf, "sqlite")
def _render_each(element: HasAnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    has = f"SELECT 1 FROM json_each({column}) AS held WHERE held.value IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are rendered by SQLAlchemy
    return f"EXISTS ({has})"


def insert_into(table: Table, dialect: Dialect) -> Any:
    """Return the ``INSERT`` of the database in use, which knows ``ON CONFLICT``; the other one is never loaded."""
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


def is_one_of(column: ColumnElement[Any], parameter: str, *, numbers: bool = True) -> ColumnElement[bool]:
    """Return ``column is one of the values of parameter``."""
    return IsOneOf(column, bindparam(parameter, type_=ListOf(numbers=numbers)))
