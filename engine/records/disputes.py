"""What somebody asks for who met the record of somebody else: to work on it together, or to have it.

Enters: a hit of the asker's own, a reason; or the answer of whoever decides. Leaves: a row of ``fw_disputes``, and what
a yes gives, by the commands there are for it, in one transaction. Must not tell the asker anything of the record but
whose it is and when it was last active, until they may see it.

A request to collaborate is answered by the owner of the record, an appeal by whoever holds the role the definition
names, never by the asker nor by the owner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from engine.compiler.app import Entity
from engine.compiler.readers import REFUSED
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts, directory
from engine.people.actor import Actor
from engine.records import sharing
from engine.records.duplicates import Other, show_others
from engine.records.hits import Hit, list_hits
from engine.records.rights import find_rights, get_entity
from engine.records.sharing import Recipient
from engine.records.working_time import find_working_time
from engine.records.writing import lock_record, save_changes
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.journal import write_audit, write_event
from engine.storage.store import Session
from engine.storage.timers import Timer, arm_timer, drop_timers

Kind = Literal["collaborate", "appeal"]
COLLABORATE: Kind = "collaborate"
APPEAL: Kind = "appeal"
ASKED, GRANTED, REFUSED_STATE, WITHDRAWN = "asked", "granted", "refused", "withdrawn"
DUE = "dispute"
"""The kind of timers that go off when an appeal should have been decided."""

ASK_WITHIN = timedelta(days=30)
"""How long after a record was met something may be asked for because of it."""

_LONGEST = 500
_SHOWN = 50


@dataclass(frozen=True)
class Dispute:
    """One request: ``owner_id`` owns the record now, ``other`` is what the reader may know of it (None: it is gone)."""

    id: int
    kind: Kind
    entity: str
    record_id: int
    user_id: int
    user: str
    reason: str
    asked_at: datetime
    due_at: datetime | None
    state: str
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None
    hit_id: int
    owner_id: int | None
    other: Other | None

    def is_late(self, now: datetime) -> bool:
        """Whether it is open and past its due moment."""
        return self.state == ASKED and self.due_at is not None and self.due_at < now


@dataclass(frozen=True)
class MetRecord:
    """A record the actor met, as far as they may know it, and what they may ask for because of it."""

    hit: Hit
    other: Other
    kinds: tuple[Kind, ...]
    open: Kind | None  # what they asked for already


# ---- asking


def list_met(session: Session, *, actor: Actor, limit: int = 20) -> list[MetRecord]:
    """Return what the actor met lately of others', the last first."""
    since = duplicate_hits.c.last_at > session.now() - ASK_WITHIN
    found = list_hits(session, duplicate_hits.c.user_id == actor.id, since, limit=limit)
    made = (_met(session, one, actor) for one in found)
    return [one for one in made if one is not None]


def ask(session: Session, hit_id: int, kind: str, reason: str, *, actor: Actor) -> int:
    """Ask to collaborate on a record the actor met, or appeal for it; return the id of the request.

    Raises ``NotFound`` for what the actor did not meet, ``NotAllowed`` where the definition allows no such request,
    ``InvalidValues`` without a reason, or when their role takes no share, and ``NotPossibleNow`` when they asked
    already, or nobody can decide.
    """
    found = list_hits(session, duplicate_hits.c.user_id == actor.id, duplicate_hits.c.id == hit_id, limit=1)
    met = _met(session, found[0], actor) if found else None
    if met is None:
        raise NotFound("dispute.no_hit")
    entity = get_entity(session.app, met.hit.entity)
    if met.open is not None:
        raise NotPossibleNow("dispute.open")
    if kind not in met.kinds:
        raise NotAllowed("dispute.not_offered")
    why = _said(reason, "dispute.no_reason")
    record = lock_record(session, entity, met.hit.record_id, actor=None)
    if kind == COLLABORATE:
        me = Recipient("user", str(actor.id))
        if sharing.find_hindrances(session, entity, record, me, _access(entity)):
            raise NotPossibleNow("dispute.no_share")
    deciders = _deciders(session, entity, kind, record.values["owner"], actor.id)
    if not deciders:
        raise NotPossibleNow("dispute.nobody")
    due = _due(session, entity) if kind == APPEAL else None
    row = {
        "hit_id": hit_id, "kind": kind, "entity": entity.key, "record_id": record.id, "user_id": actor.id,
        "reason": why, "asked_at": session.now(), "due_at": due, "state": ASKED,
    }  # fmt: skip
    id_: int = session.connection.execute(insert(disputes).values(row).returning(disputes.c.id)).scalar_one()
    if due is not None:
        arm_timer(session, entity.key, record.id, DUE, str(id_), arming=str(id_), due_at=due, payload={"dispute": id_})
    write_audit(session, f"disputing.{kind}", f"{entity.key}/{record.id}", {"dispute": id_, "reason": why}, actor=actor)
    told = {"dispute": id_, "users": deciders, "by": actor.name, "kind": kind}
    write_event(session, "disputing.asked", entity.key, record.id, told)
    return id_


