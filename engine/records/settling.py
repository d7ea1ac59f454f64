"""What a new release changes in records that are there already and only the layers above storage can work out.

Enters: the app before, and a session under the new release inside its publish. Leaves: computed values that need the
calendar, numbers of new series, whose a record is and until when, the keys of duplicate rules that changed, and the
terms of search where other fields are searched now: of the first records at once, of the others afterwards, a batch at
a time. Must not touch what people typed. A term is nobody's edit; values and numbers are one of the release, in the
record's history.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from engine.compiler.app import CompiledApp, Duplicate, Entity
from engine.records.columns import record_columns, to_values
from engine.records.match_keys import forget_all, is_unique, match_key, write_keys
from engine.records.numbering import number_existing
from engine.records.protecting import begin_ownership
from engine.records.reworking import rework
from engine.records.search_terms import name_keys, rebuild_in_turns, searched_keys
from engine.storage.store import Session

_BATCH = 500


def settle_after(before: CompiledApp) -> Callable[[Session], None]:
    """Return what ``catalog.publish`` calls to settle the records of the app it publishes."""

    def settle(session: Session) -> None:
        for entity in session.app.entities.values():
            old = before.entities.get(entity.key) or before.entities.get(entity.was or "")
            if old is not None:
                rework(session, old, entity)
                number_existing(session, old, entity)
                begin_ownership(session, old, entity)
            if old is not None and _found_by(old) != _found_by(entity):
                rebuild_in_turns(session, entity.key)
            if _compared(entity) != (None if old is None else _compared(old)):
                _renew_keys(session, entity)

    return settle


def _found_by(entity: Entity) -> tuple[Any, ...]:
    """Return what the terms of a record are made of."""
    return searched_keys(entity), name_keys(entity)


def _compared(entity: Entity) -> list[tuple[Any, ...]]:
    return [
        (rule.key, is_unique(rule), rule.exact, dict(rule.alike), rule.near, rule.within, rule.domains)
        for rule in _own(entity)
    ]


def _own(entity: Entity) -> list[Duplicate]:
    """Return the rules that compare records of the entity itself: those of others look at keys that are kept there."""
    return [rule for rule in entity.duplicates if rule.among is None]


def _renew_keys(session: Session, entity: Entity) -> None:
    """Make all keys anew. Of those that are duplicates already, the first is the one no other may repeat."""
    forget_all(session, entity.key)
    taken: set[tuple[str, str]] = set()
    rules = _own(entity)
    for rows in _batches(session, entity) if rules else ():
        for rule in rules:
            found = []
            for row in rows:
                key = match_key(entity, rule, row)
                if key is not None:
                    found.append((row["id"], key, is_unique(rule) and (rule.key, key.exact) not in taken))
                    taken.add((rule.key, key.exact))
            write_keys(session, entity, rule, found)


def _batches(session: Session, entity: Entity) -> Iterator[Sequence[dict[str, Any]]]:
    table, last = session.tables.entity[entity.key], 0
    while True:
        found = select(*record_columns(table, entity)).where(table.c.id > last, table.c.deleted_at.is_(None))
        rows = [to_values(entity, row) for row in session.connection.execute(found.order_by(table.c.id).limit(_BATCH))]
        if not rows:
            return
        yield rows
        last = rows[-1]["id"]
