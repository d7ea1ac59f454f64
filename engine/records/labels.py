"""What people and departments are called, for ids that stand in records.

Enters: ids. Leaves: labels. Must not decide who may see them: a name of the house is no secret in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from engine.compiler.app import DEPARTMENT, USER, Entity
from engine.people import directory
from engine.records.record import Labels
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import departments


def people_labels(session: Session, ids: Iterable[int]) -> Labels:
    """Return the names of people, disabled ones included."""
    return {(USER, id_): person.name for id_, person in directory.people(session.connection, ids).items()}


def department_labels(session: Session, ids: Iterable[int]) -> Labels:
    """Return the names of departments."""
    wanted = list(ids)
    if not wanted:
        return {}

    def build() -> Any:
        return select(departments.c.id, departments.c.name).where(is_one_of(departments.c.id, "ids"))

    rows = session.prepared("department names", build).fetch_all(session.connection, {"ids": wanted})
    return {(DEPARTMENT, row[0]): row[1] for row in rows}


def add_people(session: Session, entity: Entity, rows: Iterable[Mapping[str, Any]], labels: Labels) -> None:
    """Add the names of everybody in the fields of several people, all rows in one query."""
    fields = [field.key for field in entity.people_fields]
    if not fields:
        return
    ids = {id_ for values in rows for key in fields for id_ in values.get(key) or ()}
    labels |= people_labels(session, [id_ for id_ in ids if (USER, id_) not in labels])