def withdraw(session: Session, id: int, *, actor: Actor) -> None:
    """Take one's own request back; raises ``NotFound`` for those of others, ``NotPossibleNow`` when it is decided."""
    found = _lock(session, id)
    if found.user_id != actor.id:
        raise NotFound("dispute.none")
    _end(session, found, WITHDRAWN, None, actor)


# ---- deciding


def grant(session: Session, id: int, *, ends_at: datetime | None = None, answer: str = "", actor: Actor) -> None:
    """Say yes: the record is shared with the asker, until ``ends_at`` where given, or becomes theirs.

    Raises ``NotFound`` for what is not the actor's to decide, ``NotPossibleNow`` when it is decided or the record is
    gone, and what the commands raise that share a record or change its owner.
    """
    found = _require_mine(session, id, actor)
    entity = get_entity(session.app, found.entity)
    if found.kind == APPEAL and entity.disputes and entity.disputes.appeal and entity.disputes.appeal.grants != "share":
        _give(session, entity, found, actor)
    else:
        to = Recipient("user", str(found.user_id))
        sharing.share_record(
            session, found.entity, found.record_id, to, _access(entity, found.kind), ends_at=ends_at, actor=actor
        )
    _end(session, found, GRANTED, _optional(answer), actor)


def refuse(session: Session, id: int, *, reason: str, actor: Actor) -> None:
    """Say no, and why. Raises as ``grant`` does, and ``InvalidValues`` without a reason."""
    found = _require_mine(session, id, actor)
    _end(session, found, REFUSED_STATE, _said(reason, "dispute.no_answer"), actor)


def get_dispute(session: Session, id: int, *, actor: Actor) -> Dispute:
    """Return a request of the actor's own, one that is theirs to decide or that they decided; raises ``NotFound``."""
    found = next(iter(_read(session, (disputes.c.id == id,), actor, limit=1)), None) if 0 < id < 2**63 else None
    if found is None:
        raise NotFound("dispute.none")
    decided = session.connection.scalar(select(disputes.c.decided_by).where(disputes.c.id == id))
    if actor.id not in (found.user_id, decided) and not may_decide(session, found, actor):
        raise NotFound("dispute.none")
    return found


def list_asked(session: Session, *, actor: Actor, late: bool = False) -> list[Dispute]:
    """Return the requests that wait for the actor's answer, the oldest first; with ``late`` those past their time."""
    where = _waiting(session, actor)
    if where is None:
        return []
    conditions = [where, disputes.c.due_at < session.now()] if late else [where]
    return _read(session, conditions, actor, limit=_SHOWN)


def count_asked(session: Session, *, actor: Actor) -> int:
    """Return how many requests wait for the actor's answer."""
    where = _waiting(session, actor)
    return 0 if where is None else len(session.connection.execute(select(disputes.c.id).where(where).limit(100)).all())


def list_own(session: Session, *, actor: Actor) -> list[Dispute]:
    """Return what the actor asked for, the last first."""
    found = _read(session, (disputes.c.user_id == actor.id,), actor, limit=_SHOWN)
    return sorted(found, key=lambda one: -one.id)


def may_decide(session: Session, found: Dispute, actor: Actor) -> bool:
    """Tell whether the actor is to answer a request that is open."""
    entity = session.app.find_open(found.entity)
    if entity is None or found.state != ASKED or actor.id == found.user_id:
        return False
    if found.kind == COLLABORATE:
        return found.owner_id == actor.id
    appeal = entity.disputes.appeal if entity.disputes else None
    return appeal is not None and appeal.to in actor.roles and found.owner_id != actor.id


