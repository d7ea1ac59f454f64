"""What people keep for themselves, in tables of the engine: views under a name, and the tours they took.

Enters: nothing. Leaves: SQLAlchemy tables. Must not change without a numbered step in ``upgrades.py``.
"""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from engine.storage.system_columns import (
    id_column,
    json_column,
    link_column,
    metadata,
    moment_column,
    one_of,
    text_column,
)

views = Table(
    "fw_views",
    metadata,
    id_column(),
    text_column("entity"),
    link_column("owner_id", "fw_users", required=True),
    text_column("name"),
    text_column("audience", required=False),  # a role, `*` for everybody; missing: only the owner
    json_column("content", required=True),  # filters, where, sort, columns, text, group, page, by, span
    moment_column("updated_at"),
    UniqueConstraint("entity", "owner_id", "name"),
    Index(None, "entity", "audience"),
)
"""What a list, board or calendar shows, under a name."""

view_defaults = Table(
    "fw_view_defaults",
    metadata,
    link_column("user_id", "fw_users", required=True),
    Column("entity", Text, nullable=False),
    link_column("view_id", "fw_views", required=True, ondelete="CASCADE"),
    PrimaryKeyConstraint("user_id", "entity"),
    Index(None, "view_id"),
)
"""With which view an entity begins for somebody."""

report_views = Table(
    "fw_report_views",
    metadata,
    id_column(),
    text_column("kind"),
    text_column("key"),  # of the report, figure or funnel
    link_column("owner_id", "fw_users", required=True),
    text_column("name"),
    text_column("audience", required=False),  # a role, `*` for everybody; missing: only the owner
    json_column("parts", required=True),  # of the address: period, by, compare, chart, filters
    moment_column("updated_at"),
    one_of("kind", "report", "figure", "funnel"),
    UniqueConstraint("kind", "key", "owner_id", "name"),
)
"""What the page of a report shows, under a name."""

tours = Table(
    "fw_tours",
    metadata,
    link_column("user_id", "fw_users", required=True),
    Column("tour", Text, nullable=False),
    text_column("state"),
    moment_column("at"),
    one_of("state", "finished", "left"),
    PrimaryKeyConstraint("user_id", "tour"),
)
"""Which tours somebody came to the end of, or does not want."""
