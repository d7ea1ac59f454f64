"""What a request was answered, kept for a day under the key its sender gave it, so that sent again it is done once.

Enters: a session that writes, who asks, their key, a fingerprint of what they sent. Leaves: the answer of the first
time, or the key taken until the transaction ends; the answer is kept in the same transaction as what was done, so both
are there or neither. Must not know what a request is, nor keep the answer of one that was refused: it did nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert

from engine.errors import FieldError, InvalidValues, NotPossibleNow
from engine.storage.store import Session
from engine.storage.system_tables import answers

KEPT_FOR = timedelta(hours=24)
_NAMESPACE = 0x416E7377  # "Answ": one sender's key is worked on by one transaction


@dataclass(frozen=True)
class Answer:
    """An answer as it was given: ``status``, the ``headers`` worth repeating, the ``body``."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Key:
    """Who sent a request under which ``name``; ``fingerprint`` is the sha256 of what they sent."""

    user_id: int
    name: str
    fingerprint: str


def claim(session: Session, key: Key, *, wait: bool) -> Answer | None:
    """Return what this key was answered within the last day; None when it is new, and taken until the transaction ends.

    While another transaction works on the same key, ``wait`` waits for it, else ``NotPossibleNow`` is raised.
    SQLite has one writer at a time and always waits. Raises ``InvalidValues`` when the key was used for something else.
    """
    if session.connection.dialect.name == "postgresql":
        _take(session, key, wait=wait)
    row = session.prepared("find answer", _find).fetch_one(
        session.connection,
        {"user_id": key.user_id, "name": key.name, "since": session.now() - KEPT_FOR},
    )
    if row is None:
        return None
    if row[0] != key.fingerprint:
        raise InvalidValues([FieldError("Idempotency-Key", "storage.key_of_another")])
    return Answer(row[1], row[2] or {}, row[3])


def keep(session: Session, key: Key, answer: Answer) -> None:
    """Keep the answer to a key that was claimed in this transaction."""
    row = {
        "user_id": key.user_id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
        "at": session.now(),
    }
    session.connection.execute(_upsert(session, answers, row))


def forget_old(session: Session) -> int:
    """Forget the answers that are older than a day; return how many."""
    old = delete(answers).where(answers.c.at <= session.now() - KEPT_FOR)
    return session.connection.execute(old).rowcount


def _find() -> Any:
    c = answers.c
    own = (c.user_id == bindparam("user_id"), c.name == bindparam("name"), c.at > bindparam("since", type_=c.at.type))
    return select(c.fingerprint, c.status, c.headers, c.body).where(*own)


def _take(session: Session, key: Key, *, wait: bool) -> None:
    number = int.from_bytes(hashlib.sha256(f"{key.user_id}:{key.name}".encode()).digest()[:4], "big", signed=True)
    if wait:
        session.connection.execute(select(func.pg_advisory_xact_lock(_NAMESPACE, number)))
    elif not session.connection.scalar(select(func.pg_try_advisory_xact_lock(_NAMESPACE, number))):
        raise NotPossibleNow("storage.key_in_use")


def _upsert(session: Session, table: Table, row: Mapping[str, Any]) -> Any:
    """An answer that is too old is still there until it is forgotten: a new one takes its place."""
    make = postgresql.insert if session.connection.dialect.name == "postgresql" else sqlite.insert
    statement: Insert | sqlite.Insert = make(table).values(row)
    rest = {name: statement.excluded[name] for name in row if name not in ("user_id", "name")}
    return statement.on_conflict_do_update(index_elements=["user_id", "name"], set_=rest)
