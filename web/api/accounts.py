"""People and departments, for administrators' programs.

Enters: JSON about a person or a department; managers by login, departments by key, null for none. Leaves: the same.
Must not decide who may: the commands of ``engine.people`` do.
"""

from collections.abc import Sequence
from typing import Any

from flask import g, request

from engine.changing import leaving
from engine.errors import FieldError, InvalidValues
from engine.people import accounts, departments, directory, password_links, roster, second_factor
from engine.people.actor import require_admin
from engine.people.departments import Department
from engine.people.roster import Entry, RosterQuery, State
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_number, read_object
from web.gate import locale, reads, writes
from web.joining import link_address

_PERSON = ("name", "login", "email", "mobile", "department", "manager", "language", "roles")
_DEPARTMENT = ("key", "name", "parent", "manager")
_STATES: dict[str, State] = {"enabled": "enabled", "disabled": "disabled"}
_PARAMETERS = ("after", "department", "limit", "q", "role", "state")


@reads
def list_people() -> Any:
    """Answer a page of people, by login."""
    require_admin(g.actor)
    given = request.args
    for name in given:
        if name not in _PARAMETERS:
            said = {"name": name[:60], "known": ", ".join(_PARAMETERS)}
            raise InvalidValues([FieldError(name[:60], "people.unknown_query", said)])
    query = RosterQuery(
        text=given.get("q", ""),
        department=_department("department", given.get("department")),
        role=given.get("role"),
        state=_STATES.get(given.get("state", "")),
        after=given.get("after"),
        limit=read_number("limit", roster.PAGE, most=200),
    )
    found, following = roster.list_entries(g.session.connection, query)
    return answer({"items": _people(found), "next": following})


@reads
def get_person(user_id: str) -> Any:
    """Answer one person."""
    return answer(_people([_entry(user_id)])[0])


@writes
def create_person() -> Any:
    """Create a person without a password."""
    values = _read_person()
    values |= {"name": values.get("name") or "", "login": values.get("login") or "", "roles": values.get("roles") or ()}
    made = accounts.create_user(g.session, **values, password=None, actor=g.actor)
    return answer(_people([roster.get_entry(g.session.connection, made)])[0], 201)


@writes
def change_person(user_id: str) -> Any:
    """Change the members sent, no others."""
    entry, values = _entry(user_id), _read_person()
    if "login" in values:
        values["login"] = values["login"] or ""
    roles = values.pop("roles", None)
    if values:
        accounts.update_user(g.session, entry.id, **values, actor=g.actor)
    if roles is not None:
        accounts.set_roles(g.session, entry.id, roles, actor=g.actor)
    return answer(_people([roster.get_entry(g.session.connection, entry.id)])[0])


@writes
def disable_person(user_id: str) -> Any:
    """Shut somebody out who holds nothing any more."""
    entry = _entry(user_id)
    leaving.disable(g.session, entry.id, language=locale().language, actor=g.actor)
    return answer({"disabled": True})


@writes
def enable_person(user_id: str) -> Any:
    """Let somebody in again."""
    accounts.enable_user(g.session, _entry(user_id).id, actor=g.actor)
    return answer({"disabled": False})


@writes
def make_link(user_id: str) -> Any:
    """Make a link by which somebody sets a password; it is answered this once."""
    made = password_links.create_link(g.session, _entry(user_id).id, actor=g.actor)
    found = {"kind": made.kind, "url": link_address(made.secret), "expires_at": iso(made.expires_at)}
    return answer(found, 201)


@writes
def end_access(user_id: str) -> Any:
    """End every session and token of somebody."""
    accounts.end_access(g.session, _entry(user_id).id, actor=g.actor)
    return answer({"ended": True})


@writes
def reset_second_factor(user_id: str) -> Any:
    """Take the second factor of somebody away who lost their phone; their sessions end."""
    second_factor.reset(g.session, _entry(user_id).id, actor=g.actor)
    return answer({"second_factor": False})


@reads
def list_departments() -> Any:
    """Answer all departments."""
    require_admin(g.actor)
    return answer({"items": _departments(departments.list_departments(g.session.connection))})


@writes
def create_department() -> Any:
    """Create a department."""
    require_admin(g.actor)
    values = _read_department()
    key, name = values.pop("key", None) or "", values.pop("name", None) or ""
    made = departments.create_department(g.session, key=key, name=name, **values, actor=g.actor)
    return answer(_departments([departments.get_department(g.session.connection, made)])[0], 201)


