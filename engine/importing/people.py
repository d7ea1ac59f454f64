"""A sheet of people: login, name, roles, department, manager; judged as a whole, then brought in at once.

Enters: rows of a sheet. Leaves: one verdict a row; people and the departments they name, in one transaction. Must not
change anybody who is there, nor bring in some of the rows: a company is not half there.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import FieldError, InvalidValues
from engine.importing.sheets import find_header, header_cells, said
from engine.people import accounts, departments, roster
from engine.people.actor import ADMIN, Actor, require_admin
from engine.people.departments import Department
from engine.people.sessions import normal_login
from engine.storage.store import Session

COLUMNS = {
    "login": ("登录名", "账号", "工号", "login", "account"),
    "name": ("姓名", "名字", "name"),
    "roles": ("角色", "岗位", "role", "roles"),
    "department": ("部门", "department"),
    "manager": ("上级", "直接上级", "主管", "manager"),
    "mobile": ("手机", "手机号", "电话", "mobile", "phone"),
    "email": ("邮箱", "电子邮箱", "e-mail", "email", "mail"),
}
"""What a column may be called, in either language; the first is what the template says."""
NEEDED = ("login", "name", "roles")
MOST = 500
_PARTS = re.compile(r"[,，、;；/|]+")


@dataclass(frozen=True)
class Row:
    """One row as it was read, and what is wrong with it."""

    number: int
    values: dict[str, str]
    roles: tuple[str, ...] = ()
    problems: tuple[FieldError, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A judged sheet; ``new_departments`` are names that will be made below none."""

    rows: tuple[Row, ...]
    new_departments: tuple[str, ...] = ()
    missing: tuple[str, ...] = field(default=())

    @property
    def is_right(self) -> bool:
        """Whether it may be brought in."""
        return bool(self.rows) and not self.missing and not any(one.problems for one in self.rows)


def judge(session: Session, rows: Iterable[tuple[int, list[Any]]]) -> Sheet:
    """Return what would come in, with all that is wrong; raises ``InvalidValues`` for a sheet that is too long."""
    found = list(rows)
    names = {name: key for key, names in COLUMNS.items() for name in names}
    header = find_header(found[:20], set(names)) if found else 0
    heads = [names.get(cell.strip().casefold()) for cell in header_cells(found, header)] if found else []
    missing = tuple(key for key in NEEDED if key not in heads)
    body = [row for row in found if row[0] > header]
    if len(body) > MOST:
        raise InvalidValues([FieldError("", "people.sheet_long", {"max": MOST})])
    if missing:
        return Sheet((), (), missing)
    read = [
        (number, {key: said(cell) for key, cell in zip(heads, cells, strict=False) if key}) for number, cells in body
    ]
    judging = _Judging(session, [values for _, values in read])
    return Sheet(tuple(judging.row(number, values) for number, values in read), tuple(judging.new))


def bring_in(session: Session, sheet: Sheet, *, actor: Actor) -> list[int]:
    """Create everybody of a sheet that is right and return their ids; nobody has a password yet.

    Raises ``NotAllowed`` and ``InvalidValues``, and then nothing may be committed.
    """
    require_admin(actor)
    if not sheet.is_right:
        raise InvalidValues([FieldError("", "people.sheet_wrong")])
    made: dict[str, int] = {}
    for name in sheet.new_departments:
        departments.create_department(session, key=_free_key(session), name=name, actor=actor)
    known = departments.list_departments(session.connection)
    for one in sheet.rows:
        department = _find_department(known, one.values.get("department", ""))
        made[one.values["login"]] = accounts.create_user(
            session, login=one.values["login"], name=one.values["name"], password=None, roles=one.roles,
            department=department.id if department is not None else None,
            mobile=one.values.get("mobile") or None, email=one.values.get("email") or None, actor=actor,
        )  # fmt: skip
    by_name = {one.values["name"]: made[one.values["login"]] for one in sheet.rows}
    for one in sheet.rows:
        wanted = one.values.get("manager")
        if wanted:
            manager = made.get(wanted) or by_name.get(wanted) or _find_person(session, wanted)
            accounts.update_user(session, made[one.values["login"]], manager=manager, actor=actor)
    return list(made.values())


class _Judging:
    """Looks at each row with the others in mind."""

    def __init__(self, session: Session, read: Sequence[dict[str, str]]) -> None:
        self.session = session
        self.logins = [normal_login(one.get("login", "")) for one in read]
        self.names = [one.get("name", "") for one in read]
        self.departments = departments.list_departments(session.connection)
        self.roles = _role_names(session)
        self.new: dict[str, None] = {}

    def row(self, number: int, values: dict[str, str]) -> Row:
        """Return one row with what is wrong."""
        values = {**values, "login": normal_login(values.get("login", ""))}
        roles = [part.strip() for part in _PARTS.split(values.get("roles", "")) if part.strip()]
        held = tuple(self.roles[one.casefold()] for one in roles if one.casefold() in self.roles)
        unknown = [one for one in roles if one.casefold() not in self.roles]
        problems = [FieldError("roles", "people.sheet_role", {"name": one[:40]}) for one in unknown]
        if not roles:
            problems.append(FieldError("roles", "people.sheet_no_role"))
        problems += accounts.check_new(self.session, values, held)
        if self.logins.count(values["login"]) > 1:
            problems.append(FieldError("login", "people.sheet_twice", {"login": values["login"][:64]}))
        problems += self._manager(values)
        named = values.get("department", "")
        if named and _find_department(self.departments, named) is None:
            self.new[named[:60]] = None
        return Row(number, values, held, tuple(problems))

    def _manager(self, values: dict[str, str]) -> list[FieldError]:
        wanted = values.get("manager", "")
        if not wanted:
            return []
        if wanted == values["login"] or wanted == values.get("name"):
            return [FieldError("manager", "people.sheet_own_manager")]
        here = self.logins.count(normal_login(wanted)) + self.names.count(wanted)
        if here == 1 or (here == 0 and _find_person(self.session, wanted) is not None):
            return []
        code = "people.sheet_two_managers" if here > 1 else "people.sheet_no_manager"
        return [FieldError("manager", code, {"name": wanted[:40]})]


def _role_names(session: Session) -> dict[str, str]:
    """Every word a role of people may be named by; nobody becomes an administrator by a sheet."""
    found: dict[str, str] = {}
    for key, role in session.app.roles.items():
        if not (role.retired or role.service or key == ADMIN):
            found |= {said.casefold(): key for said in (key, *role.label.values())}
    return found


def _find_department(known: Sequence[Department], named: str) -> Department | None:
    return next((one for one in known if named and named in (one.key, one.name)), None)


def _find_person(session: Session, named: str) -> int | None:
    found = accounts.find_user(session.connection, normal_login(named))
    if found is not None:
        return found
    entries = roster.list_entries(session.connection, roster.RosterQuery(text=named))[0]
    same = [one.id for one in entries if one.name == named and one.enabled]
    return same[0] if len(same) == 1 else None


def _free_key(session: Session) -> str:
    """Return a key for a department that was only named."""
    taken = {one.key for one in departments.list_departments(session.connection)}
    number = len(taken) + 1
    while f"dept_{number}" in taken:
        number += 1
    return f"dept_{number}"
