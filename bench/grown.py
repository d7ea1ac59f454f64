"""An installation that has grown: very many made-up opportunities, their history and search terms, loaded in minutes.

Enters: the address of an empty database, a home folder, how many opportunities. Leaves: the application, people with a
scope each, and the ids of a few records worth asking for, which are also written down in the home folder, so that the
same installation can be opened again. Everything is what the engine would have written (its own
terms, keys and rows of history), but written past it: indexes are dropped, rows are copied in, indexes are built again.

The same count gives the same data. What one rep, one team and one reader of shares see is as much at every size; a
department with those below it, a region and a director see more the more there is.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Index, Table, create_engine, insert, literal, make_url, select, text

from engine.compiler.app import Entity
from engine.definition.source import read_folder
from engine.people import accounts, departments, tokens
from engine.records.match_keys import keep_keys
from engine.records.search_terms import name_keys, searched_keys, terms_of
from engine.storage import alter, catalog
from engine.storage.physical import read_schema
from engine.storage.search_tables import search_terms
from engine.storage.share_tables import shares
from engine.storage.stage_tables import stays
from engine.storage.store import Store
from engine.storage.system_tables import history
from engine.storage.tables import column_name
from web.app import create_app
from web.settings import Settings

PASSWORD = "velvet-harbour-19"
CHANGES = 10
"""Rows of history of each record; one record has a hundred times as many."""

_APP = Path(__file__).parent / "app"
_BATCH = 10_000
_KNOWN = "grown.json"
_SINCE = datetime(2026, 1, 5, tzinfo=UTC)
_OF_TEAM, _OF_REP, _SHARED = 1_000, 200, 100
_DIVISIONS, _TEAMS = 5, 4
_PLACES = "宁波 温州 台州 绍兴 嘉兴 杭州 苏州 无锡 常州 南通 上海 青岛 烟台 济南 大连 沈阳 武汉 长沙 成都 重庆"
_FIRST = "甬恒永华信达金鼎瑞泰安宏远东方正凯德隆兴盛天宇博海润丰诚嘉通利江"
_TRADES = "阀门 轴承 泵业 密封 机械 电气 五金 管道 液压 仪表 模具 紧固件 铸造 冷却 传动"
_NEEDS = "改造 扩产 大修 备件 新线 样品 年框 试用"
_STAGES = ("needs",) * 6 + ("proposal",) * 5 + ("review",) * 3 + ("won", "lost") * 3
_ROLES = {
    "rep": "rep", "mate": "rep", "leader": "manager", "division": "manager", "regional": "regional",
    "reader": "reader", "director": "director",
}  # fmt: skip


@dataclass(frozen=True)
class Grown:
    """A grown installation: the address of its database, people by name, and the record with a long history."""

    app: Flask
    store: Store
    people: dict[str, int]
    tokens: dict[str, str]
    customers: int
    opportunities: int
    changed: int


@dataclass(frozen=True)
class _House:
    """Who owns what: ``small`` is the team of the rep, ``large`` are the others."""

    rep: int
    mate: int
    small: int
    large: Sequence[tuple[int, int]]  # owner and team


def grow(url: str, home: Path, count: int) -> Grown:
    """Publish the app of the bench and fill it."""
    home.mkdir(parents=True, exist_ok=True)
    app, store = _open(url, home)
    people, keys, house = _hire(store)
    customers = max(20, count // 10)
    _load(store, url, house, people, customers, count)
    _compare(store, house, customers)
    if store.database.dialect == "postgresql":  # as its autovacuum does after a while; nobody does it on SQLite
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    known = {"people": people, "tokens": keys, "customers": customers, "opportunities": count, "changed": count // 2}
    (home / _KNOWN).write_text(json.dumps(known), encoding="utf-8")
    return Grown(app, store, **known)


def find_grown(url: str, home: Path) -> Grown | None:
    """Open an installation that was grown to the end before, brought to the tables and definitions of today."""
    if not (home / _KNOWN).exists():
        return None
    app, store = _open(url, home)
    _index_anew(store)
    return Grown(app, store, **json.loads((home / _KNOWN).read_text(encoding="utf-8")))


def _index_anew(store: Store) -> None:
    """Make the indexes that this program wants otherwise, as the next publish would."""
    with store.write() as session:
        connection, tables = session.connection, session.tables
        alter.drop_indexes(connection, alter.find_outdated(read_schema(connection), tables, connection, set()))
        there = read_schema(connection).indexes
        wanted = [index for table in tables.entity.values() for index in table.indexes]
        alter.create_indexes(connection, [index for index in wanted if index.name not in there])


def _open(url: str, home: Path) -> tuple[Flask, Store]:
    app = create_app(Settings(home=home, database_url=url, secret_key="grown" * 8, longest_query=0))
    app.config["WTF_CSRF_ENABLED"] = False  # the load of a program, without a page to take the token from
    store: Store = app.extensions["formwork.store"]
    catalog.publish(store, read_folder(_APP), actor_id=None)
    return app, store


def _hire(store: Store) -> tuple[dict[str, int], dict[str, str], _House]:
    with store.write() as session:

        def department(key: str, parent: int | None = None) -> int:
            return departments.create_department(session, key=key, name=key, parent=parent, actor=None)

        def person(login: str, role: str, team: int) -> int:
            return accounts.create_user(
                session, login=login, name=login, password=PASSWORD if login in _ROLES else None, roles=[role],
                department=team, actor=None,
            )  # fmt: skip

        house = department("house")
        small = department("small", house)
        divisions = [department(f"division_{at}", house) for at in range(_DIVISIONS)]
        teams = [department(f"team_{at}", divisions[at % _DIVISIONS]) for at in range(_DIVISIONS * _TEAMS)]
        place = {"division": divisions[0], "regional": house, "director": house}
        people = {login: person(login, role, place.get(login, small)) for login, role in _ROLES.items()}
        large = [(person(f"p{at}", "rep", team), team) for at, team in enumerate(teams)]
        keys = {
            login: tokens.create_token(session, user_id=id_, label="bench", actor=None) for login, id_ in people.items()
        }
    return people, keys, _House(people["rep"], people["mate"], small, large)


# ---- what there is


def _customers(house: _House, count: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(7)
    for at in range(1, count + 1):
        core = "".join(dice.sample(_FIRST, 2)) + dice.choice(_TRADES.split())
        owner = {"owner": house.rep, "team": house.small} if at <= 10 else _owned(house, at)
        grade, name = dice.choice("abc"), f"{dice.choice(_PLACES.split())}{core}有限公司{at}"
        yield _system(at, "KH", at) | owner | {"name": name, "grade": grade, "status": "active", "stage": None}


def _opportunities(house: _House, count: int, customers: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(8)
    ours = max(2, count // _OF_TEAM)  # so often comes one of the small team
    for at in range(1, count + 1):
        core = "".join(dice.sample(_FIRST, 2)) + dice.choice(_TRADES.split())
        own = house.rep if at // ours % (_OF_TEAM // _OF_REP) == 0 else house.mate
        owner = {"owner": own, "team": house.small} if at % ours == 0 else _owned(house, at)
        yield (
            _system(at, "SJ2025", at)
            | owner
            | {
                "name": f"{core}{dice.choice(_NEEDS.split())}",
                "customer": dice.randrange(1, customers + 1),
                "amount": Decimal(dice.randrange(10**9)) / 100,
                "expected_close": date(2027, 1, 1) + timedelta(days=dice.randrange(400)),
                "region": dice.choice(("east", "south", "west", "north")),
                "source": dice.choice(("fair", "website", "visit")),
                "product_line": dice.choice(("valve", "pump", "bearing", "seal")),
                "contact_phone": f"1{dice.randrange(10**9, 10**10)}",
                "need_summary": "两条产线需要耐高温阀门并附材质报告",
                "stage": dice.choice(_STAGES),
                "version": CHANGES,
            }
        )


def _system(id_: int, series: str, at: int) -> dict[str, Any]:
    moment = _SINCE + timedelta(seconds=at)
    return {
        "id": id_, "number": f"{series}-{at:07}", "created_at": moment, "updated_at": moment, "version": 1,
        "release_id": 1,
    }  # fmt: skip


def _owned(house: _House, at: int) -> dict[str, int]:
    owner, team = house.large[at % len(house.large)]
    return {"owner": owner, "team": team}


# ---- loaded


def _load(store: Store, url: str, house: _House, people: dict[str, int], customers: int, count: int) -> None:
    """Load all rows in a connection that keeps no journal, then build the indexes and say how large everything is."""
    store.database.close()
    with store.read() as session:
        entities, tables = session.app.entities, session.tables.entity
    store.database.close()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if "postgres" in url else url)
    try:
        with engine.connect() as connection:
            _hurry(connection)
            with _WithoutIndexes(connection, [tables["customer"], tables["opportunity"], history, stays]):
                terms = _Terms(connection)
                made = {"customer": _customers(house, customers),
                        "opportunity": _opportunities(house, count, customers)}  # fmt: skip
                for key, records in made.items():
                    for some in _batches(records):
                        _copy(connection, tables[key], (_row(one) for one in some))
                        terms.add(entities[key], tables[key], some)
                _share(connection, house, people, count)
                _live(connection, tables["opportunity"], count)
                terms.keep()
            connection.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if connection.dialect.name == "postgresql":
                for key in ("customer", "opportunity"):  # the next id after those that were copied in
                    counted = f"setval(pg_get_serial_sequence('{tables[key].name}', 'id'), max(id))"
                    connection.execute(text(f"SELECT {counted} FROM {tables[key].name}"))
    finally:
        engine.dispose()


def _hurry(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000", "temp_store=FILE"):
            connection.exec_driver_sql(f"PRAGMA {setting}")
    else:
        connection.execute(text("SET maintenance_work_mem = '1GB'"))
        connection.execute(text("SET max_parallel_maintenance_workers = 0"))
        connection.execute(text("SET synchronous_commit = off"))


class _WithoutIndexes:
    """Without the indexes of some tables meanwhile: they are built faster than they are kept."""

    def __init__(self, connection: Connection, tables: Iterable[Table]) -> None:
        self._connection = connection
        self._indexes: list[Index] = [index for table in tables for index in table.indexes]

    def __enter__(self) -> None:
        for index in self._indexes:
            index.drop(self._connection)

    def __exit__(self, *error: object) -> None:
        if error == (None, None, None):
            alter.create_indexes(self._connection, self._indexes)


def _batches(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(records, _BATCH)):
        yield some


def _row(record: dict[str, Any]) -> dict[str, Any]:
    return {column_name(key): value for key, value in record.items()}


def _copy(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), list(rows))
        return
    found = iter(rows)
    first = next(found)
    names = ", ".join(first)
    with connection.connection.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        copy.write_row(tuple(first.values()))
        for row in found:
            copy.write_row(tuple(row.values()))


_PLAIN_TERMS = """
WITH RECURSIVE ends (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ends WHERE n < 20),
found (id, value) AS (SELECT id, lower(replace({2}, '-', '')) FROM {3} WHERE id BETWEEN :first AND :last)
INSERT INTO {0} SELECT '{1}', substr(value, n, 20), id, '{2}', CASE n WHEN 1 THEN 0 ELSE 1 END
FROM found JOIN ends ON n <= length(value)
"""
"""The ends of numbers and phones, which hold at most 20 letters and digits, and hyphens."""


class _Terms:
    """Search terms: gathered as they come, kept in the order of their key, which writes each page of it once."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._raw = connection, connection.connection.cursor()
        self._postgresql = connection.dialect.name == "postgresql"
        self._known: dict[str, list[tuple[str, str, int]]] = {}
        if self._postgresql:
            connection.execute(text("ALTER TABLE fw_search_terms DROP CONSTRAINT pk_fw_search_terms"))
        else:
            made = "CREATE TEMP TABLE made (entity TEXT, term TEXT, record_id BIGINT, field TEXT, way INT)"
            connection.execute(text(made))
        connection.execute(text("DROP INDEX ix_fw_search_terms_record_id_term"))

    def add(self, entity: Entity, table: Table, records: Sequence[dict[str, Any]]) -> None:
        """Add the terms of records that were copied in: of their names one by one, of plain values by the database."""
        names = name_keys(entity)
        known = self._known

        def of_name(key: str, name: str) -> list[tuple[str, str, int]]:
            """Most opportunities are called as another is."""
            if (found := known.get(name)) is None:
                terms = terms_of(entity, {key: name}, (key,))
                found = known[name] = [(field, term, way) for field, own in terms.items() for term, way in own.items()]
            return found

        rows = (
            (entity.key, term, one["id"], field, way)
            for one in records
            for key in names
            for field, term, way in of_name(key, one[key])
        )
        if self._postgresql:
            with self._raw.copy("COPY fw_search_terms FROM STDIN") as copy:
                copy.write(
                    "".join(f"{entity}\t{term}\t{id_}\t{field}\t{way}\n" for entity, term, id_, field, way in rows)
                )
        else:
            self._raw.executemany("INSERT INTO made VALUES (?, ?, ?, ?, ?)", rows)
        into = "fw_search_terms" if self._postgresql else "made"
        ids = {"first": records[0]["id"], "last": records[-1]["id"]}
        for key in [one for one in searched_keys(entity) if one not in names]:
            self._connection.execute(text(_PLAIN_TERMS.format(into, entity.key, key, table.name)), ids)

    def keep(self) -> None:
        if self._postgresql:
            key = "PRIMARY KEY (entity, term, record_id, field)"
            self._connection.execute(text(f"ALTER TABLE fw_search_terms ADD CONSTRAINT pk_fw_search_terms {key}"))
        else:
            order = "entity, term, record_id, field"
            self._connection.execute(text(f"INSERT INTO fw_search_terms SELECT * FROM made ORDER BY {order}"))
            self._connection.execute(text("DROP TABLE made"))
        for index in search_terms.indexes:
            index.create(self._connection)


