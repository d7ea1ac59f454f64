"""How a value lies in a column, the same to its readers on both databases.

Enters: Python values (``Decimal``, aware ``datetime``, plain JSON data). Leaves: what SQLite or PostgreSQL stores, and
the same Python values again. Must not round silently where the databases would differ: a decimal with too many digits
is rounded half up on both. Processors are closures without branches on the dialect, because every value of every row
goes through them.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, Text
from sqlalchemy.dialects.sqlite.base import SQLiteTypeCompiler
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import BigInteger, TypeDecorator, TypeEngine

Processor = Callable[[Any], Any]


class ScaledBigInt(BigInteger):
    """SQLite only: a whole number of units of ``10**-scale``, declared as ``BIGINT_SCALE_2``.

    The name has integer affinity and says the scale, so that the database describes itself to a later migration.
    """

    cache_ok = True

    def __init__(self, scale: int) -> None:
        self.scale = scale


@compiles(ScaledBigInt, "sqlite")
def _render_scaled(type_: ScaledBigInt, compiler: SQLiteTypeCompiler, **kw: Any) -> str:
    return f"BIGINT_SCALE_{type_.scale}"


class ScaledDecimal(TypeDecorator[Decimal]):
    """An exact decimal: ``NUMERIC(precision, scale)`` on PostgreSQL, ``value * 10**scale`` as an integer on SQLite.

    SQLite has no decimal type; integers keep sums and comparisons exact. ``precision`` is at most 18, the digits a
    64-bit integer holds. More digits than ``scale`` are rounded half up (away from zero), as PostgreSQL does.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int = 18, scale: int = 2) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of the database in use."""
        if dialect.name == "sqlite":
            return ScaledBigInt(self.scale)
        return Numeric(self.precision, self.scale)

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """Return what turns a ``Decimal`` or ``int`` into the stored value."""
        return _to_units(self.scale) if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """Return what turns the stored value into a ``Decimal`` with ``scale`` digits."""
        return _from_units(self.scale) if dialect.name == "sqlite" else None

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes a value into SQL text (the condition of a partial index cannot have parameters)."""
        if dialect.name != "sqlite":
            return lambda value: str(Decimal(value))
        to_units = _to_units(self.scale)
        return lambda value: str(to_units(value))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, ``YYYY-MM-DD HH:MM:SS.ffffff`` on SQLite, which sorts as text."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of the database in use."""
        return DateTime(timezone=dialect.name != "sqlite")

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Return what checks that the moment is aware, and turns it into the stored value."""
        return _moment_to_text if dialect.name == "sqlite" else _aware

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:
        """Return what turns the stored value into an aware ``datetime`` in UTC."""
        return _text_to_moment if dialect.name == "sqlite" else None

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes a moment into SQL text."""
        return lambda value: f"'{_moment_to_text(value)}{'' if dialect.name == 'sqlite' else '+00'}'"


class JsonText(TypeDecorator[Any]):
    """Plain data as compact JSON text; decimals become strings, moments and dates ISO text."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Return what turns data into text."""
        return to_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Return what turns text into data."""
        return from_json

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes data into SQL text."""
        return lambda value: "'" + to_json(value).replace("'", "''") + "'"


def from_json(text: str | None) -> Any:
    """Read JSON text; ``None`` stays ``None``."""
    return None if text is None else json.loads(text)


def to_json(value: Any) -> Any:
    """Write plain data as compact JSON text; ``None`` stays ``None`` (SQL NULL)."""
    return None if value is None else _encode(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


# One encoder for all: json.dumps with arguments would build one per call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False).encode


_WIDE = Context(prec=60)  # whatever context the caller set, these shifts are exact


def _to_units(scale: int) -> Processor:
    factor, shift = 10**scale, _WIDE.scaleb

    def units(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is Decimal:
            return int(shift(value, scale).to_integral_value(ROUND_HALF_UP))
        if type(value) is int:
            return value * factor
        raise TypeError(f"a decimal column takes Decimal or int, not {type(value).__name__}")

    return units


def _from_units(scale: int) -> Processor:
    shift, places = _WIDE.scaleb, Decimal(-scale)

    def decimal(value: int | None) -> Decimal | None:
        return None if value is None else shift(value, places)

    return decimal


@lru_cache(maxsize=256)  # the moment of a session is written several times
def _moment_to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = _aware(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _text_to_moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


def _aware(value: Any) -> Any:
    if value is not None and value.tzinfo is None:
        raise TypeError("a moment must be aware (UTC), not naive")
    return value
