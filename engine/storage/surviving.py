"""A part of a transaction that the database may refuse without taking the rest with it.

Enters: a connection of PostgreSQL in a transaction. Leaves: the transaction usable, whatever happened inside. Must not
decide what a refusal means. It goes past SQLAlchemy, as every new record passes here.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Go back to what was before when an error passes through."""
    driver: Any = connection.connection.driver_connection
    driver.execute("SAVEPOINT surviving")
    try:
        yield
    except BaseException:
        with suppress(Exception):  # a connection that is lost has nothing to go back to: what was raised says so
            driver.execute("ROLLBACK TO SAVEPOINT surviving")
            driver.execute("RELEASE SAVEPOINT surviving")
        raise
    driver.execute("RELEASE SAVEPOINT surviving")
