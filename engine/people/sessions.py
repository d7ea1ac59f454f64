"""Sessions: who is signed in on which device.

Enters: a login and password. Leaves: a random key for the device, of which only the hash is stored. Must not outlive
a changed password or a disabled person: their rows are deleted in the same transaction. Must not open for a password
alone where somebody has a second factor.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, select, update

from engine.errors import NotFound
from engine.people import passwords
from engine.people.actor import Actor
from engine.people.signed_in import TOUCH_EVERY, SignedIn, hash_secret, make_actor, prepare_per_dialect, user_columns
from engine.storage import journal
from engine.storage.database import Database
from engine.storage.store import Session
from engine.storage.system_tables import second_factors, sessions, users

How = Literal["password", "company", "code", "recovery"]
"""What somebody came in with last: the password or a company account alone, or after it a code of their app or a
recovery code."""

Cause = Literal["password", "code", "company", "throttled"]
"""Why a sign-in was refused: what was not right, or that too many were tried to look."""

IDLE = timedelta(hours=12)
LIFETIME = timedelta(days=14)
_LONGEST_LOGIN = 200
_SHOWN = 3
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
    """A person who proved who they are a moment ago; ``epoch`` tells whether that still holds.

    ``asks_code``: they have a second factor, which is still to come.
    """

    user_id: int
    epoch: int
    outdated: bool = False
    asks_code: bool = False


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
    wanted = select(c.id, c.epoch, c.password_hash, c.disabled_at, has_second_factor().label("asks_code"))
    wanted = wanted.where(c.login == normal_login(login))
    with database.read() as connection:
        row = connection.execute(wanted).first() if can_be_login(login) else None
    fits = passwords.can_sign_in(password, row.password_hash if row else None)
    if row is None or not fits or row.disabled_at is not None:
        return None
    return Proven(row.id, row.epoch, passwords.is_outdated(row.password_hash), bool(row.asks_code))


def has_second_factor() -> ColumnElement[bool]:
    """Return the condition that the person of a query over ``users`` is asked for a code."""
    c = second_factors.c
    return exists().where(c.user_id == users.c.id, c.confirmed_at.is_not(None))


def normal_login(login: str) -> str:
    """Return a login as it is stored and compared."""
    return login.strip().casefold()


def can_be_login(login: str) -> bool:
    """Return whether a database can be asked for this login at all."""
    return len(login) <= _LONGEST_LOGIN and "\x00" not in login and not _HALF.search(login)


def open_session(
    session: Session, proven: Proven, *, by: How = "password", ip: str | None, agent: str | None
) -> str | None:
    """Open a session and return its key.

    None when the password changed or the person was disabled meanwhile, or when a code is asked for and none was given.
    """
    c = users.c
    locked = select(c.id).where(c.id == proven.user_id, c.epoch == proven.epoch, c.disabled_at.is_(None))
    if by not in ("code", "recovery"):
        locked = locked.where(~has_second_factor())
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
    session.connection.execute(update(users).where(c.id == proven.user_id).values(last_seen_at=now))
    session.connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    who, subject = _Self(proven.user_id), f"user:{proven.user_id}"
    journal.write_audit(session, "session.open", subject=subject, details={"by": by}, actor=who, ip=ip)
    return key


def note_refused(
    session: Session, login: str | None, *, user_id: int | None = None, cause: Cause, times: int, ip: str | None
) -> None:
    """Write that a sign-in was refused for the ``times``-th time in an hour, for administrators to see.

    ``login`` is normal. Of one that nobody has only the beginning is kept: people type a password there by mistake.
    """
    told: dict[str, Any] = {"cause": cause, "times": times}
    if cause == "password" and login is not None and can_be_login(login):
        user_id = session.connection.scalar(select(users.c.id).where(users.c.login == login))
        told |= {} if user_id is not None else {"login": f"{login[:_SHOWN]}…"}
    subject = None if user_id is None else f"user:{user_id}"
    journal.write_audit(session, "session.refused", subject=subject, details=told, actor=None, ip=ip)


def find_by_key(connection: Connection, key: str, *, now: datetime) -> SignedIn | None:
    """Return who holds this key, in one query; None when the session has ended or the person is disabled."""
    row = _by_key(connection).fetch_one(connection, {"hash": hash_secret(key)})
    if row is None:
        return None
    session_id, last_seen, expires, seeing_as = row[:4]
    if now >= expires or now - last_seen >= IDLE:
        return None
    own, is_stale = make_actor(connection, row[4:], "web"), now - last_seen >= TOUCH_EVERY
    seen = None if seeing_as is None or not own.is_admin else _find_seen(connection, seeing_as)
    return SignedIn(own, session_id, is_stale) if seen is None else SignedIn(seen, session_id, is_stale, seer=own)


def _find_seen(connection: Connection, user_id: int) -> Actor | None:
    """Return as whom an administrator sees; None for whoever was disabled, or made one too, meanwhile."""
    wanted = select(*user_columns()).where(users.c.id == user_id, users.c.disabled_at.is_(None))
    row = connection.execute(wanted).first()
    seen = None if row is None else make_actor(connection, tuple(row), "web")
    return None if seen is None or seen.is_admin else seen


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
    c = sessions.c
    ended = delete(sessions).where(c.token_hash == hash_secret(key)).returning(c.user_id, c.seeing_as_id)
    row = session.connection.execute(ended).first()
    if row is not None and row.seeing_as_id is not None:
        journal.write_audit(session, "seeing_as.end", f"user:{row.seeing_as_id}", actor=_Self(row.user_id))


def close_session(session: Session, session_id: int, *, actor: Actor) -> None:
    """End one of the actor's own sessions, for an administrator anybody's; ``NotFound`` for any other."""
    ended = delete(sessions).where(sessions.c.id == session_id).returning(sessions.c.user_id)
    if not actor.is_admin:
        ended = ended.where(sessions.c.user_id == actor.id)
    user_id = session.connection.scalar(ended)
    if user_id is None:
        raise NotFound("people.session_not_found")
    journal.write_audit(session, "session.close", subject=f"user:{user_id}", actor=actor)


def close_others(session: Session, *, keep: int, actor: Actor) -> None:
    """End every session of the actor but the one they ask with."""
    close_all(session, actor.id, keep=keep)
    journal.write_audit(session, "session.close_others", subject=f"user:{actor.id}", actor=actor)


def close_all(session: Session, user_id: int, *, keep: int | None = None) -> None:
    """End every session of a person, except ``keep``."""
    session.connection.execute(
        delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id != (-1 if keep is None else keep))
    )


_by_key = prepare_per_dialect(
    lambda: (
        select(
            sessions.c.id, sessions.c.last_seen_at, sessions.c.expires_at, sessions.c.seeing_as_id, *user_columns()
        )  # fmt: skip
        .join_from(sessions, users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == bindparam("hash"), users.c.disabled_at.is_(None))
    )
)
