"""The tables of approvals, and of what says whom they ask: groups, responsibilities, delegations.

Enters: nothing. Leaves: SQLAlchemy tables, which belong to ``system_tables.py``. Must not change without a numbered
step in ``upgrades.py``.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from engine.storage.system_columns import (
    BigId,
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    text_column,
)

approvals = Table(
    "fw_approvals",
    metadata,
    id_column(),
    text_column("approval"),
    text_column("entity"),
    big_column("record_id"),
    text_column("move"),
    big_column("release_id", required=False),
    text_column("state"),
    number_column("round", server_default=text("1")),
    link_column("started_by", "fw_users"),
    moment_column("started_at"),
    moment_column("ended_at", required=False),
    text_column("content_hash", required=False),
    json_column("plan"),
    number_column("version", server_default=text("1")),
    link_column("parent_id", "fw_approvals"),  # the approval that waits for this one
    Index(
        "uq_fw_approvals_running",
        "entity",
        "record_id",
        unique=True,
        sqlite_where=text("state = 'running' AND parent_id IS NULL"),
        postgresql_where=text("state = 'running' AND parent_id IS NULL"),
    ),
    Index(None, "parent_id"),
    Index(None, "entity", "record_id", "id"),
    Index(None, "started_by", "id"),
)

approval_events = Table(
    "fw_approval_events",
    metadata,
    id_column(),
    link_column("approval_id", "fw_approvals", required=True),
    number_column("seq"),
    moment_column("at"),
    big_column("actor_id", required=False),
    text_column("type"),
    json_column("data"),
    text_column("action_id", required=False, unique=True),  # the same click sent twice is one decision
    UniqueConstraint("approval_id", "seq"),
)

tasks = Table(
    "fw_tasks",
    metadata,
    id_column(),
    link_column("approval_id", "fw_approvals", required=True),
    number_column("round"),
    text_column("step"),
    link_column("holder_id", "fw_users", required=True),
    text_column("state"),
    moment_column("opened_at"),
    moment_column("due_at", required=False),
    moment_column("decided_at", required=False),
    text_column("decision", required=False),
    text_column("reason", required=False),
    text_column("kind", server_default=text("'decide'")),
    big_column("decided_by", required=False),  # the deputy who decided for the holder
    json_column("draft"),  # what the holder has written and not sent (暂存)
    Index(None, "holder_id", "state", "id"),
    Index(None, "decided_by", "id"),
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

approval_copies = Table(
    "fw_approval_copies",
    metadata,
    id_column(),
    link_column("approval_id", "fw_approvals", required=True),
    link_column("user_id", "fw_users", required=True),
    moment_column("at"),
    text_column("point"),
    moment_column("read_at", required=False),
    UniqueConstraint("approval_id", "user_id"),  # one copy each
    Index(None, "user_id", "id"),
)

# ---- whom they ask

group_members = Table(
    "fw_group_members",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id", ondelete="CASCADE"), primary_key=True),
    Column("group_key", Text, primary_key=True),
    Index(None, "group_key"),
)

responsibilities = Table(
    "fw_responsibilities",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Index(None, "name", "value"),
)

delegations = Table(
    "fw_delegations",
    metadata,
    id_column(),
    link_column("principal_id", "fw_users", required=True),
    link_column("deputy_id", "fw_users", required=True),
    moment_column("starts_at"),
    moment_column("ends_at"),
    moment_column("created_at"),
    big_column("created_by", required=False),
    moment_column("ended_at", required=False),
    CheckConstraint("principal_id <> deputy_id", name="not_oneself"),
    CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    Index(None, "principal_id"),
    Index(None, "deputy_id"),
)
