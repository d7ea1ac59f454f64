"""Two delegations of one person to the same deputy never hold at the same time: the database itself refuses them.

Enters: a connection in a write transaction, when the system tables are made or upgraded. Leaves: a constraint on
PostgreSQL, triggers on SQLite. Must not touch delegations to different deputies: those may hold side by side.
"""

from sqlalchemy import Connection, select, text, update

from engine.storage.approval_tables import delegations

_CONSTRAINT = """
ALTER TABLE fw_delegations ADD CONSTRAINT ex_fw_delegations_apart EXCLUDE USING gist (
    int8range(principal_id, principal_id, '[]') WITH &&, int8range(deputy_id, deputy_id, '[]') WITH &&,
    tstzrange(starts_at, ends_at) WITH &&
) WHERE (ended_at IS NULL)
"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS fw_delegations_apart_{name} BEFORE {action} ON fw_delegations
WHEN NEW.ended_at IS NULL AND EXISTS (
    SELECT 1 FROM fw_delegations AS other WHERE other.principal_id = NEW.principal_id
    AND other.deputy_id = NEW.deputy_id AND other.ended_at IS NULL AND other.id IS NOT NEW.id
    AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at
)
BEGIN SELECT RAISE(ABORT, 'a delegation to this deputy holds then already'); END
"""


def keep_delegations_apart(connection: Connection) -> None:
    """Make the database refuse what overlaps; those that did so far become one each."""
    _join(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE fw_delegations DROP CONSTRAINT IF EXISTS ex_fw_delegations_apart"))
        connection.execute(text(_CONSTRAINT))
        return
    for name, action in (("new", "INSERT"), ("changed", "UPDATE")):
        connection.execute(text(_TRIGGER.format(name=name, action=action)))


def _join(connection: Connection) -> None:
    """Let the first of several that overlap last as long as all of them; the others are ended, and still on record."""
    c = delegations.c
    rows = connection.execute(
        select(c.id, c.principal_id, c.deputy_id, c.starts_at, c.ends_at, c.created_at)
        .where(c.ended_at.is_(None))
        .order_by(c.principal_id, c.deputy_id, c.starts_at, c.id)
    ).all()
    first = until = None
    for row in rows:
        same = first is not None and (first.principal_id, first.deputy_id) == (row.principal_id, row.deputy_id)
        if first is None or until is None or not same or row.starts_at >= until:
            first, until = row, row.ends_at
            continue
        connection.execute(update(delegations).where(c.id == row.id).values(ended_at=row.created_at))
        if row.ends_at > until:
            until = row.ends_at
            connection.execute(update(delegations).where(c.id == first.id).values(ends_at=until))
