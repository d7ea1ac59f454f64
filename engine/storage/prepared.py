"""Statements compiled once and run many times, for the paths every request takes.

Enters: a SQLAlchemy Core statement with named parameters. Leaves: an object that runs it with a mapping of values, past
SQLAlchemy's per-execution work (cache key, parameter compilation, result metadata). Must not be used for statements
whose shape depends on the values: an ``IN`` over a list is refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect, Select

from engine.storage.column_types import Processor


class Prepared:
    """One statement for one dialect. Every named parameter must be given, as the Python value of its column."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, *, columns: Iterable[str] | None = None) -> None:
        """Compile ``statement``; ``columns`` names the columns of an ``insert`` or ``update`` that takes parameters."""
        keys = None if columns is None else list(columns)
        compiled: Any = statement.compile(dialect=dialect, column_keys=keys)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError("a prepared statement cannot take a list of values")
        self.sql = str(compiled)
        self._positional: bool = compiled.positional
        self._parameters = _read_parameters(compiled, dialect)
        self._readers = _make_readers(statement, dialect)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run the statement."""
        return connection.exec_driver_sql(self.sql, self._bind(values))

    def execute_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run the statement once for each row of values, in one call of the driver."""
        bound = [self._bind(row) for row in rows]
        if bound:
            connection.exec_driver_sql(self.sql, bound)

    def fetch_all(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a ``select`` (or a statement with RETURNING) and return its rows as Python values."""
        rows = connection.exec_driver_sql(self.sql, self._bind(values)).fetchall()
        if not self._readers:
            return [tuple(row) for row in rows]
        return [self._read(row) for row in rows]

    def fetch_one(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Run a ``select`` and return its first row as Python values, or None."""
        row = connection.exec_driver_sql(self.sql, self._bind(values)).fetchone()
        return None if row is None else self._read(row)

    def _bind(self, values: Mapping[str, Any]) -> Any:
        if self._positional:
            return tuple(
                [fixed if name is None else (values[name] if make is None else make(values[name]))
                 for name, _, make, fixed in self._parameters]
            )  # fmt: skip
        return {
            key: fixed if name is None else (values[name] if make is None else make(values[name]))
            for name, key, make, fixed in self._parameters
        }

    def _read(self, row: Iterable[Any]) -> tuple[Any, ...]:
        if not self._readers:
            return tuple(row)
        found = list(row)
        for index, reader in self._readers:
            found[index] = reader(found[index])
        return tuple(found)


_Parameter = tuple[str | None, str, Processor | None, Any]
"""(name to look up, or None when the value is fixed; the driver's key; what makes the stored value; the fixed value)"""


def _read_parameters(compiled: Any, dialect: Dialect) -> list[_Parameter]:
    order = compiled.positiontup if compiled.positional else list(compiled.binds)
    return [_read_parameter(compiled, dialect, key) for key in order]


def _read_parameter(compiled: Any, dialect: Dialect, key: str) -> _Parameter:
    bind = compiled.binds[key]
    make = bind.type.dialect_impl(dialect).bind_processor(dialect)
    escaped = compiled.escaped_bind_names.get(key, key) if compiled.escaped_bind_names else key
    if bind.required:
        return bind.key, escaped, make, None
    value = bind.effective_value
    return None, escaped, None, value if make is None else make(value)


def _make_readers(statement: ClauseElement, dialect: Dialect) -> list[tuple[int, Processor]]:
    columns = statement.selected_columns if isinstance(statement, Select) else getattr(statement, "_returning", ())
    readers = []
    for index, column in enumerate(columns):
        reader = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if reader is not None:
            readers.append((index, reader))
    return readers
