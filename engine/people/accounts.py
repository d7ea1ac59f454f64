"""Accounts: creating people, changing them, letting them in and shutting them out.

Enters: what an administrator (or the command line, ``actor=None``) says about a person. Leaves: rows in ``users`` and
``user_roles`` with an audit row in the same transaction. Must not let a session or token outlive a changed password
or a disabled person, nor leave the site without an administrator.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine import messages
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.people import passwords, sessions, tokens
from engine.people.actor import ADMIN, Actor, Via, find_services, require_admin
from engine.people.sessions import Proven, normal_login
from engine.people.signed_in import make_actor, prepare_per_dialect, user_columns
from engine.storage import journal
from engine.storage.store import Session
from engine.storage.system_tables import departments, password_links, user_roles, users

_LOGIN = re.compile(r"[^\W_][\w.@+-]{1,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
_MOBILE = re.compile(r"\+?[0-9][0-9 -]{4,28}[0-9]")
_LONGEST_EMAIL = 254
_COLUMNS = {
    "login": "login",
    "name": "name",
    "email": "email",
    "mobile": "mobile",
    "department": "department_id",
    "manager": "manager_id",
    "language": "language",
}


def create_user(
    session: Session,
    *,
    login: str,
    name: str,
    password: str | None,
    roles: Iterable[str],
    department: int | None = None,
    manager: int | None = None,
    language: str | None = None,
    email: str | None = None,
    mobile: str | None = None,
    actor: Actor | None,
) -> int:
    """Create a person and return the id; without a password they cannot sign in with one.

    Raises ``InvalidValues`` (login taken or malformed, weak password, unknown role) and ``NotAllowed``.
    """
    require_admin(actor)
    held = frozenset(roles)
    changes = {"login": normal_login(login), "name": name, "department": department, "manager": manager}
    changes |= {"language": language, "email": email, "mobile": mobile}
    errors = _check_roles(session, held) + _check_changes(session.connection, changes)
    if password is not None and find_services(session.app, held):
        errors.append(FieldError("password", "people.service_password"))
    elif password is not None:
        errors += passwords.check_password(password, login=login, name=name)
    if errors:
        raise InvalidValues(errors)
    row = _columns(changes) | {
        "password_hash": None if password is None else passwords.hash_password(password),
        "created_at": session.now(),
    }
    with _login_kept_unique(session, row["login"]):
        made: int = session.connection.execute(insert(users).values(row).returning(users.c.id)).scalar_one()
    _write_roles(session, made, held)
    _write_audit(session, "user.create", made, {"login": row["login"], "name": name, "roles": sorted(held)}, actor)
    return made


def check_new(session: Session, said: Mapping[str, str], roles: Iterable[str]) -> list[FieldError]:
    """Return what would be wrong with a new person of whom ``login``, ``name``, ``email`` and ``mobile`` are given."""
    known = {key: said.get(key, "") for key in ("login", "name", "email", "mobile")}
    return _check_roles(session, frozenset(roles)) + _check_changes(session.connection, known)


def update_user(session: Session, user_id: int, *, actor: Actor | None, **changes: Any) -> None:
    """Change ``login``, ``name``, ``email``, ``mobile``, ``department``, ``manager`` or ``language`` of a person.

    Raises ``InvalidValues`` and ``NotAllowed``.
    """
    require_admin(actor)
    unknown = changes.keys() - _COLUMNS.keys()
    if unknown:
        raise TypeError(f"a person has no {', '.join(sorted(unknown))}")
    if not changes:
        return
    _lock(session, user_id)
    if "login" in changes:
        changes["login"] = normal_login(changes["login"])
    errors = _check_changes(session.connection, changes, user_id)
    if errors:
        raise InvalidValues(errors)
    with _login_kept_unique(session, changes.get("login", "")):
        _update(session, user_id, _columns(changes))
    _write_audit(session, "user.update", user_id, changes, actor)


def set_roles(session: Session, user_id: int, roles: Iterable[str], *, actor: Actor | None) -> None:
    """Replace the roles of a person; they hold from the next request on."""
    require_admin(actor)
    held = frozenset(roles)
    _lock(session, user_id)
    errors = _check_roles(session, held, _roles_of(session, user_id) & session.app.roles.keys())
    if errors:
        raise InvalidValues(errors)
    if ADMIN not in held:
        _require_another_admin(session, user_id)
    if bool(find_services(session.app, held)) != bool(find_services(session.app, _roles_of(session, user_id))):
        raise InvalidValues([FieldError("roles", "people.service_stays")])
    session.connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
    _write_roles(session, user_id, held)
    _write_audit(session, "user.roles", user_id, {"roles": sorted(held)}, actor)


def set_password(session: Session, user_id: int, password: str, *, actor: Actor | None) -> None:
    """Set another person's password; all their sessions and tokens end."""
    require_admin(actor)
    replace_password(session, user_id, password)
    _write_audit(session, "user.password", user_id, {}, actor)


