"""What the duplicate rules found, kept as data: who met which record by which rule, and what came of it.

Enters: what was found while somebody typed or saved. Leaves: one row of ``fw_duplicate_hits`` for each record met,
rule, person and day. Must not be part of a save: a hit is kept also when the save that it stopped is rolled back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, func, select

from engine.compiler.app import Duplicate, Entity
from engine.people import directory
from engine.people.actor import Actor
from engine.records.evaluation import site_zone
from engine.records.sql import insert_into
from engine.storage.dispute_tables import duplicate_hits
from engine.storage.store import Session

Outcome = Literal["seen", "refused", "confirmed"]
_LONGEST = 200
_ORDER = ("seen", "refused", "confirmed")


@dataclass(frozen=True)
class Hit:
    """One record that somebody met; ``made_id`` is what they saved all the same, ``why`` the reason they gave."""

    id: int
    entity: str
    record_id: int
    rule: str
    user_id: int
    user: str
    first_at: datetime
    last_at: datetime
    times: int
    via: str
    typed: str
    outcome: str
    made_id: int | None
    why: str | None


@dataclass(frozen=True)
class Met:
    """What one rule of ``entity`` found: ``typed`` is what was entered in the fields that it is compared by."""

    entity: str
    rule: str
    ids: tuple[int, ...]
    typed: str


def met(entity: Entity, rule: Duplicate, ids: Iterable[int], values: Mapping[str, Any]) -> Met:
    """Return what a rule found for these values; what it found elsewhere was met there, by the rule there."""
    said = (entity.fields[key].type.to_text(values[key]) for key in rule.fields if values.get(key) not in (None, ""))
    there = (entity.key, rule.key) if rule.among is None else (rule.among.entity, rule.among.rule)
    return Met(*there, tuple(ids), " · ".join(said)[:_LONGEST])


def keep_aside(session: Session, found: Sequence[Met], outcome: Outcome, *, actor: Actor) -> None:
    """Keep hits once this transaction ended, whichever way: what stopped a save is rolled back with it."""
    if found and session.writes:
        session.aside(partial(keep_hits, found=tuple(found), outcome=outcome, actor=actor))


def keep_seen(session: Session, found: Sequence[Met], *, actor: Actor) -> None:
    """Keep what was shown to somebody who is typing; a page that only reads is answered first."""
    if found:
        session.aside(partial(keep_hits, found=tuple(found), outcome="seen", actor=actor))


def keep_confirmed(
    session: Session,
    entity: Entity,
    made: int,
    values: Mapping[str, Any],
    told: Mapping[str, Any] | None,
    actor: Actor | None,
) -> None:
    """Note, with the record that was saved all the same, whose reason ``told`` holds (``check_duplicates``)."""
    if told is None or actor is None:
        return
    rules = {rule.key: rule for rule in entity.duplicates}
    found = [met(entity, rules[key], ids, values) for key, ids in told["rules"].items() if key in rules]
    same = [one for one in found if one.entity == entity.key]
    keep_hits(session, found=same, outcome="confirmed", actor=actor, made=made, why=told["why"])
    elsewhere = [one for one in found if one.entity != entity.key]  # what was made is no record of that entity
    keep_hits(session, found=elsewhere, outcome="confirmed", actor=actor, why=told["why"])


def keep_hits(
    session: Session,
    *,
    found: Sequence[Met],
    outcome: Outcome,
    actor: Actor,
    made: int | None = None,
    why: str | None = None,
) -> None:
    """Note that somebody met records; met again the same day it is the same hit, with what came of it last."""
    now = session.now()
    day = now.astimezone(site_zone(session.app)).date().isoformat()
    c = duplicate_hits.c
    for one in found:
        for id_ in one.ids:
            row = {
                "entity": one.entity, "record_id": id_, "rule": one.rule, "user_id": actor.id, "day": day,
                "first_at": now, "last_at": now, "times": 1, "via": actor.via, "typed": one.typed, "outcome": outcome,
                "made_id": made, "why": why,
            }  # fmt: skip
            told = insert_into(duplicate_hits, session.connection.dialect).values(row)
            again = {
                "last_at": now, "times": c.times + 1, "typed": one.typed, "via": actor.via,
                "outcome": _further(outcome), "made_id": func.coalesce(told.excluded.made_id, c.made_id),
                "why": func.coalesce(told.excluded.why, c.why),
            }  # fmt: skip
            same = [c.entity, c.record_id, c.rule, c.user_id, c.day]
            session.connection.execute(told.on_conflict_do_update(index_elements=same, set_=again))


def list_hits(session: Session, *where: ColumnElement[bool], limit: int) -> list[Hit]:
    """Return hits, the last first."""
    c = duplicate_hits.c
    rows = session.connection.execute(select(duplicate_hits).where(*where).order_by(c.id.desc()).limit(limit)).all()
    people = directory.people(session.connection, [row.user_id for row in rows])
    return [
        Hit(
            row.id, row.entity, row.record_id, row.rule, row.user_id, people[row.user_id].name, row.first_at,
            row.last_at, row.times, row.via, row.typed, row.outcome, row.made_id, row.why,
        )
        for row in rows
    ]  # fmt: skip


def _further(outcome: Outcome) -> Any:
    """What came of it goes on only: who saved in the end is not set back by typing the name once more."""
    c = duplicate_hits.c.outcome
    above = _ORDER[_ORDER.index(outcome) :]
    return case((c.in_(above), c), else_=outcome)
