"""The engine's table of merges: which record went into which other, and what undoes it.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``. As long as a
merge is not undone, the number and the address of the record that went lead to the one that was kept; a record goes
into one other at most, which the database refuses otherwise.
"""

from sqlalchemy import CheckConstraint, Index, Table, text

from engine.storage.system_columns import (
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    text_column,
)

_HOLDS = text("undone_at IS NULL")

merges = Table(
    "fw_merges",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("kept_id"),
    big_column("lost_id"),
    text_column("lost_number", required=False),
    text_column("lost_name"),  # what it was called when it went
    link_column("user_id", "fw_users", required=True),
    moment_column("at"),
    moment_column("undo_until"),
    json_column("content", required=True),  # what was changed and moved, with what was there before
    link_column("undone_by", "fw_users"),
    moment_column("undone_at", required=False),
    json_column("told"),  # what stayed as it was when the rest was undone: sentences by language
    CheckConstraint("kept_id <> lost_id", name="not_itself"),
    Index("uq_fw_merges_lost", "entity", "lost_id", unique=True, sqlite_where=_HOLDS, postgresql_where=_HOLDS),
    Index("ix_fw_merges_lost_number", "entity", "lost_number", sqlite_where=_HOLDS, postgresql_where=_HOLDS),
    Index(None, "entity", "kept_id"),
)
