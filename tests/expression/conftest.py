"""Databases holding the world of ``world.py``: SQLite always, PostgreSQL where there is one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import OperationalError

from engine.expression import Checked, check_text, compile_python
from engine.expression.sql import compile_sql, compile_where, sql_parameters
from tests.expression.world import SHAPES, Source, World, make_tables, random_world

POSTGRES = os.environ.get("FORMWORK_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/test")
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
def postgres(world: World) -> Iterator[Connection]:
    yield from _filled(_reachable(POSTGRES), world)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Connection:
    connection: Connection = request.getfixturevalue(request.param)
    return connection


@pytest.fixture(scope="session")
def in_python(world: World) -> Callable[[Checked], Answers]:
    def answer(checked: Checked) -> Answers:
        run, env = compile_python(checked), world.env()
        return {record["id"]: run(record, env) for record in world.records[checked.entity]}

    return answer


@pytest.fixture(params=["sqlite://", POSTGRES], ids=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest) -> Iterator[Connection]:
    yield from _filled(_reachable(request.param), World({}))


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


def _reachable(url: str) -> str:
    engine = create_engine(url)
    try:
        engine.connect().close()
    except OperationalError:
        pytest.skip("PostgreSQL does not answer; set FORMWORK_TEST_POSTGRES to its address")
    finally:
        engine.dispose()
    return url


def _filled(url: str, world: World) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        METADATA.create_all(connection)
        world.store(connection, TABLES)
        yield connection
    engine.dispose()
