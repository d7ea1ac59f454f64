"""Invented people all at once, for a demo and for examples: departments, accounts, who reports to whom.

Enters: departments and users as a definition writes them. Leaves: accounts. Must not change people who are there
already; ``set_everybody_aside`` is for a transaction that is rolled back, and for no other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update

from engine.people import accounts, departments, groups
from engine.storage.store import Session
from engine.storage.system_tables import users

Written = Mapping[str, Mapping[str, Any]]

_BESIDE = "example."
"""Before logins and keys when those that are written are taken by other people."""


@dataclass(frozen=True)
class CastMember:
    """An invented person; ``password`` is None for somebody who was there before, or has none."""

    login: str
    id: int
    name: str
    roles: tuple[str, ...]
    password: str | None = field(default=None, repr=False)


def create_cast(
    session: Session, written: Written, people: Written, *, password: Callable[[], str] | None, beside: str = ""
) -> list[CastMember]:
    """Create departments (``written``) and people; who is there already stays as they are.

    Without ``password`` they cannot sign in. ``beside`` goes before each login and key in the database; the logins
    returned are those written. Raises what ``accounts.create_user`` raises.
    """
    ids: dict[str, int] = {}
    for key in written:
        _create_department(session, key, written, ids, beside)
    found = [_create_person(session, login, one, ids, password, beside) for login, one in people.items()]
    _set_managers(session, written, people, ids, {member.login: member.id for member in found})
    return found


def set_everybody_aside(session: Session, written: Written, people: Written) -> str:
    """Disable everybody there is, so that only invented people are found; return a free ``beside`` for them.

    Only rows of people are touched, and none of the columns that other tables refer to: nobody waits for this
    transaction but whoever changes an account.
    """
    session.connection.execute(update(users).where(users.c.disabled_at.is_(None)).values(disabled_at=session.now()))
    taken = session.connection.scalar(select(func.count()).where(users.c.login.in_([*people]))) or any(
        departments.find_department(session.connection, key) for key in written
    )
    return _BESIDE if taken else ""


def _create_department(session: Session, key: str, written: Written, ids: dict[str, int], beside: str) -> int:
    """Create a department after those above it; return its id."""
    if key in ids:
        return ids[key]
    known = departments.find_department(session.connection, beside + key)
    if known is not None:
        ids[key] = known.id
        return known.id
    ids[key] = 0  # departments that lie above each other end here
    above = str(written[key].get("parent", ""))
    parent = _create_department(session, above, written, ids, beside) if above in written else None
    name = written[key]["name"]
    ids[key] = departments.create_department(session, key=beside + key, name=name, parent=parent or None, actor=None)
    return ids[key]


def _create_person(
    session: Session,
    login: str,
    one: Mapping[str, Any],
    ids: Mapping[str, int],
    password: Callable[[], str] | None,
    beside: str,
) -> CastMember:
    roles = tuple(one["roles"])
    known = accounts.find_user(session.connection, beside + login)
    if known is not None:
        return CastMember(login, known, one["name"], roles)
    made_up = password() if password is not None else None
    department = ids.get(one.get("department", ""))
    made = accounts.create_user(
        session, login=beside + login, name=one["name"], password=made_up, roles=roles, department=department,
        actor=None,
    )  # fmt: skip
    if one.get("groups"):
        groups.set_groups(session, made, one["groups"], actor=None)
    for name, values in one.get("responsible", {}).items():
        groups.set_responsible(session, made, name, values, actor=None)
    return CastMember(login, made, one["name"], roles, made_up)


def _set_managers(
    session: Session, written: Written, people: Written, ids: Mapping[str, int], logins: Mapping[str, int]
) -> None:
    """Write who leads what, now that everybody is there."""
    for key, one in written.items():
        manager = logins.get(one.get("manager", ""))
        if manager is not None and departments.get_department(session.connection, ids[key]).manager is None:
            departments.update_department(session, ids[key], manager=manager, actor=None)
    for login, one in people.items():
        manager = logins.get(one.get("manager", ""))
        if manager is not None:
            accounts.update_user(session, logins[login], manager=manager, actor=None)
