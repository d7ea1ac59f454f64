"""How whole numbers reach PostgreSQL: all that fit as 64 bits.

Enters: a connection of the driver. Leaves: the same, telling each statement one type of number. The driver would choose
16, 32 or 64 bits by the value, and the server prepare a statement anew for every mixture of these. What does not fit
goes as a number of any size, as the driver sends it, so comparing with it finds nothing. Must be imported where
PostgreSQL is used only: the driver is optional.
"""

from typing import Any

from psycopg import Connection
from psycopg.adapt import PyFormat
from psycopg.types.numeric import Int8BinaryDumper, IntNumeric, IntNumericBinaryDumper

_MOST = 2**63


class _Whole(Int8BinaryDumper):
    """Writes a whole number as 64 bits."""

    def get_key(self, obj: Any, format: PyFormat) -> type:
        """Return who writes the number."""
        return self.cls if -_MOST <= obj < _MOST else IntNumeric

    def upgrade(self, obj: Any, format: PyFormat) -> IntNumericBinaryDumper:
        """Return the writer of a number that does not fit."""
        return IntNumericBinaryDumper(IntNumeric)


def send_alike(connection: Connection[Any]) -> None:
    """Let a connection send whole numbers so."""
    connection.adapters.register_dumper(int, _Whole)
