"""What is switched off, as a condition: rows about it wait, or are not told of, until it is on again.

Enters: the session and a column that names entities. Leaves: conditions for a query; none while everything is on, so
that the usual statement stays as it is. Must not be needed for records: nobody has rights over what is off.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

from engine.storage.store import Session


def of_what_is_on(session: Session, entity: ColumnElement[Any]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a row is about nothing that is off; one about no entity is always on."""
    named = func.coalesce(entity, "")
    return tuple(named != literal_column(f"'{key}'") for key in sorted(session.app.off))  # keys, checked
