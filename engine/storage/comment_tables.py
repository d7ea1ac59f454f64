"""The engine's tables of what people say to each other about a record, and of who wants to hear about it.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: one click that says something twice, somebody who follows a record twice.
"""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from engine.storage.system_columns import (
    BigId,
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    text_column,
)

comments = Table(
    "fw_comments",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    link_column("author_id", "fw_users", required=True),
    moment_column("at"),
    text_column("text"),
    json_column("mentioned", required=True),  # ids of people
    Column("action_id", Text, unique=True),  # of the click that sent it
    moment_column("removed_at", required=False),
    Index(None, "entity", "record_id", "id"),
)

followers = Table(
    "fw_followers",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("record_id", BigId, primary_key=True, autoincrement=False),
    Column("user_id", BigId, ForeignKey("fw_users.id"), primary_key=True),
    moment_column("since"),
    Index(None, "user_id"),
)
