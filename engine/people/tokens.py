"""API tokens: a program acts as a person or a service, with their rights, or with some of them.

Enters: a label, until when, and what the token is narrowed to. Leaves: a token, shown once; only its hash is stored.
Must not outlive its owner's password or stay after the owner is disabled, nor reach more than its owner.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people.actor import Actor
from engine.people.signed_in import TOUCH_EVERY, SignedIn, hash_secret, make_actor, prepare_per_dialect, user_columns
from engine.people.token_scopes import Scope, read_scope, write_scope
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import tokens, users

PREFIX = "fw_"
_LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it: never the secret."""

    id: int
    label: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token beside the login of whoever it acts as."""

    login: str
    token: Token


def create_token(
    session: Session,
    *,
    user_id: int,
    label: str,
    expires_at: datetime | None = None,
    scope: Scope | None = None,
    actor: Actor | None,
) -> str:
    """Create a token and return it; it cannot be read again. ``scope`` None is all its owner may do.

    Everybody makes their own, an administrator anybody's. Raises ``InvalidValues`` and ``NotAllowed``.
    """
    if actor is not None and (actor.scope is not None or not (actor.is_admin or actor.id == user_id)):
        raise NotAllowed("people.token_not_yours")
    label, errors = label.strip(), []
    if not label or len(label) > _LONGEST_LABEL or not label.isprintable():
        errors.append(FieldError("label", "people.token_label", {"max": _LONGEST_LABEL}))
    if expires_at is not None and expires_at <= session.now():
        errors.append(FieldError("until", "people.token_over"))
    if errors:
        raise InvalidValues(errors)
    token = PREFIX + secrets.token_urlsafe(32)
    row = {
        "token_hash": hash_secret(token),
        "user_id": user_id,
        "label": label,
        "created_at": session.now(),
        "expires_at": expires_at,
        "scope": None if scope is None else write_scope(scope),
    }
    session.connection.execute(insert(tokens).values(row))
    details = {"label": label} | ({} if scope is None else {"scope": write_scope(scope)})
    journal.write_audit(session, "token.create", subject=f"user:{user_id}", details=details, actor=actor)
    return token


def find_by_token(connection: Connection, token: str, *, now: datetime) -> SignedIn | None:
    """Return whoever this token acts as, in one query; None when it is no longer good or its owner is disabled."""
    row = _by_hash(connection).fetch_one(connection, {"hash": hash_secret(token)})
    if row is None or (row[1] is not None and now >= row[1]):
        return None
    actor = make_actor(connection, row[4:], "api")
    if row[3] is not None:
        actor = replace(actor, scope=read_scope(row[3]))
    return SignedIn(actor, row[0], row[2] is None or now - row[2] >= TOUCH_EVERY, by_token=True)


def touch_token(session: Session, who: SignedIn, *, ip: str | None) -> None:
    """Note that a token is in use; the first use of a day is written to the audit log."""
    c = tokens.c
    before = session.connection.scalar(select(c.last_used_at).where(c.id == who.id).with_for_update())
    if before is None or before.date() != session.now().date():
        journal.write_audit(session, "token.use", subject=f"token:{who.id}", actor=who.actor, ip=ip)
    session.connection.execute(update(tokens).where(c.id == who.id).values(last_used_at=session.now()))


def list_tokens(connection: Connection, user_id: int) -> list[Token]:
    """Return a person's tokens that were not revoked, the newest first."""
    return [held.token for held in _list(connection, tokens.c.user_id == user_id)]


def list_all_tokens(connection: Connection) -> list[HeldToken]:
    """Return every token that was not revoked, the newest first, for whoever looks after people."""
    return _list(connection)


def _list(connection: Connection, *wanted: ColumnElement[bool]) -> list[HeldToken]:
    c = tokens.c
    found = select(users.c.login, c.id, c.label, c.created_at, c.expires_at, c.last_used_at, c.scope)
    found = found.join_from(tokens, users, users.c.id == c.user_id).where(c.revoked_at.is_(None), *wanted)
    rows = connection.execute(found.order_by(c.id.desc()))
    return [HeldToken(row[0], Token(*row[1:6], None if row[6] is None else read_scope(row[6]))) for row in rows]


def revoke_token(session: Session, token_id: int, *, actor: Actor | None) -> None:
    """Revoke one of the actor's own tokens, for an administrator anybody's; ``NotFound`` for any other."""
    c = tokens.c
    open_one = update(tokens).where(c.id == token_id, c.revoked_at.is_(None))
    if actor is not None and not actor.is_admin:
        open_one = open_one.where(c.user_id == actor.id)
    if session.connection.execute(open_one.values(revoked_at=session.now())).rowcount == 0:
        raise NotFound("people.token_not_found")
    journal.write_audit(session, "token.revoke", subject=f"token:{token_id}", actor=actor)


def revoke_all(session: Session, user_id: int) -> None:
    """Revoke every token of a person."""
    every = update(tokens).where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
    session.connection.execute(every.values(revoked_at=session.now()))


_by_hash = prepare_per_dialect(
    lambda: (
        select(tokens.c.id, tokens.c.expires_at, tokens.c.last_used_at, tokens.c.scope, *user_columns())
        .join_from(tokens, users, users.c.id == tokens.c.user_id)
        .where(
            tokens.c.token_hash == bindparam("hash"),
            tokens.c.revoked_at.is_(None),
            users.c.disabled_at.is_(None),
        )
    )
)
