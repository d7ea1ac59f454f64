"""Databases holding the world of ``world.py``: SQLite always, PostgreSQL where there is one."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, select, text

from engine.expression import Checked, check_text, compile_python, sqlite_functions
from engine.expression.sql import compile_sql, compile_where, sql_parameters
from engine.expression.types import MAX_DIGITS, NUMERIC
from tests.expression.world import SHAPES, Source, World, make_tables, random_world

METADATA, TABLES = make_tables()
SOURCE = Source(TABLES)

Answers = dict[int, Any]


@pytest.fixture(scope="session")
def world() -> World:
    return random_world(seed=20260302, quotes=60)


@pytest.fixture(scope="session")
def sqlite(world: World) -> Iterator[Connection]:
    yield from _filled("sqlite://", world)


@pytest.fixture(scope="session")
def postgres(world: World, postgresql_server: str) -> Iterator[Connection]:
    yield from _filled(_schema(postgresql_server), world)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Connection:
    connection: Connection = request.getfixturevalue(request.param)
    return connection


@pytest.fixture(scope="session")
def in_python(world: World) -> Callable[[Checked], Answers]:
    def answer(checked: Checked) -> Answers:
        run, env = compile_python(checked), world.env()
        return {record["id"]: held(checked, run(record, env)) for record in world.records[checked.entity]}

    return answer


def held(checked: Checked, value: Any) -> Any:
    """Return a value as a database holds it: a number with too many digits comes out of Python alone."""
    if checked.type.kind not in NUMERIC or value is None:
        return value
    return value if abs(value) < 10 ** (MAX_DIGITS - checked.type.places) else None


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest) -> Iterator[Connection]:
    is_sqlite = request.param == "sqlite"
    yield from _filled("sqlite://" if is_sqlite else _schema(request.getfixturevalue("postgresql_server")), World({}))


def in_sql(connection: Connection, checked: Checked, world: World) -> Answers:
    """Return the value for every row, as the database works it out."""
    table = TABLES[checked.entity]
    statement = select(table.c.id, compile_sql(checked, SOURCE))
    return dict(connection.execute(statement, sql_parameters(checked, world.env())).all())


def where_in_sql(connection: Connection, checked: Checked, world: World) -> set[int]:
    """Return the ids of the rows a condition selects."""
    statement = select(TABLES[checked.entity].c.id).where(compile_where(checked, SOURCE))
    return set(connection.execute(statement, sql_parameters(checked, world.env())).scalars())


def check_quote(text: str) -> Checked:
    """Check an expression about quotes."""
    return check_text(text, SHAPES, "quote")


def _schema(server: str) -> str:
    """Return the address of an empty schema in the database of this run."""
    url, schema = server.replace("postgresql://", "postgresql+psycopg://"), f"x_{secrets.token_hex(6)}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return f"{url}?options=-csearch_path%3D{schema}"


def _filled(url: str, world: World) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, record: sqlite_functions.install(connection))
    with engine.connect() as connection:
        METADATA.create_all(connection)
        world.store(connection, TABLES)
        yield connection
    engine.dispose()
