"""What tables, columns and indexes of entities a database really has.

Enters: a connection. Leaves: names and types as plain text that can be compared with what SQLAlchemy would write. Must
not look at ``fw_`` tables, nor change anything.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Dialect, Index, text
from sqlalchemy.schema import CreateIndex

Columns = Mapping[str, str]


@dataclass(frozen=True)
class Schema:
    """``tables``: column types by table and column. ``indexes``: table and fingerprint by index name."""

    tables: Mapping[str, Columns]
    indexes: Mapping[str, tuple[str, str]]

    def has_column(self, table: str, column: str) -> bool:
        """Tell whether a column is there."""
        return column in self.tables.get(table, {})


def read_schema(connection: Connection) -> Schema:
    """Read the tables of entities (``e_...``) and their indexes."""
    postgresql = connection.dialect.name == "postgresql"
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(text(_PG_COLUMNS if postgresql else _SQLITE_COLUMNS)):
        tables.setdefault(table, {})[column] = _plain_type(kind)
    indexes = {
        name: (table, fingerprint or "")
        for name, table, fingerprint in connection.execute(text(_PG_INDEXES if postgresql else _SQLITE_INDEXES))
    }
    return Schema(tables, indexes)


def wanted_type(column: Column[object], dialect: Dialect) -> str:
    """Return the type a column should have, written as ``read_schema`` writes it."""
    return _plain_type(column.type.compile(dialect))


def find_scale(kind: str) -> int | None:
    """Return the decimal places of a numeric type as ``read_schema`` writes it, None for any other type."""
    if kind in ("bigint", "integer"):
        return 0
    found = _SCALE.fullmatch(kind)
    return None if found is None else int(found[1] or found[2])


_SCALE = re.compile(r"numeric\(\d+,(\d+)\)|bigint_scale_(\d+)")


def wanted_fingerprint(index: Index, dialect: Dialect) -> str:
    """Return what identifies the definition of an index, as ``read_schema`` gives it.

    SQLite keeps the text of the statement; PostgreSQL rewrites it, so a digest of the text stands in a comment.
    """
    written = str(CreateIndex(index).compile(dialect=dialect))
    return written if dialect.name == "sqlite" else hashlib.sha256(written.encode()).hexdigest()[:32]


def _plain_type(kind: str) -> str:
    return kind.lower().replace(", ", ",")


_SQLITE_COLUMNS = """
    SELECT tables.name, columns.name, columns.type
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' AND tables.name LIKE 'e\\_%' ESCAPE '\\'
    ORDER BY tables.name, columns.cid
"""
_SQLITE_INDEXES = """
    SELECT name, tbl_name, sql FROM sqlite_master
    WHERE type = 'index' AND sql IS NOT NULL AND tbl_name LIKE 'e\\_%' ESCAPE '\\'
"""
_PG_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'e\\_%'
    ORDER BY c.relname, a.attnum
"""
_PG_INDEXES = """
    SELECT i.relname, t.relname, CASE WHEN x.indisvalid THEN obj_description(i.oid, 'pg_class') END
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_class AS t ON t.oid = x.indrelid
    WHERE NOT x.indisprimary AND t.relnamespace = current_schema()::regnamespace AND t.relname LIKE 'e\\_%'
"""
