"""The secrets of the addresses at which automations receive, as an administrator makes them.

Enters: the name of an address. Leaves: rows whose secrets are sealed with the key of the installation, an audit row for
each. Must not show a secret again once it was made.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from engine.channels.kinds import webhooks
from engine.channels.registry import OVERLAP
from engine.errors import NotFound
from engine.people.actor import Actor, require_admin
from engine.people.sealing import seal, unseal
from engine.storage.automation_tables import hooks
from engine.storage.journal import write_audit
from engine.storage.store import Session

PREFIX = "/hooks"
"""Begins the addresses."""


@dataclass(frozen=True, slots=True)
class Hook:
    """An address that has a secret: since when, and until when the one before is good too."""

    key: str
    made_at: datetime
    rotating_until: datetime | None


def find_hook(session: Session, key: str) -> Hook | None:
    """Return an address; None as long as it has no secret, and so takes nothing."""
    row = _row(session, key)
    return None if row is None else Hook(row.key, row.made_at, row.old_secret_until)


def renew_secret(session: Session, hook: str, *, key: str, actor: Actor | None) -> str:
    """Make a secret for an address and return it, this once; for a day the one before is good beside it.

    Raises ``NotAllowed``, and ``NotFound`` when no automation receives there.
    """
    require_admin(actor)
    if not any(one.on.hook == hook for one in session.app.automations.values()):
        raise NotFound("automation.none", name=hook[:80])
    made, row, now = webhooks.make_secret(), _row(session, hook, lock=True), session.now()
    if row is None:
        session.connection.execute(insert(hooks).values(key=hook, secret=seal(made, key), made_at=now))
    else:
        old = {"old_secret": row.secret, "old_secret_until": now + OVERLAP}
        session.connection.execute(
            update(hooks).where(hooks.c.key == hook).values(secret=seal(made, key), made_at=now, **old)
        )
    write_audit(session, "automating.secret", f"hook:{hook}", {"again": row is not None}, actor=actor)
    return made


def close_hook(session: Session, hook: str, *, actor: Actor | None) -> None:
    """Take an address its secrets, so that it takes nothing any more; raises ``NotAllowed``."""
    require_admin(actor)
    session.connection.execute(delete(hooks).where(hooks.c.key == hook))
    write_audit(session, "automating.closed", f"hook:{hook}", {}, actor=actor)


def find_secrets(session: Session, hook: str, *, key: str | None) -> tuple[str, ...]:
    """Return the secrets that are good now; none when there are none, or they were sealed with another key."""
    row = _row(session, hook)
    if row is None or key is None:
        return ()
    rotating = row.old_secret_until is not None and row.old_secret_until > session.now()
    sealed = (row.secret, row.old_secret if rotating else None)
    found = [unseal(one, key) for one in sealed if one is not None]
    return tuple(one for one in found if one is not None)


def _row(session: Session, key: str, *, lock: bool = False) -> Any:
    found = select(hooks).where(hooks.c.key == key)
    return session.connection.execute(found.with_for_update() if lock else found).first()
