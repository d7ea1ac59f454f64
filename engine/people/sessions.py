"""Sessions: who is signed in on which device.

Enters: a login and password. Leaves: a random key for the device, of which only the hash is stored. Must not outlive
a changed password or a disabled person: their rows are deleted in the same transaction.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select

from engine.errors import NotFound
from engine.people import passwords
from engine.people.actor import Actor
from engine.people.signed_in import TOUCH_EVERY, SignedIn, hash_secret, make_actor, prepare_per_dialect, user_columns
from engine.storage import journal
from engine.storage.database import Database
from engine.storage.store import Session
from engine.storage.system_tables import sessions, users

IDLE = timedelta(hours=12)
LIFETIME = timedelta(days=14)
_LONGEST_LOGIN = 200
_HALF = re.compile("[\ud800-\udfff]")  # half of a character, which no database takes


@dataclass(frozen=True, slots=True)
class Device:
    """One session as its owner sees it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    ip: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Proven:
    """A person whose password was right a moment ago; ``epoch`` tells whether it still is."""

    user_id: int
    epoch: int
    outdated: bool


@dataclass(frozen=True, slots=True)
class _Self:
    """Whoever signs in, for the audit row, before there is an actor."""

    id: int
    via: str = "web"


def check_login(database: Database, login: str, password: str) -> Proven | None:
    """Return who this is, or None for a wrong password, an unknown login and a disabled person alike.

    The slow part, the password hash, runs outside any transaction.
    """
    c = users.c
    wanted = select(c.id, c.epoch, c.password_hash, c.disabled_at).where(c.login == normal_login(login))
    with database.read() as connection:
        row = connection.execute(wanted).first() if can_be_login(login) else None
    fits = passwords.can_sign_in(password, row.password_hash if row else None)
    if row is None or not fits or row.disabled_at is not None:
        return None
    return Proven(row.id, row.epoch, passwords.is_outdated(row.password_hash))


def normal_login(login: str) -> str:
    """Return a login as it is stored and compared."""
    return login.strip().casefold()


def can_be_login(login: str) -> bool:
    """Return whether a database can be asked for this login at all."""
    return len(login) <= _LONGEST_LOGIN and "\x00" not in login and not _HALF.search(login)


def open_session(session: Session, proven: Proven, *, ip: str | None, agent: str | None) -> str | None:
    """Open a session and return its key; None when the password changed or the person was disabled meanwhile."""
    c = users.c
    locked = select(c.id).where(c.id == proven.user_id, c.epoch == proven.epoch, c.disabled_at.is_(None))
    if session.connection.execute(locked.with_for_update()).first() is None:
        return None
    key, now = secrets.token_urlsafe(32), session.now()
    row = {
        "token_hash": hash_secret(key),
        "user_id": proven.user_id,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + LIFETIME,
        "ip": ip,
        "agent": (agent or "")[:300],
    }
    session.connection.execute(insert(sessions).values(row))
    session.connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    journal.write_audit(session, "session.open", subject=f"user:{proven.user_id}", actor=_Self(proven.user_id), ip=ip)
    return key


def find_by_key(connection: Connection, key: str, *, now: datetime) -> SignedIn | None:
    """Return who holds this key, in one query; None when the session has ended or the person is disabled."""
    row = _by_key(connection).fetch_one(connection, {"hash": hash_secret(key)})
    if row is None:
        return None
    session_id, last_seen, expires = row[:3]
    if now >= expires or now - last_seen >= IDLE:
        return None
    return SignedIn(make_actor(connection, row[3:], "web"), session_id, now - last_seen >= TOUCH_EVERY)


def list_devices(connection: Connection, user_id: int, *, now: datetime) -> list[Device]:
    """Return the sessions of a person that are still good, the newest first."""
    c = sessions.c
    good = (c.user_id == user_id, c.expires_at > now, c.last_seen_at > now - IDLE)
    rows = connection.execute(
        select(c.id, c.created_at, c.last_seen_at, c.ip, c.agent).where(*good).order_by(c.id.desc())
    )
    return [Device(*row) for row in rows]


def close_by_key(session: Session, key: str) -> None:
    """End the session of this key (signing out)."""
    session.connection.execute(delete(sessions).where(sessions.c.token_hash == hash_secret(key)))


def close_session(session: Session, session_id: int, *, actor: Actor) -> None:
    """End one of the actor's own sessions; ``NotFound`` for anybody else's."""
    own = delete(sessions).where(sessions.c.id == session_id, sessions.c.user_id == actor.id)
    if session.connection.execute(own).rowcount == 0:
        raise NotFound("people.session_not_found")
    journal.write_audit(session, "session.close", subject=f"user:{actor.id}", actor=actor)


def close_all(session: Session, user_id: int, *, keep: int | None = None) -> None:
    """End every session of a person, except ``keep``."""
    session.connection.execute(
        delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id != (-1 if keep is None else keep))
    )


_by_key = prepare_per_dialect(
    lambda: (
        select(sessions.c.id, sessions.c.last_seen_at, sessions.c.expires_at, *user_columns())
        .join_from(sessions, users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == bindparam("hash"), users.c.disabled_at.is_(None))
    )
)
