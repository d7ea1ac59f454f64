"""What the SQL form of expressions asks of storage.

Enters: nothing. Leaves: the protocol ``SqlSource``. Must not know how tables are made or named.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.types import TypeEngine

Column = ColumnElement[Any]


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
