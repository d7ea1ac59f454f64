"""What was done to the system itself, and by whom: signing in, people, rights, releases, hand-overs.

Enters: who asks, and what they look for. Leaves: entries, the newest first. Must not change one: the database refuses
that too. Only administrators read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.people.actor import Actor, require_admin
from engine.storage.store import Session
from engine.storage.system_tables import audit, users

PAGE = 100

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
    "baseline.set", "baseline.clear",
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
    found = select(c.id, c.at, c.actor_id, users.c.name, c.action, c.subject, c.details, c.ip)
    found = found.select_from(audit.outerjoin(users, users.c.id == c.actor_id))
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
    rows = session.connection.execute(found.order_by(c.id.desc()).limit(max(1, min(limit, 1000))))
    return [AuditEntry(row[0], row[1], row[2], row[3], row[4], row[5], row[6] or {}, row[7]) for row in rows]
