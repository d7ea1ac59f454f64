"""The engine's own tables, all named ``fw_``: people, journal, approvals, releases.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: two running approvals of one record, two open tasks of one holder, a number drawn
twice, two current releases.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from engine.storage.column_types import JsonText, UtcDateTime

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit id; SQLite numbers rows by itself only for a column declared INTEGER."""

metadata = MetaData(naming_convention=NAMING)


def _id() -> Column[int]:
    return Column("id", BigId, primary_key=True)


def _link(name: str, table: str, *, required: bool = False, **options: Any) -> Column[int]:
    return Column(name, BigId, ForeignKey(f"{table}.id", **options), nullable=not required)


def _text(name: str, *, required: bool = True, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=not required, **options)


def _number(name: str, *, required: bool = True, **options: Any) -> Column[int]:
    return Column(name, Integer, nullable=not required, **options)


def _big(name: str, *, required: bool = True) -> Column[int]:
    return Column(name, BigId, nullable=not required)


def _moment(name: str, *, required: bool = True) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=not required)


def _json(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, JsonText, nullable=not required)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# ---- people

departments = Table(
    "fw_departments",
    metadata,
    _id(),
    _text("key", unique=True),
    _text("name"),
    _link("parent_id", "fw_departments"),
    _link("manager_id", "fw_users", use_alter=True),  # people and departments point at each other
    CheckConstraint("parent_id <> id", name="not_its_own_parent"),
)

users = Table(
    "fw_users",
    metadata,
    _id(),
    _text("login", unique=True),
    _text("name"),
    _text("email", required=False),
    _text("mobile", required=False),
    _text("password_hash", required=False),
    _link("department_id", "fw_departments"),
    _link("manager_id", "fw_users"),
    _text("language", required=False),
    _moment("disabled_at", required=False),
    _moment("created_at"),
    _number("epoch", server_default=text("0")),  # raised whenever sessions and tokens must end
    Index(None, "department_id"),
    Index(None, "manager_id"),
)

user_roles = Table(
    "fw_user_roles",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
    Index(None, "role"),
)

sessions = Table(
    "fw_sessions",
    metadata,
    _id(),
    _text("token_hash", unique=True),
    _link("user_id", "fw_users", required=True, ondelete="CASCADE"),
    _moment("created_at"),
    _moment("last_seen_at"),
    _moment("expires_at"),
    _text("ip", required=False),
    _text("agent", required=False),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

tokens = Table(
    "fw_tokens",
    metadata,
    _id(),
    _text("token_hash", unique=True),
    _link("user_id", "fw_users", required=True, ondelete="CASCADE"),
    _text("label"),
    _moment("created_at"),
    _moment("expires_at", required=False),
    _moment("revoked_at", required=False),
    Index(None, "user_id"),
)

# ---- numbers

series = Table(
    "fw_series",
    metadata,
    Column("key", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    _big("last"),
)

# ---- journal

history = Table(
    "fw_history",
    metadata,
    _id(),
    _text("entity"),
    _big("record_id"),
    _number("version"),
    _moment("at"),
    _big("actor_id", required=False),
    _text("action"),
    _json("changes", required=True),
    _text("note", required=False),
    _text("via", required=False),
    _big("release_id", required=False),
    Index(None, "entity", "record_id", "id"),
)

audit = Table(
    "fw_audit",
    metadata,
    _id(),
    _moment("at"),
    _big("actor_id", required=False),
    _text("action"),
    _text("subject", required=False),
    _json("details"),
    _text("ip", required=False),
    Index(None, "at"),
)

outbox = Table(
    "fw_outbox",
    metadata,
    _id(),
    _moment("at"),
    _text("type"),
    _text("entity", required=False),
    _big("record_id", required=False),
    _json("payload"),
    _moment("available_at"),
    _number("attempts", server_default=text("0")),
    _moment("done_at", required=False),
    _text("error", required=False),
    Index(
        "ix_fw_outbox_waiting",
        "available_at",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

# ---- attachments

files = Table(
    "fw_files",
    metadata,
    _id(),
    _text("sha256"),
    _text("name"),
    _big("size"),
    _text("content_type"),
    _big("uploaded_by", required=False),
    _moment("uploaded_at"),
    _text("entity", required=False),  # empty until the record it was uploaded for is saved
    _big("record_id", required=False),
    _text("field", required=False),
    _number("position", server_default=text("0")),
    _moment("deleted_at", required=False),
    Index(None, "entity", "record_id"),
    Index(None, "sha256"),
)

# ---- approvals

approvals = Table(
    "fw_approvals",
    metadata,
    _id(),
    _text("approval"),
    _text("entity"),
    _big("record_id"),
    _text("move"),
    _big("release_id", required=False),
    _text("state"),
    _number("round", server_default=text("1")),
    _link("started_by", "fw_users"),
    _moment("started_at"),
    _moment("ended_at", required=False),
    _text("content_hash", required=False),
    _json("plan"),
    _number("version", server_default=text("1")),
    Index(
        "uq_fw_approvals_running",
        "entity",
        "record_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index(None, "entity", "record_id", "id"),
    Index(None, "started_by", "id"),
)

approval_events = Table(
    "fw_approval_events",
    metadata,
    _id(),
    _link("approval_id", "fw_approvals", required=True),
    _number("seq"),
    _moment("at"),
    _big("actor_id", required=False),
    _text("type"),
    _json("data"),
    _text("action_id", required=False, unique=True),  # the same click sent twice is one decision
    UniqueConstraint("approval_id", "seq"),
)

tasks = Table(
    "fw_tasks",
    metadata,
    _id(),
    _link("approval_id", "fw_approvals", required=True),
    _number("round"),
    _text("step"),
    _link("holder_id", "fw_users", required=True),
    _text("state"),
    _moment("opened_at"),
    _moment("due_at", required=False),
    _moment("decided_at", required=False),
    _text("decision", required=False),
    _text("reason", required=False),
    Index(None, "holder_id", "state", "id"),
    Index(None, "approval_id"),
    Index(
        "uq_fw_tasks_open",
        "approval_id",
        "round",
        "step",
        "holder_id",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

notices = Table(
    "fw_notices",
    metadata,
    _id(),
    _link("user_id", "fw_users", required=True),
    _text("key", unique=True),  # a notice made twice by a repeated delivery is one notice
    _text("kind"),
    _text("entity", required=False),
    _big("record_id", required=False),
    _json("params"),
    _moment("at"),
    _moment("read_at", required=False),
    Index(None, "user_id", "id"),
)

# ---- releases

releases = Table(
    "fw_releases",
    metadata,
    _id(),
    _text("digest"),
    _text("app"),
    _text("version"),
    _json("sources", required=True),
    _moment("created_at"),
    _big("created_by", required=False),
    _text("note", required=False),
    _json("plan"),
    Index(None, "digest"),
)

current_release = Table(
    "fw_current_release",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _link("release_id", "fw_releases", required=True),
    _big("generation"),
    CheckConstraint("id = 1", name="only_one"),
)

settings = Table(
    "fw_settings",
    metadata,
    Column("key", Text, primary_key=True),
    _json("value", required=True),
)

schema_version = Table(
    "fw_schema_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _number("version"),
    CheckConstraint("id = 1", name="only_one"),
)
