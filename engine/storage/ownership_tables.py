"""The table of who had a record from when to when: one span after another, the last one open.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``. A record has
one open span, which somebody or a pool holds, never both: the database refuses anything else.
"""

from sqlalchemy import CheckConstraint, Index, Table, text

from engine.storage.system_columns import (
    big_column,
    id_column,
    link_column,
    metadata,
    moment_column,
    text_column,
)

_OPEN = text("until IS NULL")

owner_spans = Table(
    "fw_owner_spans",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    link_column("owner_id", "fw_users"),
    text_column("pool", required=False),
    moment_column("since"),
    moment_column("until", required=False),  # None: still
    link_column("by_id", "fw_users"),  # None: the engine itself
    text_column("why"),  # how it began: created, claimed, reclaimed and so on
    text_column("note", required=False),
    text_column("rule", required=False),  # the protection rule that ends it first
    moment_column("warned_at", required=False),
    moment_column("locked_at", required=False),  # the owner keeps it from being taken back
    CheckConstraint("owner_id IS NULL OR pool IS NULL", name="one_holder"),
    CheckConstraint("until IS NULL OR until >= since", name="in_order"),
    Index("uq_fw_owner_spans_open", "entity", "record_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "entity", "record_id", "id"),
    Index(None, "owner_id", "entity", "since"),
)
