"""The engine's own tables, brought to the shape this program needs.

Enters: a database of any earlier program, or an empty one. Leaves: the tables of ``system_tables.py``. Must not touch
the tables of entities. Each start does the missing steps in one transaction, so a program killed midway leaves the
database as it was; a database written by a newer program is refused.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select, text, update

from engine.errors import NotPossibleNow
from engine.storage.database import Database
from engine.storage.system_tables import metadata, schema_version

Step = Callable[[Connection], None]

STEPS: Sequence[Step] = ()
"""Step ``n`` leads from version ``n + 1`` to ``n + 2``; append only. A fresh database starts at the newest version."""

_OLDEST_POSTGRESQL = (13,)
_LOCK = 0x466F726D  # "Form": one process upgrades, the others wait


def upgrade(database: Database, steps: Sequence[Step] = STEPS) -> int:
    """Create or upgrade the system tables and return the version they have now.

    Raises ``NotPossibleNow`` when the database belongs to a newer program, or the server is too old.
    """
    newest = len(steps) + 1
    with database.read() as connection:
        if _find_version(connection) == newest:
            return newest
    with database.write() as connection:
        take_turn(connection)
        return _bring_to(connection, newest, steps)


def take_turn(connection: Connection) -> None:
    """Wait until nobody else alters tables; SQLite has one writer anyway. Holds until the transaction ends."""
    if connection.dialect.name != "postgresql":
        return
    info = connection.dialect.server_version_info or ()
    if info < _OLDEST_POSTGRESQL:
        raise NotPossibleNow("storage.old_postgresql", version=".".join(str(part) for part in info))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _bring_to(connection: Connection, newest: int, steps: Sequence[Step]) -> int:
    found = _find_version(connection)
    if found is None:
        metadata.create_all(connection, checkfirst=False)
        connection.execute(schema_version.insert().values(id=1, version=newest))
        return newest
    if found > newest:
        raise NotPossibleNow("storage.newer_schema", found=found, known=newest)
    for step in steps[found - 1 :]:
        step(connection)
    connection.execute(update(schema_version).values(version=newest))
    return newest


def _find_version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.scalar(select(schema_version.c.version))
