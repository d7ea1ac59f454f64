"""Until when a record stays with its owner: worked out from the facts, kept beside the record, armed as a timer.

Enters: a record of an entity with ownership as it was just written, or one whose facts changed. Leaves: its span, its
``protected_until`` and one pending timer. Must not take a record from anybody: ``reclaiming`` does, when it is due.

A timer is only a reason to look: what it finds is worked out anew from the facts, so one that fires late, twice or
after a change does nothing wrong. Nobody loses a record without having been warned ``warn`` before: what is overdue
when a rule is published, or after a standstill, is warned of first.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update

from engine.compiler.app import CompiledApp, Entity, Ownership, Protection
from engine.compiler.app.ownership import POOL, PROTECTED_UNTIL
from engine.expression import Env
from engine.expression.sql import compile_where, sql_parameters
from engine.people.actor import Actor
from engine.records.calendar import SiteCalendar
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import make_env
from engine.records.spans import (
    ASSIGNED,
    HANDED_OVER,
    RULE,
    WHY,
    Span,
    begin_all,
    begin_spans,
    change_holder,
    end_span,
    find_span,
    note_span,
)
from engine.records.working_time import find_working_time
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.table_source import TableSource
from engine.storage.timers import Timer, arm_timer, drop_timers, find_last_id, list_timers

TIMER = "ownership"
"""The kind of the timers of ownership."""
WARN, TAKE, LOOK = "warn", "take", "look"
"""Their keys: warn the owner, take the record, look whether it is still exempt."""
TOLD = "owning.told"
"""The event that tells people what becomes of a record of theirs."""
REBUILD = "owning.rebuild"
"""The event that works out the records there are, a batch at a time, after its rules changed."""

_LOOK_EVERY = timedelta(days=1)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """When a record leaves its owner, by which rule; ``exempt`` tells that it stays as long as that holds."""

    until: datetime | None = None
    rule: str | None = None
    exempt: bool = False

    def is_over(self, now: datetime) -> bool:
        """Tell whether the record should have left its owner by now."""
        return self.until is not None and self.until <= now


def first_standing(session: Session, entity: Entity, values: Mapping[str, Any], env: Env) -> dict[str, Any]:
    """Return what ownership adds to the values of a new record."""
    if entity.ownership is None:
        return {}
    standing = _judge(session, entity, values, session.now(), env)
    until = _with_warning(session, entity.ownership, standing.until)
    return {POOL: values.get(POOL), PROTECTED_UNTIL: until, RULE: standing.rule}


def begin_owned(session: Session, entity: Entity, many: Sequence[dict[str, Any]], *, actor: Actor, action: str) -> None:
    """Begin the history of new records, and arm what is to happen to them."""
    if entity.ownership is None or not many:
        return
    begin_spans(session, entity, many, by=actor.id, why=WHY.get(action, ASSIGNED))
    for values in many:
        until = values.get(PROTECTED_UNTIL)
        if until is not None:
            key, at = _first_look(session, entity.ownership, until)
            arm_timer(session, entity.key, values["id"], TIMER, key, arming="1", due_at=at)
        elif values.get("owner") is not None and entity.ownership.exempt is not None:
            arm_timer(session, entity.key, values["id"], TIMER, LOOK, arming="1", due_at=session.now() + _LOOK_EVERY)


def follow_owned(
    session: Session,
    entity: Entity,
    values: dict[str, Any],
    changed: Collection[str],
    *,
    actor: Actor | None,
    action: str,
    note: str | None,
    details: Mapping[str, Any] | None,
) -> None:
    """Keep history, standing and timer in step with a change of a record."""
    if entity.ownership is None:
        return
    if {"owner", POOL} & set(changed):
        why = HANDED_OVER if HANDED_OVER in (details or {}) else WHY.get(action, ASSIGNED)
        change_holder(session, entity, values, by=actor, why=why, note=note)
    elif not _reads(entity.ownership) & set(changed):
        return
    protect(session, entity, values)


def out_of_pool(entity: Entity, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an owner brings about: what somebody owns is in no pool."""
    return {POOL: None} if entity.ownership is not None and changes.get("owner") is not None else {}


def end_owned(session: Session, entity: Entity, record_id: int) -> None:
    """Nobody has a record that was deleted."""
    if entity.ownership is not None:
        end_span(session, entity, record_id)
        drop_timers(session, entity.key, record_id, TIMER)


def resume_owned(session: Session, entity: Entity, values: dict[str, Any], *, actor: Actor) -> None:
    """A record that came back is whose it was; its time begins anew."""
    if entity.ownership is not None:
        change_holder(session, entity, values, by=actor, why=WHY["restore"], note=None)
        protect(session, entity, values)


