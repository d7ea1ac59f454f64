"""A release is written once: the database itself refuses to change or delete one, on both databases."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine.storage.releases import get_sources, list_releases
from tests.conftest import MakeStore
from tests.storage.workshop import WORKSHOP


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fw_releases SET note = 'another reason'",
        "UPDATE fw_releases SET sources = '{}' WHERE id = 1",
        "DELETE FROM fw_releases WHERE id = 1",
        "DELETE FROM fw_releases",
    ],
)
def test_no_statement_changes_what_was_published(make_store: MakeStore, statement: str) -> None:
    store = make_store(WORKSHOP)
    with pytest.raises(DBAPIError, match="a release never changes"), store.write() as session:
        session.connection.execute(text(statement))
    with store.read() as session:
        assert [one.id for one in list_releases(session.connection)] == [1]
        assert get_sources(session.connection, 1) == dict(WORKSHOP)


def test_postgresql_refuses_to_empty_the_table_too(make_store: MakeStore) -> None:
    store = make_store(WORKSHOP)
    if store.database.dialect != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="a release never changes"), store.write() as session:
        session.connection.execute(text("TRUNCATE fw_releases CASCADE"))
