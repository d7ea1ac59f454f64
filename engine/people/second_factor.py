"""The second factor: a code that an app on somebody's phone shows for half a minute (TOTP, RFC 6238).

Enters: a person, codes as typed, the key of the site. Leaves: the secret for their app, sealed in the database; ten
recovery codes, shown once and kept as hashes. Must not take a code twice, nor write a secret anywhere else; must not
count attempts, which whoever asks for the code does together with those of the password.

Turning it on ends the other sessions of the person, which were opened without it. Tokens stay: each is a secret of its
own. A phone whose clock is half a minute off is understood.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any, Literal

import pyotp
from sqlalchemy import Connection, delete, func, insert, select, update

from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.people import passwords, sessions
from engine.people.actor import Actor, require_admin
from engine.people.sealing import seal, unseal
from engine.people.signed_in import hash_secret
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import recovery_codes, second_factors, users

RECOVERY_CODES = 10
_LONGEST_CODE = 60
_DRIFT = (-1, 0, 1)  # steps of 30 seconds

Passed = Literal["code", "recovery"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the second factor of somebody: since when it is on, and how many recovery codes are left."""

    on_since: datetime | None
    codes_left: int


def find_standing(connection: Connection, user_id: int) -> Standing:
    """Return how it stands with somebody."""
    c = second_factors.c
    since = connection.scalar(select(c.confirmed_at).where(c.user_id == user_id))
    counted = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    return Standing(since, int(connection.scalar(counted) or 0))


def begin(session: Session, *, key: str, actor: Actor) -> None:
    """Make a new secret for the actor's app; it counts once a code of it was typed."""
    c = second_factors.c
    _lock_person(session, actor.id)
    if find_standing(session.connection, actor.id).on_since is not None:
        raise NotPossibleNow("people.factor_on_already")
    session.connection.execute(delete(second_factors).where(c.user_id == actor.id))
    row = {"user_id": actor.id, "secret": seal(pyotp.random_base32(), key), "created_at": session.now()}
    session.connection.execute(insert(second_factors).values(row))


def find_begun(connection: Connection, user_id: int, *, key: str) -> str | None:
    """Return the secret that somebody is about to put into their app; None when there is none, or it is on."""
    c = second_factors.c
    sealed = connection.scalar(select(c.secret).where(c.user_id == user_id, c.confirmed_at.is_(None)))
    return None if sealed is None else unseal(sealed, key)


def address_of(secret: str, *, login: str, site: str) -> str:
    """Return what the picture says that an app takes the secret from."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=site)


def turn_on(session: Session, code: str, *, password: str, keep: int | None, key: str, actor: Actor) -> tuple[str, ...]:
    """Turn it on with a first code, and return the recovery codes; every session but ``keep`` ends.

    The password is asked for, where there is one, so that nobody locks a person out at a screen left open.
    """
    c = second_factors.c
    stored = _lock_person(session, actor.id)
    if stored is not None and not passwords.can_sign_in(password, stored):
        raise InvalidValues([FieldError("current", "people.password_wrong")])
    secret = find_begun(session.connection, actor.id, key=key)
    if secret is None:
        raise NotPossibleNow("people.factor_begin_again")
    step = _find_step(secret, _as_typed(code), session.now(), after=None)
    if step is None:
        raise InvalidValues([FieldError("code", "people.code_wrong")])
    on = {"confirmed_at": session.now(), "last_step": step}
    session.connection.execute(update(second_factors).where(c.user_id == actor.id).values(on))
    sessions.close_all(session, actor.id, keep=keep)
    _audit(session, "user.factor_on", actor.id, actor)
    return _make_recovery_codes(session, actor.id)


def renew_recovery_codes(session: Session, code: str, *, key: str, actor: Actor) -> tuple[str, ...]:
    """Return new recovery codes; those from before count no more. Asks for a code."""
    _require_code(session, code, key=key, actor=actor)
    _audit(session, "user.recovery_new", actor.id, actor)
    return _make_recovery_codes(session, actor.id)


def turn_off(session: Session, code: str, *, key: str, actor: Actor) -> None:
    """Turn the actor's own second factor off. Asks for a code."""
    _require_code(session, code, key=key, actor=actor)
    _forget(session, actor.id)
    _audit(session, "user.factor_off", actor.id, actor)


