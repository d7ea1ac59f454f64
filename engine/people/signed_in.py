"""Who is behind a session or a token: one query on each request.

Enters: the hash of a secret. Leaves: ``SignedIn`` with the actor, their roles and their part of the department tree.
Must not say why a secret is no longer good. The department tree is kept in memory under a version that changes with
every change of a department; the version is read by the same query.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, or_, select, update

from engine.people.actor import Actor, Via
from engine.people.departments import TREE_VERSION, find_above, find_tree
from engine.storage.approval_tables import group_members
from engine.storage.lists import Joined, is_one_of
from engine.storage.prepared import Prepared
from engine.storage.share_tables import shares
from engine.storage.store import Session
from engine.storage.system_tables import sessions, user_roles, users
from engine.storage.system_tables import settings as engine_settings

TOUCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A good session, or token, and whoever it belongs to.

    ``is_stale`` asks for ``touch``, or for ``tokens.touch_token``; ``seer`` is the administrator who sees as the actor,
    and may change nothing.
    """

    actor: Actor
    id: int
    is_stale: bool = False
    seer: Actor | None = None
    by_token: bool = False


def hash_secret(secret: str) -> str:
    """Return what is stored in place of a session key or a token (SHA-256: the secrets are random, 256 bits)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def user_columns() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that ``make_actor`` reads, in its order; the statement must be about ``users``."""
    roles = select(Joined(user_roles.c.role)).where(user_roles.c.user_id == users.c.id)
    version = select(engine_settings.c.value).where(engine_settings.c.key == TREE_VERSION)
    c = shares.c
    to_all = or_(exists().where(c.department_id.is_not(None)), exists().where(c.group_key.is_not(None)))
    return (
        users.c.id,
        users.c.login,
        users.c.name,
        users.c.department_id,
        users.c.language,
        roles.scalar_subquery(),
        version.scalar_subquery(),
        or_(exists().where(c.user_id == users.c.id), to_all),
    )


def make_actor(connection: Connection, row: Sequence[Any], via: Via) -> Actor:
    """Return the actor of a row of ``user_columns``."""
    user_id, login, name, team, language, roles, version, may_share = row
    teams = _teams(connection, team, version)
    above = frozenset() if team is None else find_above(connection, team, version)
    held = frozenset((roles or "").split(",")) - {""}
    shared = _find_shared(connection, user_id, above) if may_share else frozenset()
    return Actor(user_id, login, name, held, team, teams, language, via, above, shared)


def _find_shared(connection: Connection, user_id: int, above: frozenset[int]) -> frozenset[str]:
    """Return the entities of which something is, or was, shared with somebody; nobody else pays for shares."""
    given = {"user_id": user_id, "above": list(above)}
    return frozenset(row[0] for row in _shared(connection).fetch_all(connection, given))


def touch(session: Session, who: SignedIn) -> None:
    """Note that a session is in use, and that its person was seen."""
    seen = {"last_seen_at": session.now()}
    session.connection.execute(update(sessions).where(sessions.c.id == who.id).values(seen))
    session.connection.execute(update(users).where(users.c.id == (who.seer or who.actor).id).values(seen))


def prepare_per_dialect(make: Callable[[], Any]) -> Callable[[Connection], Prepared]:
    """Return a function that gives ``make()`` compiled for a connection's database, compiled once each."""
    known: dict[str, Prepared] = {}

    def prepared(connection: Connection) -> Prepared:
        name = connection.dialect.name
        found = known.get(name)
        if found is None:
            found = known[name] = Prepared(make(), connection.dialect)
        return found

    return prepared


def _select_shared() -> Any:
    c, me = shares.c, bindparam("user_id", type_=shares.c.user_id.type)
    groups = select(group_members.c.group_key).where(group_members.c.user_id == me)
    mine = or_(c.user_id == me, is_one_of(c.department_id, "above"), c.group_key.in_(groups))
    return select(c.entity).where(mine).distinct()


_shared = prepare_per_dialect(_select_shared)


def _teams(connection: Connection, team: int | None, version: Any) -> frozenset[int]:
    return frozenset() if team is None else find_tree(connection, version).get(team, frozenset((team,)))
