"""Departments: a tree, its managers, and who sees whose records through it.

Enters: names and parents. Leaves: rows, and the tree as a mapping from a department to itself and all below it. Must
not let the tree become a ring.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.people.actor import Actor, require_admin
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import departments, settings, users

TREE_VERSION = "departments.version"
_LOCK = 0x44657074
_LONGEST_NAME = 100
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
_TREES: "WeakKeyDictionary[Engine, tuple[str, Mapping[int, frozenset[int]]]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Department:
    """One department; ``key`` is what definitions and files call it."""

    id: int
    key: str
    name: str
    parent: int | None
    manager: int | None
    calendar: str | None = None


def create_department(
    session: Session, *, key: str, name: str, parent: int | None = None, manager: int | None = None, actor: Actor | None
) -> int:
    """Create a department and return its id; administrators only.

    Raises ``InvalidValues`` (key taken or malformed, no name, no such parent or manager) and ``NotAllowed``.
    """
    require_admin(actor)
    _take_turn(session)
    errors = _check_key(session.connection, key)
    errors += _check(session.connection, {"name": name, "parent": parent, "manager": manager})
    if errors:
        raise InvalidValues(errors)
    row = {"key": key, "name": name.strip(), "parent_id": parent, "manager_id": manager}
    made: int = session.connection.execute(insert(departments).values(row).returning(departments.c.id)).scalar_one()
    _changed(session, "department.create", made, row, actor)
    return made


def update_department(session: Session, department: int, *, actor: Actor | None, **changes: Any) -> None:
    """Change ``name``, ``parent`` or ``manager``; administrators only.

    Raises ``InvalidValues`` (no name, no such parent or manager, a department below itself) and ``NotAllowed``.
    """
    require_admin(actor)
    _take_turn(session)
    get_department(session.connection, department)
    errors = _check(session.connection, changes, department)
    if errors:
        raise InvalidValues(errors)
    columns = {"name": "name", "parent": "parent_id", "manager": "manager_id"}
    row = {columns[key]: value for key, value in changes.items()}
    session.connection.execute(update(departments).where(departments.c.id == department).values(row))
    _changed(session, "department.update", department, row, actor)


def delete_department(session: Session, department: int, *, actor: Actor | None) -> None:
    """Delete a department that nothing belongs to; administrators only.

    Raises ``NotFound``, ``NotAllowed``, and ``NotPossibleNow`` that tells what belongs to it: people (also those who
    left), departments below it, or records and shares, which keep it for good.
    """
    require_admin(actor)
    _take_turn(session)
    found = get_department(session.connection, department)
    for code, column in (("people.department_has_people", users.c.department_id),
                         ("people.department_has_below", departments.c.parent_id)):  # fmt: skip
        count = session.connection.scalar(select(func.count()).where(column == department))
        if count:
            raise NotPossibleNow(code, name=found.name, count=count)
    try:
        with session.connection.begin_nested():
            session.connection.execute(delete(departments).where(departments.c.id == department))
    except IntegrityError:  # the foreign keys of every table know, also of those made meanwhile
        raise NotPossibleNow("people.department_has_records", name=found.name) from None
    _changed(session, "department.delete", department, {"key": found.key, "name": found.name}, actor)


def get_department(connection: Connection, department: int) -> Department:
    """Return a department, or raise ``NotFound``."""
    for found in list_departments(connection):
        if found.id == department:
            return found
    raise NotFound("people.department_not_found")


def find_department(connection: Connection, key: str) -> Department | None:
    """Return the department called ``key``."""
    return next((found for found in list_departments(connection) if found.key == key), None)


def list_departments(connection: Connection) -> list[Department]:
    """Return all departments, in the order they were made."""
    return [Department(*row) for row in connection.execute(_select_all())]


@cache
def _select_all() -> Any:
    c = departments.c
    return select(c.id, c.key, c.name, c.parent_id, c.manager_id, c.calendar).order_by(c.id)


def find_departments(connection: Connection, letters: str, *, limit: int = 20) -> list[Department]:
    """Return departments whose name or key contains ``letters``, for pickers."""
    wanted = letters.strip().casefold()
    fit = [one for one in list_departments(connection) if wanted in one.name.casefold() or wanted in one.key.casefold()]
    return sorted(fit, key=lambda one: one.name)[:limit]


def in_order(known: list[Department], parent: int | None = None, depth: int = 0) -> Iterator[tuple[Department, int]]:
    """Yield departments as a tree is read, each before those below it, by name, with how deep it lies."""
    for one in sorted((one for one in known if one.parent == parent), key=lambda one: one.name):
        yield one, depth
        yield from in_order(known, one.id, depth + 1)


def find_tree(connection: Connection, version: str | None) -> Mapping[int, frozenset[int]]:
    """Return, for each department, itself and all below it; kept in memory while ``version`` stays the same."""
    kept = _TREES.get(connection.engine)
    if kept is not None and kept[0] == version:
        return kept[1]
    tree = read_tree(connection)
    if version is not None:
        _TREES[connection.engine] = (version, tree)
    return tree


def find_above(connection: Connection, department: int, version: str | None) -> frozenset[int]:
    """Return a department and all above it, from the tree kept under ``version``."""
    tree = find_tree(connection, version)
    return frozenset((department, *(above for above, below in tree.items() if department in below)))


def read_tree(connection: Connection) -> dict[int, frozenset[int]]:
    """Read the tree."""
    below: dict[int, set[int]] = {}
    parents = {found.id: found.parent for found in list_departments(connection)}
    for department in parents:
        for above in _with_those_above(department, parents):
            below.setdefault(above, set()).add(department)
    return {department: frozenset(found) for department, found in below.items()}


def _with_those_above(department: int, parents: Mapping[int, int | None]) -> Iterable[int]:
    seen: set[int] = set()
    at: int | None = department
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return seen


def _take_turn(session: Session) -> None:
    """Two administrators who move departments below each other at once must not both succeed."""
    if session.connection.dialect.name == "postgresql":
        session.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _check_key(connection: Connection, key: str) -> list[FieldError]:
    if not _KEY.fullmatch(key):
        return [FieldError("key", "people.department_key")]
    if find_department(connection, key) is not None:
        return [FieldError("key", "people.department_taken", {"key": key})]
    return []


def _check(connection: Connection, changes: Mapping[str, Any], department: int | None = None) -> list[FieldError]:
    errors = []
    if "name" in changes and not 1 <= len((changes["name"] or "").strip()) <= _LONGEST_NAME:
        errors.append(FieldError("name", "people.name_length"))
    parent, manager = changes.get("parent"), changes.get("manager")
    if parent is not None:
        tree = read_tree(connection)
        if parent not in tree:
            errors.append(FieldError("parent", "people.department_not_found"))
        elif parent in tree.get(department or 0, ()):
            errors.append(FieldError("parent", "people.department_ring"))
    enabled = select(users.c.id).where(users.c.id == manager, users.c.disabled_at.is_(None))
    if manager is not None and connection.scalar(enabled) is None:
        errors.append(FieldError("manager", "value.user_missing"))
    return errors


def _changed(session: Session, action: str, department: int, row: Mapping[str, Any], actor: Actor | None) -> None:
    """Write the audit row and give the tree a new version, never one that was used before."""
    version = secrets.token_hex(8)
    known = session.connection.execute(update(settings).where(settings.c.key == TREE_VERSION).values(value=version))
    if known.rowcount == 0:
        session.connection.execute(insert(settings).values(key=TREE_VERSION, value=version))
    journal.write_audit(session, action, subject=f"department:{department}", details=dict(row), actor=actor)