def replace_password(session: Session, user_id: int, password: str) -> None:
    """Write a new password, and end every session, token and link of the person; whoever calls has asked who may."""
    _write_password(session, user_id, password)
    _end_access(session, user_id)


def change_password(session: Session, *, current: str, new: str, keep: int | None, actor: Actor) -> None:
    """Change the actor's own password; every session but ``keep`` ends, and every token."""
    stored = _lock(session, actor.id).password_hash
    if not passwords.can_sign_in(current, stored):
        raise InvalidValues([FieldError("current", "people.password_wrong")])
    if current == new:
        raise InvalidValues([FieldError("password", "people.password_same")])
    _write_password(session, actor.id, new)
    _end_access(session, actor.id, keep=keep)
    _write_audit(session, "user.password", actor.id, {}, actor)


def rehash_password(session: Session, proven: Proven, password: str) -> None:
    """Store a password that was just proven with today's parameters, unless it was changed meanwhile; nothing ends."""
    still = (users.c.id == proven.user_id, users.c.epoch == proven.epoch)
    stronger = {"password_hash": passwords.hash_password(password)}
    session.connection.execute(update(users).where(*still).values(stronger))


def set_language(session: Session, language: str, *, actor: Actor) -> None:
    """Set the language the actor reads."""
    if language not in messages.LANGUAGES:
        raise InvalidValues([FieldError("lang", "people.language_unknown")])
    _update(session, actor.id, {"language": language})


def disable_user(session: Session, user_id: int, *, actor: Actor | None) -> None:
    """Shut a person out at once: their sessions and tokens end with this transaction."""
    require_admin(actor)
    if _lock(session, user_id).disabled_at is not None:
        return
    _require_another_admin(session, user_id)
    _update(session, user_id, {"disabled_at": session.now()})
    _end_access(session, user_id)
    _write_audit(session, "user.disable", user_id, {}, actor)


def end_access(session: Session, user_id: int, *, actor: Actor | None) -> None:
    """End every session, token and link of a person, who may sign in again."""
    require_admin(actor)
    _lock(session, user_id)
    _end_access(session, user_id)
    _write_audit(session, "user.end_access", user_id, {}, actor)


def enable_user(session: Session, user_id: int, *, actor: Actor | None) -> None:
    """Let a disabled person in again; they sign in anew."""
    require_admin(actor)
    _lock(session, user_id)
    _update(session, user_id, {"disabled_at": None})
    _write_audit(session, "user.enable", user_id, {}, actor)


def find_user(connection: Connection, login: str) -> int | None:
    """Return the id of whoever signs in as ``login``, disabled or not."""
    return connection.scalar(select(users.c.id).where(users.c.login == normal_login(login)))


def get_actor(connection: Connection, user_id: int, *, via: Via = "system") -> Actor:
    """Return a person as an actor; ``NotFound`` when there is none or they are disabled."""
    row = _by_id(connection).fetch_one(connection, {"user_id": user_id})
    if row is None:
        raise NotFound("people.user_not_found")
    return make_actor(connection, row, via)


def _select_by_id() -> Any:
    wanted = users.c.id == bindparam("user_id", type_=users.c.id.type)
    return select(*user_columns()).where(wanted, users.c.disabled_at.is_(None))


_by_id = prepare_per_dialect(_select_by_id)


def has_users(connection: Connection) -> bool:
    """Return whether anybody has an account."""
    return connection.scalar(select(users.c.id).limit(1)) is not None


# ---- checks


def _check_login(connection: Connection, login: str, user_id: int | None) -> list[FieldError]:
    if not _LOGIN.fullmatch(login):
        return [FieldError("login", "people.login_malformed")]
    if find_user(connection, login) not in (None, user_id):
        return [FieldError("login", "people.login_taken", {"login": login})]
    return []


@contextmanager
def _login_kept_unique(session: Session, login: str) -> Iterator[None]:
    """Of two who take the same login at the same moment, tell the second what the first would have been told."""
    try:
        with session.connection.begin_nested():
            yield
    except IntegrityError:
        raise InvalidValues([FieldError("login", "people.login_taken", {"login": login})]) from None


