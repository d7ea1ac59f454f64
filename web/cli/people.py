"""``formwork user`` and ``formwork token``: people, for whoever has the machine.

Enters: logins and roles. Leaves: accounts, passwords and tokens printed once. Must not take a password as an argument:
it would stay in the shell's history and in the process list.
"""

import sys
from datetime import timedelta

import click

from engine.errors import NotFound
from engine.people import accounts, departments, passwords, tokens
from engine.storage.store import Session
from web.cli.site import Site

_LONGEST_DAYS = 3660


@click.group("user", help="cli.user")
def user_command() -> None:
    """Hold the commands about people."""


@user_command.command("add", help="cli.user_add")
@click.argument("login")
@click.option("--name", help="cli.user_name")
@click.option("--role", "roles", multiple=True, help="cli.user_role")
@click.option("--department", help="cli.user_department")
@click.option("--password-stdin", is_flag=True, help="cli.user_password_stdin")
@click.pass_obj
def add_user(
    site: Site, login: str, name: str | None, roles: tuple[str, ...], department: str | None, password_stdin: bool
) -> None:
    """Create a person and print the password once."""
    password = _read_password(password_stdin)
    with site.open_store().write() as session:
        accounts.create_user(
            session,
            login=login,
            name=name or login,
            password=password,
            roles=roles,
            department=_department(session, department),
            actor=None,
        )
    site.say("cli.user_added", login=login)
    _show_password(site, password, password_stdin)


@user_command.command("disable", help="cli.user_disable")
@click.argument("login")
@click.pass_obj
def disable_user(site: Site, login: str) -> None:
    """Shut a person out at once."""
    with site.open_store().write() as session:
        accounts.disable_user(session, _get_user(session, login), actor=None)
    site.say("cli.user_disabled", login=login)


@user_command.command("enable", help="cli.user_enable")
@click.argument("login")
@click.pass_obj
def enable_user(site: Site, login: str) -> None:
    """Let a person in again."""
    with site.open_store().write() as session:
        accounts.enable_user(session, _get_user(session, login), actor=None)
    site.say("cli.user_enabled", login=login)


@user_command.command("password", help="cli.user_password")
@click.argument("login")
@click.option("--password-stdin", is_flag=True, help="cli.user_password_stdin")
@click.pass_obj
def set_password(site: Site, login: str, password_stdin: bool) -> None:
    """Give a person a new password; all their sessions and tokens end."""
    password = _read_password(password_stdin)
    with site.open_store().write() as session:
        accounts.set_password(session, _get_user(session, login), password, actor=None)
    site.say("cli.password_set", login=login)
    _show_password(site, password, password_stdin)


@user_command.command("roles", help="cli.user_roles")
@click.argument("login")
@click.argument("roles", nargs=-1)
@click.pass_obj
def set_roles(site: Site, login: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a person."""
    with site.open_store().write() as session:
        accounts.set_roles(session, _get_user(session, login), roles, actor=None)
    site.say("cli.roles_set", login=login, roles=", ".join(sorted(roles)) or "–")


@click.group("token", help="cli.token")
def token_command() -> None:
    """Hold the commands about tokens."""


@token_command.command("create", help="cli.token_create")
@click.argument("login")
@click.option("--label", default="cli", show_default=True, help="cli.token_label")
@click.option("--days", type=click.IntRange(1, _LONGEST_DAYS), help="cli.token_days")
@click.pass_obj
def create_token(site: Site, login: str, label: str, days: int | None) -> None:
    """Create a token that acts as a person, and print it once."""
    with site.open_store().write() as session:
        user_id = _get_user(session, login)
        accounts.get_actor(session.connection, user_id)
        until = None if days is None else session.now() + timedelta(days=days)
        token = tokens.create_token(session, user_id=user_id, label=label, expires_at=until, actor=None)
    click.echo(token)
    click.echo(site.text("cli.token_once"), err=True)


def _read_password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else passwords.generate_password()


def _show_password(site: Site, password: str, from_stdin: bool) -> None:
    if not from_stdin:
        site.say("cli.password_once", password=password)


def _get_user(session: Session, login: str) -> int:
    found = accounts.find_user(session.connection, login)
    if found is None:
        raise NotFound("cli.no_user", login=login)
    return found


def _department(session: Session, key: str | None) -> int | None:
    if key is None:
        return None
    found = departments.find_department(session.connection, key)
    if found is None:
        known = ", ".join(item.key for item in departments.list_departments(session.connection))
        raise NotFound("cli.no_department", key=key, known=known or "–")
    return found.id
