"""Who is given a record: one of several people who is not away and has room, by turn or by load, and why.

Enters: people, a rule. Leaves: one person, with the reason kept as a row. Must not change the record.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, text

from engine.compiler.app import Do, Entity
from engine.expression import Env
from engine.expression.sql import compile_where, sql_parameters
from engine.people.delegations import find_deputies
from engine.records.sql import is_one_of
from engine.storage.automation_tables import assignments
from engine.storage.store import Session
from engine.storage.table_source import TableSource

_TURNS = 0x5475726E
"""Names our turns among the advisory locks of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who was given a record and why: by which step, among whom, who was away, who had too many, how many they had."""

    user_id: int
    why: Mapping[str, Any]


def choose(
    session: Session, automation: str, entity: Entity, step: Do, people: Iterable[int], env: Env
) -> Assignment | None:
    """Return who is to be given a record; None when nobody is there or everybody has too many.

    Only one transaction at a time chooses for an automation, so that two records do not go to the same turn.
    """
    _take_turn(session, automation)
    asked = list(dict.fromkeys(people))
    away = set(find_deputies(session, asked))
    here = [one for one in asked if one not in away]
    counted = step.at_most is not None or step.share == "load"
    loads = _count(session, entity, step, here, env) if counted else {}
    full = {one for one in here if step.at_most is not None and loads.get(one, 0) >= step.at_most}
    free = [one for one in here if one not in full]
    if not free:
        return None
    last = _last_turns(session, automation, free)
    order = (
        (lambda one: (loads.get(one, 0), last.get(one, 0)))
        if step.share == "load"
        else (lambda one: (last.get(one, 0), 0))
    )
    chosen = min(free, key=order)
    why = {"step": step.path, "by": step.share, "among": len(asked), "away": sorted(away), "full": sorted(full)}
    return Assignment(chosen, {**why, "load": loads[chosen]} if chosen in loads else why)


def keep(session: Session, automation: str, entity: str, record_id: int, given: Assignment) -> None:
    """Keep who was given a record and why."""
    row = {"automation": automation, "entity": entity, "record_id": record_id, "user_id": given.user_id}
    session.connection.execute(insert(assignments).values(**row, at=session.now(), why=dict(given.why)))


def _take_turn(session: Session, automation: str) -> None:
    if session.connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(CAST(:of AS integer), hashtext(:key))")
        session.connection.execute(lock, {"of": _TURNS, "key": automation})


def _count(session: Session, entity: Entity, step: Do, people: Sequence[int], env: Env) -> dict[int, int]:
    """Return how many records each of these people owns that count."""
    table = session.tables.entity[entity.key]
    own = [is_one_of(table.c.owner_id, "people"), table.c.deleted_at.is_(None)]
    given: dict[str, Any] = {"people": list(people)}
    if step.counting is not None:
        own.append(compile_where(step.counting.checked, TableSource(session.tables), table))
        given |= sql_parameters(step.counting.checked, env)
    query = select(table.c.owner_id, func.count()).where(*own).group_by(table.c.owner_id)
    return {row[0]: row[1] for row in session.connection.execute(query, given)}


def _last_turns(session: Session, automation: str, people: Sequence[int]) -> dict[int, int]:
    """Return the last assignment of each, by the number of its row: what came later is the larger."""
    c = assignments.c
    query = (
        select(c.user_id, func.max(c.id)).where(c.automation == automation, c.user_id.in_(people)).group_by(c.user_id)
    )
    return {row[0]: row[1] for row in session.connection.execute(query)}
