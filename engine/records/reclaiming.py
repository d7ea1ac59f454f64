"""Warning owners, and taking records back, when a timer of ownership is due.

Enters: a due timer. Leaves: a warning, a record in its pool, or a timer for later when the facts say so now. Must not
trust the timer: what it was armed for is worked out anew.
"""

from engine.compiler.app.ownership import POOL
from engine.errors import NotFound
from engine.records.protecting import TAKE, TOLD, WARN, is_near, protect, standing_of, warn
from engine.records.record import Record
from engine.records.spans import find_span
from engine.records.writing import lock_record, save_changes
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.timers import Timer


def lock_owned(session: Session, timer: Timer) -> bool:
    """Lock the record of a timer; False when it is gone, nobody owns it, or its entity has no ownership any more."""
    entity = session.app.entities.get(timer.entity)
    if entity is None or entity.ownership is None:
        return False
    try:
        record = lock_record(session, entity, timer.record_id, actor=None)
    except NotFound:
        return False
    return record.values.get("owner") is not None


def fire(session: Session, timer: Timer) -> None:
    """Do what is due for a locked record."""
    entity = session.app.entities[timer.entity]
    record = lock_record(session, entity, timer.record_id, actor=None)
    span = find_span(session, entity.key, record.id)
    owned = entity.ownership
    if span is None or owned is None:
        return
    standing = standing_of(session, entity, record.values, span)
    if timer.key == TAKE and standing.is_over(session.now()):
        _take(session, record, owned.protect[standing.rule or ""].to, standing.rule)
    elif timer.key == WARN and is_near(session, owned, standing):
        warn(session, entity, record.values, span, standing)
    else:
        protect(session, entity, record.values)


def _take(session: Session, record: Record, pool: str, rule: str | None) -> None:
    entity = session.app.entities[record.entity]
    told = {"rule": rule, "was": record.values["owner"]}
    changes = {"owner": None, "team": None, POOL: pool}
    save_changes(session, entity, record, changes, actor=None, action="reclaim", event="reclaimed", details=told)
    payload = {"kind": "reclaimed", "users": [told["was"]], "pool": pool}
    write_event(session, TOLD, entity.key, record.id, payload)
