"""The engine's own tables, all named ``fw_``: people, journal, releases; those of stages and
time are in ``stage_tables.py``, those of approvals in ``approval_tables.py``.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: two running approvals of one record, two open tasks of one holder, a number drawn
twice, two current releases.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from engine.storage.system_columns import (
    BigId,
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    one_of,
    text_column,
)

# ---- people

departments = Table(
    "fw_departments",
    metadata,
    id_column(),
    text_column("key", unique=True),
    text_column("name"),
    link_column("parent_id", "fw_departments"),
    link_column("manager_id", "fw_users", use_alter=True),  # people and departments point at each other
    text_column("calendar", required=False),  # the working time of its people, and of the departments below
    CheckConstraint("parent_id <> id", name="not_its_own_parent"),
)

users = Table(
    "fw_users",
    metadata,
    id_column(),
    text_column("login", unique=True),
    text_column("name"),
    text_column("email", required=False),
    text_column("mobile", required=False),
    text_column("password_hash", required=False),
    link_column("department_id", "fw_departments"),
    link_column("manager_id", "fw_users"),
    text_column("language", required=False),
    moment_column("disabled_at", required=False),
    moment_column("created_at"),
    number_column("epoch", server_default=text("0")),  # raised whenever sessions and tokens must end
    moment_column("last_seen_at", required=False),
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
    id_column(),
    text_column("token_hash", unique=True),
    link_column("user_id", "fw_users", required=True, ondelete="CASCADE"),
    moment_column("created_at"),
    moment_column("last_seen_at"),
    moment_column("expires_at"),
    text_column("ip", required=False),
    text_column("agent", required=False),
    link_column("seeing_as_id", "fw_users"),  # as whom an administrator looks at everything
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

tokens = Table(
    "fw_tokens",
    metadata,
    id_column(),
    text_column("token_hash", unique=True),
    link_column("user_id", "fw_users", required=True, ondelete="CASCADE"),
    text_column("label"),
    moment_column("created_at"),
    moment_column("expires_at", required=False),
    moment_column("revoked_at", required=False),
    json_column("scope"),  # what it is narrowed to, null for all its owner may do
    moment_column("last_used_at", required=False),
    Index(None, "user_id"),
)

password_links = Table(
    "fw_password_links",
    metadata,
    id_column(),
    text_column("token_hash", unique=True),
    link_column("user_id", "fw_users", required=True, ondelete="CASCADE"),
    text_column("kind"),
    moment_column("created_at"),
    moment_column("expires_at"),
    one_of("kind", "invite", "reset"),
    Index(None, "user_id"),
)

second_factors = Table(
    "fw_second_factors",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id", ondelete="CASCADE"), primary_key=True),
    text_column("secret"),  # sealed with the key of the site
    moment_column("created_at"),
    moment_column("confirmed_at", required=False),  # from then on it is asked for
    big_column("last_step", required=False),  # no code of this half minute, or of one before, is taken again
)

recovery_codes = Table(
    "fw_recovery_codes",
    metadata,
    id_column(),
    link_column("user_id", "fw_users", required=True, ondelete="CASCADE"),
    text_column("code_hash", unique=True),
    Index(None, "user_id"),
)

identities = Table(
    "fw_identities",
    metadata,
    id_column(),
    link_column("user_id", "fw_users", required=True, ondelete="CASCADE"),
    text_column("issuer"),
    text_column("subject"),
    moment_column("linked_at"),
    Index(None, "issuer", "subject", unique=True),
    Index(None, "user_id", "issuer", unique=True),
)

# ---- numbers

series = Table(
    "fw_series",
    metadata,
    Column("key", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    big_column("last"),
)

# ---- journal

COME_OR_MOVED = "action IN ('book', 'create', 'import', 'move')"
"""What is told of a record in the journey of what it links to."""

history = Table(
    "fw_history",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    number_column("version"),
    moment_column("at"),
    big_column("actor_id", required=False),
    text_column("action"),
    json_column("changes", required=True),
    text_column("note", required=False),
    text_column("via", required=False),
    big_column("release_id", required=False),
    Index(None, "entity", "record_id", "id"),
    Index(
        "ix_fw_history_come_or_moved", "entity", "record_id", "at", "id",
        sqlite_where=text(COME_OR_MOVED), postgresql_where=text(COME_OR_MOVED),
    ),
)  # fmt: skip

audit = Table(
    "fw_audit",
    metadata,
    id_column(),
    moment_column("at"),
    big_column("actor_id", required=False),
    text_column("action"),
    text_column("subject", required=False),
    json_column("details"),
    text_column("ip", required=False),
    Index(None, "at"),
)

outbox = Table(
    "fw_outbox",
    metadata,
    id_column(),
    moment_column("at"),
    text_column("type"),
    text_column("entity", required=False),
    big_column("record_id", required=False),
    json_column("payload"),
    moment_column("available_at"),
    number_column("attempts", server_default=text("0")),
    moment_column("done_at", required=False),
    text_column("error", required=False),
    big_column("run_id", required=False),  # the automation that brought it about
    number_column("priority", server_default=text("50")),  # the smallest is delivered first
    Index(
        "ix_fw_outbox_next",
        "priority",
        "available_at",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

answers = Table(
    "fw_answers",
    metadata,
    Column("user_id", BigId, ForeignKey("fw_users.id"), primary_key=True),
    Column("name", Text, primary_key=True),  # the key that the sender gave the request
    text_column("fingerprint"),
    number_column("status"),
    json_column("headers"),
    text_column("body"),
    moment_column("at"),
    Index(None, "at"),
)

# ---- attachments

files = Table(
    "fw_files",
    metadata,
    id_column(),
    text_column("sha256"),
    text_column("name"),
    big_column("size"),
    text_column("content_type"),
    big_column("uploaded_by", required=False),
    moment_column("uploaded_at"),
    text_column("entity", required=False),  # empty until the record it was uploaded for is saved
    big_column("record_id", required=False),
    text_column("field", required=False),
    number_column("position", server_default=text("0")),
    moment_column("deleted_at", required=False),
    Index(None, "entity", "record_id"),
    Index(None, "sha256"),
)

# ---- notices

_LEADS = text("path IS NOT NULL")

notices = Table(
    "fw_notices",
    metadata,
    id_column(),
    link_column("user_id", "fw_users", required=True),
    text_column("key", unique=True),  # a notice made twice by a repeated delivery is one notice
    text_column("kind"),
    text_column("entity", required=False),
    big_column("record_id", required=False),
    json_column("params"),
    moment_column("at"),
    moment_column("read_at", required=False),
    text_column("path", required=False),  # the page it leads to, where that is not a record
    moment_column("opened_at", required=False),  # when its reader first opened that page
    Index(None, "user_id", "id"),
    Index("ix_fw_notices_path", "path", "id", sqlite_where=_LEADS, postgresql_where=_LEADS),
)

# ---- releases

releases = Table(
    "fw_releases",
    metadata,
    id_column(),
    text_column("digest"),
    text_column("app"),
    text_column("version"),
    json_column("sources", required=True),
    moment_column("created_at"),
    big_column("created_by", required=False),
    text_column("note", required=False),
    json_column("plan"),
    Index(None, "digest"),
)

current_release = Table(
    "fw_current_release",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    link_column("release_id", "fw_releases", required=True),
    big_column("generation"),
    CheckConstraint("id = 1", name="only_one"),
)

index_builds = Table(
    "fw_index_builds",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("table"),
    text_column("state"),
    text_column("error", required=False),
    number_column("attempts", server_default=text("0")),
)

settings = Table(
    "fw_settings",
    metadata,
    Column("key", Text, primary_key=True),
    json_column("value", required=True),
)

schema_version = Table(
    "fw_schema_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    number_column("version"),
    CheckConstraint("id = 1", name="only_one"),
)