def reset(session: Session, user_id: int, *, actor: Actor | None) -> None:
    """Take the second factor of somebody away who lost their phone; their sessions end, as one may be on it."""
    require_admin(actor)
    _lock_person(session, user_id)
    if find_standing(session.connection, user_id).on_since is None:
        raise NotPossibleNow("people.factor_not_on")
    _forget(session, user_id)
    sessions.close_all(session, user_id)
    _audit(session, "user.factor_reset", user_id, actor)


def take_code(session: Session, user_id: int, code: str, *, key: str) -> Passed | None:
    """Use a code of the app, or a recovery code, up; None when it is neither, or was used before.

    Raises ``NotPossibleNow`` when the secret was sealed with another key; recovery codes hold even then.
    """
    c = second_factors.c
    mine = (c.user_id == user_id, c.confirmed_at.is_not(None))
    row = session.connection.execute(select(c.secret, c.last_step).where(*mine).with_for_update()).first()
    if row is None:
        return None
    typed = _as_typed(code)
    secret = unseal(row.secret, key)
    step = None if secret is None else _find_step(secret, typed, session.now(), after=row.last_step)
    if step is not None:
        session.connection.execute(update(second_factors).where(*mine).values(last_step=step))
        return "code"
    r = recovery_codes.c
    used = delete(recovery_codes).where(r.user_id == user_id, r.code_hash == _hash_recovery(typed))
    if session.connection.execute(used).rowcount:
        return "recovery"
    if secret is None:
        raise NotPossibleNow("people.factor_unreadable")
    return None


def _require_code(session: Session, code: str, *, key: str, actor: Actor) -> None:
    if find_standing(session.connection, actor.id).on_since is None:
        raise NotPossibleNow("people.factor_not_on")
    if take_code(session, actor.id, code, key=key) is None:
        raise InvalidValues([FieldError("code", "people.code_wrong")])


def _find_step(secret: str, typed: str, now: datetime, *, after: int | None) -> int | None:
    """Return the step whose code was typed, later than the last one that was used; every candidate is compared."""
    clock = pyotp.TOTP(secret)
    at = clock.timecode(now)
    fits = [at + drift for drift in _DRIFT if compare_digest(clock.generate_otp(at + drift), typed.ljust(clock.digits))]
    late = [step for step in fits if after is None or step > after]
    return min(late, default=None)


def _as_typed(code: str) -> str:
    """Return a code without what people type between its groups; digits of any width are digits."""
    plain = unicodedata.normalize("NFKC", code[:_LONGEST_CODE]).casefold()
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def _hash_recovery(typed: str) -> str:
    return hash_secret(f"recovery {typed}")


def _make_recovery_codes(session: Session, user_id: int) -> tuple[str, ...]:
    session.connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    made = tuple(passwords.generate_password() for _ in range(RECOVERY_CODES))
    rows = [{"user_id": user_id, "code_hash": _hash_recovery(_as_typed(code))} for code in made]
    session.connection.execute(insert(recovery_codes), rows)
    return made


def _forget(session: Session, user_id: int) -> None:
    for table in (second_factors, recovery_codes):
        session.connection.execute(delete(table).where(table.c.user_id == user_id))


def _lock_person(session: Session, user_id: int) -> Any:
    """Let one at a time change how a person signs in; returns the hash of their password."""
    found = select(users.c.password_hash).where(users.c.id == user_id).with_for_update()
    row = session.connection.execute(found).first()
    if row is None:
        raise NotFound("people.user_not_found")
    return row[0]


def _audit(session: Session, action: str, user_id: int, actor: Actor | None) -> None:
    journal.write_audit(session, action, subject=f"user:{user_id}", actor=actor)
