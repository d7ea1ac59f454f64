"""What was done to the system itself, and by whom: signing in, people, rights, releases, hand-overs.

Enters: who asks, and what they look for. Leaves: entries, the newest first. Must not change one: the database refuses
that too. Only administrators read it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from engine.errors import NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_tables import audit, users

PAGE = 100
MOST_TAKEN = 100_000
"""Entries a file holds at most."""
_READ_AT_ONCE = 1_000

ACTIONS = (
    "session.open", "session.refused", "session.close", "session.close_others", "user.create", "user.update",
    "user.roles", "user.password", "user.invite", "user.invite_used", "user.reset", "user.reset_used", "user.factor_on",
    "user.factor_off", "user.factor_reset", "user.recovery_new", "user.company_linked", "user.company_unlinked",
    "user.disable", "user.enable", "user.end_access", "user.groups", "user.responsible", "user.hand_over_planned",
    "user.hand_over_cancelled", "hand_over", "department.create", "department.update", "department.delete",
    "delegation.create", "delegation.end", "token.create", "token.revoke", "token.use", "seeing_as.start",
    "seeing_as.end", "release.publish", "release.rollback", "setting.named", "setting.module_on",
    "setting.module_off", "setting.demo_loaded", "setting.demo_cleared", "setting.trial_begun", "setting.trial_ended",
    "definition.purge", "approval.migrate", "stage.map",
    "timer.rearm", "change_day", "use_calendar", "importing.started", "importing.done", "importing.undone",
    "importing.stopped", "exporting.asked", "exporting.approved", "exporting.refused", "exporting.done",
    "exporting.failed", "exporting.stopped", "exporting.fetched", "view.create", "view.update", "view.delete",
    "view.default", "report_view.create", "report_view.update", "report_view.delete",
    "sharing.share", "sharing.unshare", "merging.done", "merging.undone",
    "automating.disabled", "automating.enabled", "automating.again", "automating.event_again",
    "automating.secret", "automating.closed", "automating.link", "automating.opened",
    "disputing.granted", "disputing.refused", "disputing.withdrawn",
    "channels.create", "channels.update", "channels.rotate", "channels.enable", "channels.disable", "channels.delete",
    "delivery.test", "delivery.replay", "delivery.park", "delivery.drop",
    "baseline.set", "baseline.clear", "audit.taken", "noted.read",
)  # fmt: skip
"""Everything that is ever written, in the order a reader chooses from."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing done; ``subject`` is ``kind:id`` or a name, ``actor`` None when the system or a command line did it."""

    id: int
    at: datetime
    actor_id: int | None
    actor: str | None
    action: str
    subject: str | None
    details: Mapping[str, Any]
    ip: str | None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is looked for; empty parts do not narrow. ``since`` is included, ``until`` is not."""

    person: int | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def list_audit(session: Session, query: AuditQuery, *, actor: Actor, limit: int = PAGE) -> list[AuditEntry]:
    """Return the newest entries (older than entry ``before``); raises ``NotAllowed`` for anybody but administrators."""
    require_admin(actor)
    c = audit.c
    said = select(c.id, c.at, c.actor_id, users.c.name, c.action, c.subject, c.details, c.ip)
    found = _narrowed(said.select_from(audit.outerjoin(users, users.c.id == c.actor_id)), query)
    found = found.order_by(c.id.desc()).limit(max(1, min(limit, _READ_AT_ONCE)))
    rows: Sequence[Any] = session.connection.execute(found).all()
    return [AuditEntry(row[0], row[1], row[2], row[3], row[4], row[5], row[6] or {}, row[7]) for row in rows]


def each_page(session: Session, query: AuditQuery, *, actor: Actor) -> Iterator[list[AuditEntry]]:
    """Return all that is looked for, some at a time; raises ``NotPossibleNow`` for more than a file holds."""
    require_admin(actor)
    some = _narrowed(select(audit.c.id), query).limit(MOST_TAKEN + 1).subquery()
    if session.connection.execute(select(func.count()).select_from(some)).scalar_one() > MOST_TAKEN:
        raise NotPossibleNow("people.audit_too_long", max=f"{MOST_TAKEN:,}")
    return _pages(session, query, actor)


def _pages(session: Session, query: AuditQuery, actor: Actor) -> Iterator[list[AuditEntry]]:
    while page := list_audit(session, query, actor=actor, limit=_READ_AT_ONCE):
        yield page
        query = replace(query, before=page[-1].id)


def note_taken(session: Session, query: AuditQuery, *, format: str, rows: int, actor: Actor, ip: str | None) -> None:
    """Write that somebody took the audit along as a file: what was looked for, and how many entries it holds."""
    asked = {"person": query.person, "action": query.action, "from": query.since, "until": query.until}
    told = {key: str(value) for key, value in asked.items() if value is not None}
    write_audit(session, "audit.taken", details={"format": format, "rows": rows, **told}, actor=actor, ip=ip)


def _narrowed(found: Any, query: AuditQuery) -> Any:
    c = audit.c
    if query.person is not None:
        found = found.where(c.actor_id == query.person)
    if query.action is not None:
        found = found.where(c.action == query.action)
    if query.since is not None:
        found = found.where(c.at >= query.since)
    if query.until is not None:
        found = found.where(c.at < query.until)
    if query.before is not None:
        found = found.where(c.id < query.before)
    return found
