"""API tokens: a program acts as a person, with that person's rights.

Enters: a label. Leaves: a token, shown once; only its hash is stored. Must not outlive its owner's password or stay
after the owner is disabled.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import Actor
from engine.people.signed_in import SignedIn, hash_secret, make_actor, prepare_per_dialect, user_columns
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


def create_token(
    session: Session, *, user_id: int, label: str, expires_at: datetime | None = None, actor: Actor | None
) -> str:
    """Create a token for a person and return it; it cannot be read again. ``InvalidValues`` for an empty label."""
    label = label.strip()
    if not label or len(label) > _LONGEST_LABEL:
        raise InvalidValues([FieldError("label", "people.token_label", {"max": _LONGEST_LABEL})])
    token = PREFIX + secrets.token_urlsafe(32)
    row = {
        "token_hash": hash_secret(token),
        "user_id": user_id,
        "label": label,
        "created_at": session.now(),
        "expires_at": expires_at,
    }
    session.connection.execute(insert(tokens).values(row))
    journal.write_audit(session, "token.create", subject=f"user:{user_id}", details={"label": label}, actor=actor)
    return token


def find_by_token(connection: Connection, token: str, *, now: datetime) -> SignedIn | None:
    """Return whoever this token acts as, in one query; None when it is no longer good or its owner is disabled."""
    row = _by_hash(connection).fetch_one(connection, {"hash": hash_secret(token)})
    if row is None or (row[1] is not None and now >= row[1]):
        return None
    return SignedIn(make_actor(connection, row[2:], "api"), row[0])


def list_tokens(connection: Connection, user_id: int) -> list[Token]:
    """Return a person's tokens that were not revoked, the newest first."""
    c = tokens.c
    wanted = select(c.id, c.label, c.created_at, c.expires_at).where(c.user_id == user_id, c.revoked_at.is_(None))
    return [Token(*row) for row in connection.execute(wanted.order_by(c.id.desc()))]


def revoke_token(session: Session, token_id: int, *, actor: Actor) -> None:
    """Revoke one of the actor's own tokens; ``NotFound`` for anybody else's."""
    c = tokens.c
    own = update(tokens).where(c.id == token_id, c.user_id == actor.id, c.revoked_at.is_(None))
    if session.connection.execute(own.values(revoked_at=session.now())).rowcount == 0:
        raise NotFound("people.token_not_found")
    journal.write_audit(session, "token.revoke", subject=f"token:{token_id}", actor=actor)


def revoke_all(session: Session, user_id: int) -> None:
    """Revoke every token of a person."""
    every = update(tokens).where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
    session.connection.execute(every.values(revoked_at=session.now()))


_by_hash = prepare_per_dialect(
    lambda: (
        select(tokens.c.id, tokens.c.expires_at, *user_columns())
        .join_from(tokens, users, users.c.id == tokens.c.user_id)
        .where(
            tokens.c.token_hash == bindparam("hash"),
            tokens.c.revoked_at.is_(None),
            users.c.disabled_at.is_(None),
        )
    )
)