def is_due(session: Session, timer: Timer) -> bool:
    """Lock the appeal of a timer and tell whether nobody has decided about it yet."""
    found = select(disputes.c.state).where(disputes.c.id == timer.payload["dispute"]).with_for_update()
    return session.connection.scalar(found) == ASKED


def fire_due(session: Session, timer: Timer) -> None:
    """Tell whoever is to decide about an appeal that its time is over."""
    row = session.connection.execute(select(disputes).where(disputes.c.id == timer.payload["dispute"])).one()
    entity = session.app.entities.get(row.entity)
    if entity is None:
        return
    table = session.tables.entity[row.entity]
    owner = session.connection.scalar(select(table.c.owner_id).where(table.c.id == row.record_id))
    deciders = _deciders(session, entity, row.kind, owner, row.user_id)
    told = {"dispute": row.id, "users": deciders, "by": "", "kind": "late"}
    write_event(session, "disputing.asked", row.entity, row.record_id, told)


# ---- inside


def _met(session: Session, hit: Hit, actor: Actor) -> MetRecord | None:
    """Return what the actor may know and ask; None for what is theirs, is gone, or nobody may ask about."""
    entity = session.app.find_open(hit.entity)
    if entity is None or entity.disputes is None:
        return None
    other = next(iter(show_others(session, entity, [hit.record_id], actor)), None)
    if other is None or other.id is not None or hit.last_at < session.now() - ASK_WITHIN:
        return None
    kinds: list[Kind] = [COLLABORATE] if entity.disputes.collaborate else []
    kinds += [APPEAL] if entity.disputes.appeal else []
    c = disputes.c
    mine = (c.entity == hit.entity, c.record_id == hit.record_id, c.user_id == actor.id, c.state == ASKED)
    opened: Any = session.connection.scalar(select(c.kind).where(*mine))
    return MetRecord(hit, other, () if opened else tuple(kinds), opened)


def _access(entity: Entity, kind: str = COLLABORATE) -> sharing.Access:
    if kind == APPEAL:
        return "write"
    return (entity.disputes.collaborate if entity.disputes else None) or "read"


def _due(session: Session, entity: Entity) -> datetime:
    assert entity.disputes is not None and entity.disputes.appeal is not None  # noqa: S101 - it was offered
    return find_working_time(session).due(session.now(), entity.disputes.appeal.within)


def _deciders(session: Session, entity: Entity, kind: str, owner: int | None, asker: int) -> list[int]:
    if kind == COLLABORATE:
        person = directory.people(session.connection, [owner]).get(owner or 0)
        return [person.id] if person is not None and person.enabled and person.id != asker else []
    appeal = entity.disputes.appeal if entity.disputes else None
    held = directory.holders_of(session.connection, appeal.to) if appeal else []
    return [one.id for one in held if one.id not in (asker, owner)]


def _waiting(session: Session, actor: Actor) -> ColumnElement[bool] | None:
    """Return the condition of the requests the actor is to answer; None when there can be none."""
    c, parts = disputes.c, []
    for key, entity in session.app.entities.items():
        if entity.disputes is None or key in session.app.off:
            continue
        table = session.tables.entity[key]
        own = select(table.c.id).where(table.c.id == c.record_id, table.c.owner_id == actor.id)
        here, there = c.entity == key, table.c.deleted_at.is_(None)
        if entity.disputes.collaborate:
            parts.append(and_(here, c.kind == COLLABORATE, own.where(there).exists()))
        if entity.disputes.appeal and entity.disputes.appeal.to in actor.roles:
            alive = select(table.c.id).where(table.c.id == c.record_id, there).exists()
            parts.append(and_(here, c.kind == APPEAL, alive, ~own.exists()))
    return and_(c.state == ASKED, c.user_id != actor.id, or_(*parts)) if parts else None


