"""The engine's tables about automations: what runs, which are set aside, who was given what, what other systems sent.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``. The database
refuses a second run of one automation for the same record and occasion, however often an event is delivered.
"""

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint, text

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

runs = Table(
    "fw_runs",
    metadata,
    id_column(),
    text_column("automation"),
    text_column("entity", required=False),
    big_column("record_id"),  # 0 for what runs for no record
    text_column("occasion"),
    text_column("state"),
    number_column("position", server_default=text("0")),  # the step to go on with
    text_column("program", required=False),  # what it began, once it waits: it goes on in no other
    json_column("about"),  # the moment it was armed for, or what another system sent
    big_column("event_id", required=False),
    big_column("parent_id", required=False),  # the run that caused the event
    number_column("depth", server_default=text("0")),
    big_column("actor_id", required=False),  # who acted, where somebody did
    big_column("release_id", required=False),
    moment_column("created_at"),
    moment_column("available_at"),
    moment_column("ended_at", required=False),
    number_column("attempts", server_default=text("0")),
    number_column("priority", server_default=text("50")),  # that of the event; the smallest goes on first
    json_column("trace"),
    json_column("error"),
    UniqueConstraint("automation", "record_id", "occasion"),
    one_of("state", "pending", "done", "skipped", "dropped", "failed", "stopped", "parked"),
    Index(
        "ix_fw_runs_next",
        "priority",
        "available_at",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(None, "entity", "record_id", "id"),
    Index(None, "automation", "id"),
    Index("ix_fw_runs_state", "state", "id"),
)

automations = Table(
    "fw_automations",
    metadata,
    Column("key", Text, primary_key=True),
    text_column("trigger", required=False),  # the digest of what starts it, as far as records were armed for it
    moment_column("slot", required=False),  # the last time of its schedule that was kept
    number_column("failures", server_default=text("0")),  # in a row
    moment_column("disabled_at", required=False),
    big_column("disabled_by", required=False),
    json_column("why"),
)

hooks = Table(
    "fw_hooks",
    metadata,
    Column("key", Text, primary_key=True),  # the name of the address, as written in ``on: {webhook: ...}``
    text_column("secret"),  # sealed
    text_column("old_secret", required=False),  # sealed; good beside the new one until then
    moment_column("old_secret_until", required=False),
    moment_column("made_at"),
)

received = Table(
    "fw_received",
    metadata,
    id_column(),
    text_column("hook"),
    text_column("message_id"),  # the sender's: what comes again under it is not done again
    moment_column("at"),
    big_column("run_id", required=False),
    UniqueConstraint("hook", "message_id"),
    Index(None, "at"),
)

assignments = Table(
    "fw_assignments",
    metadata,
    id_column(),
    text_column("automation"),
    text_column("entity"),
    big_column("record_id"),
    link_column("user_id", "fw_users", required=True),
    moment_column("at"),
    json_column("why"),
    Index(None, "automation", "user_id", "id"),
    Index(None, "entity", "record_id", "id"),
)
