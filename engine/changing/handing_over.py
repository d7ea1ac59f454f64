"""Handing over from one person to another while both stay: tasks, records, fields, groups, responsibilities.

Enters: from whom, to whom, what of it, when, why, and who says so. Leaves: first a plan that names each thing and who
gets it, then exactly that in one transaction, now or at a later moment. Must not hand over what the plan did not show;
an administrator may do it for everybody, a manager for whoever reports to them.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import select, update

from engine.changing import leaving
from engine.changing.leaving import NO_POOLS, Holdings
from engine.compiler.app import Entity, Label
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts, directory, groups
from engine.people.actor import Actor
from engine.people.actor import Person as Somebody
from engine.records.called import name_records
from engine.records.evaluation import parameters
from engine.records.rights import find_rights, scope_condition
from engine.storage.approval_tables import group_members, responsibilities
from engine.storage.journal import write_audit
from engine.storage.stage_tables import timers
from engine.storage.store import Session
from engine.storage.timers import Timer, arm_timer, find_last_id
from engine.workflow.approval import handing, log
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.world import Refusal
from engine.workflow.refusals import checked_text

Part = Literal["tasks", "records", "fields", "groups", "responsibilities"]
PARTS: tuple[Part, ...] = get_args(Part)
HAND_OVER = "hand_over"
"""The kind of the timers of dated hand-overs; ``record_id`` is whose things they are."""

_ADMIN_PARTS: tuple[Part, ...] = ("groups", "responsibilities")


@dataclass(frozen=True)
class Item:
    """One thing that moves: ``what`` it is called, ``to`` who gets it, "" when nobody may. ``entity`` and ``record_id``
    lead to its record, ``id`` is that of a task; ``note`` names a field, a group or a value, ``pool`` (a key) the pool
    it goes to instead."""

    part: Part
    what: str
    to: str
    entity: str = ""
    record_id: int = 0
    id: int = 0
    note: Label | str = ""
    pool: str = ""


@dataclass(frozen=True)
class HandOver:
    """What one person hands over to another; records of the entities in ``pools`` (pool by entity) go there."""

    going: Somebody
    taker: Somebody
    parts: tuple[Part, ...]
    only: tuple[int, ...]
    items: tuple[Item, ...]
    pools: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 of everything in it (16 hexadecimal digits)."""
        told = [
            self.going.id,
            self.taker.id,
            [[one.part, one.entity, one.record_id, one.id, one.to, one.pool] for one in self.items],
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    @property
    def stuck(self) -> tuple[Item, ...]:
        """What nobody may take over: it keeps the whole from being done."""
        return tuple(one for one in self.items if not one.to)


@dataclass(frozen=True)
class Scheduled:
    """A hand-over that is to be done at ``due_at``."""

    id: int
    going: Somebody
    taker: Somebody
    parts: tuple[str, ...]
    due_at: datetime
    reason: str


def may_hand_over(session: Session, going: int, actor: Actor) -> bool:
    """Return whether ``actor`` may hand over what somebody holds."""
    return actor.is_admin or going in directory.reports_of(session, actor.id)


def plan_hand_over(
    session: Session,
    going: int,
    to: int | None,
    *,
    parts: Collection[str] = PARTS,
    only: Collection[int] = (),
    pools: Mapping[str, str] = NO_POOLS,
    actor: Actor,
) -> HandOver:
    """Return what would move to ``to`` (the manager when None): all of ``parts``, of the tasks ``only`` these.

    Records of the entities in ``pools`` move to that pool. Reads only. Raises ``NotAllowed`` (neither an administrator
    nor a manager of theirs, or a part that only administrators change), ``NotFound`` (no such person),
    ``InvalidValues`` (no such part or pool), ``NotPossibleNow`` (no manager, the same person, or somebody who was
    disabled).
    """
    leaving.require_pools(session, pools)
    unknown = next((one for one in parts if one not in PARTS), None)
    if unknown is not None:
        raise InvalidValues(
            [FieldError("parts", "hand_over.part_unknown", {"part": unknown, "known": ", ".join(PARTS)})]
        )
    who = directory.person(session.connection, going)
    if not may_hand_over(session, going, actor):
        raise NotAllowed("hand_over.not_yours", name=who.name)
    taker = leaving.find_heir(session, who, to)
    wanted = tuple(one for one in PARTS if one in parts and (actor.is_admin or one not in _ADMIN_PARTS))
    plan = HandOver(who, taker, wanted, tuple(sorted(only)), (), tuple(sorted(pools.items())))
    return replace(plan, items=tuple(_items(session, plan, actor)))


def hand_over(
    session: Session,
    plan: HandOver,
    *,
    reason: str,
    at: datetime | None = None,
    leave: bool = False,
    actor: Actor,
) -> HandOver | None:
    """Do what the plan shows, all of it or nothing; or, with ``at``, arm it for then and return None.

    What is done later is what they hold then. With ``leave`` whoever hands over is shut out in the same transaction:
    for administrators, now, and only with everything. Raises ``InvalidValues`` (no reason, a moment that is over),
    ``NotPossibleNow`` (nobody may take something over, or it is not as it was when the plan was shown).
    """
    said = checked_text(reason)
    if not said:
        raise InvalidValues([FieldError("reason", "approval.reason_required")])
    if leave and (at is not None or plan.only or plan.parts != PARTS):
        raise InvalidValues([FieldError("leave", "hand_over.leave_all")])
    now = plan_hand_over(
        session, plan.going.id, plan.taker.id, parts=plan.parts, only=plan.only, pools=dict(plan.pools), actor=actor
    )
    if at is not None:
        if at <= session.now():
            raise InvalidValues([FieldError("on", "hand_over.over")])
        _arm(session, plan, said, at, actor)
        return None
    if now.digest != plan.digest:
        raise NotPossibleNow("hand_over.changed")
    done = _do(session, now, said, actor)
    if leave:
        leaving.leave(session, plan.going.id, plan.taker.id, pools=dict(plan.pools), actor=actor)
    return done


def list_scheduled(session: Session, *, actor: Actor) -> list[Scheduled]:
    """Return the hand-overs to come that the actor may see, the soonest first."""
    c = timers.c
    pending = select(c.id, c.record_id, c.payload, c.due_at).where(c.kind == HAND_OVER, c.state == "pending")
    rows = session.connection.execute(pending.order_by(c.due_at, c.id)).all()
    known = directory.people(session.connection, {id_ for row in rows for id_ in (row[1], row[2]["to"])})
    return [
        Scheduled(row[0], known[row[1]], known[row[2]["to"]], tuple(row[2]["parts"]), row[3], row[2]["reason"])
        for row in rows
        if may_hand_over(session, row[1], actor)
    ]


def cancel(session: Session, id: int, *, actor: Actor) -> None:
    """Drop a hand-over to come. Raises ``NotFound`` when there is none the actor may see."""
    found = next((one for one in list_scheduled(session, actor=actor) if one.id == id), None)
    if found is None:
        raise NotFound("hand_over.not_scheduled")
    ended = {"state": "dropped", "ended_at": session.now()}
    session.connection.execute(update(timers).where(timers.c.id == id, timers.c.state == "pending").values(ended))
    write_audit(session, "user.hand_over_cancelled", f"user:{found.going.id}", {"to": found.taker.id}, actor=actor)


def is_due(session: Session, timer: Timer) -> bool:
    """Return whether a dated hand-over is still to be done."""
    return True


def fire(session: Session, timer: Timer) -> None:
    """Do a hand-over that is due, by the rights its author has now."""
    told = timer.payload
    actor = accounts.get_actor(session.connection, told["by"])
    plan = plan_hand_over(
        session, timer.record_id, told["to"], parts=told["parts"], only=told["only"], pools=told.get("pools", {}),
        actor=actor,
    )  # fmt: skip
    _do(session, plan, told["reason"], actor)


def _arm(session: Session, plan: HandOver, reason: str, at: datetime, actor: Actor) -> None:
    payload = {
        "to": plan.taker.id,
        "parts": list(plan.parts),
        "only": list(plan.only),
        "pools": dict(plan.pools),
        "by": actor.id,
        "reason": reason,
    }
    arming = f"{session.now().isoformat()}-{find_last_id(session)}"
    arm_timer(session, "", plan.going.id, HAND_OVER, str(plan.taker.id), arming=arming, due_at=at, payload=payload)
    told = {"to": plan.taker.id, "parts": list(plan.parts), "at": at.isoformat(), "reason": reason}
    write_audit(session, "user.hand_over_planned", f"user:{plan.going.id}", told, actor=actor)


def _do(session: Session, plan: HandOver, reason: str, actor: Actor) -> HandOver:
    if plan.stuck:
        raise NotPossibleNow("hand_over.stuck", what=plan.stuck[0].what)
    held = _holdings(session, plan)
    leaving.give(session, held, plan.going, plan.taker, pools=dict(plan.pools), reason=reason, actor=actor)
    if "groups" in plan.parts:
        _give_groups(session, plan, actor)
    if "responsibilities" in plan.parts:
        _give_responsibilities(session, plan, actor)
    counts: dict[str, int] = {part: sum(one.part == part for one in plan.items) for part in plan.parts}
    told: dict[str, Any] = {"to": plan.taker.id, "reason": reason} | counts
    told |= {"pools": dict(plan.pools)} if plan.pools else {}
    write_audit(session, "hand_over", f"user:{plan.going.id}", told, actor=actor)
    return plan


def _holdings(session: Session, plan: HandOver) -> Holdings:
    held = leaving.find_holdings(session, plan.going.id)
    tasks = tuple(id_ for id_ in held.tasks if not plan.only or id_ in plan.only)
    return Holdings(
        tasks if "tasks" in plan.parts else (),
        held.records if "records" in plan.parts else (),
        held.fields if "fields" in plan.parts else (),
        (),
    )


def _items(session: Session, plan: HandOver, actor: Actor) -> Iterator[Item]:
    held = _holdings(session, plan)
    if plan.only:
        missing = next((id_ for id_ in plan.only if id_ not in held.tasks), None)
        if missing is not None:
            raise NotFound("approval.no_such_task")
    for task in held.tasks:
        yield _task_item(session, plan, task, actor)
    names = _Names(session, [*held.records, *((entity, id_) for entity, id_, _ in held.fields)], actor)
    for entity, id_ in held.records:
        pool = dict(plan.pools).get(entity, "")
        yield Item("records", names.of(entity, id_), plan.taker.name, entity, id_, pool=pool)
    for entity, id_, field in held.fields:
        named = session.app.entities[entity].fields[field].label
        yield Item("fields", names.of(entity, id_), plan.taker.name, entity, id_, note=named)
    if "groups" in plan.parts:
        for group in _groups_of(session, plan.going.id):
            compiled = session.app.groups.get(group)
            label: Label | str = compiled.label if compiled is not None else group
            yield Item("groups", group, plan.taker.name, note=label)
    if "responsibilities" in plan.parts:
        for name, value in _responsibilities_of(session, plan.going.id):
            yield Item("responsibilities", value, plan.taker.name, note=name)


def _task_item(session: Session, plan: HandOver, task_id: int, actor: Actor) -> Item:
    found = log.find_task(session, task_id, actor=0)
    kept = log.read(session, found.approval_id) if found is not None else None
    assert kept is not None  # noqa: S101 - it was just listed
    world = LiveWorld.of(session, kept.state, {})
    heirs = [*leaving.heirs_of(session, plan.going, plan.taker), *leaving.fallback(kept.state, world)]
    number = kept.task_number(task_id)
    to = ""
    try:
        events = handing.reassign(kept.state, task=number, heirs=heirs, reason="-", at=session.now())
        to = events[-1].data["person"]["name"]
    except Refusal:
        pass  # nobody may: the plan says so
    approval = session.app.approvals.get(kept.state.approval)
    label: Label | str = approval.label if approval is not None else kept.state.approval
    what = _Names(session, [(kept.entity, kept.record_id)], actor).of(kept.entity, kept.record_id)
    return Item("tasks", what, to, kept.entity, kept.record_id, task_id, label)


class _Names:
    """What records are called, read once for each entity; what the reader may not see has no name."""

    def __init__(self, session: Session, addresses: Collection[tuple[str, int]], actor: Actor) -> None:
        self._names: dict[tuple[str, int], str] = {}
        for key in dict.fromkeys(entity for entity, _ in addresses):
            entity = session.app.entities[key]
            ids = _readable(session, entity, {id_ for one, id_ in addresses if one == key}, actor)
            self._names |= {(key, id_): name for id_, name in name_records(session, entity, ids).items()}

    def of(self, entity: str, id_: int) -> str:
        return self._names.get((entity, id_), "–")


def _readable(session: Session, entity: Entity, ids: Collection[int], actor: Actor) -> list[int]:
    table, rights = session.tables.entity[entity.key], find_rights(session.app, entity, actor)
    if not rights.read:
        return []
    own = (table.c.id.in_(sorted(ids)), scope_condition(session.tables, entity, table, rights.read))
    return list(session.connection.scalars(select(table.c.id).where(*own), parameters(session, actor)))


def _groups_of(session: Session, user_id: int) -> list[str]:
    own = select(group_members.c.group_key).where(group_members.c.user_id == user_id)
    return list(session.connection.scalars(own.order_by(group_members.c.group_key)))


def _responsibilities_of(session: Session, user_id: int) -> list[tuple[str, str]]:
    c = responsibilities.c
    own = select(c.name, c.value).where(c.user_id == user_id).order_by(c.name, c.value)
    return [(row[0], row[1]) for row in session.connection.execute(own)]


def _give_groups(session: Session, plan: HandOver, actor: Actor) -> None:
    mine = [key for key in _groups_of(session, plan.going.id) if key in session.app.groups]
    theirs = [key for key in _groups_of(session, plan.taker.id) if key in session.app.groups]
    groups.set_groups(session, plan.going.id, (), actor=actor)
    groups.set_groups(session, plan.taker.id, {*mine, *theirs}, actor=actor)


def _give_responsibilities(session: Session, plan: HandOver, actor: Actor) -> None:
    theirs = _responsibilities_of(session, plan.taker.id)
    for name in dict.fromkeys(key for key, _ in _responsibilities_of(session, plan.going.id)):
        mine = {value for key, value in _responsibilities_of(session, plan.going.id) if key == name}
        groups.set_responsible(session, plan.going.id, name, (), actor=actor)
        kept = {value for key, value in theirs if key == name}
        groups.set_responsible(session, plan.taker.id, name, mine | kept, actor=actor)
