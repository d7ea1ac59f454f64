"""The engine's table of exports: who asked for which list, who allowed it, and the file for as long as it is kept.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``.
"""

from sqlalchemy import Index, Table, text

from engine.storage.system_columns import (
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

_OPEN = text("state IN ('asked', 'running', 'done')")

exports = Table(
    "fw_exports",
    metadata,
    id_column(),
    text_column("entity"),
    link_column("user_id", "fw_users", required=True),
    moment_column("created_at"),
    text_column("format"),
    text_column("language"),
    json_column("content", required=True),  # what the list shows, as a view is kept, with its columns written out
    json_column("lines"),  # the line tables that leave with it
    json_column("behind"),  # the rows of which figure it is, where it is no list
    json_column("journey"),  # what happened around which record it is, where it is no list
    text_column("reason", required=False),
    text_column("state"),
    big_column("total"),  # rows, as they were counted when it was asked for; as they were written once it is done
    number_column("done", server_default=text("0")),
    link_column("decided_by", "fw_users"),
    moment_column("decided_at", required=False),
    text_column("answer", required=False),  # why it was refused
    moment_column("worked_at", required=False),  # the last sign of life of whoever writes the file
    number_column("attempts", server_default=text("0")),
    moment_column("ended_at", required=False),
    moment_column("expires_at", required=False),
    text_column("sha256", required=False),
    big_column("size", required=False),
    text_column("rights", required=False),  # a hash of what the asker could see when the file was written
    json_column("error"),  # why it failed, by language
    one_of("format", "xlsx", "csv"),
    one_of("state", "asked", "refused", "running", "done", "failed", "stopped", "expired"),
    Index(None, "user_id", "id"),
    Index("ix_fw_exports_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
