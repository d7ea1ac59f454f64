"""Where the numbers and the addresses of records lead that went into others.

Enters: an entity, ids or numbers. Leaves: the ids of the records that were kept. Must not ask what the actor may see:
whoever asks does.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from engine.compiler.app import Entity
from engine.records.sql import is_one_of
from engine.storage.merge_tables import merges
from engine.storage.store import Session

_DEEPEST = 20
"""Merges one after the other that an old number is followed through."""


def last_of(session: Session, entity: str, id_: int) -> int:
    """Follow a record that went into another to the one that was kept in the end."""

    def build() -> Any:
        c = merges.c
        gone = (c.entity == bindparam("entity"), c.lost_id == bindparam("lost_id"), c.undone_at.is_(None))
        return select(c.kept_id).where(*gone)

    statement = session.prepared("merged away", build)
    for _ in range(_DEEPEST):
        row = statement.fetch_one(session.connection, {"entity": entity, "lost_id": id_})
        if row is None:
            break
        id_ = int(row[0])
    return id_


def numbers_now(session: Session, entity: Entity, numbers: Collection[str]) -> dict[str, str]:
    """Return, of those of ``numbers`` that records had which went into others, the number each leads to now."""
    if entity.merge is None or entity.number is None or not numbers:
        return {}

    def build() -> Any:
        c = merges.c
        named = (c.entity == bindparam("entity"), c.undone_at.is_(None), is_one_of(c.lost_number, "n", numbers=False))
        return select(c.lost_number, c.lost_id).where(*named)

    given = {"entity": entity.key, "n": list(numbers)}
    rows = session.prepared("merged numbers", build).fetch_all(session.connection, given)
    leads = {row[0]: last_of(session, entity.key, row[1]) for row in rows}
    table = session.tables.entity[entity.key]
    kept = select(table.c.id, table.c.number).where(table.c.id.in_(leads.values()))
    now = {row.id: row.number for row in session.connection.execute(kept)} if leads else {}
    return {number: now[id_] for number, id_ in leads.items() if now.get(id_) is not None}


def aliases_of(session: Session, entity: Entity, kept_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the numbers that lead to records, by id: of what went into them, and of what had gone into that."""
    if entity.merge is None or not kept_ids:
        return {}
    found: dict[int, list[str]] = {}
    asked = {id_: id_ for id_ in kept_ids}  # whatever went: which record it leads to
    for _ in range(_DEEPEST):
        rows = _into(session, entity.key, list(asked))
        asked = {lost: asked[kept] for kept, lost, _ in rows}
        for _, lost, number in rows:
            found.setdefault(asked[lost], []).extend([number] if number else [])
        if not rows:
            break
    return found


def still_there(entity: str, record_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a deleted record lies in the bin by itself, and is not part of another."""
    gone = select(merges.c.id).where(merges.c.entity == entity, merges.c.lost_id == record_id)
    return ~gone.where(merges.c.undone_at.is_(None)).exists()


def _into(session: Session, entity: str, kept_ids: list[int]) -> list[Any]:
    def build() -> Any:
        c = merges.c
        here = (c.entity == bindparam("entity"), is_one_of(c.kept_id, "ids"), c.undone_at.is_(None))
        return select(c.kept_id, c.lost_id, c.lost_number).where(*here).order_by(c.id)

    given = {"entity": entity, "ids": kept_ids}
    return list(session.prepared("merged into", build).fetch_all(session.connection, given)) if kept_ids else []
