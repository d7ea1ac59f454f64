"""Filling a table with copies of rows that the application itself has written.

A database URL and the ids of the rows to copy enter; many rows leave, equal but for a few columns given as SQL. Knows
no application's columns, so every application gets the same data.
"""

from typing import Any

from sqlalchemy import Engine, Integer, MetaData, Table, create_engine, text

from bench.sides import Table as Filled


def clone_rows(database_url: str, filled: Filled, row_ids: list[Any], count: int) -> None:
    """Copy `row_ids` in turn: copy number i is of row `row_ids[i % len(row_ids)]`."""
    engine = create_engine(database_url)
    table = Table(filled.name, MetaData(), autoload_with=engine, resolve_fks=False)
    columns = [column.name for column in table.columns if not _numbered_by_database(column)]
    quote = engine.dialect.identifier_preparer.quote
    sources = [filled.varied.get(name, f"original.{quote(name)}") for name in columns]
    picks = ", ".join(f"({turn}, :row{turn})" for turn in range(len(row_ids)))
    statement = f"""
        WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < {int(count)}),
        picked(turn, id) AS (VALUES {picks})
        INSERT INTO {quote(table.name)} ({", ".join(map(quote, columns))})
        SELECT {", ".join(sources)} FROM counted
        JOIN picked ON picked.turn = counted.i % {len(row_ids)}
        JOIN {quote(table.name)} AS original ON original.id = picked.id
        ORDER BY counted.i
    """
    with engine.begin() as connection:
        connection.execute(text(statement), {f"row{turn}": row_id for turn, row_id in enumerate(row_ids)})
    _tidy(engine)
    engine.dispose()


def read_ids(database_url: str, filled: Filled, stage: str) -> list[tuple[Any, int]]:
    """(id, number of the copy) of the copies in a stage."""
    engine = create_engine(database_url)
    statement = f"SELECT id, name FROM {filled.name} WHERE stage = :stage AND name LIKE 'Bench %' ORDER BY id"
    with engine.connect() as connection:
        rows = connection.execute(text(statement), {"stage": stage}).all()
    engine.dispose()
    return [(row_id, int(name.removeprefix("Bench "))) for row_id, name in rows]


def _numbered_by_database(column: Any) -> bool:
    return bool(column.primary_key) and isinstance(column.type, Integer)


def _tidy(engine: Engine) -> None:
    """What a database does for itself after a while: statistics, and a short log."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM ANALYZE")
