"""Links by which somebody sets a password: an invitation, or a way back in for whoever forgot theirs.

Enters: a person, from an administrator; later the secret of a link and a password. Leaves: a secret, shown once, of
which only the hash is stored; a person with a new password. Must not tell a link that was used from one that ran out or
never was, nor let two people use one: taking it deletes its row, under the lock of its person.

A disabled person, a changed password and a newer link end what was open before.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, insert, select

from engine.errors import NotFound, NotPossibleNow
from engine.people import accounts, roster
from engine.people.actor import Actor, require_admin
from engine.people.signed_in import hash_secret
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import password_links, users

Kind = Literal["invite", "reset"]
LIFETIMES: dict[Kind, timedelta] = {"invite": timedelta(hours=72), "reset": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made; ``secret`` cannot be read again. ``expires_at`` is UTC."""

    secret: str
    kind: Kind
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that can still be used, and whose it is."""

    kind: Kind
    user_id: int
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whoever came by a link, for the audit row: there is no actor before there is a password."""

    id: int
    via: str = "web"


def create_link(session: Session, user_id: int, *, actor: Actor | None) -> NewLink:
    """Make a link for somebody: an invitation (72 h) before they have a password, else a reset (1 h).

    Raises ``NotAllowed`` (not an administrator), ``NotFound`` and ``NotPossibleNow`` (disabled).
    """
    require_admin(actor)
    _lock(session, user_id)
    accounts.require_person(session, user_id)
    entry = roster.get_entry(session.connection, user_id)
    if not entry.enabled:
        raise NotPossibleNow("people.link_disabled", name=entry.name)
    kind: Kind = "reset" if entry.has_password else "invite"
    made = NewLink(secrets.token_urlsafe(32), kind, session.now() + LIFETIMES[kind])
    session.connection.execute(delete(password_links).where(password_links.c.user_id == user_id))
    row = {
        "token_hash": hash_secret(made.secret),
        "user_id": user_id,
        "kind": kind,
        "created_at": session.now(),
        "expires_at": made.expires_at,
    }
    session.connection.execute(insert(password_links).values(row))
    journal.write_audit(session, f"user.{kind}", f"user:{user_id}", actor=actor)
    return made


def find_link(connection: Connection, secret: str, *, now: datetime) -> OpenLink | None:
    """Return what a secret opens; None when it opens nothing, for whatever reason."""
    c = password_links.c
    good = (c.token_hash == hash_secret(secret), c.expires_at > now, users.c.disabled_at.is_(None))
    wanted = select(c.kind, c.user_id, users.c.login, users.c.name).join_from(
        password_links, users, users.c.id == c.user_id
    )
    row = connection.execute(wanted.where(*good)).first()
    return None if row is None else OpenLink(*row)


def use_link(session: Session, secret: str, password: str, *, ip: str | None) -> None:
    """Set the password of whoever a link is for; their sessions and tokens end, and so does the link.

    Raises ``NotFound`` when the link opens nothing, and ``InvalidValues`` for a weak password, which leaves it open.
    """
    c = password_links.c
    found = find_link(session.connection, secret, now=session.now())
    if found is None:
        raise NotFound("people.link_over")
    _lock(session, found.user_id)
    if find_link(session.connection, secret, now=session.now()) is None:  # taken, or its person disabled, meanwhile
        raise NotFound("people.link_over")
    session.connection.execute(delete(password_links).where(c.token_hash == hash_secret(secret)))
    accounts.replace_password(session, found.user_id, password)
    who = _Holder(found.user_id)
    journal.write_audit(session, f"user.{found.kind}_used", f"user:{found.user_id}", actor=who, ip=ip)


def _lock(session: Session, user_id: int) -> None:
    """Let one at a time make, take or end the links of a person; whoever disables them locks the same row."""
    session.connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
