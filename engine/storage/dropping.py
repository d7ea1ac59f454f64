"""Columns and tables of entities, taken out of the database.

Enters: names, and a connection in a transaction. Leaves: a database without them. Must not decide whether they may go:
``purging.py`` does.
"""

import re
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, inspect, text

_NAME = r'"?(\w+)"?'


def drop_column(connection: Connection, table: str, column: str) -> None:
    """Drop a column with its foreign key."""
    if connection.dialect.name == "sqlite":
        _forget_foreign_key(connection, table, column)
    connection.execute(text(f"ALTER TABLE {_quote(connection, table)} DROP COLUMN {_quote(connection, column)}"))


def drop_tables(connection: Connection, names: Collection[str]) -> None:
    """Drop tables with their indexes; only they may refer to each other."""
    if connection.dialect.name == "sqlite":
        for table in names:
            for other, column in find_referring(connection, table, names):
                _forget_foreign_key(connection, other, column)
        for table in names:
            connection.execute(text(f"DROP TABLE {_quote(connection, table)}"))
    elif names:
        connection.execute(text(f"DROP TABLE {', '.join(_quote(connection, table) for table in names)}"))


def find_referring(connection: Connection, table: str, others: Iterable[str]) -> list[tuple[str, str]]:
    """Return the columns of other tables, as (table, column), whose foreign key leads to ``table``."""
    asked = inspect(connection)
    return [
        (other, key["constrained_columns"][0])
        for other in others
        if other != table
        for key in asked.get_foreign_keys(other)
        if key["referred_table"] == table
    ]


def _forget_foreign_key(connection: Connection, table: str, column: str) -> None:
    """Take the foreign key of a column out of the definition of its table.

    SQLite drops no column that a constraint of the table names, and copying the table instead would delete the lines
    that hang on it. A foreign key changes nothing on disk, so the text of the definition may be edited:
    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    key = rf",\s*CONSTRAINT\s+{_NAME}\s+FOREIGN KEY\s*\(\s*\"?{re.escape(column)}\"?\s*\)\s*REFERENCES\s+{_NAME}\s*"
    key += rf"\(\s*{_NAME}\s*\)(\s+ON\s+DELETE\s+(CASCADE|RESTRICT|SET NULL|NO ACTION))?"
    find = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
    written = connection.execute(text(find), {"name": table}).scalar_one()
    without = re.sub(key, "", written, flags=re.IGNORECASE)
    if without == written:
        return
    connection.execute(text("PRAGMA writable_schema = ON"))
    change = "UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"
    connection.execute(text(change), {"sql": without, "name": table})
    connection.execute(text("PRAGMA writable_schema = RESET"))


def _quote(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
