"""Accounts of a company's own sign-in service, and whose they are here.

Enters: what the service vouches for about somebody who just signed in there. Leaves: a person, found by the account
linked before, else by an e-mail address the service has verified, which links it; or made, where roles for newcomers
are given. Must not let anybody in who is disabled, nor give a second account of the service to a person who has one:
an address may pass to somebody else, the account does not.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from engine.errors import InvalidValues, NotAllowed, NotPossibleNow
from engine.people import accounts, sessions
from engine.people.actor import Actor, find_services, require_admin
from engine.people.sessions import Proven, has_second_factor
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import identities, user_roles, users


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a sign-in service vouches for: ``subject`` never changes there; ``email`` only when it has verified it."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class _Self:
    """Whoever signs in, for the audit row, before there is an actor."""

    id: int
    via: str = "web"


def recognize(session: Session, vouched: Vouched, *, new_roles: Collection[str]) -> Proven:
    """Return whose account this is, linked or made if need be; raises ``NotAllowed`` for nobody's, always the same."""
    found = _find_linked(session.connection, vouched)
    if found is None:
        found = _find_by_email(session.connection, vouched)
        if found is None and new_roles and vouched.email:
            found = _make(session, vouched, new_roles)
        found = None if found is None else _link(session, found, vouched)
    proven = None if found is None else _prove(session, found)
    if proven is None:
        raise NotAllowed("people.company_nobody")
    return proven


def find_linked_at(connection: Connection, user_id: int) -> Any:
    """Return when an account of the company was linked to somebody; None when there is none."""
    return connection.scalar(select(func.min(identities.c.linked_at)).where(identities.c.user_id == user_id))


def unlink(session: Session, user_id: int, *, actor: Actor) -> None:
    """Take the account of the company away from a person; their sessions end."""
    require_admin(actor)
    if session.connection.execute(delete(identities).where(identities.c.user_id == user_id)).rowcount == 0:
        raise NotPossibleNow("people.company_not_linked")
    sessions.close_all(session, user_id)
    journal.write_audit(session, "user.company_unlinked", f"user:{user_id}", actor=actor)


def _find_linked(connection: Connection, vouched: Vouched) -> int | None:
    c = identities.c
    return connection.scalar(select(c.user_id).where(c.issuer == vouched.issuer, c.subject == vouched.subject))


def _find_by_email(connection: Connection, vouched: Vouched) -> int | None:
    """Return the one person with this address who may sign in."""
    if not vouched.email:
        return None
    c = users.c
    same = select(c.id).where(func.lower(c.email) == vouched.email.lower(), c.disabled_at.is_(None))
    found = connection.scalars(same.limit(2)).all()
    return int(found[0]) if len(found) == 1 else None


def _make(session: Session, vouched: Vouched, roles: Collection[str]) -> int | None:
    """Make a person; None when somebody has the address already, as login or as e-mail: nobody is made twice."""
    email = vouched.email or ""
    taken = session.connection.scalar(select(users.c.id).where(func.lower(users.c.email) == email.lower()))
    if taken is not None or accounts.find_user(session.connection, email) is not None:
        return None
    try:
        return accounts.create_user(
            session, login=email, name=(vouched.name or email)[:100], password=None, roles=roles, email=email,
            actor=None,
        )  # fmt: skip
    except InvalidValues:
        raise NotPossibleNow("people.company_not_made") from None


def _link(session: Session, user_id: int, vouched: Vouched) -> int | None:
    """Link the account to a person and return them; None when they have another one already.

    Of two who come with the same account at the same moment, the second finds it linked.
    """
    c = identities.c
    session.connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    held = session.connection.scalar(select(c.subject).where(c.user_id == user_id, c.issuer == vouched.issuer))
    if held is not None:
        return user_id if held == vouched.subject else None
    row = {"user_id": user_id, "issuer": vouched.issuer, "subject": vouched.subject, "linked_at": session.now()}
    session.connection.execute(insert(identities).values(row))
    details = {"issuer": vouched.issuer, "email": vouched.email}
    journal.write_audit(session, "user.company_linked", f"user:{user_id}", details, actor=_Self(user_id))
    return user_id


def _prove(session: Session, user_id: int) -> Proven | None:
    """Return a person as proven; None when they are disabled, or are a service, which comes with a token only."""
    c = users.c
    wanted = select(c.epoch, has_second_factor().label("asks_code")).where(c.id == user_id, c.disabled_at.is_(None))
    row = session.connection.execute(wanted).first()
    roles = set(session.connection.scalars(select(user_roles.c.role).where(user_roles.c.user_id == user_id)))
    if row is None or find_services(session.app, roles):
        return None
    return Proven(user_id, row.epoch, asks_code=bool(row.asks_code))
