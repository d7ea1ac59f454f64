"""``formwork user`` and ``formwork token``: people, for whoever has the machine.

Enters: logins and roles. Leaves: accounts, passwords and tokens printed once. Must not take a password as an argument:
it would stay in the shell's history and in the process list.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import click

from engine.errors import NotFound
from engine.people import accounts, delegations, departments, password_links, passwords, roster, second_factor, tokens
from engine.people import groups as asked
from engine.people.actor import find_services
from engine.people.roster import RosterQuery
from engine.people.token_scopes import read_scope
from engine.storage.store import Session
from web.cli.site import Site

_LONGEST_DAYS = 3660
_MOST_LISTED = 20


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
    """Create a person and print the password once; a service has none."""
    with site.open_store().write() as session:
        password = None if find_services(session.app, set(roles)) else _read_password(password_stdin)
        accounts.create_user(
            session,
            login=login,
            name=name or login,
            password=password,
            roles=roles,
            department=find_department(session, department),
            actor=None,
        )
    site.say("cli.user_added", login=login)
    if password is not None:
        _show_password(site, password, password_stdin)


@user_command.command("edit", help="cli.user_edit")
@click.argument("login")
@click.option("--name", help="cli.user_name")
@click.option("--login", "new_login", help="cli.user_login")
@click.option("--email", help="cli.user_email")
@click.option("--mobile", help="cli.user_mobile")
@click.option("--department", help="cli.user_department")
@click.option("--manager", metavar="LOGIN", help="cli.user_manager")
@click.pass_obj
def edit_user(site: Site, /, login: str, new_login: str | None, **given: str | None) -> None:
    """Change what is given about a person; an empty text takes a value away."""
    with site.open_store().write() as session:
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if new_login is not None:
            changes["login"] = new_login
        if "department" in changes:
            changes["department"] = find_department(session, changes["department"] or None)
        if "manager" in changes:
            changes["manager"] = find_user(session, changes["manager"]) if changes["manager"] else None
        accounts.update_user(session, find_user(session, login), **changes, actor=None)
    site.say("cli.user_edited", login=new_login or login)


@user_command.command("list", help="cli.user_list")
@click.argument("words", required=False, default="")
@click.option("--all", "everybody", is_flag=True, help="cli.user_list_all")
@click.pass_obj
def list_users(site: Site, words: str, everybody: bool) -> None:
    """List people: login, name, department, roles."""
    with site.open_store().read() as session:
        teams = {one.id: one.key for one in departments.list_departments(session.connection)}
        query: RosterQuery | None = RosterQuery(text=words, state=None if everybody else "enabled")
        while query is not None:
            entries, following = roster.list_entries(session.connection, query)
            for one in entries:
                shown = (one.login, one.name, teams.get(one.department or 0, "–"), ",".join(one.roles) or "–")
                click.echo("\t".join(shown) + ("" if one.enabled else "\t" + site.text("cli.user_is_disabled")))
            query = replace(query, after=following) if following else None


@user_command.command("disable", help="cli.user_disable")
@click.argument("login")
@click.option("--hand-over-to", "heir", metavar="LOGIN", help="cli.option_heir")
@click.option("--to-manager", is_flag=True, help="cli.option_to_manager")
@click.option("--to-pool", "pools", multiple=True, metavar="ENTITY=POOL", help="cli.option_to_pool")
@click.option("--keep", is_flag=True, help="cli.option_keep")
@click.pass_obj
def disable_user(
    site: Site, login: str, heir: str | None, to_manager: bool, pools: tuple[str, ...], keep: bool
) -> None:
    """Shut a person out at once, and hand over what they hold in the same transaction."""
    from engine.changing import leaving

    with site.open_store().write() as session:
        leaver = find_user(session, login)
        chosen = {entity: pool for entity, _, pool in (one.partition("=") for one in pools)}
        if heir is None and not to_manager and not chosen:
            if not keep:
                _list_tasks(site, session, leaving.find_holdings(session, leaver).tasks)
            leaving.disable(session, leaver, keep=keep, language=site.language, actor=None)
            site.say("cli.user_disabled", login=login)
            return
        taker = None if heir is None else find_user(session, heir)
        done = leaving.leave(session, leaver, taker, pools=chosen, actor=None)
    site.say("cli.user_left", login=login, heir=done.heir.name, what=leaving.say_holdings(done.handed, site.language))


@user_command.command("enable", help="cli.user_enable")
@click.argument("login")
@click.pass_obj
def enable_user(site: Site, login: str) -> None:
    """Let a person in again."""
    with site.open_store().write() as session:
        accounts.enable_user(session, find_user(session, login), actor=None)
    site.say("cli.user_enabled", login=login)


@user_command.command("password", help="cli.user_password")
@click.argument("login")
@click.option("--password-stdin", is_flag=True, help="cli.user_password_stdin")
@click.pass_obj
def set_password(site: Site, login: str, password_stdin: bool) -> None:
    """Give a person a new password; all their sessions and tokens end."""
    password = _read_password(password_stdin)
    with site.open_store().write() as session:
        accounts.set_password(session, find_user(session, login), password, actor=None)
    site.say("cli.password_set", login=login)
    _show_password(site, password, password_stdin)


@user_command.command("invite", help="cli.user_invite")
@click.argument("login")
@click.pass_obj
def invite(site: Site, login: str) -> None:
    """Print a link by which a person sets a password, once."""
    with site.open_store().write() as session:
        made = password_links.create_link(session, find_user(session, login), actor=None)
    here = site.settings()
    click.echo(f"{here.public_url or f'http://{here.host}:{here.port}'}/join/{made.secret}")
    click.echo(site.text(f"cli.link_{made.kind}"), err=True)


@user_command.command("reset-second-factor", help="cli.user_reset_second_factor")
@click.argument("login")
@click.pass_obj
def reset_second_factor(site: Site, login: str) -> None:
    """Take the second factor of a person away who lost their phone."""
    with site.open_store().write() as session:
        second_factor.reset(session, find_user(session, login), actor=None)
    site.say("cli.second_factor_reset", login=login)


@user_command.command("roles", help="cli.user_roles")
@click.argument("login")
@click.argument("roles", nargs=-1)
@click.pass_obj
def set_roles(site: Site, login: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a person."""
    with site.open_store().write() as session:
        accounts.set_roles(session, find_user(session, login), roles, actor=None)
    site.say("cli.roles_set", login=login, roles=", ".join(sorted(roles)) or "–")