def protect(session: Session, entity: Entity, values: dict[str, Any]) -> None:
    """Work out anew until when a locked record stays with its owner; keep that and arm what is next."""
    owned, span = entity.ownership, find_span(session, entity.key, values["id"])
    if owned is None or span is None:
        return
    pending = [one for one in list_timers(session, entity.key, values["id"]) if one.kind == TIMER]
    standing = standing_of(session, entity, values, span)
    warned = next((one for one in pending if one.key == TAKE), None) if owned.warn else None
    if standing.until is not None and warned is not None and standing.until <= warned.due_at:
        _keep(session, entity, values, span, warned.due_at, standing.rule, span.warned_at)
        return  # told already for when; a change that would make it sooner does not break that word
    until = _with_warning(session, owned, standing.until)
    _keep(session, entity, values, span, until, standing.rule, None)
    if until is not None:
        _arm(session, entity, values["id"], pending, *_first_look(session, owned, until))
    elif standing.exempt:
        _arm(session, entity, values["id"], pending, LOOK, session.now() + _LOOK_EVERY)
    else:
        _arm(session, entity, values["id"], pending, None, None)


def warn(session: Session, entity: Entity, values: dict[str, Any], span: Span, standing: Standing) -> None:
    """Tell the owner of a locked record when it leaves them, and arm that."""
    assert entity.ownership is not None and standing.until is not None  # noqa: S101 - asked before
    until = _with_warning(session, entity.ownership, standing.until)
    assert until is not None  # noqa: S101 - it follows from the other
    _keep(session, entity, values, span, until, standing.rule, session.now())
    _arm(session, entity, values["id"], (), TAKE, until)
    payload = {"kind": "warned", "users": [values["owner"]], "until": until.isoformat(), "rule": standing.rule}
    write_event(session, TOLD, entity.key, values["id"], payload)


def is_near(session: Session, owned: Ownership, standing: Standing) -> bool:
    """Tell whether it is time to warn of what stands."""
    if standing.until is None or owned.warn is None:
        return False
    return standing.until <= _warned_for(session, owned.warn, session.now())


def standing_of(session: Session, entity: Entity, values: Mapping[str, Any], span: Span) -> Standing:
    """Return when a record leaves its owner by the facts there are now; a lock holds it."""
    if span.locked_at is not None:
        return Standing()
    return _judge(session, entity, values, span.since, make_env(session, None))


def refresh(session: Session, child: str, record_id: int) -> None:
    """Work out anew the records whose rules look at a record of ``child`` that was made, changed or deleted."""
    for entity, link in _watching(session.app, child):
        table = session.tables.entity[child]
        found = session.connection.scalar(select(table.c[link]).where(table.c.id == record_id))
        for values in _locked(session, entity, [] if found is None else [found]):
            protect(session, entity, values)


def begin_ownership(session: Session, before: Entity, entity: Entity) -> None:
    """Begin with the records there are when an entity gets ownership, or other rules; the rest follows as events."""
    if entity.ownership is None:
        return
    if before.ownership is None:
        begin_all(session, entity)
    if _said(before.ownership) != _said(entity.ownership):
        rebuild(session, entity.key, after=0)


def rebuild(session: Session, key: str, *, after: int) -> None:
    """Work out a batch of the records there are, and leave the rest to an event of its own."""
    entity = session.app.entities.get(key)
    if entity is None or entity.ownership is None:
        return
    table = session.tables.entity[key]
    alive = select(table.c.id).where(table.c.id > after, table.c.deleted_at.is_(None), table.c.owner_id.is_not(None))
    ids = list(session.connection.scalars(alive.order_by(table.c.id).limit(_BATCH)))
    for values in _locked(session, entity, ids):
        protect(session, entity, values)
    if len(ids) == _BATCH:
        write_event(session, REBUILD, key, None, {"after": ids[-1]})


# ---- working it out


def _judge(session: Session, entity: Entity, values: Mapping[str, Any], since: datetime, env: Env) -> Standing:
    owned = entity.ownership
    if owned is None or values.get("owner") is None:
        return Standing()
    rules = [rule for rule in owned.protect.values() if rule.when is None or rule.when.run(values, env) is True]
    if not rules:
        return Standing()
    if owned.exempt is not None and owned.exempt.run(values, env) is True:
        return Standing(exempt=True)
    calendar = find_working_time(session, team=values.get("team"))
    return Standing(*min(_ends(session, values, since, rule, calendar, env) for rule in rules))


def _ends(
    session: Session, values: Mapping[str, Any], since: datetime, rule: Protection, calendar: SiteCalendar, env: Env
) -> tuple[datetime, str]:
    last = _last(session, rule, values.get("id"), env)
    return calendar.due(since if last is None else max(since, last), rule.span), rule.key


