"""The floor's fixed tables and its way to the database.

A database URL enters; connections with the right transaction leave. Knows nothing of HTTP, permissions or rules.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, event
from sqlalchemy.types import TypeDecorator


class Scaled(TypeDecorator[Decimal]):
    """A decimal kept as a whole number of its smallest unit, exact and sortable on both databases."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        return None if value is None else int(value.scaleb(self.places))

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.places)


class Moment(TypeDecorator[datetime]):
    """A point in time, aware and in UTC in Python, also on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


metadata = sa.MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")


def _link(name: str, target: str, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


def _record_columns() -> list[Column[Any]]:
    return [
        Column("id", Id, primary_key=True),
        Column("number", String(20), nullable=False, unique=True),
        Column("version", Integer, nullable=False, default=1),
        _link("owner_id", "users"),
        _link("department_id", "departments"),
        _link("created_by", "users"),
        Column("created_at", Moment, nullable=False),
        _link("updated_by", "users"),
        Column("updated_at", Moment, nullable=False),
    ]


departments = Table("departments", metadata, Column("id", Id, primary_key=True), Column("name", String(60)))
users = Table(
    "users", metadata, Column("id", Id, primary_key=True), Column("name", String(60), nullable=False),
    Column("active", sa.Boolean, nullable=False), _link("department_id", "departments"),
)  # fmt: skip
user_roles = Table(
    "user_roles", metadata, Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("role", String(20), primary_key=True),
)  # fmt: skip
tokens = Table(
    "tokens", metadata, Column("hash", String(64), primary_key=True), _link("user_id", "users"),
    Column("expires_at", Moment, nullable=False),
)  # fmt: skip
customer = Table(
    "customer", metadata, *_record_columns(),
    Column("name", String(120), nullable=False, index=True),
    Column("credit_code", String(18), unique=True),
    Column("grade", String(1), nullable=False),
    Column("status", String(20), nullable=False),
    Index("customer_owner", "owner_id", "name"),
)  # fmt: skip
opportunity = Table(
    "opportunity", metadata, *_record_columns(),
    Column("stage", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    _link("customer_id", "customer", index=True),
    Column("amount", Scaled(2), nullable=False),
    Column("win_rate", Scaled(4)),
    Column("expected_close", sa.Date),
    Column("region", String(20), nullable=False),
    Column("source", String(20), nullable=False),
    Column("product_line", String(20)),
    Column("quantity", Integer),
    Column("contact_phone", String(20)),
    Column("contact_email", String(120)),
    Column("end_user_code", String(18)),
    Column("need_summary", Text),
    Column("remark", String(500)),
    Index("opportunity_all", "stage", "amount", "id"),
    Index("opportunity_team", "department_id", "stage", "amount", "id"),
    Index("opportunity_own", "owner_id", "stage", "amount", "id"),
)  # fmt: skip
counters = Table(
    "counters", metadata, Column("series", String(40), primary_key=True), Column("value", Integer, nullable=False)
)
history = Table(
    "history", metadata, Column("id", Id, primary_key=True), Column("entity", String(40), nullable=False),
    Column("record_id", Id, nullable=False), Column("version", Integer, nullable=False),
    Column("kind", String(20), nullable=False), _link("actor_id", "users"), Column("at", Moment, nullable=False),
    Column("changes", Text, nullable=False), sa.UniqueConstraint("entity", "record_id", "version"),
)  # fmt: skip
outbox = Table(
    "outbox", metadata, Column("id", Id, primary_key=True), Column("event_id", String(32), nullable=False, unique=True),
    Column("kind", String(40), nullable=False), Column("payload", Text, nullable=False),
    Column("created_at", Moment, nullable=False), Column("delivered_at", Moment),
    Index("outbox_waiting", "id", sqlite_where=Column("delivered_at").is_(None),
          postgresql_where=Column("delivered_at").is_(None)),
)  # fmt: skip
search_terms = Table(
    "search_terms", metadata, Column("entity", String(40), primary_key=True),
    Column("term", String(20).with_variant(String(20, collation="C"), "postgresql"), primary_key=True),
    Column("record_id", Id, primary_key=True, autoincrement=False), Column("field", String(40), primary_key=True),
    Column("way", Integer, nullable=False), Index("terms_of_record", "record_id", "term"),
    sqlite_with_rowid=False,
)  # fmt: skip
stays = Table(
    "stays", metadata, _link("opportunity_id", "opportunity"), Column("stage", String(20), nullable=False),
    Column("version", Integer, nullable=False), Column("since", Moment, nullable=False),
    sa.PrimaryKeyConstraint("opportunity_id"),
)  # fmt: skip
stage_moves = Table(
    "stage_moves", metadata, Column("id", Id, primary_key=True), _link("opportunity_id", "opportunity"),
    Column("from_stage", String(20)), Column("to_stage", String(20), nullable=False),
    Column("at", Moment, nullable=False), _link("by_id", "users"), _link("owner_id", "users"),
    _link("department_id", "departments"), Index("moves_of_record", "opportunity_id", "id"),
    Index("moves_to_stage", "to_stage", "at"),
)  # fmt: skip
notices = Table(
    "notices", metadata, Column("id", Id, primary_key=True), _link("user_id", "users"),
    Column("key", String(80), nullable=False, unique=True), Column("kind", String(40), nullable=False),
    Column("record_id", Id), Column("params", Text, nullable=False), Column("at", Moment, nullable=False),
    Column("read_at", Moment), Index("notices_of_user", "user_id", "id"),
)  # fmt: skip
imports = Table(
    "imports", metadata, Column("id", Id, primary_key=True), _link("user_id", "users"),
    Column("at", Moment, nullable=False), Column("state", String(20), nullable=False),
)  # fmt: skip
import_rows = Table(
    "import_rows", metadata, _link("import_id", "imports"), Column("row", Integer, nullable=False),
    Column("cells", Text, nullable=False), Column("state", String(20), nullable=False), Column("problems", Text),
    Column("record_id", Id), Column("version", Integer), sa.PrimaryKeyConstraint("import_id", "row"),
    Index("rows_by_state", "import_id", "state", "row"),
)  # fmt: skip
approvals = Table(
    "approvals", metadata, Column("id", Id, primary_key=True), _link("opportunity_id", "opportunity", index=True),
    Column("status", String(20), nullable=False), _link("started_by", "users"), Column("started_at", Moment),
)  # fmt: skip
tasks = Table(
    "tasks", metadata, Column("id", Id, primary_key=True), _link("approval_id", "approvals", index=True),
    Column("step", String(20), nullable=False), _link("holder_id", "users"),
    Column("status", String(20), nullable=False), _link("decided_by", "users", nullable=True),
    Column("decided_at", Moment), Index("tasks_of_holder", "holder_id", "status", "id"),
)  # fmt: skip
approval_events = Table(
    "approval_events", metadata, Column("id", Id, primary_key=True), _link("approval_id", "approvals", index=True),
    _link("task_id", "tasks", nullable=True), Column("kind", String(20), nullable=False), _link("actor_id", "users"),
    Column("at", Moment, nullable=False), Column("note", Text),
)  # fmt: skip


class Database:
    """One pool with a read side and a write side."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_size=8, pool_use_lifo=True)
        self.bell: Callable[[], object] = lambda: None  # rung after a commit that left events
        self._writer: threading.Lock | None = None
        if self.engine.dialect.name == "sqlite":
            _prepare_sqlite(self.engine)
            self._read, self._write = self.engine, self.engine.execution_options(immediate=True)
            # SQLite wakes its waiting writers by luck, which starves some: queue them here.
            self._writer = threading.Lock()
        else:
            self._read, self._write = self.engine.execution_options(isolation_level="AUTOCOMMIT"), self.engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._read.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        if self._writer is None:
            with self._write.begin() as connection:
                yield connection
            return
        with self._writer, self._write.begin() as connection:
            yield connection


def _prepare_sqlite(engine: sa.Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
