"""What somebody has typed into a form of a record and not sent yet, in a table of the engine.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``, nor be taken
for data: no list, figure, search or export reads it.
"""

from sqlalchemy import Index, Table, UniqueConstraint

from engine.storage.system_columns import (
    big_column,
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    number_column,
    text_column,
)

form_drafts = Table(
    "fw_form_drafts",
    metadata,
    id_column(),
    link_column("user_id", "fw_users", required=True),
    text_column("token"),  # made by the form: its drafts are one draft
    text_column("entity"),
    big_column("record_id", required=False),  # missing: of a new record
    number_column("version"),  # of the record that the form was filled from, 0 of a new one
    json_column("content", required=True),  # names and values as the form would send them
    moment_column("updated_at"),
    moment_column("closed_at", required=False),  # sent or thrown away: what arrives late changes nothing
    UniqueConstraint("user_id", "token"),
    Index(None, "user_id", "updated_at"),
)
