"""When somebody leaves: what they hold goes to one person or their manager, and they are shut out, all at once.

Enters: who leaves, who takes over, an administrator. Leaves: tasks, records, fields and delegations handed over, the
account disabled, in the caller's one transaction; histories keep the old owner. Must not leave anything half handed
over: what cannot be handed over refuses the whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, or_, select

from engine import messages
from engine.compiler.app import USER, Entity
from engine.compiler.app.ownership import POOL
from engine.errors import FieldError, InvalidValues, NotAllowed, NotPossibleNow
from engine.people import accounts, delegations, directory, roster
from engine.people.actor import Actor, require_admin
from engine.people.actor import Person as Somebody
from engine.records.columns import column
from engine.records.guarding import find_guarded
from engine.records.writing import lock_record, save_changes
from engine.storage.approval_tables import approvals, tasks
from engine.storage.approval_tables import delegations as delegations_table
from engine.storage.store import Session
from engine.workflow.approval import handing, log
from engine.workflow.approval.acting import Click, Open, run
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.plan import Person, Why
from engine.workflow.approval.state import ApprovalState, Event

NO_POOLS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Holdings:
    """How much somebody holds: open approval tasks, records they own, fields that name them, delegations."""

    tasks: tuple[int, ...]
    records: tuple[tuple[str, int], ...]
    fields: tuple[tuple[str, int, str], ...]
    delegations: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many things in all."""
        return len(self.tasks) + len(self.records) + len(self.fields) + len(self.delegations)


@dataclass(frozen=True)
class Counted:
    """How much somebody holds in numbers: records they own or that name them, by entity, tasks and delegations."""

    records: Mapping[str, int]
    tasks: int
    delegations: int

    @property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.records or self.tasks or self.delegations)


@dataclass(frozen=True)
class Left:
    """What was handed over, and to whom."""

    heir: Somebody
    handed: Holdings


def find_holdings(session: Session, leaver: int) -> Holdings:
    """Return everything that would stay with somebody who is shut out."""
    return Holdings(
        tuple(_open_tasks(session, leaver)),
        tuple(_owned(session, leaver)),
        tuple(_named(session, leaver)),
        tuple(_delegations(session, leaver)),
    )


def count_holdings(session: Session, leaver: int) -> Counted:
    """Return how much would stay with somebody who is shut out: each record once, though it may name its owner too."""
    found: dict[str, set[int]] = defaultdict(set)
    for key, id_, _ in _named(session, leaver):
        found[key].add(id_)
    records = {}
    for key in sorted(session.app.entities):
        c = session.tables.entity[key].c
        mine = (c.owner_id == leaver, c.deleted_at.is_(None))
        count = session.connection.scalar(select(func.count()).where(*mine)) or 0
        if named := found.get(key):
            count += len(named.difference(session.connection.scalars(select(c.id).where(*mine, c.id.in_(named)))))
        if count:
            records[key] = count
    return Counted(records, len(_open_tasks(session, leaver)), len(_delegations(session, leaver)))


def say_holdings(held: Holdings, language: str) -> str:
    """Return what somebody holds in words."""
    counts = {name: len(getattr(held, name)) for name in ("tasks", "records", "fields", "delegations")}
    return messages.text("leaving.what", language, **counts)


def disable(session: Session, leaver: int, *, keep: bool = False, language: str, actor: Actor | None) -> None:
    """Shut somebody out who holds nothing any more; with ``keep`` also somebody who does.

    ``language`` is that of whoever is told what they hold. Raises ``NotAllowed`` (not an administrator) and
    ``NotPossibleNow`` (something would stay with them).
    """
    require_admin(actor)
    held = find_holdings(session, leaver)
    if held.total and not keep:
        login = roster.get_entry(session.connection, leaver).login
        raise NotPossibleNow("leaving.holds", login=login, what=say_holdings(held, language))
    accounts.disable_user(session, leaver, actor=actor)