def _check_roles(session: Session, roles: frozenset[str], held: frozenset[str] = frozenset()) -> list[FieldError]:
    """Refuse unknown roles, and retired ones that are not among those ``held`` already."""
    known = {ADMIN, *(key for key, role in session.app.roles.items() if not role.retired)}
    unknown = sorted(roles - known - held)
    services = find_services(session.app, roles)
    if services and services != roles:
        return [FieldError("roles", "people.service_mixed", {"role": ", ".join(sorted(services))})]
    if not unknown:
        return []
    return [FieldError("roles", "people.role_unknown", {"role": ", ".join(unknown), "known": ", ".join(sorted(known))})]


def require_person(session: Session, user_id: int) -> None:
    """Raise ``NotPossibleNow`` for the account of a service: nobody signs in as one."""
    if find_services(session.app, _roles_of(session, user_id)):
        raise NotPossibleNow("people.service_password")


def _check_changes(connection: Connection, changes: Mapping[str, Any], user_id: int | None = None) -> list[FieldError]:
    errors = _check_login(connection, changes["login"], user_id) if "login" in changes else []
    if "name" in changes and not 1 <= len((changes["name"] or "").strip()) <= 100:
        errors.append(FieldError("name", "people.name_length"))
    if changes.get("language") not in (None, *messages.LANGUAGES):
        errors.append(FieldError("language", "people.language_unknown"))
    email, mobile = ((changes.get(key) or "").strip() for key in ("email", "mobile"))
    if email and not (len(email) <= _LONGEST_EMAIL and _EMAIL.fullmatch(email)):
        errors.append(FieldError("email", "value.email"))
    if mobile and not _MOBILE.fullmatch(mobile):
        errors.append(FieldError("mobile", "people.mobile_malformed"))
    if not _exists(connection, departments, changes.get("department")):
        errors.append(FieldError("department", "people.department_not_found"))
    manager = changes.get("manager")
    if not _exists(connection, users, manager) or (manager is not None and manager == user_id):
        errors.append(FieldError("manager", "people.manager_unknown"))
    return errors


def _exists(connection: Connection, table: Any, row_id: int | None) -> bool:
    return row_id is None or connection.scalar(select(table.c.id).where(table.c.id == row_id)) is not None


def _require_another_admin(session: Session, user_id: int) -> None:
    """Refuse to take the last administrator away. Rows are locked, so that two cannot go at the same moment."""
    admins = select(users.c.id).join(user_roles, user_roles.c.user_id == users.c.id)
    admins = admins.where(user_roles.c.role == ADMIN, users.c.disabled_at.is_(None)).order_by(users.c.id)
    found = set(session.connection.scalars(admins.with_for_update()))
    if found == {user_id}:
        raise NotPossibleNow("people.last_admin")


# ---- writing


def _lock(session: Session, user_id: int) -> Any:
    wanted = select(users.c.password_hash, users.c.disabled_at, users.c.login, users.c.name)
    row = session.connection.execute(wanted.where(users.c.id == user_id).with_for_update()).first()
    if row is None:
        raise NotFound("people.user_not_found")
    return row


def _write_password(session: Session, user_id: int, password: str) -> None:
    row = _lock(session, user_id)
    require_person(session, user_id)
    errors = passwords.check_password(password, login=row.login, name=row.name)
    if errors:
        raise InvalidValues(errors)
    _update(session, user_id, {"password_hash": passwords.hash_password(password)})


def _end_access(session: Session, user_id: int, *, keep: int | None = None) -> None:
    _update(session, user_id, {"epoch": users.c.epoch + 1})
    sessions.close_all(session, user_id, keep=keep)
    tokens.revoke_all(session, user_id)
    session.connection.execute(delete(password_links).where(password_links.c.user_id == user_id))


def _roles_of(session: Session, user_id: int) -> frozenset[str]:
    return frozenset(session.connection.scalars(select(user_roles.c.role).where(user_roles.c.user_id == user_id)))


def _write_roles(session: Session, user_id: int, roles: frozenset[str]) -> None:
    if roles:
        rows = [{"user_id": user_id, "role": role} for role in sorted(roles)]
        session.connection.execute(insert(user_roles), rows)


def _update(session: Session, user_id: int, row: Mapping[str, Any]) -> None:
    session.connection.execute(update(users).where(users.c.id == user_id).values(**row))


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of changes; an empty text is no value."""
    return {_COLUMNS[key]: value.strip() or None if isinstance(value, str) else value for key, value in changes.items()}


def _write_audit(session: Session, action: str, user_id: int, details: Mapping[str, Any], actor: Actor | None) -> None:
    journal.write_audit(session, action, subject=f"user:{user_id}", details=dict(details), actor=actor)
