"""Who is who: the holders of a role, somebody's manager, names for ids.

Enters: a role, a person's id, a few letters. Leaves: ``Person``. Must not show a disabled person as somebody to ask.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import BigInteger, Connection, Select, bindparam, case, cast, func, null, or_, select

from engine.errors import NotFound
from engine.people.actor import Person
from engine.storage.store import Session
from engine.storage.system_tables import departments, user_roles, users

_HIGHEST_TREE = 20


def holders_of(connection: Connection, role: str) -> list[Person]:
    """Return everybody who holds ``role`` and is not disabled, in a steady order."""
    return _read(connection, _select_holders(), {"role": role})


def manager_of(connection: Connection, user_id: int) -> Person | None:
    """Return whom a person reports to, never the person themselves, never somebody disabled.

    The manager written at the person; else the manager of their department; else of the department above, and so on.
    """
    row = connection.execute(_select_place(), {"of": user_id}).first()
    if row is None:
        return None
    found = _usable(connection, row.manager_id, user_id)
    return found or _department_manager(connection, row.department_id, user_id)


def managers_of(connection: Connection, user_id: int) -> list[Person]:
    """Return the chain of managers upwards, nearest first; a ring is walked once."""
    chain: list[Person] = []
    seen = {user_id}
    above = manager_of(connection, user_id)
    while above is not None and above.id not in seen:
        chain.append(above)
        seen.add(above.id)
        above = manager_of(connection, above.id)
    return chain


def reports_of(session: Session, user_id: int) -> list[int]:
    """Return everybody whose chain of managers leads to this person, the disabled included, in one statement.

    Whose manager is not written reports to the manager of the department, or of the one above it.
    """
    statement = session.prepared("reports", _select_reports)
    return [int(row[0]) for row in statement.fetch_all(session.connection, {"user_id": user_id})]


def person(connection: Connection, user_id: int) -> Person:
    """Return a person, disabled or not; ``NotFound`` when there is none."""
    found = people(connection, [user_id]).get(user_id)
    if found is None:
        raise NotFound("people.user_not_found")
    return found


def people(connection: Connection, ids: Iterable[int | None]) -> Mapping[int, Person]:
    """Return the people behind ids, disabled ones included, in one query."""
    wanted = {user_id for user_id in ids if user_id is not None}
    if not wanted:
        return {}
    return {found.id: found for found in _read(connection, _select_people(), {"ids": [*wanted]})}


def find_people(session: Session, letters: str, *, limit: int = 20) -> list[Person]:
    """Return people whose name or login contains ``letters``, for pickers, without disabled ones and services."""
    kept = letters.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")  # no name holds what cannot be stored
    like = "%" + kept.strip().casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    fits = or_(func.lower(users.c.name).like(like, escape="\\"), users.c.login.like(like, escape="\\"))
    services = [key for key, role in session.app.roles.items() if role.service]
    serving = select(user_roles.c.user_id).where(user_roles.c.role.in_(services))
    found = _enabled(_people().where(fits, users.c.id.not_in(serving)))
    return _read(session.connection, found.order_by(users.c.name, users.c.id).limit(limit))


def _select_reports() -> Select[int]:
    c, own = departments.c, departments.alias("own")
    top = select(c.id, c.manager_id.label("manager"), cast(null(), BigInteger).label("above")).where(
        c.parent_id.is_(None)
    )
    heads = top.cte("heads", recursive=True)
    above = case((own.c.manager_id.is_(None), heads.c.above), else_=heads.c.manager)
    managed = select(own.c.id, func.coalesce(own.c.manager_id, heads.c.manager), above)
    heads = heads.union_all(managed.join(heads, own.c.parent_id == heads.c.id))
    by_department = case((heads.c.manager == users.c.id, heads.c.above), else_=heads.c.manager)
    manager = func.coalesce(func.nullif(users.c.manager_id, users.c.id), by_department)
    told = select(users.c.id, manager.label("manager"))
    everybody = told.join_from(users, heads, heads.c.id == users.c.department_id, isouter=True).subquery("everybody")
    first = select(everybody.c.id).where(everybody.c.manager == bindparam("user_id"))
    found = first.cte("reports", recursive=True)
    found = found.union(select(everybody.c.id).join(found, everybody.c.manager == found.c.id))
    return select(found.c.id).where(found.c.id != bindparam("user_id"))


@cache
def _select_holders() -> Select[int, str, str, int, bool]:
    held = _people().join(user_roles, user_roles.c.user_id == users.c.id)
    return _enabled(held.where(user_roles.c.role == bindparam("role"))).order_by(users.c.id)


@cache
def _select_people() -> Select[int, str, str, int, bool]:
    return _people().where(users.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _select_place() -> Select[int | None, int | None]:
    return select(users.c.manager_id, users.c.department_id).where(users.c.id == bindparam("of"))


def _people() -> Select[int, str, str, int, bool]:
    c = users.c
    return select(c.id, c.login, c.name, c.department_id, c.disabled_at.is_(None))


def _enabled(statement: Select[int, str, str, int, bool]) -> Select[int, str, str, int, bool]:
    return statement.where(users.c.disabled_at.is_(None))


def _read(
    connection: Connection, statement: Select[int, str, str, int, bool], values: Mapping[str, object] | None = None
) -> list[Person]:
    return [Person(*row[:4], bool(row[4])) for row in connection.execute(statement, values)]


def _usable(connection: Connection, manager: int | None, user_id: int) -> Person | None:
    found = None if manager is None or manager == user_id else people(connection, [manager]).get(manager)
    return found if found is not None and found.enabled else None


def _department_manager(connection: Connection, department: int | None, user_id: int) -> Person | None:
    c = departments.c
    for _ in range(_HIGHEST_TREE):
        row = connection.execute(select(c.manager_id, c.parent_id).where(c.id == department)).first()
        if row is None:
            return None
        found = _usable(connection, row.manager_id, user_id)
        if found is not None:
            return found
        department = row.parent_id
    return None