@user_command.command("groups", help="cli.user_groups")
@click.argument("login")
@click.argument("groups", nargs=-1)
@click.pass_obj
def set_groups(site: Site, login: str, groups: tuple[str, ...]) -> None:
    """Replace the groups of a person."""
    with site.open_store().write() as session:
        asked.set_groups(session, find_user(session, login), groups, actor=None)
    site.say("cli.groups_set", login=login, groups=", ".join(sorted(groups)) or "–")


@user_command.command("responsible", help="cli.user_responsible")
@click.argument("login")
@click.argument("field")
@click.argument("values", nargs=-1)
@click.pass_obj
def set_responsible(site: Site, login: str, field: str, values: tuple[str, ...]) -> None:
    """Replace the values of a field a person is responsible for."""
    with site.open_store().write() as session:
        asked.set_responsible(session, find_user(session, login), field, values, actor=None)
    site.say("cli.responsible_set", login=login, field=field, values=", ".join(values) or "–")


@user_command.command("delegate", help="cli.user_delegate")
@click.argument("login")
@click.argument("deputy")
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), required=True, help="cli.delegate_from")
@click.option("--until", "end", type=click.DateTime(["%Y-%m-%d"]), required=True, help="cli.delegate_until")
@click.pass_obj
def delegate(site: Site, login: str, deputy: str, start: datetime, end: datetime) -> None:
    """Let a deputy decide for a person, from a day until the end of another."""
    with site.open_store().write() as session:
        zone = ZoneInfo(session.app.timezone)
        delegations.create_delegation(
            session,
            principal=find_user(session, login),
            deputy=find_user(session, deputy),
            starts_at=start.replace(tzinfo=zone).astimezone(UTC),
            ends_at=(end + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC),
            actor=None,
        )
    site.say("cli.delegated", login=login, deputy=deputy, start=f"{start:%Y-%m-%d}", end=f"{end:%Y-%m-%d}")


