"""Whom approvals find: members of groups, who is responsible for which value, heads of departments.

Enters: what an administrator (or the command line, ``actor=None``) says; a group, a role with values. Leaves: rows with
an audit row in the same transaction; people who are not disabled. Must not give anybody a right: that is for roles.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from engine.errors import FieldError, InvalidValues
from engine.people import directory
from engine.people.actor import Actor, Person, require_admin
from engine.storage import journal
from engine.storage.approval_tables import group_members, responsibilities
from engine.storage.store import Session
from engine.storage.system_tables import departments, user_roles, users

_LONGEST = 200


def set_groups(session: Session, user_id: int, groups: Iterable[str], *, actor: Actor | None) -> None:
    """Replace the groups a person belongs to; raises ``InvalidValues`` for one that the app does not have."""
    require_admin(actor)
    directory.person(session.connection, user_id)
    held = sorted(set(groups))
    unknown = [key for key in held if key not in session.app.groups]
    if unknown:
        known = ", ".join(session.app.groups) or "–"
        raise InvalidValues([FieldError("groups", "people.group_unknown", {"group": unknown[0], "known": known})])
    session.connection.execute(delete(group_members).where(group_members.c.user_id == user_id))
    if held:
        rows = [{"user_id": user_id, "group_key": key} for key in held]
        session.connection.execute(insert(group_members), rows)
    _write_audit(session, "user.groups", user_id, {"groups": held}, actor)


def set_responsible(session: Session, user_id: int, name: str, values: Iterable[str], *, actor: Actor | None) -> None:
    """Replace the values of ``name`` (the key of a field) a person is responsible for; none ends it."""
    require_admin(actor)
    directory.person(session.connection, user_id)
    kept = sorted({value.strip() for value in values if value.strip()})
    if any(len(value) > _LONGEST for value in (name, *kept)):
        raise InvalidValues([FieldError("values", "value.too_long", {"max": _LONGEST, "length": _LONGEST + 1})])
    c = responsibilities.c
    session.connection.execute(delete(responsibilities).where(c.user_id == user_id, c.name == name))
    if kept:
        rows = [{"user_id": user_id, "name": name, "value": value} for value in kept]
        session.connection.execute(insert(responsibilities), rows)
    _write_audit(session, "user.responsible", user_id, {"name": name, "values": kept}, actor)


def groups_of(connection: Connection, user_id: int) -> list[str]:
    """Return the groups a person belongs to."""
    c = group_members.c
    return list(connection.scalars(select(c.group_key).where(c.user_id == user_id).order_by(c.group_key)))


def add_member(session: Session, group: str, user_id: int, *, actor: Actor | None) -> None:
    """Let a person belong to a group too; raises what ``set_groups`` raises."""
    held = [key for key in groups_of(session.connection, user_id) if key in session.app.groups]
    set_groups(session, user_id, {*held, group}, actor=actor)


def remove_member(session: Session, group: str, user_id: int, *, actor: Actor | None) -> None:
    """Let a person no longer belong to a group."""
    held = {key for key in groups_of(session.connection, user_id) if key in session.app.groups}
    set_groups(session, user_id, held - {group}, actor=actor)


def list_members(connection: Connection) -> dict[str, list[Person]]:
    """Return everybody in each group, the disabled included, in a steady order."""
    rows = connection.execute(
        select(group_members.c.group_key, group_members.c.user_id).order_by(group_members.c.user_id)
    )
    pairs = [(row[0], row[1]) for row in rows]
    known = directory.people(connection, {user_id for _, user_id in pairs})
    found: dict[str, list[Person]] = {}
    for group, user_id in pairs:
        found.setdefault(group, []).append(known[user_id])
    return found


def list_responsible(connection: Connection) -> dict[str, list[tuple[Person, list[str]]]]:
    """Return for each field who is responsible for which of its values, the disabled included."""
    c = responsibilities.c
    rows = connection.execute(select(c.name, c.user_id, c.value).order_by(c.name, c.user_id, c.value))
    values: dict[tuple[str, int], list[str]] = {}
    for name, user_id, value in rows:
        values.setdefault((name, user_id), []).append(value)
    known = directory.people(connection, {user_id for _, user_id in values})
    found: dict[str, list[tuple[Person, list[str]]]] = {}
    for (name, user_id), kept in values.items():
        found.setdefault(name, []).append((known[user_id], kept))
    return found


def members_of(connection: Connection, group: str) -> list[Person]:
    """Return everybody in a group who is not disabled, in a steady order."""
    own = group_members.c.group_key == group
    ids = select(group_members.c.user_id).where(own).order_by(group_members.c.user_id)
    return _enabled(connection, list(connection.scalars(ids)))


def responsible_for(connection: Connection, role: str, name: str, values: Iterable[str]) -> list[Person]:
    """Return the holders of ``role`` who are responsible for one of ``values`` of ``name``."""
    wanted = sorted(set(values))
    if not wanted:
        return []
    c = responsibilities.c
    held = responsibilities.join(user_roles, user_roles.c.user_id == c.user_id)
    found = select(c.user_id).select_from(held).where(user_roles.c.role == role, c.name == name, c.value.in_(wanted))
    return _enabled(connection, list(connection.scalars(found.distinct().order_by(c.user_id))))


def head_of(connection: Connection, department: int | None) -> Person | None:
    """Return the manager of a department; None when it has none, or they are disabled."""
    manager = connection.scalar(select(departments.c.manager_id).where(departments.c.id == department))
    return next(iter(_enabled(connection, [manager] if manager is not None else [])), None)


def head_of_key(connection: Connection, key: str) -> Person | None:
    """Return the manager of the department with this key."""
    return head_of(connection, connection.scalar(select(departments.c.id).where(departments.c.key == key)))


def department_of(connection: Connection, user_id: int) -> int | None:
    """Return the department of a person."""
    return connection.scalar(select(users.c.department_id).where(users.c.id == user_id))


def _enabled(connection: Connection, ids: list[int]) -> list[Person]:
    known = directory.people(connection, ids)
    return [known[id_] for id_ in ids if id_ in known and known[id_].enabled]


def _write_audit(session: Session, action: str, user_id: int, details: dict[str, object], actor: Actor | None) -> None:
    journal.write_audit(session, action, subject=f"user:{user_id}", details=details, actor=actor)