@writes
def change_department(department_id: str) -> Any:
    """Change the members sent, no others; the key stays."""
    require_admin(g.actor)
    id_, values = read_id(department_id), _read_department("name", "parent", "manager")
    departments.get_department(g.session.connection, id_)
    if values:
        departments.update_department(g.session, id_, **values, actor=g.actor)
    return answer(_departments([departments.get_department(g.session.connection, id_)])[0])


@writes
def delete_department(department_id: str) -> Any:
    """Delete a department that nothing belongs to."""
    departments.delete_department(g.session, read_id(department_id), actor=g.actor)
    return "", 204


ROUTES = (
    ("/admin/people", ["GET"], list_people),
    ("/admin/people", ["POST"], create_person),
    ("/admin/people/<user_id>", ["GET"], get_person),
    ("/admin/people/<user_id>", ["PATCH"], change_person),
    ("/admin/people/<user_id>/disable", ["POST"], disable_person),
    ("/admin/people/<user_id>/enable", ["POST"], enable_person),
    ("/admin/people/<user_id>/link", ["POST"], make_link),
    ("/admin/people/<user_id>/end-access", ["POST"], end_access),
    ("/admin/people/<user_id>/reset-second-factor", ["POST"], reset_second_factor),
    ("/admin/departments", ["GET"], list_departments),
    ("/admin/departments", ["POST"], create_department),
    ("/admin/departments/<department_id>", ["PATCH"], change_department),
    ("/admin/departments/<department_id>", ["DELETE"], delete_department),
)


def _entry(user_id: str) -> Entry:
    require_admin(g.actor)
    return roster.get_entry(g.session.connection, read_id(user_id))


def _read_person() -> dict[str, Any]:
    require_admin(g.actor)
    sent = _sent(read_fields(*_PERSON, lists=("roles",)))
    roles = sent.get("roles") or ()
    if not all(isinstance(role, str) for role in roles):
        raise InvalidValues([FieldError("roles", "people.wrong_member", {"kind": "array of strings"})])
    return _resolve(sent, {"department": _department, "manager": _manager})


def _read_department(*names: str) -> dict[str, Any]:
    sent = _sent(read_fields(*(names or _DEPARTMENT)))
    return _resolve(sent, {"parent": _department, "manager": _manager})


def _sent(read: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent, null where null was sent; what was left out stays as it is."""
    body = read_object()
    return {name: value for name, value in read.items() if name in body}


def _resolve(sent: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    return {name: named[name](name, value) if name in named else value for name, value in sent.items()}


def _department(name: str, key: str | None) -> int | None:
    if key is None:
        return None
    found = departments.find_department(g.session.connection, key)
    if found is None:
        raise InvalidValues([FieldError(name, "people.department_not_found")])
    return found.id


def _manager(name: str, login: str | None) -> int | None:
    if login is None:
        return None
    found = accounts.find_user(g.session.connection, login)
    if found is None:
        raise InvalidValues([FieldError(name, "people.manager_unknown")])
    return found


def _people(entries: list[Entry]) -> list[dict[str, Any]]:
    keys, logins = _names(entries)
    return [
        {
            "id": one.id,
            "login": one.login,
            "name": one.name,
            "email": one.email,
            "mobile": one.mobile,
            "department": keys.get(one.department or 0),
            "manager": logins.get(one.manager or 0),
            "roles": list(one.roles),
            "disabled": not one.enabled,
            "second_factor": one.has_second_factor,
            "last_seen_at": iso(one.last_seen_at),
        }
        for one in entries
    ]


def _departments(found: list[Department]) -> list[dict[str, Any]]:
    keys, logins = _names(found)
    return [
        {
            "id": one.id,
            "key": one.key,
            "name": one.name,
            "parent": keys.get(one.parent or 0),
            "manager": logins.get(one.manager or 0),
            "calendar": one.calendar,
        }
        for one in found
    ]


def _names(found: Sequence[Entry | Department]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the keys of all departments and the logins of these managers, each by id."""
    connection = g.session.connection
    managers = directory.people(connection, [one.manager for one in found])
    keys = {one.id: one.key for one in departments.list_departments(connection)}
    return keys, {id_: one.login for id_, one in managers.items()}
