"""The engine's table of baselines: what a figure was before the system was used, to compare with for good.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``.
"""

from sqlalchemy import Table, UniqueConstraint

from engine.storage.system_columns import id_column, link_column, metadata, moment_column, one_of, text_column

baselines = Table(
    "fw_baselines",
    metadata,
    id_column(),
    text_column("figure"),
    text_column("value"),  # a decimal number, exactly
    text_column("source"),  # entered by hand, or computed of a period
    text_column("note", required=False),  # where it comes from; the period it was computed of
    moment_column("set_at"),
    link_column("set_by", "fw_users"),
    one_of("source", "entered", "computed"),
    UniqueConstraint("figure"),
)
"""One value for each figure that has one."""
