"""What the engine keeps about the records of an entity goes along when it is renamed, and goes when it is purged."""

from engine.storage import upgrades  # noqa: F401 - it knows every table
from engine.storage.alter import _FOLLOWING
from engine.storage.approval_tables import approvals
from engine.storage.purging import _OF_RECORDS
from engine.storage.system_columns import metadata

OF_ENTITIES = {table for table in metadata.tables.values() if "entity" in table.c}


def test_every_table_about_records_follows_the_renaming_of_their_entity() -> None:
    assert len(OF_ENTITIES) > 15
    assert OF_ENTITIES - set(_FOLLOWING) == set()


def test_every_table_about_records_is_emptied_when_their_entity_is_purged() -> None:
    assert OF_ENTITIES - set(_OF_RECORDS) == {approvals}  # with all that hangs on them, by a statement of their own
