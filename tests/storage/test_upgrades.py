"""The system tables follow the program, and never halfway."""

import pytest
from sqlalchemy import Connection, inspect, text

from engine.errors import NotPossibleNow
from engine.storage.database import Database
from engine.storage.system_tables import metadata
from engine.storage.upgrades import upgrade


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def _add_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE fw_extra (id INTEGER)"))


def _fail(connection: Connection) -> None:
    raise KeyboardInterrupt


def test_an_empty_database_gets_all_tables(database: Database) -> None:
    assert upgrade(database) == 1
    assert _tables(database) == set(metadata.tables)
    assert upgrade(database) == 1


def test_an_older_database_gets_the_missing_steps_only(database: Database) -> None:
    upgrade(database)
    assert upgrade(database, [_add_table]) == 2
    assert upgrade(database, [_add_table]) == 2
    assert "fw_extra" in _tables(database)


def test_an_upgrade_that_is_interrupted_leaves_the_database_as_it_was(database: Database) -> None:
    upgrade(database)
    before = _tables(database)
    with pytest.raises(KeyboardInterrupt):
        upgrade(database, [_add_table, _fail])
    assert _tables(database) == before
    assert upgrade(database, [_add_table]) == 2


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    upgrade(database, [_add_table])
    with pytest.raises(NotPossibleNow) as refused:
        upgrade(database)
    assert refused.value.code == "storage.newer_schema"
    assert "2" in refused.value.text("zh")
