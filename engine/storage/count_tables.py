"""The engine's table of answers that took long: what was asked of figures, and what it came to.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``. Nothing is lost
with its rows: each can be worked out again.
"""

from sqlalchemy import Index, Table, Text
from sqlalchemy.schema import Column

from engine.storage.system_columns import (
    json_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    one_of,
    text_column,
)

counts = Table(
    "fw_counts",
    metadata,
    Column("key", Text, primary_key=True),  # a hash of the statement and of every value in it
    json_column("asked", required=True),  # which figure of which period, to be asked again in the background
    link_column("user_id", "fw_users", required=True),  # for whom
    text_column("state"),
    moment_column("asked_at"),
    moment_column("seen_at"),  # when somebody last waited for it
    moment_column("worked_at", required=False),
    number_column("attempts"),
    json_column("answer"),  # the rows of the statement
    moment_column("counted_at", required=False),
    number_column("took_ms", required=False),
    one_of("state", "waiting", "running", "done", "failed"),
    Index(None, "state", "asked_at"),
)
