"""What records are found by, in a table of the engine.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``. Texts are
compared byte by byte on both databases, so that all terms with the same beginning are one range of the key.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from engine.storage.system_columns import metadata

search_terms = Table(
    "fw_search_terms",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("term", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Column("field", Text, primary_key=True),
    Column("way", Integer, nullable=False),  # how the term comes from the value: ``records/search_terms.py``
    Index(None, "record_id", "term"),  # a record has fifty terms, and the ones that begin so are a range among them
    sqlite_with_rowid=False,
)
"""The ends of every value that is searched: ``甬江阀门``, ``江阀门``, ``阀门``.

What stands anywhere in a value stands at the beginning of one of its ends.
"""
