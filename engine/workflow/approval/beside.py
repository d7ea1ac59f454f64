"""Which approvals stand beside one: those that wait for it, and others that run about the same records.

Enters: the address of an approval. Leaves: ids, and their rows locked. Must not read what they decide.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from engine.storage.approval_tables import approvals
from engine.storage.store import Session


def lock_beside(session: Session, approval_id: int) -> None:
    """Lock what an action on an approval may touch besides, the oldest first; SQLite has one writer at a time.

    The approval itself is locked with them in its turn, and left to the caller's own lock where it stands alone.
    """
    if session.connection.dialect.name != "postgresql":
        return
    found = _find_beside(session, approval_id)
    for id_ in found if len(found) > 1 else ():
        _lock_row(session, id_)


def stands_alone() -> ColumnElement[bool]:
    """Return the condition that an approval waits for no other and is the only one that runs about its record."""
    return and_(approvals.c.parent_id.is_(None), _other().is_(None))


def has_others() -> ColumnElement[bool]:
    """Return the condition that other approvals run about the record of an approval."""
    return _other().is_not(None)


def _other() -> ColumnElement[int | None]:
    """One that runs about the same record: looked up by the index, whatever the database knows of the table. As
    ``NOT EXISTS`` PostgreSQL would join the whole table where it was small when the statement was prepared."""
    c, other = approvals.c, approvals.alias("other")
    about = and_(other.c.entity == c.entity, other.c.record_id == c.record_id)
    near = select(other.c.id).where(about, other.c.state == "running", other.c.id != c.id)
    return near.correlate(approvals).order_by(other.c.id).limit(1).scalar_subquery()


def find_others(session: Session, entity: str, record_id: int, approval_id: int) -> list[int]:
    """Return the approvals that run about a record but one, the oldest first."""

    def build() -> Any:
        c = approvals.c
        about = (c.entity == bindparam("entity"), c.record_id == bindparam("record_id"), c.state == "running")
        return select(c.id).where(*about, c.id != bindparam("but")).order_by(c.id)

    given = {"entity": entity, "record_id": record_id, "but": approval_id}
    return [int(row[0]) for row in session.prepared("approvals about", build).fetch_all(session.connection, given)]


def _find_beside(session: Session, approval_id: int) -> list[int]:
    """Return an approval's own id with those of its parents, and of what runs about the records of any of these."""

    def build() -> Any:
        columns = ("id", "parent_id", "entity", "record_id")
        first = select(*(approvals.c[name] for name in columns)).where(approvals.c.id == bindparam("approval_id"))
        found = first.cte("beside", recursive=True)
        other = approvals.alias("other")
        about = and_(other.c.entity == found.c.entity, other.c.record_id == found.c.record_id)
        near = or_(other.c.id == found.c.parent_id, and_(about, other.c.state == "running"))
        found = found.union(select(*(other.c[name] for name in columns)).join_from(found, other, near))
        return select(found.c.id).order_by(found.c.id)

    rows = session.prepared("approvals beside", build).fetch_all(session.connection, {"approval_id": approval_id})
    return [int(id_) for (id_,) in rows]


def _lock_row(session: Session, approval_id: int) -> None:
    def build() -> Any:
        return select(approvals.c.id).where(approvals.c.id == bindparam("approval_id")).with_for_update()

    session.prepared("lock approval", build).fetch_one(session.connection, {"approval_id": approval_id})
