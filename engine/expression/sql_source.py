"""What the SQL form of expressions asks of storage.

Enters: nothing. Leaves: the protocol ``SqlSource``. Must not know how tables are made or named.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.types import TypeEngine

from engine.expression.sql_terms import BOOLEAN, Term

Column = ColumnElement[Any]


@dataclass
class Linked:
    """Rows that lead to records and are added up for all of these at once, joined to them under ``name``.

    ``back`` is the column of ``row`` with the id of the record, ``mine`` that id; ``conditions`` hold of the rows.
    """

    name: str
    row: FromClause
    back: Column
    mine: Column
    conditions: tuple[Column, ...]
    values: list[Column] = field(default_factory=list)

    def comes_to(self, value: Column) -> Column:
        """Return what an aggregate comes to for a record; NULL where no row leads to it."""
        self.values.append(value)
        return Term(value.type, f"{self.name}.value{len(self.values) - 1}")

    @property
    def is_there(self) -> Column:
        """Whether any row leads to a record."""
        return Term(BOOLEAN, f"({self.name}.whose IS NOT NULL)")


Find = Callable[[str], Linked]
"""Finds the rows, given their name."""


class SqlSource(Protocol):
    """Where values are stored. ``row`` is a table or an alias of it; ``shape`` the key of an ``EntityShape``."""

    def table(self, shape: str) -> FromClause:
        """Return the table of a shape."""
        ...

    def column(self, row: FromClause, shape: str, field: str) -> Column:
        """Return the column of a field with a single value.

        The type of a column of decimals has an attribute ``scale``: on SQLite it holds value * 10**scale.
        """
        ...

    def parent(self, row: FromClause, shape: str) -> Column:
        """Return the column of a line table that holds the id of the record the line belongs to."""
        ...

    def visible(self, row: FromClause, shape: str) -> Column | None:
        """Return the condition rows must meet to count as existing (not deleted), if there is one."""
        ...

    def member(self, row: FromClause, shape: str, field: str, value: Column) -> Column:
        """Return the condition that a users or choices field contains ``value``."""
        ...

    def reached(self, row: FromClause, shape: str, stages: Sequence[str]) -> Column:
        """Return the condition that a record was ever in one of ``stages``; only figures ask."""
        ...

    def period(self, name: str, type_: TypeEngine[Any]) -> Column:
        """Return ``start``, ``end``, ``from`` or ``to`` of the period a figure is of."""
        ...

    def size(self, row: FromClause, shape: str, field: str) -> Column:
        """Return how many values a users, choices, file or lines field has (0 for none)."""
        ...

    def together(self, row: FromClause, form: Hashable, find: Find) -> Linked | None:
        """Return the rows that are added up for all records of ``row`` at once; None: each record asks by itself.

        ``form`` tells rows and conditions from others; rows of the same form are found once.
        """
        ...
