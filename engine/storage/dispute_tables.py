"""The engine's tables about duplicates that were met: each hit, and what somebody asked for because of it.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. What must never
happen is refused by the database too: a hit counted twice for one day, two open requests of one person about a record.
"""

from sqlalchemy import Index, Table, UniqueConstraint, text

from engine.storage.system_columns import (
    big_column,
    id_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    one_of,
    text_column,
)

_OPEN = text("state = 'asked'")

duplicate_hits = Table(
    "fw_duplicate_hits",
    metadata,
    id_column(),
    text_column("entity"),
    big_column("record_id"),  # that was met
    text_column("rule"),
    link_column("user_id", "fw_users", required=True),
    text_column("day"),  # of the site: met again the same day is the same hit, seen once more
    moment_column("first_at"),
    moment_column("last_at"),
    number_column("times"),
    text_column("via"),
    text_column("typed"),  # what was entered in the fields compared
    text_column("outcome"),
    big_column("made_id", required=False),  # what was saved all the same
    text_column("why", required=False),
    UniqueConstraint("entity", "record_id", "rule", "user_id", "day"),
    one_of("outcome", "seen", "refused", "confirmed"),
    Index(None, "entity", "id"),
    Index(None, "user_id", "last_at"),
)

disputes = Table(
    "fw_disputes",
    metadata,
    id_column(),
    link_column("hit_id", "fw_duplicate_hits", required=True, ondelete="CASCADE"),
    text_column("kind"),
    text_column("entity"),
    big_column("record_id"),
    link_column("user_id", "fw_users", required=True),
    text_column("reason"),
    moment_column("asked_at"),
    moment_column("due_at", required=False),
    text_column("state"),
    link_column("decided_by", "fw_users"),
    moment_column("decided_at", required=False),
    text_column("answer", required=False),
    one_of("kind", "collaborate", "appeal"),
    one_of("state", "asked", "granted", "refused", "withdrawn"),
    Index("uq_fw_disputes_open", "entity", "record_id", "user_id", unique=True, sqlite_where=_OPEN,
          postgresql_where=_OPEN),
    Index("ix_fw_disputes_asked", "entity", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "hit_id"),
    Index(None, "user_id", "id"),
)  # fmt: skip
