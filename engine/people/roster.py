"""Everybody there is, as whoever looks after people sees them: found by words, department, role and state.

Enters: what to look for, and after which login to go on. Leaves: frozen entries, a page at a time, each with a
digest of what may be changed in it. Must not change anybody, nor decide who may look: callers ask ``require_admin``.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from engine.errors import NotFound
from engine.people.departments import read_tree
from engine.people.sessions import has_second_factor
from engine.storage.system_tables import identities, user_roles, users

State = Literal["enabled", "disabled"]
PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One person with everything an administrator may change; moments are UTC."""

    id: int
    login: str
    name: str
    email: str | None
    mobile: str | None
    department: int | None
    manager: int | None
    disabled_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None
    has_password: bool
    has_second_factor: bool
    has_company_account: bool
    roles: tuple[str, ...]

    @property
    def enabled(self) -> bool:
        """Whether they may sign in."""
        return self.disabled_at is None

    @property
    def digest(self) -> str:
        """The sha256 of what a form about them holds (16 hexadecimal digits): who saves says what they saw."""
        shown = (self.login, self.name, self.email, self.mobile, self.department, self.manager, self.roles)
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RosterQuery:
    """Whom to look for. ``department`` stands for itself and all below it; ``after`` is the login of the last one."""

    text: str = ""
    department: int | None = None
    role: str | None = None
    state: State | None = None
    after: str | None = None
    limit: int = PAGE


def list_entries(connection: Connection, query: RosterQuery) -> tuple[list[Entry], str | None]:
    """Return a page of people by login, and the login to go on after; None on the last page."""
    wanted = _entries().where(*_conditions(connection, query)).order_by(users.c.login).limit(query.limit + 1)
    if query.after:
        wanted = wanted.where(users.c.login > query.after)
    rows = connection.execute(wanted).all()
    found = _with_roles(connection, rows[: query.limit])
    return found, found[-1].login if len(rows) > query.limit else None


def count_entries(connection: Connection, query: RosterQuery) -> int:
    """Return how many people ``query`` finds on all its pages."""
    wanted = select(func.count()).select_from(users).where(*_conditions(connection, query))
    return int(connection.scalar(wanted) or 0)


def get_entry(connection: Connection, user_id: int) -> Entry:
    """Return one person, disabled or not; raises ``NotFound``."""
    rows = connection.execute(_entries().where(users.c.id == user_id)).all()
    if not rows:
        raise NotFound("people.user_not_found")
    return _with_roles(connection, rows)[0]


def count_by_department(connection: Connection) -> dict[int | None, int]:
    """Return how many people who are not disabled each department has itself; None: those in no department."""
    c = users.c
    counted = select(c.department_id, func.count()).where(c.disabled_at.is_(None)).group_by(c.department_id)
    return {row[0]: int(row[1]) for row in connection.execute(counted)}


def _entries() -> "Select[Any]":
    c = users.c
    return select(
        c.id, c.login, c.name, c.email, c.mobile, c.department_id.label("department"), c.manager_id.label("manager"),
        c.disabled_at, c.created_at, c.last_seen_at, c.password_hash.is_not(None).label("has_password"),
        has_second_factor().label("has_second_factor"),
        exists().where(identities.c.user_id == c.id).label("has_company_account"),
    )  # fmt: skip


def _conditions(connection: Connection, query: RosterQuery) -> Iterable[ColumnElement[bool]]:
    c = users.c
    words = query.text.strip().casefold()
    if words:
        like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        texts = (func.lower(c.name), c.login, func.lower(c.email), c.mobile)
        yield or_(*(text.like(like, escape="\\") for text in texts))
    if query.department is not None:
        yield c.department_id.in_(read_tree(connection).get(query.department, (query.department,)))
    if query.role is not None:
        yield c.id.in_(select(user_roles.c.user_id).where(user_roles.c.role == query.role))
    if query.state is not None:
        yield c.disabled_at.is_(None) if query.state == "enabled" else c.disabled_at.is_not(None)


def _with_roles(connection: Connection, rows: Iterable[Any]) -> list[Entry]:
    c = user_roles.c
    rows = list(rows)
    held: dict[int, list[str]] = {}
    wanted = select(c.user_id, c.role).where(c.user_id.in_([row[0] for row in rows])).order_by(c.role)
    for user_id, role in connection.execute(wanted):
        held.setdefault(user_id, []).append(role)
    return [Entry(**row._mapping, roles=tuple(held.get(row[0], ()))) for row in rows]
