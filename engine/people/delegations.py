"""Standing delegations (委托): from a date to a date, a deputy may decide what waits for somebody.

Enters: who, for whom, from when to when. Leaves: rows with an audit row in the same transaction, and for a person all
those they may act for now. Must not hand a task over: it stays with its holder, and both names go on record.

Several deputies may act for somebody at the same time, and whoever is first decides: it is one vote. Of the same deputy
there is one delegation at a time; the database refuses a second as well. Chains are short and never a ring: while A is
delegated to B, B's deputy may act for A too, ``LONGEST_CHAIN`` steps far.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, text, update

from engine import messages
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people import directory
from engine.people.actor import Actor
from engine.storage import journal
from engine.storage.approval_tables import delegations
from engine.storage.store import Session
from engine.storage.system_tables import users

LONGEST_CHAIN = 3
LONGEST = timedelta(days=366)
_LOCK = 0x44656C65


@dataclass(frozen=True)
class Delegation:
    """One delegation; it has effect from ``starts_at`` until just before ``ends_at`` (UTC)."""

    id: int
    principal: int
    deputy: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Days:
    """A time as people say it, on the site's clock: its first and its last day, with the hour where it is not whole."""

    starts_at: datetime
    ends_at: datetime
    zone: str

    def text(self, language: str) -> str:
        """Return ``2026-03-02 至 2026-03-06``."""
        start, end = (moment.astimezone(ZoneInfo(self.zone)) for moment in (self.starts_at, self.ends_at))
        last = f"{end - timedelta(days=1):%Y-%m-%d}" if end.time() == time() else f"{end:%Y-%m-%d %H:%M}"
        first = f"{start:%Y-%m-%d}" if start.time() == time() else f"{start:%Y-%m-%d %H:%M}"
        return messages.text("people.delegation_days", language, first=first, last=last)


def create_delegation(
    session: Session,
    *,
    principal: int,
    deputy: int,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor | None,
) -> int:
    """Let ``deputy`` decide for ``principal`` between two moments and return the delegation's id.

    People delegate what is theirs, administrators for anybody. Raises ``NotAllowed``, and ``InvalidValues`` for dates
    in the wrong order, too far apart or over, for oneself, for a time in which the same deputy has it already, and for
    what would close a ring or make a chain too long.
    """
    if actor is not None and actor.id != principal and not actor.is_admin:
        raise NotAllowed("people.delegation_not_yours")
    _take_turn(session)
    errors = _check_dates(session, starts_at, ends_at) + _check_people(session, principal, deputy)
    if not errors:
        errors = _check_apart(session, principal, deputy, starts_at, ends_at)
    if not errors:
        errors = _check_chain(session.connection, Delegation(0, principal, deputy, starts_at, ends_at))
    if errors:
        raise InvalidValues(errors)
    row = {
        "principal_id": principal,
        "deputy_id": deputy,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "created_at": session.now(),
        "created_by": None if actor is None else actor.id,
    }
    made: int = session.connection.execute(insert(delegations).values(row).returning(delegations.c.id)).scalar_one()
    told = {"deputy": deputy, "from": starts_at.isoformat(), "until": ends_at.isoformat()}
    journal.write_audit(session, "delegation.create", subject=f"user:{principal}", details=told, actor=actor)
    return made


def end_delegation(session: Session, id: int, *, actor: Actor | None) -> None:
    """End a delegation now; it never has effect again. Raises ``NotFound`` when it is not the actor's."""
    c = delegations.c
    row = session.connection.execute(select(c.principal_id).where(c.id == id, c.ended_at.is_(None))).first()
    if row is None or (actor is not None and actor.id != row.principal_id and not actor.is_admin):
        raise NotFound("people.delegation_not_found")
    session.connection.execute(update(delegations).where(c.id == id).values(ended_at=session.now()))
    journal.write_audit(session, "delegation.end", subject=f"user:{row.principal_id}", details={}, actor=actor)


def list_delegations(session: Session, user_id: int) -> list[Delegation]:
    """Return the delegations of and to a person that are not over, the soonest first."""
    c = delegations.c
    mine = (c.principal_id == user_id) | (c.deputy_id == user_id)
    rows = session.connection.execute(select(*_COLUMNS).where(mine, *_not_over(session.now())).order_by(c.starts_at))
    return [Delegation(*row) for row in rows]


