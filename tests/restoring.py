"""A PostgreSQL database, given back its rows by looking at the one it was copied from.

Enters: the addresses of a copy that nobody is connected to, and of what it was copied from. Leaves: the copy with the
same rows and counters again, or False when it must be thrown away: something in its catalogs changed (a publish, a
``TRUNCATE``, an ``ANALYZE``), it grew too much, or the server is too old to say at once which tables were written.
"""

from dataclasses import dataclass, field
from typing import Any

MOST_GROWTH = 4 * 1024 * 1024
"""Bytes a copy may grow by what its rows left behind before a fresh one is better."""

_CATALOGS = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_type",
    "pg_namespace", "pg_extension", "pg_statistic", "pg_description", "pg_rewrite", "pg_policy",
    "pg_largeobject_metadata",
)  # fmt: skip
_STRUCTURE = " UNION ALL ".join(f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}" for name in _CATALOGS)
_SEQUENCES = (
    "SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL"
    " FROM pg_sequences"
)
_WRITTEN = (
    "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
)
_SIZE = "SELECT pg_database_size(current_database())"
_OLDEST = 150000  # from here on a connection that is gone has told what it wrote


@dataclass(frozen=True)
class _Original:
    """What a copy is like before a test writes to it."""

    structure: list[Any]
    sequences: set[Any]
    size: int
    rows: dict[str, bytes] = field(default_factory=dict)


_originals: dict[str, _Original] = {}


def restore(copy: str, original: str) -> bool:
    """Make the copy what it was, and tell whether that could be done."""
    import psycopg

    with psycopg.connect(copy) as connection:
        if connection.info.server_version < _OLDEST:
            return False
        was = _look_at(original)
        if connection.execute(_STRUCTURE).fetchall() != was.structure or _size(connection) > was.size + MOST_GROWTH:
            return False
        connection.execute("SET session_replication_role = replica")  # no trigger, and no table before another
        for (table,) in connection.execute(_WRITTEN).fetchall():
            connection.execute(f"DELETE FROM {table}")
            rows = _rows_of(original, table)
            with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as into:
                into.write(rows)
        for counter in was.sequences - set(connection.execute(_SEQUENCES).fetchall()):
            connection.execute("SELECT setval(%s::regclass, %s, %s)", counter)
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.commit()
        connection.execute("SELECT pg_stat_reset()")
    return True


def _look_at(address: str) -> _Original:
    import psycopg

    if address not in _originals:
        with psycopg.connect(address) as connection:
            _originals[address] = _Original(
                connection.execute(_STRUCTURE).fetchall(),
                set(connection.execute(_SEQUENCES).fetchall()),
                _size(connection),
            )
    return _originals[address]


def _rows_of(address: str, table: str) -> bytes:
    import psycopg

    kept = _look_at(address).rows
    if table not in kept:
        with (
            psycopg.connect(address) as connection,
            connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as out,
        ):
            kept[table] = b"".join(out)
    return kept[table]


def _size(connection: Any) -> int:
    return int(connection.execute(_SIZE).fetchone()[0])
