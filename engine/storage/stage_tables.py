"""The engine's tables about stages and time: timers, stays, moves, flags, evidence, changed days of the calendar.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: a timer armed twice for one occasion, two stays of a record, a
flag raised twice.
"""

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, UniqueConstraint, text

from engine.storage.system_columns import (
    BigId,
    big_column,
    id_column,
    json_column,
    metadata,
    moment_column,
    number_column,
    one_of,
    text_column,
)

timers = Table(
    "fw_timers",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    text_column("kind"),
    text_column("key"),
    text_column("arming"),
    moment_column("armed_at"),
    moment_column("due_at"),
    moment_column("available_at"),
    text_column("state"),
    json_column("payload"),
    number_column("attempts", server_default=text("0")),
    moment_column("ended_at", required=False),
    text_column("error", required=False),
    UniqueConstraint("entity", "record_id", "kind", "key", "arming"),  # one occasion arms a timer once
    one_of("state", "pending", "fired", "dropped", "parked"),
    CheckConstraint("available_at >= due_at", name="not_before_due"),
    Index(
        "ix_fw_timers_pending",
        "available_at",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_fw_timers_parked", "id", sqlite_where=text("state = 'parked'"), postgresql_where=text("state = 'parked'")
    ),
)

stays = Table(
    "fw_stays",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("record_id", BigId, primary_key=True, autoincrement=False),
    text_column("stage"),
    number_column("version"),  # that the record had when it entered: tells one stay from the next
    moment_column("since"),
    moment_column("due_at", required=False),
    text_column("before", required=False),  # the last stage, not an outcome, it was in before this one
    Index(None, "entity", "due_at"),
)

moves = Table(
    "fw_stage_moves",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    text_column("from_stage", required=False),  # None: the record began here
    text_column("to_stage"),
    moment_column("at"),
    big_column("by_id", required=False),  # None: the engine itself
    big_column("owner_id", required=False),  # whose it was at that moment
    big_column("team_id", required=False),
    Index(None, "entity", "record_id", "id"),
    Index(None, "entity", "to_stage", "at"),
)

flags = Table(
    "fw_flags",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    text_column("flag"),
    number_column("stay", required=False),  # the stay it ends with; empty when a person must end it
    json_column("reason"),
    moment_column("since"),
    moment_column("ended_at", required=False),
    big_column("ended_by", required=False),
    text_column("note", required=False),
    Index(
        "uq_fw_flags_open",
        "entity",
        "record_id",
        "flag",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(None, "entity", "flag"),
)

evidence = Table(
    "fw_evidence",
    metadata,
    id_column(),
    text_column("sha256"),
    text_column("name"),
    text_column("entity"),
    big_column("record_id"),
    text_column("stage"),
    text_column("apart"),  # the record it must not be shared with another of, such as customer:12
    moment_column("at"),
    Index(None, "sha256"),
    UniqueConstraint("entity", "record_id", "sha256", "apart"),
)

calendar_days = Table(
    "fw_calendar_days",
    metadata,
    Column("calendar", Text, primary_key=True),  # empty: every calendar
    Column("day", Text, primary_key=True),  # 2026-10-01
    number_column("works"),
    text_column("note", required=False),
    moment_column("at"),
    big_column("by", required=False),
    CheckConstraint("works IN (0, 1)", name="works"),
)
