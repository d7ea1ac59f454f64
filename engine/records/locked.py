"""Records that are there but not open to their reader yet: what they are called, and what opens them.

Enters: a session, an entity, the actor. Leaves: the names of such records, and how much is missing. Must not show
anything else of them, nor that they are there where the entity does not say so (``reading: locked:``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from engine.compiler.app import Entity, Label
from engine.expression.sql import compile_sql
from engine.people.actor import Actor
from engine.records.evaluation import parameters
from engine.records.links import add_listed
from engine.records.listing import ListPlan, ListQuery
from engine.records.queries import read_page
from engine.records.record import Labels, Record, without_hidden
from engine.records.rights import get_entity, locked_rights
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.table_source import TableSource

SHOWN = 50
"""Locked records that are named below a list, at most."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A record by its name alone; ``left`` is how much is missing, ``text`` says so with ``{left}`` in it."""

    record: Record
    text: Label
    left: str


def find_locked(session: Session, entity: str, id: int, *, actor: Actor) -> Locked | None:
    """Return a record that is not open to the actor yet; None when there is none, or nothing is said of it."""
    compiled = get_entity(session.app, entity)
    rights = locked_rights(session.app, compiled, actor)
    if not rights.read or not 0 < id < 2**63:
        return None
    plan = ListPlan(session, compiled, rights, ListQuery(), actor=actor)
    labels: Labels = {}
    for row in plan.among(session, [id]):
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        add_listed(session, compiled, [values], labels)
        found = Record(entity, id, values.pop("version"), values, labels, hidden=rights.hidden)
        return _told(session, compiled, [without_hidden(found)], actor)[0]
    return None


def list_locked(session: Session, entity: str, *, actor: Actor) -> list[Locked]:
    """Return the records that are not open to the actor yet, ``SHOWN`` at most."""
    compiled = get_entity(session.app, entity)
    rights = locked_rights(session.app, compiled, actor)
    if not rights.read:
        return []
    query = ListQuery(columns=compiled.display_keys, sort="id", limit=SHOWN)
    page = read_page(session, compiled, rights, query, actor)
    return _told(session, compiled, [without_hidden(record) for record in page.records], actor)


def _told(session: Session, entity: Entity, records: Sequence[Record], actor: Actor) -> list[Locked]:
    """Return the records with how much is missing for each."""
    said = entity.reading.locked
    if said is None or not records:
        return []
    checked, table = said.left.checked, session.tables.entity[entity.key]

    def build() -> Any:
        left = compile_sql(checked, TableSource(session.tables), table).label("how_much")
        return select(table.c.id, left).where(is_one_of(table.c.id, "locked_ids"))

    ids = [record.id for record in records]
    statement = session.prepared(("locked", entity.key), build)
    rows = statement.fetch_all(session.connection, parameters(session, actor) | {"locked_ids": ids})
    left = {id_: "" if much is None else str(much) for id_, much in rows}
    return [Locked(record, said.text, left.get(record.id, "")) for record in records]
