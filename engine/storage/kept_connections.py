"""Connections that are used again as they are.

Enters: an engine. Leaves: one of its connections at a time for each that asks, taken back once nothing of it is open.
SQLAlchemy makes and ends the connection of each transaction anew, which costs as much as some five small statements.
Must not keep one on which anything failed: that goes back to the pool, which puts it in order or gives it up.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

MOST = 8
"""So many are kept of an engine; what is more was needed for a moment."""


class KeptConnections:
    """The connections of an engine that nobody uses now. Safe to share between threads, not to carry over a fork."""

    def __init__(self, engine: Engine, is_good: Callable[[Connection], bool] = lambda connection: True) -> None:
        """``is_good`` is asked of a connection that was used before: may it be used again?"""
        self._engine = engine
        self._is_good = is_good
        self._free: list[Connection] = []  # used last, used next
        self._asking = 0  # of the pool, which has so many and no more: what is given back meanwhile goes there
        self._closed = False
        self._turn = threading.Lock()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Give a connection with no transaction open."""
        connection = self._take()
        try:
            yield connection
            connection.rollback()  # what only read is over
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    def close(self) -> None:
        """Give back to the pool what is free, and from now on all that is given back."""
        with self._turn:
            self._closed, free = True, self._free
            self._free = []
        for connection in free:
            connection.close()

    def _take(self) -> Connection:
        while True:
            with self._turn:
                if not self._free:
                    self._asking += 1
                    break
                connection = self._free.pop()
            if self._is_good(connection):
                return connection
            _end(connection)
        try:
            return self._engine.connect()
        finally:
            with self._turn:
                self._asking -= 1

    def _keep(self, connection: Connection) -> None:
        with self._turn:
            closed, full = self._closed, len(self._free) >= MOST or self._asking > 0
            if not (closed or full or connection.invalidated):
                self._free.append(connection)
                return
        if closed:
            _end(connection)  # the pool it came from may be gone
        else:
            connection.close()


def _end(connection: Connection) -> None:
    if not connection.invalidated:
        connection.invalidate()
    connection.close()
