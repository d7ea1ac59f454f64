"""A small sales world for expression tests: shapes, tables in two databases, and the same rows in Python."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Integer,
    MetaData,
    Table,
    Text,
    exists,
    func,
    select,
)

from engine.expression import Collection, EntityShape, Env, Kind, Type
from engine.expression.sql_terms import Span
from engine.storage.column_types import JsonText, ScaledDecimal, UtcDateTime

STAGES = ("draft", "sent", "approved")
COUNT = Type(Kind.NUMBER, scale=0)

SHAPES = {
    "quote": EntityShape(
        "quote",
        {
            "id": COUNT,
            "number": Type(Kind.TEXT),
            "name": Type(Kind.TEXT),
            "备注": Type(Kind.TEXT),
            "amount": Type(Kind.MONEY, scale=2),
            "paid": Type(Kind.MONEY, scale=2),
            "discount": Type(Kind.PERCENT, scale=4),
            "win_rate": Type(Kind.PERCENT, scale=4),
            "qty": Type(Kind.NUMBER, scale=4),
            "visits_planned": COUNT,
            "stage": Type(Kind.CHOICE, options=STAGES),
            "archived": Type(Kind.BOOLEAN),
            "due": Type(Kind.DATE),
            "signed": Type(Kind.DATE),
            "created_at": Type(Kind.DATETIME),
            "closed_at": Type(Kind.DATETIME),
            "effort": Type(Kind.DURATION),
            "customer": Type(Kind.LINK, entity="customer"),
            "owner": Type(Kind.USER),
            "team": Type(Kind.DEPARTMENT),
            "created_by": Type(Kind.USER),
            "others": Type(Kind.LINKS, entity="customer"),
            "invited": Type(Kind.USERS),
            "tags": Type(Kind.CHOICES, options=("valve", "pump")),
            "scan": Type(Kind.FILE),
            "place": Type(Kind.PLACE),
            "items": Type(Kind.LINES),
        },
        {"items": Collection("quote.items"), "visits": Collection("visit", via="quote")},
    ),
    "quote.items": EntityShape(
        "quote.items",
        {
            "qty": Type(Kind.NUMBER, scale=4),
            "price": Type(Kind.MONEY, scale=2),
            "discount": Type(Kind.PERCENT, scale=4),
            "total": Type(Kind.MONEY, scale=2),
            "boxes": COUNT,
            "ready_on": Type(Kind.DATE),
            "product": Type(Kind.LINK, entity="product"),
        },
    ),
    "customer": EntityShape(
        "customer",
        {
            "id": COUNT,
            "name": Type(Kind.TEXT),
            "grade": Type(Kind.CHOICE, options=("A", "B", "C")),
            "credit": Type(Kind.MONEY, scale=2),
            "since": Type(Kind.DATE),
            "key_account": Type(Kind.BOOLEAN),
            "region": Type(Kind.LINK, entity="region"),
            "photos": Type(Kind.FILE),
            "location": Type(Kind.PLACE),
            "models": Type(Kind.LINES),
        },
        {"models": Collection("customer.models")},
    ),
    "customer.models": EntityShape(
        "customer.models",
        {
            "part": Type(Kind.TEXT),
            "price": Type(Kind.MONEY, scale=2),
            "kind": Type(Kind.CHOICE, options=("draft", "sent")),
            "since": Type(Kind.DATE),
            "product": Type(Kind.LINK, entity="product"),
        },
    ),
    "product": EntityShape(
        "product", {"id": COUNT, "line": Type(Kind.CHOICE, options=("valve", "pump")), "name": Type(Kind.TEXT)}
    ),
    "visit": EntityShape(
        "visit",
        {
            "id": COUNT,
            "quote": Type(Kind.LINK, entity="quote"),
            "at": Type(Kind.DATETIME),
            "hours": Type(Kind.NUMBER, scale=4),
            "done": Type(Kind.BOOLEAN),
        },
    ),
    "@user": EntityShape(
        "@user",
        {
            "id": COUNT,
            "login": Type(Kind.TEXT),
            "department": Type(Kind.DEPARTMENT),
            "disabled_at": Type(Kind.DATETIME),
            "roles": Type(Kind.CHOICES, options=("rep", "manager", "director", "admin")),
        },
    ),
    "@department": EntityShape("@department", {"id": COUNT, "key": Type(Kind.TEXT)}),
}

NOW = datetime(2026, 3, 2, 1, 30, 15, 250_000, tzinfo=UTC)
TODAY = date(2026, 3, 2)
OFFSET = timedelta(hours=8)
PLACES = (
    {"lat": 29.868336, "lng": 121.54399},
    {"lat": 31.230416, "lng": 121.473701},
    None,
    {"lat": 0.0, "lng": -179.9999},
    {"lat": -29.868336, "lng": -58.45601},
    {"lat": 90.0, "lng": 0.000001},
    {"lat": 29.868336, "lng": 121.543995},
)
"""Near to one another, across the date line, at a pole, and at the other end of the earth."""
LOCATIONS = (PLACES[0], {"lat": 0.0, "lng": 179.9999}, None, {"lat": -90.0, "lng": 12.5})

_COLUMNS = {
    Kind.TEXT: Text,
    Kind.CHOICE: Text,
    Kind.BOOLEAN: Boolean,
    Kind.DATE: Date,
    Kind.DATETIME: UtcDateTime,
    Kind.LINK: BigInteger,
    Kind.USER: BigInteger,
    Kind.DEPARTMENT: BigInteger,
    Kind.DURATION: Span,
    Kind.PLACE: JsonText,
}
MANY = (Kind.USERS, Kind.LINKS, Kind.CHOICES, Kind.FILE)


def _column(name: str, type_: Type) -> Column[Any]:
    if type_.kind in (Kind.NUMBER, Kind.MONEY, Kind.PERCENT):
        return Column(name, ScaledDecimal(18, type_.places) if type_.places else Integer(), primary_key=name == "id")
    return Column(name, _COLUMNS[type_.kind]())


def make_tables() -> tuple[MetaData, dict[str, Table]]:
    """Return temporary tables for every shape, and one for each field with many values."""
    metadata, tables = MetaData(), {}
    for key, shape in SHAPES.items():
        stored = {name: type_ for name, type_ in shape.fields.items() if type_.kind not in (*MANY, Kind.LINES)}
        columns = [_column(name, type_) for name, type_ in stored.items()]
        extra = [Column("parent", BigInteger)] if "." in key else []
        columns += [*extra, *([] if "." in key else [Column("deleted_at", UtcDateTime())])]
        tables[key] = Table(f"t_{key.strip('@').replace('.', '_')}", metadata, *columns, prefixes=["TEMPORARY"])
        for name, type_ in shape.fields.items():
            if type_.kind in MANY:
                value = Column("value", Text() if type_.kind is Kind.CHOICES else BigInteger())
                tables[f"{key}#{name}"] = Table(
                    f"m_{key.strip('@')}_{name}", metadata, Column("parent", BigInteger), value, prefixes=["TEMPORARY"]
                )
    return metadata, tables


class Source:
    """The tables above as an ``SqlSource``."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def table(self, shape: str) -> FromClause:
        return self._tables[shape]

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        return row.c[field]

    def parent(self, row: FromClause, shape: str) -> ColumnElement[Any]:
        return row.c["parent"]

    def visible(self, row: FromClause, shape: str) -> ColumnElement[Any] | None:
        return row.c["deleted_at"].is_(None) if "deleted_at" in row.c else None

    def member(self, row: FromClause, shape: str, field: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
        many = self._tables[f"{shape}#{field}"].alias()
        found = select(many.c.value).where(many.c.parent == row.c["id"], many.c.value == value)
        return exists(found.correlate_except(many))

    def size(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        table = self._tables["quote.items" if field == "items" else f"{shape}#{field}"].alias()
        counted = select(func.count()).select_from(table).where(table.c.parent == row.c["id"])
        return counted.correlate_except(table).scalar_subquery()


class World:
    """Records of every shape by id; also the ``Lookup`` of the Python back end."""

    def __init__(self, records: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        self.records = records

    def linked(self, entity: str, id: int) -> Mapping[str, Any] | None:
        return next((row for row in self.records[entity] if row["id"] == id and not row.get("deleted_at")), None)

    def fold(self, fold: Any, record: Any, env: Any) -> None:
        return None

    def collection(self, entity: str, name: str, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        found = SHAPES[entity].collections[name]
        rows = self.records[found.entity]
        return [row for row in rows if row.get(found.via or "") == record["id"] and not row.get("deleted_at")]

    def lines(self, entity: str, name: str, id: int) -> Sequence[Mapping[str, Any]]:
        row = self.linked(entity, id)
        return () if row is None else row.get(name) or ()

    def env(self, user: int | None = 1) -> Env:
        roles = frozenset() if user is None else frozenset({"rep", "director"})
        return Env(user, NOW, TODAY, self, OFFSET, roles=roles, department=None if user is None else 1)

    def store(self, connection: Connection, tables: Mapping[str, Table]) -> None:
        """Write every record into its tables."""
        for entity, records in self.records.items():
            for record in records:
                _store(connection, tables, entity, record)


def _store(connection: Connection, tables: Mapping[str, Table], entity: str, record: Mapping[str, Any]) -> None:
    table, shape = tables[entity], SHAPES[entity]
    connection.execute(table.insert(), {name: record.get(name) for name in table.columns.keys()})  # noqa: SIM118
    for name, type_ in shape.fields.items():
        if type_.kind in MANY:
            for value in record.get(name) or ():
                connection.execute(tables[f"{entity}#{name}"].insert(), {"parent": record["id"], "value": value})
        if type_.kind is Kind.LINES:
            for line in record.get(name) or ():
                connection.execute(tables[f"{entity}.{name}"].insert(), {"parent": record["id"], **line})


def random_world(seed: int, quotes: int) -> World:
    """Return records with many missing values, zeros, negatives, equal values and halves to round."""
    draw = random.Random(seed)
    return World(
        {
            "@department": [{"id": 1, "key": "sales"}, {"id": 2, "key": "quality"}],
            "@user": [
                {"id": 1, "login": "rep.one", "department": 1, "disabled_at": None},
                {"id": 2, "login": "rep.two", "department": None, "disabled_at": NOW},
            ],
            "product": [{"id": 1, "line": "valve", "name": "F-100"}, {"id": 2, "line": None, "name": "泵"}],
            "customer": [
                {
                    "id": number,
                    "name": draw.choice(["甬江阀门", "Ningbo", None]),
                    "grade": draw.choice(["A", "B", None]),
                    "credit": _decimal(draw, 5, 2),
                    "since": _day(draw),
                    "key_account": draw.choice([True, False, None]),
                    "deleted_at": NOW if number == 4 else None,
                    "location": LOCATIONS[number % len(LOCATIONS)],
                    "models": [_model(draw) for _ in range(number % 3 * 2)],
                }
                for number in range(1, 5)
            ],
            "visit": [
                {
                    "id": number,
                    "quote": draw.randint(1, quotes),
                    "at": _moment(draw),
                    "hours": _decimal(draw, 2, 4),
                    "done": draw.choice([True, False, None]),
                    "deleted_at": NOW if number % 7 == 0 else None,
                }
                for number in range(1, quotes)
            ],
            "quote": [_quote(draw, number) for number in range(1, quotes + 1)],
        }
    )


def _quote(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "number": f"BJ2026-{number:04}",
        "name": draw.choice(["Valve", "valve", "阀门", "a'b", "%_", "", None]),
        "备注": draw.choice(["x", None]),
        "amount": _decimal(draw, 6, 2),
        "paid": _decimal(draw, 6, 2),
        "discount": _decimal(draw, 0, 4),
        "win_rate": _decimal(draw, 0, 4),
        "qty": _decimal(draw, 3, 4),
        "visits_planned": draw.choice([None, 0, 1, 2, 7, -3]),
        "stage": draw.choice([*STAGES, None]),
        "archived": draw.choice([True, False, None]),
        "due": _day(draw),
        "signed": _day(draw),
        "created_at": _moment(draw),
        "closed_at": _moment(draw),
        "effort": draw.choice([None, timedelta(), timedelta(hours=-30), timedelta(days=3), timedelta(minutes=90)]),
        "customer": draw.choice([None, 1, 2, 3, 4]),
        "owner": draw.choice([None, 1, 2]),
        "team": draw.choice([None, 1, 2]),
        "created_by": draw.choice([None, 1, 2]),
        "others": draw.choice([None, [], [1], [2, 1]]),
        "invited": draw.choice([None, [], [1], [1, 2]]),
        "tags": draw.choice([None, [], ["valve"], ["pump", "valve"]]),
        "scan": draw.choice([None, [], [11], [11, 12]]),
        "place": PLACES[number % len(PLACES)],
        "items": [_line(draw) for _ in range(draw.choice([0, 0, 1, 2, 3]))],
    }


def _line(draw: random.Random) -> dict[str, Any]:
    return {
        "qty": _decimal(draw, 2, 4),
        "price": _decimal(draw, 3, 2),
        "discount": _decimal(draw, 0, 4),
        "total": _decimal(draw, 5, 2),
        "boxes": draw.choice([None, 0, 2, 5]),
        "ready_on": _day(draw),
        "product": draw.choice([None, 1, 2]),
    }


def _model(draw: random.Random) -> dict[str, Any]:
    return {
        "part": draw.choice(["Valve", "阀门", "", None]),
        "price": _decimal(draw, 3, 2),
        "kind": draw.choice(["draft", "sent", None]),
        "since": _day(draw),
        "product": draw.choice([None, 1, 2]),
    }


def _decimal(draw: random.Random, digits: int, places: int) -> Decimal | None:
    if draw.random() < 0.2:
        return None
    if draw.random() < 0.06:
        return Decimal(draw.choice([10**18 - 1, 1 - 10**18, 10**18 // 3, 10**17 + 1])).scaleb(-places)
    special = [0, 1, -1, 5 * 10 ** (places - 1), 15 * 10 ** (places - 2)]
    spread = draw.randint(-(10 ** (places + 1)), 10 ** (digits + places))
    units = draw.choice(special) if draw.random() < 0.3 else spread
    return Decimal(units).scaleb(-places)


def _day(draw: random.Random) -> date | None:
    near = TODAY + timedelta(days=draw.randint(-5, 5))
    return draw.choice([None, TODAY, near, near, date(2024, 2, 29), date(9999, 12, 30), date(1, 1, 2)])


def _moment(draw: random.Random) -> datetime | None:
    near = NOW + timedelta(seconds=draw.randint(-200_000, 200_000), microseconds=draw.randint(0, 999_999))
    return draw.choice([None, NOW, near, near, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