def _last(session: Session, rule: Protection, id_: int | None, env: Env) -> datetime | None:
    """Return when the last record that counts was made."""
    if rule.without is None or id_ is None:
        return None
    child, link = rule.without
    table = session.tables.entity[child]

    def build() -> Any:
        own = [table.c[link] == bindparam("of_record"), table.c.deleted_at.is_(None)]
        if rule.counting is not None:
            own.append(compile_where(rule.counting.checked, TableSource(session.tables), table))
        return select(func.max(table.c.created_at, type_=table.c.created_at.type)).where(*own)

    counting = rule.counting
    statement = session.prepared(("last of", child, link, counting.text if counting else None), build)
    given = {"of_record": id_} | (sql_parameters(counting.checked, env) if counting else {})
    row = statement.fetch_one(session.connection, given)
    return row[0] if row is not None else None


def _with_warning(session: Session, owned: Ownership, until: datetime | None) -> datetime | None:
    """Nobody loses a record before they could be warned."""
    return until if until is None or owned.warn is None else max(until, _warned_for(session, owned.warn, session.now()))


def _first_look(session: Session, owned: Ownership, until: datetime) -> tuple[str, datetime]:
    if owned.warn is None:
        return TAKE, until
    return WARN, max(session.now(), until - (_warned_for(session, owned.warn, until) - until))


def _warned_for(session: Session, warn: str, start: datetime) -> datetime:
    return SiteCalendar(session.app.calendar, session.app.timezone).due(start, warn)


# ---- keeping it


def _keep(
    session: Session, entity: Entity, values: dict[str, Any], span: Span, until: datetime | None, rule: str | None,
    warned_at: datetime | None,
) -> None:  # fmt: skip
    """Keep the standing of a record. It is no edit: neither version nor history tell of it."""
    if (span.rule, span.warned_at) != (rule, warned_at):
        note_span(session, span, rule=rule, warned_at=warned_at)
    if values.get(PROTECTED_UNTIL) == until:
        return
    table = session.tables.entity[entity.key]

    def build() -> Any:
        kept = {PROTECTED_UNTIL: bindparam("new_until", type_=table.c[PROTECTED_UNTIL].type)}
        return update(table).where(table.c.id == bindparam("record_id")).values(kept)

    given = {"new_until": until, "record_id": values["id"]}
    session.prepared(("protect", entity.key), build).execute(session.connection, given)
    values[PROTECTED_UNTIL] = until


def _arm(
    session: Session, entity: Entity, id_: int, pending: Sequence[Timer], key: str | None, at: datetime | None
) -> None:
    """Let one timer be pending, and leave it where it is right already."""
    right = [one for one in pending if one.key == key and (one.due_at == at or key == LOOK)]
    if right and len(pending) == 1:
        return
    if pending:
        drop_timers(session, entity.key, id_, TIMER)
    if key is not None and at is not None:
        occasion = f"{session.now().isoformat()}-{find_last_id(session)}"
        arm_timer(session, entity.key, id_, TIMER, key, arming=occasion, due_at=at)


def _locked(session: Session, entity: Entity, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the values of living records, locked; by id, as everybody locks them."""
    if not ids:
        return
    table = session.tables.entity[entity.key]
    own = (table.c.id.in_(sorted(ids)), table.c.deleted_at.is_(None))
    found = select(*record_columns(table, entity)).where(*own).order_by(table.c.id)
    for row in session.connection.execute(found.with_for_update(of=table, key_share=True)).all():
        yield to_values(entity, tuple(row))


def _reads(owned: Ownership) -> frozenset[str]:
    """Return the fields of its own record that the rules look at."""
    conditions = [owned.exempt, *(rule.when for rule in owned.protect.values())]
    return frozenset(use[0] for one in conditions if one is not None for use in one.checked.uses) | {"team"}


def _watching(app: CompiledApp, child: str) -> Iterator[tuple[Entity, str]]:
    """Yield the entities whose rules look at records of ``child``, each with the link it hangs on."""
    for entity in app.entities.values():
        if entity.ownership is not None:
            awaited = [rule.without for rule in entity.ownership.protect.values() if rule.without is not None]
            links = {link for other, link in awaited if other == child}
            read = _reads(entity.ownership)
            collections = entity.shape.collections.items()
            links |= {one.via for name, one in collections if one.entity == child and one.via and name in read}
            yield from ((entity, link) for link in sorted(links))


def _said(owned: Ownership | None) -> Any:
    """Return what the rules say, so that two can be compared."""
    if owned is None:
        return None
    rules = [
        (rule.when and rule.when.text, rule.without, rule.counting and rule.counting.text, rule.span, rule.to)
        for rule in owned.protect.values()
    ]
    return rules, owned.exempt and owned.exempt.text, owned.warn
