"""What keeps a record from being deleted: rights over the row, people deciding about it, records that link to it.

Enters: a locked record. Leaves: nothing, or the refusal. Must not delete.
"""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from engine.compiler.app import Entity, Field
from engine.errors import NotAllowed, NotPossibleNow
from engine.people.actor import Actor
from engine.records.evaluation import parameters
from engine.records.rights import ALL, Rights, scope_condition
from engine.storage.approval_tables import approvals
from engine.storage.store import Session


def require_delete(session: Session, entity: Entity, id: int, *, rights: Rights, actor: Actor) -> None:
    """Raise ``NotAllowed`` unless the actor's delete scope holds the record."""
    if ALL in rights.delete:
        return
    table = session.tables.entity[entity.key]

    def build() -> Any:
        mine = scope_condition(session.tables, entity, table, rights.delete, "own")
        return select(table.c.id).where(table.c.id == bindparam("record_id"), mine)

    given = parameters(session, actor) | {"record_id": id}
    held = rights.delete and session.prepared(("may delete", entity.key, rights.delete), build)
    if not held or held.fetch_one(session.connection, given) is None:
        raise NotAllowed("record.no_delete")


def require_undecided(session: Session, entity: str, id: int) -> None:
    """Raise ``NotPossibleNow`` while people are deciding about the record: their tasks would lead nowhere."""
    running = (approvals.c.entity == entity, approvals.c.record_id == id, approvals.c.state == "running")
    if session.connection.execute(select(approvals.c.id).where(*running)).first() is not None:
        raise NotPossibleNow("record.in_approval")


def require_unused(session: Session, entity: Entity, id: int) -> None:
    """Raise ``NotPossibleNow`` when a living record links here, itself or in a line, naming its kind."""
    for other in session.app.entities.values():
        for field in other.fields.values():
            if field.to == entity.key and field.type.many:
                if _is_among(session, other.key, field.key, id):
                    raise NotPossibleNow("record.in_use", by=other.label)
                continue
            for column, lines in _links(field, entity.key):
                if _is_linked(session, other.key, column, lines, id):
                    raise NotPossibleNow("record.in_use", by=other.label)


def _links(field: Field, target: str) -> list[tuple[str, str | None]]:
    """Return the columns of a field that link to ``target``, each with the line table it stands in."""
    if field.to == target:
        return [(field.key, None)]
    return [(column.key, field.key) for column in field.fields.values() if column.to == target]


def _is_linked(session: Session, entity: str, column: str, lines: str | None, id: int) -> bool:
    record = session.tables.entity[entity]
    alive: ColumnElement[bool] = record.c.deleted_at.is_(None)
    if lines is None:
        using = select(record.c.id).where(record.c[column] == id, alive)
    else:
        row = session.tables.lines[entity, lines]
        using = select(row.c.id).join(record, record.c.id == row.c.parent_id).where(row.c[column] == id, alive)
    return session.connection.execute(using.limit(1)).first() is not None


def _is_among(session: Session, entity: str, field: str, id: int) -> bool:
    """Tell whether a living record has the one of this id among several it leads to."""
    record, entries = session.tables.entity[entity], session.tables.entries[entity, field]
    using = select(entries.c.parent_id).join(record, record.c.id == entries.c.parent_id)
    alive = using.where(entries.c.leads_to == id, record.c.deleted_at.is_(None))
    return session.connection.execute(alive.limit(1)).first() is not None
