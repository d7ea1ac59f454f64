"""What is written once: the database itself refuses to change or delete a release, an entry of the audit or a closed
month, and to delete a person.

Enters: a connection in a write transaction, when the system tables are made or upgraded. Leaves: triggers. Must not
guard anything that a person may correct.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, text


def protect_releases(connection: Connection) -> None:
    """Make the database refuse to change or delete what was published."""
    _refuse(connection, "fw_releases", "a release never changes", "UPDATE", "DELETE")


def protect_audit(connection: Connection) -> None:
    """Make the database refuse to change or delete what the audit says."""
    _refuse(connection, "fw_audit", "the audit is only added to", "UPDATE", "DELETE")


def protect_closed_months(connection: Connection) -> None:
    """Make the database refuse to change or delete what a figure was when its month was closed."""
    _refuse(connection, "fw_closed_months", "a closed month never changes", "UPDATE", "DELETE")


def protect_people(connection: Connection) -> None:
    """Make the database refuse to delete a person: no foreign key sees who is named among several, or in a history."""
    _refuse(connection, "fw_users", "people are disabled, never deleted", "DELETE")


def _refuse(connection: Connection, table: str, said: str, *actions: str) -> None:
    write = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    for statement in write(table, said, *actions):
        connection.execute(text(statement))


def _sqlite(table: str, said: str, *actions: str) -> Iterator[str]:
    for action in actions:
        yield f"""
        CREATE TRIGGER IF NOT EXISTS {table}_no_{action.lower()} BEFORE {action} ON {table}
        BEGIN SELECT RAISE(ABORT, '{said}'); END
        """


def _postgresql(table: str, said: str, *actions: str) -> Iterator[str]:
    yield f"""
    CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{said}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """
    yield f"DROP TRIGGER IF EXISTS {table}_stays ON {table}"
    yield f"""
    CREATE TRIGGER {table}_stays BEFORE {" OR ".join((*actions, "TRUNCATE"))} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()
    """
