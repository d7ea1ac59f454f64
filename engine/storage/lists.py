"""Lists of values that are one parameter of a statement, so that it can be prepared.

Enters: a column and the name of a parameter. Leaves: a condition that reads the same on both databases. Must not
contain a value: values always travel as parameters.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
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


class Joined(GenericFunction[str]):
    """The values of a group, joined with commas. SQLAlchemy's own function cannot be prepared."""

    type = Text()
    inherit_cache = True


@compiles(Joined)
def _render_joined(element: Joined, compiler: SQLCompiler, **options: Any) -> str:
    name = "group_concat" if compiler.dialect.name == "sqlite" else "string_agg"
    return f"{name}({compiler.process(element.clauses, **options)}, ',')"


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


def is_one_of(column: ColumnElement[Any], parameter: str, *, numbers: bool = True) -> ColumnElement[bool]:
    """Return ``column is one of the values of parameter``."""
    return IsOneOf(column, bindparam(parameter, type_=ListOf(numbers=numbers)))