def _read(session: Session, where: Sequence[ColumnElement[bool]], actor: Actor, *, limit: int) -> list[Dispute]:
    rows = session.connection.execute(select(disputes).where(*where).order_by(disputes.c.id).limit(limit)).all()
    people = directory.people(session.connection, [one for row in rows for one in (row.user_id, row.decided_by)])
    owners, known = _owners(session, rows), dict[tuple[str, int], Other]()
    for key in {row.entity for row in rows} & session.app.entities.keys() - session.app.off:
        for row in (one for one in rows if one.entity == key):
            for other in show_others(session, session.app.entities[key], [row.record_id], actor):
                known[key, row.record_id] = other
    return [
        Dispute(
            row.id, row.kind, row.entity, row.record_id, row.user_id, people[row.user_id].name, row.reason,
            row.asked_at, row.due_at, row.state, None if row.decided_by is None else people[row.decided_by].name,
            row.decided_at, row.answer, row.hit_id, owners.get((row.entity, row.record_id)),
            known.get((row.entity, row.record_id)),
        )
        for row in rows
        if session.app.find_open(row.entity) is not None
    ]  # fmt: skip


def _owners(session: Session, rows: Iterable[Any]) -> dict[tuple[str, int], int | None]:
    found: dict[tuple[str, int], int | None] = {}
    for key in {row.entity for row in rows} & session.app.entities.keys() - session.app.off:
        table = session.tables.entity[key]
        ids = [row.record_id for row in rows if row.entity == key]
        asked = select(table.c.id, table.c.owner_id).where(table.c.id.in_(ids), table.c.deleted_at.is_(None))
        found |= {(key, row.id): row.owner_id for row in session.connection.execute(asked)}
    return found


def _require_mine(session: Session, id_: int, actor: Actor) -> Dispute:
    """Lock a request and return it; raises ``NotFound`` unless the actor is to answer it, or did."""
    found = get_dispute(session, id_, actor=actor)
    _lock(session, id_)
    if found.user_id == actor.id:
        raise NotFound("dispute.none")
    if not may_decide(session, found, actor):
        raise NotPossibleNow("dispute.decided")
    if found.other is None:
        raise NotPossibleNow("dispute.gone")
    return found


def _lock(session: Session, id_: int) -> Any:
    found = select(disputes).where(disputes.c.id == id_).with_for_update()
    row = session.connection.execute(found).first() if 0 < id_ < 2**63 else None
    if row is None:
        raise NotFound("dispute.none")
    if row.state != ASKED:
        raise NotPossibleNow("dispute.decided")
    return row


def _give(session: Session, entity: Entity, found: Dispute, actor: Actor) -> None:
    """Make the record the asker's; whoever decides may change it, which the definition was asked for."""
    record = lock_record(session, entity, found.record_id, actor=actor)
    if not record.owns:
        raise NotAllowed("record.no_write")
    asker = accounts.get_actor(session.connection, found.user_id)
    if not find_rights(session.app, entity, asker).read:
        raise NotPossibleNow("dispute.asker_sees_none", name=asker.name)
    new = {"owner": asker.id, "team": asker.team}
    save_changes(session, entity, record, new, actor=actor, action="update", event="updated",
                 details={"dispute": {"id": found.id, "by": asker.name}})  # fmt: skip


def _end(session: Session, found: Any, state: str, answer: str | None, actor: Actor) -> None:
    decided = {} if state == WITHDRAWN else {"decided_by": actor.id}
    row = {"state": state, "answer": answer, "decided_at": session.now()} | decided
    ended = update(disputes).where(disputes.c.id == found.id, disputes.c.state == ASKED).values(**row)
    if session.connection.execute(ended).rowcount != 1:
        raise NotPossibleNow("dispute.decided")
    drop_timers(session, found.entity, found.record_id, DUE, arming=str(found.id))
    subject = f"{found.entity}/{found.record_id}"
    details = {"dispute": found.id, "kind": found.kind, "answer": answer}
    write_audit(session, f"disputing.{state}", subject, details, actor=actor)
    if state != WITHDRAWN:  # of a record that they may not see the asker is told no name
        told = {"dispute": found.id, "users": [found.user_id], "by": actor.name, "kind": state}
        entity, record = (found.entity, found.record_id) if state == GRANTED else (None, None)
        write_event(session, f"disputing.{state}", entity, record, told)


def _said(text: str, missing: str) -> str:
    said = " ".join(text.split())[:_LONGEST]
    if not said:
        raise InvalidValues([FieldError("reason", missing)])
    if REFUSED.search(said):
        raise InvalidValues([FieldError("reason", "value.control")])
    return said


def _optional(text: str) -> str | None:
    return _said(text, "dispute.no_answer") if text.strip() else None
