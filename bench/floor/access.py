"""Who is asking, and which rows they may touch.

A bearer token enters; an Actor and WHERE clauses leave. Rights are read from the database on every request.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, select, true

from bench.floor.tables import departments, tokens, user_roles, users

SCOPES = ("own", "team", "all")
READ = {"rep": "own", "manager": "team", "director": "all"}
WRITE = {"rep": "own", "manager": "team"}
CREATE = frozenset({"rep", "manager"})


class Refused(Exception):
    """The request is not done: HTTP status, code, and details for the caller."""

    def __init__(self, status: int, code: str, **details: object) -> None:
        super().__init__(code)
        self.status, self.code, self.details = status, code, details


@dataclass(frozen=True, slots=True)
class Actor:
    id: int
    name: str
    department_id: int
    department: str
    roles: frozenset[str]
    read: str | None
    write: str | None

    @property
    def binds(self) -> dict[str, int]:
        return {"actor_id": self.id, "actor_department": self.department_id}


_ACTOR = (
    select(users.c.id, users.c.name, users.c.department_id, departments.c.name, user_roles.c.role)
    .select_from(tokens.join(users).join(departments).outerjoin(user_roles, user_roles.c.user_id == users.c.id))
    .where(tokens.c.hash == bindparam("hash"), tokens.c.expires_at > bindparam("now"), users.c.active)
)


def get_actor(connection: Connection, authorization: str) -> Actor:
    """The person behind `Bearer TOKEN`. Raises Refused 401."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "token_missing")
    hashed = hashlib.sha256(token.encode()).hexdigest()
    rows = connection.execute(_ACTOR, {"hash": hashed, "now": datetime.now(UTC)}).all()
    if not rows:
        raise Refused(401, "token_unknown")
    roles = frozenset(row[4] for row in rows if row[4])
    user_id, name, department_id, department, _role = rows[0]
    return Actor(user_id, name, department_id, department, roles, _widest(READ, roles), _widest(WRITE, roles))


def rows_within(table: Table, scope: str | None) -> ColumnElement[bool]:
    """The rows of a scope; binds `actor_id` and `actor_department`. Raises Refused 403 when there is no rule."""
    if scope == "all":
        return true()
    if scope == "team":
        return table.c.department_id == bindparam("actor_department")
    if scope == "own":
        return table.c.owner_id == bindparam("actor_id")
    raise Refused(403, "not_allowed")


def is_within(row: object, scope: str | None, actor: Actor) -> bool:
    """The same decision for a row already read."""
    if scope == "team":
        return bool(row.department_id == actor.department_id)  # type: ignore[attr-defined]
    return scope == "all" or (scope == "own" and row.owner_id == actor.id)  # type: ignore[attr-defined]


def _widest(rules: dict[str, str], roles: frozenset[str]) -> str | None:
    found = [rules[role] for role in roles if role in rules]
    return max(found, key=SCOPES.index) if found else None
