"""The engine's own tables, brought to the shape this program needs.

Enters: a database of any earlier program, or an empty one. Leaves: the tables of ``system_tables.py``. Must not touch
the tables of entities. Each start does the missing steps in one transaction, so a program killed midway leaves the
database as it was; a database written by a newer program is refused.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, inspect, select, update

from engine.errors import NotPossibleNow
from engine.storage.apart import keep_delegations_apart
from engine.storage.database import Database
from engine.storage.immutable import protect_audit, protect_closed_months, protect_people, protect_releases
from engine.storage.system_columns import metadata
from engine.storage.system_tables import schema_version
from engine.storage.turns import take_turn
from engine.storage.upgrades import STEPS, Step


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


def _bring_to(connection: Connection, newest: int, steps: Sequence[Step]) -> int:
    found = _find_version(connection)
    if found is None:
        metadata.create_all(connection, checkfirst=False)
        protect_releases(connection)
        protect_people(connection)
        protect_audit(connection)
        protect_closed_months(connection)
        keep_delegations_apart(connection)
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
