"""The system tables follow the program, and never halfway."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotPossibleNow
from engine.storage.database import Database
from engine.storage.immutable import protect_people
from engine.storage.system_columns import metadata
from engine.storage.system_tables import users
from engine.storage.upgrades import STEPS, upgrade

NEWEST = len(STEPS) + 1

MATCHES = ("fw_match_keys", "fw_match_grams")


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def _add_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE fw_extra (id INTEGER)"))


def _fail(connection: Connection) -> None:
    raise KeyboardInterrupt


def test_an_empty_database_gets_all_tables(database: Database) -> None:
    assert upgrade(database) == NEWEST
    assert _tables(database) == set(metadata.tables)
    assert upgrade(database) == NEWEST


def test_the_database_of_the_first_program_gets_every_table_that_came_later(database: Database) -> None:
    upgrade(database)
    with database.write() as connection:
        for table in (
            "fw_timers",
            "fw_stays",
            "fw_stage_moves",
            "fw_flags",
            "fw_evidence",
            "fw_calendar_days",
            *MATCHES,
            "fw_index_builds",
            "fw_import_values",
            "fw_import_rows",
            "fw_imports",
            "fw_answers",
        ):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE fw_departments DROP COLUMN calendar"))
        connection.execute(text("UPDATE fw_schema_version SET version = 1"))

    assert upgrade(database) == NEWEST
    assert _tables(database) == set(metadata.tables)


def test_an_older_database_gets_the_missing_steps_only(database: Database) -> None:
    upgrade(database)
    assert upgrade(database, [*STEPS, _add_table]) == NEWEST + 1
    assert upgrade(database, [*STEPS, _add_table]) == NEWEST + 1
    assert "fw_extra" in _tables(database)


def test_an_upgrade_that_is_interrupted_leaves_the_database_as_it_was(database: Database) -> None:
    upgrade(database)
    before = _tables(database)
    with pytest.raises(KeyboardInterrupt):
        upgrade(database, [*STEPS, _add_table, _fail])
    assert _tables(database) == before
    assert upgrade(database, [*STEPS, _add_table]) == NEWEST + 1


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    upgrade(database, [*STEPS, _add_table])
    with pytest.raises(NotPossibleNow) as refused:
        upgrade(database)
    assert refused.value.code == "storage.newer_schema"
    assert str(NEWEST + 1) in refused.value.text("zh")


@pytest.mark.parametrize("older", [False, True])
def test_nobody_can_be_deleted_not_even_by_hand(database: Database, older: bool) -> None:
    upgrade(database)
    with database.write() as connection:
        if older:
            named = {"postgresql": "fw_users_stays ON fw_users", "sqlite": "fw_users_no_delete"}
            connection.execute(text(f"DROP TRIGGER {named[connection.dialect.name]}"))
            connection.execute(text(f"UPDATE fw_schema_version SET version = {STEPS.index(protect_people) + 1}"))
    upgrade(database)
    with database.write() as connection:
        connection.execute(
            users.insert().values(login="anna", name="Anna", created_at=datetime(2026, 3, 2, tzinfo=UTC))
        )
    with pytest.raises(DBAPIError, match="disabled, never deleted"), database.write() as connection:
        connection.execute(text("DELETE FROM fw_users"))
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM fw_users")) == 1
