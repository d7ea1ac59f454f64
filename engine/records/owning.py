"""Whose a record is: whoever creates it, unless somebody who may write more than their own chooses another, or nobody
where it is created straight into a pool.

Enters: what was sent as ``owner``. Leaves: ``owner`` and the ``team`` that follows from it. Must not let anybody take
or give away a record by a scope of their own.
"""

from typing import Any

from sqlalchemy import bindparam, select

from engine.compiler.app import Entity
from engine.compiler.app.ownership import POOL
from engine.compiler.readers import Wrong, is_empty, parse_id
from engine.errors import FieldError
from engine.people.actor import Actor
from engine.records.rights import ALL, NONE, TEAM, Rights
from engine.storage.store import Session
from engine.storage.system_tables import users

_MISSING = FieldError("owner", "value.user_missing")


def first_owner(
    session: Session, given: Any, *, rights: Rights, actor: Actor, errors: list[FieldError]
) -> dict[str, Any]:
    """Return the ``owner`` and ``team`` of a new record; nothing sent means the actor."""
    own = {"owner": actor.id, "team": actor.team}
    return own if is_empty(given) else _chosen(session, given, own, rights, errors)


def first_pool(entity: Entity, given: Any, owner: Any, *, actor: Actor, errors: list[FieldError]) -> dict[str, Any]:
    """Return the ``owner``, ``team`` and ``pool`` of a new record that goes straight into a pool.

    It is for those who look after the pool; nobody owns what is there.
    """
    pools = entity.ownership.pools if entity.ownership is not None else {}
    pool = pools.get(given) if isinstance(given, str) else None
    if pool is None:
        errors.append(FieldError(POOL, "pool.unknown", {"known": ", ".join(pools)}))
        return {}
    if actor.roles.isdisjoint(pool.admins):
        errors.append(FieldError(POOL, "pool.no_admin", {"pool": pool.label}))
    if not is_empty(owner):
        errors.append(FieldError("owner", "pool.no_owner", {"pool": pool.label}))
    return {"owner": None, "team": None, POOL: pool.key}


def next_owner(
    session: Session, given: Any, present: dict[str, Any], *, may: bool, rights: Rights, errors: list[FieldError]
) -> dict[str, Any]:
    """Return the ``owner`` and ``team`` a record gets; ``present`` are those it has.

    ``may`` is whether the actor may write the record without a share: nobody gives away what is only shared with them.
    """
    if is_empty(given):
        if present["owner"] is not None:  # what is in a pool stays there
            errors.append(_MISSING)
        return {}
    return _chosen(session, given, present, rights if may else NONE, errors)


def _chosen(
    session: Session, given: Any, present: dict[str, Any], rights: Rights, errors: list[FieldError]
) -> dict[str, Any]:
    try:
        id_ = parse_id(given)
    except Wrong:
        errors.append(_MISSING)
        return {}
    if id_ == present["owner"]:
        return present
    closed = "owner" in rights.hidden | rights.readonly
    found = _find(session, id_) if rights.write & {ALL, TEAM} and not closed else None
    if found is None:
        errors.append(_MISSING)
        return {}
    return {"owner": found[0], "team": found[1]}


def _find(session: Session, id_: int) -> tuple[Any, ...] | None:
    def build() -> Any:
        return select(users.c.id, users.c.department_id).where(
            users.c.id == bindparam("user_id"), users.c.disabled_at.is_(None)
        )

    return session.prepared("owner", build).fetch_one(session.connection, {"user_id": id_})
