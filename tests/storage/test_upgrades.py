"""The system tables follow the program, and never halfway."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotPossibleNow
from engine.storage.database import Database
from engine.storage.immutable import protect_people
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.system_columns import metadata
from engine.storage.system_tables import users
from engine.storage.upgrades import STEPS, _keep_lengths_of_names
from engine.storage.upgrading import upgrade

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


def test_pairs_of_characters_learn_how_long_their_names_are(database: Database) -> None:
    upgrade(database)
    names = {1: "甬江阀门", 2: "甬江阀门\x1f东海", 3: "甬江\x1f"}
    with database.write() as connection:
        keys = [
            {"entity": "firm", "rule": "alike", "record_id": id_, "exact": "", "alike": alike, "blocks": False}
            for id_, alike in names.items()
        ]
        connection.execute(match_keys.insert(), keys)
        connection.execute(text("DROP TABLE fw_match_grams"))
        older = "entity TEXT, rule TEXT, gram TEXT, record_id BIGINT, PRIMARY KEY (entity, rule, gram, record_id)"
        connection.execute(text(f"CREATE TABLE fw_match_grams ({older})"))
        for id_ in names:
            connection.execute(text("INSERT INTO fw_match_grams VALUES ('firm', 'alike', '甬江', :id)"), {"id": id_})
        connection.execute(
            text("UPDATE fw_schema_version SET version = :at"), {"at": STEPS.index(_keep_lengths_of_names) + 1}
        )

    assert upgrade(database) == NEWEST

    with database.read() as connection:
        found = connection.execute(select(match_grams.c.record_id, match_grams.c.length).order_by("record_id")).all()
        assert [tuple(row) for row in found] == [(1, 4), (2, 4), (3, 2)]
        assert {one["name"] for one in inspect(connection).get_indexes("fw_match_grams")} == {
            "ix_fw_match_grams_record_id_entity_rule"
        }
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
