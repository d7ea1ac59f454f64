"""Taking records from a pool, giving them back, giving them out, and keeping some: one function per deed.

Enters: a record, the actor, why. Leaves: another holder, with history, span and event in the same transaction; or one
sentence that says what stands in the way. Two who take the same record at one instant meet at its lock: the second is
told who was first. What one person may take is counted under a lock of that person.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from engine.compiler.app import Entity, Ownership, Pool
from engine.compiler.app.ownership import POOL
from engine.compiler.readers import REFUSED
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.expression.sql import compile_where, sql_parameters
from engine.people import accounts, directory
from engine.people.actor import Actor
from engine.records.calendar import SiteCalendar
from engine.records.evaluation import make_env, site_zone
from engine.records.protecting import TOLD, protect
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity, pool_rights
from engine.records.spans import find_span, list_spans, note_span
from engine.records.writing import lock_record, save_changes
from engine.storage.journal import write_event, write_history
from engine.storage.ownership_tables import owner_spans
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.storage.table_source import TableSource

LONGEST = 500


def claim_record(session: Session, entity: str, id: int, *, actor: Actor) -> None:
    """Take a record from its pool (领取): whoever is first has it.

    Raises ``NotFound`` (none in a pool the actor sees), ``NotAllowed`` (no member), ``NotPossibleNow`` (somebody was
    first, the day's claims are used, the cap is reached, it was theirs until lately).
    """
    compiled, owned = _owned(session, entity)
    record, pool = _lock_pooled(session, compiled, owned, id, actor)
    if actor.roles.isdisjoint(pool.members):
        raise NotAllowed("pool.no_member", pool=pool.label)
    _lock_person(session, actor.id)
    _require_cooled(session, compiled, owned, id, actor)
    _require_room(session, compiled, owned, actor)
    changes = {"owner": actor.id, "team": actor.team, POOL: None}
    save_changes(
        session, compiled, record, changes, actor=actor, action="take", event="claimed", details={POOL: pool.key}
    )


def release_record(session: Session, entity: str, id: int, pool: str, reason: str, *, actor: Actor) -> None:
    """Give a record back to a pool (退回公海), with the reason.

    Raises ``NotFound``, ``NotAllowed`` (not theirs by their own scope), ``NotPossibleNow`` (it is in a pool already)
    and ``InvalidValues`` (no such pool, no reason).
    """
    compiled, owned = _owned(session, entity)
    record = lock_record(session, compiled, id, actor=actor)
    if not record.owns:
        raise NotAllowed("pool.not_yours")
    if record.values["owner"] is None:
        raise NotPossibleNow("pool.there_already")
    errors = [] if pool in owned.pools else [FieldError(POOL, "pool.unknown", {"known": ", ".join(owned.pools)})]
    said = _checked(reason, errors)
    if errors:
        raise InvalidValues(errors)
    changes = {"owner": None, "team": None, POOL: pool}
    save_changes(session, compiled, record, changes, actor=actor, action="give_back", event="released", note=said)


def assign_record(session: Session, entity: str, id: int, to: int, *, actor: Actor) -> None:
    """Give a record in a pool to a member (分配); for those who look after the pool.

    Raises ``NotFound``, ``NotAllowed`` (not theirs to give), ``NotPossibleNow`` (somebody was first) and
    ``InvalidValues`` (no member of the pool).
    """
    compiled, owned = _owned(session, entity)
    record, pool = _lock_pooled(session, compiled, owned, id, actor)
    if actor.roles.isdisjoint(pool.admins):
        raise NotAllowed("pool.no_admin", pool=pool.label)
    try:
        taker = accounts.get_actor(session.connection, to)
    except NotFound:
        taker = None
    if taker is None or taker.roles.isdisjoint(pool.members):
        raise InvalidValues([FieldError("to", "pool.no_member_chosen", {"pool": pool.label})])
    changes = {"owner": taker.id, "team": taker.team, POOL: None}
    save_changes(
        session, compiled, record, changes, actor=actor, action="give", event="assigned", details={POOL: pool.key}
    )
    payload = {"kind": "assigned", "users": [taker.id], "by": actor.name}
    write_event(session, TOLD, entity, id, payload)


def keep_record(session: Session, entity: str, id: int, *, keep: bool, actor: Actor) -> None:
    """Lock a record of one's own, so that it is not taken back, or let go of that.

    Raises ``NotFound``, ``NotAllowed`` (not theirs) and ``NotPossibleNow`` (as many are locked as may be).
    """
    compiled, owned = _owned(session, entity)
    record = lock_record(session, compiled, id, actor=actor)
    if record.values["owner"] != actor.id and (keep or not record.owns):
        raise NotAllowed("pool.not_yours_to_keep")
    span = find_span(session, entity, id)
    if span is None or (span.locked_at is not None) == keep:
        return
    if keep:
        _lock_person(session, actor.id)
        locked = (*_held_by(actor.id, entity), owner_spans.c.locked_at.is_not(None))
        if _count(session, locked) >= owned.claim.locks:
            raise NotPossibleNow("pool.locks_used", most=owned.claim.locks)
    note_span(session, span, locked_at=session.now() if keep else None)
    action = "lock" if keep else "unlock"
    write_history(session, entity, id, record.version, action, {}, actor=actor)
    write_event(session, f"{entity}.{action}ed", entity, id, {"version": record.version})
    protect(session, compiled, record.values)


def list_takers(session: Session, pool: Pool, words: str = "", *, limit: int = 50) -> list[tuple[int, str]]:
    """Return whom something in a pool may be given to: members with ``words`` in their name."""
    members = {
        one.id: one.name for role in sorted(pool.members) for one in directory.holders_of(session.connection, role)
    }
    found = [(id_, name) for id_, name in members.items() if words.casefold() in name.casefold()]
    return sorted(found, key=lambda one: one[1])[:limit]


def count_room(session: Session, entity: Entity, actor: Actor) -> tuple[int | None, int | None]:
    """Return how many records the actor may take today, and how many more they may own; None is no limit."""
    owned = entity.ownership
    if owned is None:
        return None, None
    limits = owned.claim
    today = None if limits.per_day is None else max(0, limits.per_day - _taken_today(session, entity, actor))
    room = None if limits.at_most is None else max(0, limits.at_most - _count_owned(session, entity, owned, actor))
    return today, room


# ---- what stands in the way


def _owned(session: Session, key: str) -> tuple[Entity, Ownership]:
    entity = get_entity(session.app, key)
    if entity.ownership is None:
        raise NotFound("pool.not_found")
    return entity, entity.ownership


def _lock_pooled(session: Session, entity: Entity, owned: Ownership, id_: int, actor: Actor) -> tuple[Record, Pool]:
    """Lock a record in a pool the actor sees; whoever comes second is told who was first."""
    record = lock_record(session, entity, id_, actor=None)
    pool = record.values[POOL]
    if pool is not None:
        if not pool_rights(session.app, entity, pool, actor).read:
            raise NotFound()
        return record, owned.pools[pool]
    last = list_spans(session, entity.key, id_, limit=2)
    was = last[1].pool if len(last) > 1 else None
    if was is None or not pool_rights(session.app, entity, was, actor).read:
        if find_rights(session.app, entity, actor).read:
            lock_record(session, entity, id_, actor=actor)  # raises for whoever does not see it
            raise NotPossibleNow("pool.not_there")
        raise NotFound()
    if record.values["owner"] == actor.id:
        raise NotPossibleNow("pool.yours_already")
    who = directory.people(session.connection, [record.values["owner"]]).get(record.values["owner"])
    raise NotPossibleNow("pool.taken", name=who.name if who is not None else "—")


def _lock_person(session: Session, user_id: int) -> None:
    """Let nobody take two things at once: what they have is counted before it is more."""
    mine = select(users.c.id).where(users.c.id == user_id)
    session.connection.execute(mine.with_for_update(key_share=True)).first()


def _require_cooled(session: Session, entity: Entity, owned: Ownership, id_: int, actor: Actor) -> None:
    if owned.claim.cool_off is None:
        return
    c = owner_spans.c
    mine = (c.entity == entity.key, c.record_id == id_, c.owner_id == actor.id, c.until.is_not(None))
    left = session.connection.scalar(select(func.max(c.until, type_=c.until.type)).where(*mine))
    until = None if left is None else _calendar(session).due(left, owned.claim.cool_off)
    if until is not None and until > session.now():
        raise NotPossibleNow("pool.cooling", day=_said_day(session, until))


def _require_room(session: Session, entity: Entity, owned: Ownership, actor: Actor) -> None:
    limits = owned.claim
    if limits.per_day is not None and _taken_today(session, entity, actor) >= limits.per_day:
        raise NotPossibleNow("pool.day_used", most=limits.per_day)
    if limits.at_most is not None and _count_owned(session, entity, owned, actor) >= limits.at_most:
        raise NotPossibleNow("pool.full", most=limits.at_most)


def _taken_today(session: Session, entity: Entity, actor: Actor) -> int:
    zone = site_zone(session.app)
    morning = datetime.combine(session.now().astimezone(zone).date(), time(), zone)
    c = owner_spans.c
    return _count(session, (c.owner_id == actor.id, c.entity == entity.key, c.why == "claimed", c.since >= morning))


def _count_owned(session: Session, entity: Entity, owned: Ownership, actor: Actor) -> int:
    """Count the records somebody owns, those that count."""
    table, counting = session.tables.entity[entity.key], owned.claim.counting

    def build() -> Any:
        mine = [table.c.owner_id == bindparam("of_owner"), table.c.deleted_at.is_(None)]
        if counting is not None:
            mine.append(compile_where(counting.checked, TableSource(session.tables), table))
        return select(func.count()).select_from(table).where(*mine)

    env = make_env(session, None)
    given = {"of_owner": actor.id} | (sql_parameters(counting.checked, env) if counting is not None else {})
    row = session.prepared(("owned", entity.key), build).fetch_one(session.connection, given)
    return int(row[0]) if row is not None else 0


def _held_by(user_id: int, entity: str) -> Iterable[ColumnElement[bool]]:
    c = owner_spans.c
    return c.owner_id == user_id, c.entity == entity, c.until.is_(None)


def _count(session: Session, conditions: Iterable[ColumnElement[bool]]) -> int:
    return session.connection.scalar(select(func.count()).select_from(owner_spans).where(*conditions)) or 0


def _checked(reason: str, errors: list[FieldError]) -> str:
    said = reason.strip()
    if not said:
        errors.append(FieldError("reason", "pool.no_reason"))
    elif REFUSED.search(said):
        errors.append(FieldError("reason", "value.control"))
    elif len(said) > LONGEST:
        errors.append(FieldError("reason", "value.too_long", {"max": LONGEST, "length": len(said)}))
    return said


def _calendar(session: Session) -> SiteCalendar:
    return SiteCalendar(session.app.calendar, session.app.timezone)


def _said_day(session: Session, moment: datetime) -> str:
    """Return the first whole day on which a moment has passed."""
    local = moment.astimezone(site_zone(session.app))
    day = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    return f"{day:%m-%d}"