@click.group("token", help="cli.token")
def token_command() -> None:
    """Hold the commands about tokens."""


@token_command.command("create", help="cli.token_create")
@click.argument("login")
@click.option("--label", default="cli", show_default=True, help="cli.token_label")
@click.option("--days", type=click.IntRange(1, _LONGEST_DAYS), help="cli.token_days")
@click.option("--scope", "scope_file", metavar="FILE", type=click.File(encoding="utf-8"), help="cli.token_scope")
@click.pass_obj
def create_token(site: Site, login: str, label: str, days: int | None, scope_file: TextIO | None) -> None:
    """Create a token that acts as a person or a service, and print it once."""
    from engine.definition.yaml_reader import parse_yaml
    from engine.records.rights import require_scope

    scope = None if scope_file is None else read_scope(parse_yaml(scope_file.read(), scope_file.name).data)
    with site.open_store().write() as session:
        user_id = find_user(session, login)
        owner = accounts.get_actor(session.connection, user_id)
        require_scope(session.app, replace(owner, scope=scope))
        until = None if days is None else session.now() + timedelta(days=days)
        token = tokens.create_token(session, user_id=user_id, label=label, expires_at=until, scope=scope, actor=None)
    click.echo(token)
    click.echo(site.text("cli.token_once"), err=True)


@token_command.command("list", help="cli.token_list")
@click.argument("login", required=False)
@click.pass_obj
def list_tokens(site: Site, login: str | None) -> None:
    """List tokens: number, owner, label, last day, last use, what it is narrowed to."""
    with site.open_store().read() as session:
        if login is not None:
            find_user(session, login)
        zone = ZoneInfo(session.app.timezone)
        for held in tokens.list_all_tokens(session.connection):
            one = held.token
            if login in (None, held.login):
                moments = (one.expires_at, one.last_used_at)
                days = (f"{moment.astimezone(zone):%Y-%m-%d}" if moment else "–" for moment in moments)
                reach = "–" if one.scope is None else ",".join(reach.entity for reach in one.scope)
                click.echo("\t".join((str(one.id), held.login, one.label, *days, reach)))


@token_command.command("revoke", help="cli.token_revoke")
@click.argument("number", type=int)
@click.pass_obj
def revoke_token(site: Site, number: int) -> None:
    """End a token at once."""
    with site.open_store().write() as session:
        tokens.revoke_token(session, number, actor=None)
    site.say("cli.token_revoked", number=number)


def _read_password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else passwords.generate_password()


def _show_password(site: Site, password: str, from_stdin: bool) -> None:
    if not from_stdin:
        site.say("cli.password_once", password=password)


def _list_tasks(site: Site, session: Session, tasks: tuple[int, ...]) -> None:
    """Print the approvals that wait for somebody, each with its address."""
    from engine.workflow.approval import log
    from web.cli.plan_items import name_addresses

    kept = [(task, log.find_task(session, task, actor=0)) for task in tasks[:_MOST_LISTED]]
    for task, found in kept:
        one = log.read(session, found.approval_id) if found is not None else None
        for record in name_addresses(session, [(one.entity, one.record_id)]) if one is not None else ():
            click.echo(f"task/{task}  {record.name}  {record.url}")
    if len(tasks) > len(kept):
        click.echo("    " + site.text("cli.plan_more", count=len(tasks) - len(kept)))


def find_user(session: Session, login: str) -> int:
    """Return whoever signs in so; raises ``NotFound``."""
    found = accounts.find_user(session.connection, login)
    if found is None:
        raise NotFound("cli.no_user", login=login)
    return found


def find_department(session: Session, key: str | None) -> int | None:
    """Return the department with this key, None for none; raises ``NotFound``."""
    if key is None:
        return None
    found = departments.find_department(session.connection, key)
    if found is None:
        known = ", ".join(item.key for item in departments.list_departments(session.connection))
        raise NotFound("cli.no_department", key=key, known=known or "–")
    return found.id