def leave(
    session: Session, leaver: int, heir: int | None, *, pools: Mapping[str, str] = NO_POOLS, actor: Actor | None
) -> Left:
    """Hand over what ``leaver`` holds to ``heir`` (their manager when None) and disable them.

    Records of the entities in ``pools`` go to that pool instead. A task that the heir may not hold, because they
    submitted it or are asked already, goes to the first manager above who may. Sessions and tokens of the leaver end.
    Raises ``NotAllowed`` (not an administrator), ``NotPossibleNow`` (nobody to take over) and ``InvalidValues`` (no
    such pool).
    """
    require_admin(actor)
    require_pools(session, pools)
    going = directory.person(session.connection, leaver)
    taker = find_heir(session, going, heir)
    handed = find_holdings(session, leaver)
    reason = messages.text("leaving.reason", session.app.language, name=going.name)
    give(session, handed, going, taker, pools=pools, reason=reason, actor=actor)
    for id_ in handed.delegations:
        delegations.end_delegation(session, id_, actor=actor)
    accounts.disable_user(session, leaver, actor=actor)
    return Left(taker, handed)


def reassign(session: Session, task_id: int, to: int, *, reason: str, actor: Actor) -> None:
    """Give somebody else's open task to another person; administrators only, with a reason."""
    if not actor.is_admin:
        raise NotAllowed("people.not_admin")
    taker = find_heir(session, None, to)
    _reassign(session, task_id, heirs_of(session, None, taker), reason, actor)


def require_pools(session: Session, pools: Mapping[str, str]) -> None:
    """Raise ``InvalidValues`` unless each entity (by key) has the pool that is named for it."""
    errors = []
    for key, pool in pools.items():
        entity = session.app.entities.get(key)
        known = entity.ownership.pools if entity is not None and entity.ownership is not None else {}
        if pool not in known:
            errors.append(FieldError(f"pool.{key}", "pool.unknown", {"known": ", ".join(known) or "–"}))
    if errors:
        raise InvalidValues(errors)


def give(
    session: Session,
    handed: Holdings,
    going: Somebody,
    taker: Somebody,
    *,
    pools: Mapping[str, str] = NO_POOLS,
    reason: str,
    actor: Actor | None,
) -> None:
    """Give tasks, records and fields to somebody, in the caller's transaction; whoever calls has asked who may.

    Records of the entities in ``pools`` are nobody's then, in that pool.
    """
    for task in handed.tasks:
        _reassign(session, task, heirs_of(session, going, taker), reason, actor)
    naming: dict[tuple[str, int], list[str]] = defaultdict(list)
    for key, id_, field in handed.fields:
        naming[key, id_].append(field)
    owned = frozenset(handed.records)
    for key, id_ in dict.fromkeys([*handed.records, *naming]):
        named, owns = naming.get((key, id_), []), (key, id_) in owned
        entity = session.app.entities[key]
        if owns and key in pools:
            _pool_record(session, entity, id_, going, pools[key], reason, actor)
        if named or key not in pools:
            _hand_record(session, entity, id_, going, taker, named, reason, actor, owns=owns)


def find_heir(session: Session, going: Somebody | None, heir: int | None) -> Somebody:
    if heir is None:
        assert going is not None  # noqa: S101 - a task is always given to somebody named
        found = directory.manager_of(session.connection, going.id)
        if found is None:
            raise NotPossibleNow("leaving.no_manager", name=going.name)
        return found
    taker = directory.person(session.connection, heir)
    if going is not None and taker.id == going.id:
        raise NotPossibleNow("leaving.himself", name=taker.name)
    if not taker.enabled:
        raise NotPossibleNow("leaving.heir_disabled", name=taker.name)
    return taker


def heirs_of(session: Session, going: Somebody | None, taker: Somebody) -> list[Person]:
    """Return who may get a task: the one chosen, then the managers above, first theirs, then the leaver's."""
    above = directory.managers_of(session.connection, taker.id)
    if going is not None:
        above = [*above, *directory.managers_of(session.connection, going.id)]
    people = [one for one in (taker, *above) if going is None or one.id != going.id]
    of = going.name if going is not None else ""
    return [Person(one.id, one.name, Why("user", one.login, of=of, note="transfer")) for one in people]


