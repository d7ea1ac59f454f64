"""What records are compared by to find duplicates, in tables of the engine.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, text

from engine.storage.system_columns import metadata, text_column

match_keys = Table(
    "fw_match_keys",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    text_column("exact"),  # the values that must be the same, normalised; empty when none must
    text_column("alike"),  # the names that must be alike, without what all companies are called
    Column("blocks", Boolean, nullable=False),
    Index(None, "entity", "rule", "exact"),
    Index(
        "uq_fw_match_keys_blocks", "entity", "rule", "exact", unique=True,
        sqlite_where=text("blocks"), postgresql_where=text("blocks"),
    ),
)  # fmt: skip
"""What each record is compared by, for every duplicate rule that applies to it."""

match_grams = Table(
    "fw_match_grams",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("gram", Text, primary_key=True),
    Column("length", Integer, primary_key=True, autoincrement=False),  # of the name: one alike is about as long
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Index(None, "record_id", "entity", "rule"),  # not entity first: a search by pairs must not be tempted by it
)
"""Pairs of characters by which names that are alike are found."""
