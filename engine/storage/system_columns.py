"""What the engine's own tables are made of: one metadata, its naming of constraints, and the kinds of columns.

Enters: nothing. Leaves: the metadata all tables of the engine register in, and functions that make their columns. Must
not know a table.
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, MetaData, Text

from engine.storage.column_types import JsonText, UtcDateTime

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit id; SQLite numbers rows by itself only for a column declared INTEGER."""

metadata = MetaData(naming_convention=NAMING)


def id_column() -> Column[int]:
    """Return the id every row has."""
    return Column("id", BigId, primary_key=True)


def link_column(name: str, table: str, *, required: bool = False, **options: Any) -> Column[int]:
    """Return a link to a row of another table."""
    return Column(name, BigId, ForeignKey(f"{table}.id", **options), nullable=not required)


def text_column(name: str, *, required: bool = True, **options: Any) -> Column[str]:
    """Return a text."""
    return Column(name, Text, nullable=not required, **options)


def number_column(name: str, *, required: bool = True, **options: Any) -> Column[int]:
    """Return a whole number."""
    return Column(name, Integer, nullable=not required, **options)


def big_column(name: str, *, required: bool = True) -> Column[int]:
    """Return a 64-bit number, such as the id of a record."""
    return Column(name, BigId, nullable=not required)


def moment_column(name: str, *, required: bool = True) -> Column[Any]:
    """Return a moment in UTC."""
    return Column(name, UtcDateTime, nullable=not required)


def json_column(name: str, *, required: bool = False) -> Column[Any]:
    """Return plain data."""
    return Column(name, JsonText, nullable=not required)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return the check that a column holds one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