def _share(connection: Connection, house: _House, people: dict[str, int], count: int) -> None:
    """Share a few records with the reader, in person and by department."""
    common = {
        "entity": "opportunity",
        "access": "read",
        "created_by": house.mate,
        "created_at": _SINCE,
        "ends_at": None,
    }
    step = max(1, count // _SHARED)
    to = ({"user_id": people["reader"], "department_id": None}, {"user_id": None, "department_id": house.small})
    rows = [common | {"record_id": at * step + 1, "group_key": None} | to[at % 2] for at in range(min(_SHARED, count))]
    connection.execute(insert(shares), rows)


def _live(connection: Connection, table: Table, count: int) -> None:
    """Let every opportunity stay in its stage and have a history: the first change of all, then the second of all."""
    c = table.c
    stay = select(literal("opportunity"), c.id, c.stage, literal(1), c.created_at).order_by(c.id)
    connection.execute(insert(stays).from_select(["entity", "record_id", "stage", "version", "since"], stay))
    changes = {"amount": ["1000.00", "2000.00"], "remark": [None, "客户要求延期"]}
    long = count // 2
    for version in range(1, CHANGES + 1):
        written = _history(table, version, changes)
        connection.execute(insert(history).from_select(list(written), select(*written.values()).order_by(c.id)))
    for version in range(CHANGES + 1, 100 * CHANGES + 1):
        written = _history(table, version, changes)
        connection.execute(insert(history).from_select(list(written), select(*written.values()).where(c.id == long)))


def _history(table: Table, version: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row of history for each record of a table."""
    h, at = history.c, _SINCE + timedelta(days=version)
    return {
        "entity": literal("opportunity"), "record_id": table.c.id, "version": literal(version),
        "at": literal(at, h.at.type), "actor_id": table.c.owner_id,
        "action": literal("create" if version == 1 else "update"), "changes": literal(changes, h.changes.type),
        "via": literal("web"), "release_id": literal(1),
    }  # fmt: skip


def _compare(store: Store, house: _House, customers: int) -> None:
    """Write the keys by which customers that are alike are found."""
    for some in _batches(_customers(house, customers)):
        with store.write() as session:
            keep_keys(session, session.app.entities["customer"], [(one["id"], {}, one) for one in some])
