"""Statements compiled once and run many times, for the paths every request takes.

Enters: a SQLAlchemy Core statement with named parameters. Leaves: an object that runs it with a mapping of values on
the driver's own cursor, past SQLAlchemy's work for each execution (cache key, parameters, result metadata), which costs
more than the query itself. Must not be used for statements whose shape depends on the values: an ``IN`` over a list is
refused. Transactions, errors and listeners are those of the connection, as if SQLAlchemy had run it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NoReturn, Protocol

from sqlalchemy import ClauseElement, Connection, Dialect, SelectBase
from sqlalchemy.exc import DBAPIError

from engine.storage.column_types import Processor

Values = Mapping[str, Any]


class Executed(Protocol):
    """A cursor after a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement concerned."""
        ...

    def fetchone(self) -> Sequence[Any] | None:
        """Return the next row as the driver has it."""
        ...

    def fetchall(self) -> list[Sequence[Any]]:
        """Return all rows as the driver has them."""
        ...


class Prepared:
    """One statement for one dialect. Every named parameter must be given, as the Python value of its column."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, *, columns: Iterable[str] | None = None) -> None:
        """Compile ``statement``; ``columns`` names the columns of an ``insert`` or ``update`` that takes parameters."""
        keys = None if columns is None else list(columns)
        compiled: Any = _compiler_of(dialect)(dialect, statement, column_keys=keys)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError("a prepared statement cannot take a list of values")
        self.sql = str(compiled)
        self._parameters = _Parameters(compiled, dialect)
        self._readers = _make_readers(statement, dialect)
        self.names = frozenset(self._parameters.names)

    def execute(self, connection: Connection, values: Values) -> Executed:
        """Run the statement."""
        return self._run(connection, self._parameters.bind(values), many=False)

    def execute_many(self, connection: Connection, rows: Iterable[Values]) -> None:
        """Run the statement once for each row of values, in one call of the driver."""
        bound = self._parameters.bind_many(rows)
        if len(bound) == 1:  # a driver's way for many costs more than the statement
            self._run(connection, bound[0], many=False)
        elif bound:
            self._run(connection, bound, many=True)

    def execute_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Do the same with rows as the driver takes them, in the order of the parameters: for very many at once.

        Only on SQLite, and only for columns whose values are stored as they are.
        """
        if rows:
            self._run(connection, rows, many=True)

    def fetch_all(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Run a ``select`` (or a statement with RETURNING) and return its rows as Python values."""
        rows = self.execute(connection, values).fetchall()
        return [self._read(row) for row in rows] if self._readers else list(map(tuple, rows))

    def fetch_one(self, connection: Connection, values: Values) -> tuple[Any, ...] | None:
        """Run a ``select`` and return its first row as Python values, or None."""
        row = self.execute(connection, values).fetchone()
        return None if row is None else self._read(row)

    def _read(self, row: Sequence[Any]) -> tuple[Any, ...]:
        if not self._readers:
            return tuple(row)
        found = list(row)
        for index, reader in self._readers:
            found[index] = reader(found[index])
        return tuple(found)

    def _run(self, connection: Connection, bound: Any, *, many: bool) -> Executed:
        return run_past(connection, self.sql, bound, many=many)


def run_past(connection: Connection, sql: str, bound: Any = None, *, many: bool = False) -> Executed:
    """Run what the driver understands past SQLAlchemy, with what the driver takes; ``None`` for no parameters."""
    # Whether anybody listens at all is kept by SQLAlchemy itself: to ask who costs as much as a small statement.
    if (connection._has_events or connection.engine._has_events) and connection.dispatch.before_cursor_execute:
        # Somebody does (a plan that is rehearsed, a test that counts): let SQLAlchemy tell them.
        heard: Any = connection.exec_driver_sql(sql, bound)
        return heard  # type: ignore[no-any-return]
    if not connection.in_transaction():
        connection.begin()
    cursor: Any = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    given = (sql,) if bound is None else (sql, bound)
    try:
        (cursor.executemany if many else cursor.execute)(*given)
    except connection.dialect.loaded_dbapi.Error as error:
        _fail(connection, sql, error)
    return cursor  # type: ignore[no-any-return]


