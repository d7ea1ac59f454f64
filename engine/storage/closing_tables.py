"""The engine's table of closed months: what a figure was when its month was closed, never changed afterwards.

Enters: nothing. Leaves: a SQLAlchemy table. Must not change without a numbered step in ``upgrades.py``.
"""

from sqlalchemy import Table, UniqueConstraint

from engine.storage.system_columns import big_column, id_column, metadata, moment_column, text_column

closed_months = Table(
    "fw_closed_months",
    metadata,
    id_column(),
    text_column("figure"),
    text_column("month"),  # 2026-03
    text_column("value", required=False),  # a decimal number, exactly; none where there was nothing to divide by
    big_column("n"),
    text_column("digest"),  # of the definition it was worked out by
    moment_column("closed_at"),
    UniqueConstraint("figure", "month"),
)
"""One row for each month of a figure that was closed; the database refuses to change one."""
