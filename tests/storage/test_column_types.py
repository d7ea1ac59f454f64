"""A value comes back as it was stored, and both databases order and add values alike."""

import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Date, Integer, MetaData, Table, delete, func, insert, select
from sqlalchemy.exc import StatementError

from engine.storage.column_types import JsonText, ScaledDecimal, UtcDateTime
from engine.storage.database import Database
from engine.storage.prepared import Prepared

VALUES = Table(
    "values_of_test",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("money", ScaledDecimal(18, 2)),
    Column("rate", ScaledDecimal(18, 6)),
    Column("at", UtcDateTime),
    Column("day", Date),
    Column("data", JsonText),
)


@pytest.fixture
def connection(database: Database) -> Any:
    with database.write() as connection:
        VALUES.create(connection)
        yield connection


def _back(connection: Connection, column: str, value: Any) -> Any:
    connection.execute(insert(VALUES).values({column: value}))
    return connection.scalar(select(VALUES.c[column]).order_by(VALUES.c.id.desc()).limit(1))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (Decimal("0"), "0.00"),
        (Decimal("0.1"), "0.10"),
        (Decimal("-0.005"), "-0.01"),
        (Decimal("0.005"), "0.01"),
        (Decimal("2.675"), "2.68"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("9999999999999999.99"), "9999999999999999.99"),
        (7, "7.00"),
    ],
)
def test_decimals_are_exact_and_round_half_up(connection: Connection, given: Any, stored: str) -> None:
    assert str(_back(connection, "money", given)) == stored


def test_decimals_are_added_and_compared_exactly(connection: Connection) -> None:
    for text in ("0.10", "0.20", "100.05"):
        _back(connection, "money", Decimal(text))
    assert connection.scalar(select(func.sum(VALUES.c.money))) == Decimal("100.35")
    assert connection.scalar(select(func.count()).where(VALUES.c.money >= Decimal("0.20"))) == 2


def test_floats_are_refused_where_decimals_belong(sqlite_database: Database) -> None:
    with pytest.raises(StatementError), sqlite_database.write() as connection:
        VALUES.create(connection)
        _back(connection, "money", 0.1)


def test_moments_come_back_in_utc_to_the_microsecond(connection: Connection) -> None:
    shanghai = timezone(timedelta(hours=8))
    assert _back(connection, "at", datetime(2026, 3, 2, 9, 0, 0, 123456, shanghai)) == datetime(
        2026, 3, 2, 1, 0, 0, 123456, UTC
    )
    found = _back(connection, "at", datetime(2026, 3, 2, tzinfo=UTC))
    assert found == datetime(2026, 3, 2, tzinfo=UTC) and found.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(connection: Connection) -> None:
    with pytest.raises(StatementError):
        _back(connection, "at", datetime(2026, 3, 2))


def test_moments_are_ordered_in_time(connection: Connection) -> None:
    base = datetime(2026, 3, 2, tzinfo=UTC)
    given = [base + timedelta(microseconds=delta) for delta in (1, 0, 999_999, -1, 86_400_000_000)]
    for moment in given:
        _back(connection, "at", moment)
    assert list(connection.scalars(select(VALUES.c.at).order_by(VALUES.c.at))) == sorted(given)


def test_dates_and_missing_values_come_back(connection: Connection) -> None:
    assert _back(connection, "day", date(2024, 2, 29)) == date(2024, 2, 29)
    assert [_back(connection, name, None) for name in ("money", "at", "day", "data")] == [None] * 4


def test_json_keeps_chinese_decimals_and_moments_as_text(connection: Connection) -> None:
    data = {
        "名称": "阀门",
        "price": Decimal("1.50"),
        "at": datetime(2026, 3, 2, tzinfo=UTC),
        "roles": frozenset({"b", "a"}),
    }
    assert _back(connection, "data", data) == {
        "名称": "阀门",
        "price": "1.50",
        "at": "2026-03-02T00:00:00+00:00",
        "roles": ["a", "b"],
    }


def test_a_prepared_statement_reads_and_writes_the_same_values(connection: Connection) -> None:
    values = {"money": Decimal("1.50"), "at": datetime(2026, 3, 2, tzinfo=UTC), "day": date(2026, 3, 2), "data": [1]}
    add = Prepared(insert(VALUES).inline(), connection.dialect, columns=values)
    add.execute(connection, values)
    add.execute_many(connection, [values, values | {"money": None}])
    find = Prepared(select(*(VALUES.c[name] for name in values)).order_by(VALUES.c.id), connection.dialect)
    rows = find.fetch_all(connection, {})
    assert rows[:2] == [tuple(values.values())] * 2 and rows[2][0] is None
    assert find.fetch_one(connection, {}) == rows[0]


def test_many_rows_at_once_are_written_as_each_by_itself(connection: Connection) -> None:
    several: dict[str, list[Any]] = {
        "money": [None, Decimal("1.50"), 3], "at": [None, datetime(2026, 3, 2, 5, tzinfo=UTC)],
        "day": [date(2026, 3, 2), None], "data": [{"version": 1}, None, [], ["甬江", Decimal("0.1")]],
    }  # fmt: skip
    dice = random.Random(5)
    rows = [{name: dice.choice(values) for name, values in several.items()} for _ in range(60)]
    add = Prepared(insert(VALUES).inline(), connection.dialect, columns=several)
    find = Prepared(select(*(VALUES.c[name] for name in several)).order_by(VALUES.c.id), connection.dialect)
    add.execute_many(connection, rows)
    at_once = find.fetch_all(connection, {})
    connection.execute(delete(VALUES))
    for row in rows:
        add.execute(connection, row)
    assert at_once == find.fetch_all(connection, {})


def test_a_prepared_statement_refuses_a_list_of_values(database: Database) -> None:
    with pytest.raises(ValueError, match="list"):
        Prepared(select(VALUES).where(VALUES.c.id.in_([1, 2])), database.sql_dialect)
