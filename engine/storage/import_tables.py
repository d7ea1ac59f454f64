"""The engine's tables of imports: each file somebody brought, its rows, and what may stand in it only once.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. The state of a
row changes in the transaction that writes its record, so an import that was killed goes on where it was.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

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

_ZERO = text("0")

IN_WORK = text("state IN ('checking', 'running', 'undoing')")
"""The condition of the index of what is worked on: written out, or no database would see that it may be used."""

imports = Table(
    "fw_imports",
    metadata,
    id_column(),
    text_column("entity"),
    link_column("user_id", "fw_users", required=True),
    moment_column("created_at"),
    text_column("name"),  # of the file
    text_column("sha256"),
    big_column("size"),
    number_column("header_row"),
    json_column("columns", required=True),  # what each column is, and how it is read
    text_column("mode"),
    text_column("match_by", required=False),  # the field by which a row finds its record
    number_column("reminds"),  # 1: what comes in arms the reminders of its stage
    text_column("state"),
    number_column("total"),
    moment_column("started_at", required=False),
    moment_column("ended_at", required=False),
    json_column("error"),  # why it stopped, by language
    one_of("mode", "create", "update", "both"),
    one_of("state", "reading", "mapping", "checking", "checked", "running", "done", "undoing", "undone"),
    Index(None, "user_id", "id"),
    Index(None, "entity", "id"),
    Index(
        "ix_fw_imports_active",
        "id",
        sqlite_where=IN_WORK,
        postgresql_where=IN_WORK,
    ),
)

import_rows = Table(
    "fw_import_rows",
    metadata,
    Column("import_id", BigId, ForeignKey("fw_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),  # as the spreadsheet numbers it
    json_column("cells", required=True),
    text_column("state"),
    json_column("problems"),
    big_column("record_id", required=False),
    number_column("version", required=False),  # of the record: as it was seen, then as it was written
    one_of("state", "new", "ready", "wrong", "created", "updated", "same", "undone", "kept"),
    Index(None, "import_id", "state", "row"),
)

import_values = Table(
    "fw_import_values",
    metadata,
    Column("import_id", BigId, ForeignKey("fw_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("of", Text, primary_key=True),  # what is unique: an index of the entity, or what rows are matched by
    Column("value", Text, primary_key=True),
    number_column("row"),
)
"""The first row of a file that has a value, so that a second is found however far below it stands."""
