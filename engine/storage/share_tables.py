"""The table of shares: one record shown to a person, a department or a group beyond what their roles give them.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``. Each share has
one recipient, and a record is shared once with each: the database refuses anything else.
"""

from sqlalchemy import CheckConstraint, Index, Table, text

from engine.storage.system_columns import (
    big_column,
    id_column,
    link_column,
    metadata,
    moment_column,
    one_of,
    text_column,
)

RECIPIENTS = ("user_id", "department_id", "group_key")
"""The columns of which exactly one says who a share is for."""


def _index(name: str, column: str, *others: str, unique: bool = False) -> Index:
    where = text(f"{column} IS NOT NULL")
    return Index(name, *others, unique=unique, sqlite_where=where, postgresql_where=where)


shares = Table(
    "fw_shares",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),
    link_column("user_id", "fw_users"),
    link_column("department_id", "fw_departments"),
    text_column("group_key", required=False),
    text_column("access"),
    moment_column("ends_at", required=False),  # None: until somebody ends it
    link_column("created_by", "fw_users", required=True),
    moment_column("created_at"),
    one_of("access", "read", "write"),
    CheckConstraint(
        "(user_id IS NOT NULL AND department_id IS NULL AND group_key IS NULL)"
        " OR (user_id IS NULL AND department_id IS NOT NULL AND group_key IS NULL)"
        " OR (user_id IS NULL AND department_id IS NULL AND group_key IS NOT NULL)",
        name="one_recipient",
    ),
    *(_index(f"uq_fw_shares_{one}", one, "entity", "record_id", one, unique=True) for one in RECIPIENTS),
    *(_index(f"ix_fw_shares_{one}", one, one, "entity") for one in RECIPIENTS),
)