def begin_past(connection: Connection, sql: str) -> None:
    """Begin with the statement of the driver: SQLAlchemy's work for it costs as much as all else of an empty
    transaction."""
    try:
        connection.connection.driver_connection.execute(sql).close()  # type: ignore[union-attr]
    except connection.dialect.loaded_dbapi.Error as error:
        _fail(connection, sql, error)


def _fail(connection: Connection, sql: str, error: Any) -> NoReturn:
    """Raise what SQLAlchemy would have raised, and give up a connection the server has closed."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if lost:
        connection.invalidate(error)
    raise DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    ) from error


@cache
def _compiler(base: type[Any]) -> type[Any]:
    """Return a compiler that writes the words and numbers that are the same each time into the statement.

    Whoever plans sees them: an index of those that are ``'running'`` serves ``state = 'running'``, and not
    ``state = ?``. SQLite, which looks at what is given, would plan the statement anew each time.
    """

    class Literal(base):  # type: ignore[misc]
        def visit_bindparam(self, bindparam: Any, **kw: Any) -> Any:
            if not bindparam.required and not bindparam.expanding and _is_plain(bindparam.effective_value):
                kw["literal_binds"] = True
            return super().visit_bindparam(bindparam, **kw)

    return Literal


def _compiler_of(dialect: Dialect) -> type[Any]:
    usual: Any = dialect.statement_compiler
    return _compiler(usual)


def _is_plain(value: Any) -> bool:
    """Whether a value is written the same everywhere: a small number, or a word such as keys are made of."""
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None
    return type(value) is int and abs(value) < 2**31


_WORD = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class _Parameters:
    """From a mapping of values to what the driver takes."""

    def __init__(self, compiled: Any, dialect: Dialect) -> None:
        keys = list(compiled.positiontup if compiled.positional else compiled.binds)
        binds = [compiled.binds[key] for key in keys]
        escaped = compiled.escaped_bind_names or {}
        self._driver_keys = None if compiled.positional else [escaped.get(key, key) for key in keys]
        self.names = [bind.key for bind in binds]
        self._pick = _picker(self.names)
        self._fixed = {bind.key: _fixed_value(bind, dialect) for bind in binds if not bind.required}
        makers = [_bind_processor(bind, dialect) if bind.required else None for bind in binds]
        self._makers = [(index, make) for index, make in enumerate(makers) if make is not None]

    def bind_many(self, rows: Iterable[Values]) -> list[Any]:
        """Bind many rows, column by column: a value that one row has from the one before is turned only once."""
        picked = [self._pick({**row, **self._fixed}) for row in rows] if self._fixed else list(map(self._pick, rows))
        if self._makers and picked:
            columns: list[Any] = list(zip(*picked, strict=True))
            for index, make in self._makers:
                columns[index] = _made(make, columns[index])
            picked = list(zip(*columns, strict=True))
        if self._driver_keys is None:
            return picked
        return [dict(zip(self._driver_keys, one, strict=True)) for one in picked]

    def bind(self, values: Values) -> Any:
        found = list(self._pick({**values, **self._fixed} if self._fixed else values))
        for index, make in self._makers:
            found[index] = make(found[index])
        return tuple(found) if self._driver_keys is None else dict(zip(self._driver_keys, found, strict=True))


_NONE_BEFORE: Any = object()


def _made(make: Processor, column: Iterable[Any]) -> list[Any]:
    found, last, said = [], _NONE_BEFORE, None
    for value in column:
        if value is not last:
            last, said = value, make(value)
        found.append(said)
    return found


def _picker(names: list[str]) -> Any:
    if len(names) == 1:
        only = names[0]
        return lambda values: (values[only],)
    return itemgetter(*names) if names else lambda values: ()


def _fixed_value(bind: Any, dialect: Dialect) -> Any:
    make = _bind_processor(bind, dialect)
    return bind.effective_value if make is None else make(bind.effective_value)


def _bind_processor(bind: Any, dialect: Dialect) -> Processor | None:
    make: Processor | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return make


def _make_readers(statement: ClauseElement, dialect: Dialect) -> list[tuple[int, Processor]]:
    columns = statement.selected_columns if isinstance(statement, SelectBase) else getattr(statement, "_returning", ())
    readers = []
    for index, column in enumerate(columns):
        reader = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if reader is not None:
            readers.append((index, reader))
    return readers