def find_principals(session: Session, user_id: int) -> frozenset[int]:
    """Return everybody this person may decide for now; the disabled have no deputies."""

    def build() -> Any:
        c = delegations.c
        now = bindparam("now", type_=c.starts_at.type)
        acting = (c.starts_at <= now, c.ends_at > now, c.ended_at.is_(None), users.c.disabled_at.is_(None))
        return (
            select(c.principal_id, c.deputy_id)
            .join_from(delegations, users, users.c.id == c.principal_id)
            .where(*acting)
        )

    rows = session.prepared("delegations now", build).fetch_all(session.connection, {"now": session.now()})
    found: set[int] = set()
    near = {user_id}
    for _ in range(LONGEST_CHAIN):
        near = {principal for principal, deputy in rows if deputy in near} - found - {user_id}
        found |= near
    return frozenset(found)


def find_deputies(session: Session, user_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the direct deputies of each of these people now."""
    c = delegations.c
    now = session.now()
    acting = (c.principal_id.in_(set(user_ids)), c.starts_at <= now, c.ends_at > now, c.ended_at.is_(None))
    found: dict[int, list[int]] = {}
    for principal, deputy in session.connection.execute(select(c.principal_id, c.deputy_id).where(*acting)):
        found.setdefault(principal, []).append(deputy)
    return found


_COLUMNS = (
    delegations.c.id,
    delegations.c.principal_id,
    delegations.c.deputy_id,
    delegations.c.starts_at,
    delegations.c.ends_at,
)


def _not_over(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return delegations.c.ends_at > now, delegations.c.ended_at.is_(None)


def _take_turn(session: Session) -> None:
    """Two people who delegate to each other at once must not both succeed."""
    if session.connection.dialect.name == "postgresql":
        session.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _check_dates(session: Session, starts_at: datetime, ends_at: datetime) -> list[FieldError]:
    if not starts_at < ends_at:
        return [FieldError("until", "people.delegation_order")]
    if ends_at <= session.now():
        return [FieldError("until", "people.delegation_over")]
    if ends_at - starts_at > LONGEST:
        return [FieldError("until", "people.delegation_long", {"days": LONGEST.days})]
    return []


def _check_people(session: Session, principal: int, deputy: int) -> list[FieldError]:
    if principal == deputy:
        return [FieldError("to", "people.delegation_self")]
    known = directory.people(session.connection, [principal, deputy])
    if principal not in known or deputy not in known or not known[deputy].enabled:
        return [FieldError("to", "value.user_missing")]
    return []


def _check_apart(
    session: Session, principal: int, deputy: int, starts_at: datetime, ends_at: datetime
) -> list[FieldError]:
    c = delegations.c
    together = (c.ended_at.is_(None), c.starts_at < ends_at, c.ends_at > starts_at)
    same = (c.principal_id == principal, c.deputy_id == deputy)
    row = session.connection.execute(select(*_COLUMNS).where(*same, *together).order_by(c.starts_at)).first()
    if row is None:
        return []
    name = directory.people(session.connection, [deputy])[deputy].name
    days = Days(row.starts_at, row.ends_at, session.app.timezone)
    return [FieldError("to", "people.delegation_twice", {"who": name, "days": days})]


def _check_chain(connection: Connection, new: Delegation) -> list[FieldError]:
    """A chain is a row of delegations that have effect at the same time; the new one must not close a ring."""
    c = delegations.c
    together = (c.ended_at.is_(None), c.starts_at < new.ends_at, c.ends_at > new.starts_at)
    rows = [Delegation(*row) for row in connection.execute(select(*_COLUMNS).where(*together))]
    onward = {one.principal: [two.deputy for two in rows if two.principal == one.principal] for one in rows}
    back = {one.deputy: [two.principal for two in rows if two.deputy == one.deputy] for one in rows}
    after, before = _depth(onward, new.deputy, new.principal), _depth(back, new.principal, new.deputy)
    if after is None or before is None:
        return [FieldError("to", "people.delegation_ring")]
    if before + 1 + after > LONGEST_CHAIN:
        return [FieldError("to", "people.delegation_chain", {"most": LONGEST_CHAIN})]
    return []


def _depth(graph: dict[int, list[int]], start: int, stop: int) -> int | None:
    """Return how far one gets from ``start``; None when that leads to ``stop``."""
    near = {start}
    for depth in range(len(graph) + 1):
        if stop in near:
            return None
        near = {after for one in near for after in graph.get(one, ())}
        if not near:
            return depth
    return None
