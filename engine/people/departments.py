"""Departments: a tree, its managers, and who sees whose records through it.

Enters: names and parents. Leaves: rows, and the tree as a mapping from a department to itself and all below it. Must
not let the tree become a ring.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, insert, select, update

from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import Actor
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import departments, settings

TREE_VERSION = "departments.version"
_TREES: "WeakKeyDictionary[Engine, tuple[str, Mapping[int, frozenset[int]]]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Department:
    """One department; ``key`` is what definitions and files call it."""

    id: int
    key: str
    name: str
    parent: int | None
    manager: int | None


def create_department(
    session: Session, *, key: str, name: str, parent: int | None = None, manager: int | None = None, actor: Actor | None
) -> int:
    """Create a department and return its id; ``InvalidValues`` when the key is taken or the name empty."""
    _require_name(session.connection, key, name)
    row = {"key": key, "name": name, "parent_id": parent, "manager_id": manager}
    made: int = session.connection.execute(insert(departments).values(row).returning(departments.c.id)).scalar_one()
    _changed(session, "department.create", made, row, actor)
    return made


def update_department(session: Session, department: int, *, actor: Actor | None, **changes: Any) -> None:
    """Change ``name``, ``parent`` or ``manager``; ``InvalidValues`` when a department would lie below itself."""
    found = get_department(session.connection, department)
    parent = changes.get("parent", found.parent)
    if parent is not None and parent in read_tree(session.connection).get(department, ()):
        raise InvalidValues([FieldError("parent", "people.department_ring")])
    columns = {"name": "name", "parent": "parent_id", "manager": "manager_id"}
    row = {columns[key]: value for key, value in changes.items()}
    session.connection.execute(update(departments).where(departments.c.id == department).values(row))
    _changed(session, "department.update", department, row, actor)


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
    c = departments.c
    rows = connection.execute(select(c.id, c.key, c.name, c.parent_id, c.manager_id).order_by(c.id))
    return [Department(*row) for row in rows]


def find_tree(connection: Connection, version: str | None) -> Mapping[int, frozenset[int]]:
    """Return, for each department, itself and all below it; kept in memory while ``version`` stays the same."""
    kept = _TREES.get(connection.engine)
    if kept is not None and kept[0] == version:
        return kept[1]
    tree = read_tree(connection)
    if version is not None:
        _TREES[connection.engine] = (version, tree)
    return tree


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


def _require_name(connection: Connection, key: str, name: str) -> None:
    if not name.strip():
        raise InvalidValues([FieldError("name", "people.required")])
    if find_department(connection, key) is not None:
        raise InvalidValues([FieldError("key", "people.department_taken", {"key": key})])


def _changed(session: Session, action: str, department: int, row: Mapping[str, Any], actor: Actor | None) -> None:
    """Write the audit row and give the tree a new version, never one that was used before."""
    version = secrets.token_hex(8)
    known = session.connection.execute(update(settings).where(settings.c.key == TREE_VERSION).values(value=version))
    if known.rowcount == 0:
        session.connection.execute(insert(settings).values(key=TREE_VERSION, value=version))
    journal.write_audit(session, action, subject=f"department:{department}", details=dict(row), actor=actor)