def _reassign(session: Session, task_id: int, heirs: list[Person], reason: str, actor: Actor | None) -> None:
    found = log.find_task(session, task_id, actor=0)
    kept = log.lock(session, found.approval_id) if found is not None else None
    if kept is None:
        return

    def act(case: Open) -> tuple[Event, ...]:
        number = case.kept.task_number(task_id)
        able = [*heirs, *fallback(case.state, case.world)]
        return handing.reassign(case.state, task=number, heirs=able, reason=reason, at=session.now())

    run(session, kept, act, Click("transfer", actor, reason))


def fallback(state: ApprovalState, world: LiveWorld) -> tuple[Person, ...]:
    """Return whom the approval names for a step that finds nobody: they get what no manager may take over."""
    found = world.people(state.empty)
    return tuple(replace(one, why=replace(one.why, note="transfer")) for one in found)


def _hand_record(
    session: Session,
    entity: Entity,
    id_: int,
    going: Somebody,
    taker: Somebody,
    named: list[str],
    reason: str,
    actor: Actor | None,
    *,
    owns: bool,
) -> None:
    record = lock_record(session, entity, id_, actor=None)
    changes: dict[str, Any] = {key: taker.id for key in named}
    if owns and record.values.get("owner") == going.id:
        changes |= {"owner": taker.id, "team": taker.team}
    told = {"handed_over": going.name}
    save_changes(
        session, entity, record, changes, actor=actor, action="update", event="updated", note=reason, details=told
    )


def _pool_record(
    session: Session, entity: Entity, id_: int, going: Somebody, pool: str, reason: str, actor: Actor | None
) -> None:
    record = lock_record(session, entity, id_, actor=None)
    if record.values.get("owner") != going.id:
        return
    changes = {"owner": None, "team": None, POOL: pool}
    told = {"handed_over": going.name}
    save_changes(
        session, entity, record, changes, actor=actor, action="give_back", event="released", note=reason, details=told
    )


# ---- what somebody holds


def _open_tasks(session: Session, leaver: int) -> list[int]:
    c = tasks.c
    running = tasks.join(approvals, approvals.c.id == c.approval_id)
    held = select(c.id).select_from(running).where(c.holder_id == leaver, c.state == "open")
    return list(session.connection.scalars(held.where(approvals.c.state == "running").order_by(c.approval_id, c.id)))


def _owned(session: Session, leaver: int) -> Iterator[tuple[str, int]]:
    for key in sorted(session.app.entities):
        table = session.tables.entity[key]
        owned = select(table.c.id).where(table.c.owner_id == leaver, table.c.deleted_at.is_(None))
        yield from ((key, id_) for id_ in session.connection.scalars(owned.order_by(table.c.id)))


def _named(session: Session, leaver: int) -> Iterator[tuple[str, int, str]]:
    """Yield fields of one person that name the leaver, but those a running approval holds fast: they are evidence."""
    for key, entity in sorted(session.app.entities.items()):
        table = session.tables.entity[key]
        for field in entity.stored_fields:
            if field.target != USER or field.type.many or field.retired or field.computed is not None:
                continue
            named = select(table.c.id).where(column(table, field.key) == leaver, table.c.deleted_at.is_(None))
            for id_ in sorted(session.connection.scalars(named)):  # ordered there, SQLite reads the whole table
                if not find_guarded(session, entity, id_, [field.key]):
                    yield key, id_, field.key


def _delegations(session: Session, leaver: int) -> list[int]:
    c = delegations_table.c
    own = (or_(c.principal_id == leaver, c.deputy_id == leaver), c.ended_at.is_(None), c.ends_at > session.now())
    return list(session.connection.scalars(select(c.id).where(*own).order_by(c.id)))
