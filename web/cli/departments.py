"""``formwork department``: the tree of departments, for whoever has the machine.

Enters: keys of departments, logins. Leaves: created and changed departments, or a list of them. Must not decide what a
department may be: the commands of ``engine.people`` do.
"""

from typing import Any

import click

from engine.people import departments, directory
from web.cli.people import find_department, find_user
from web.cli.site import Site


@click.group("department", help="cli.department")
def department_command() -> None:
    """Hold the commands about departments."""


@department_command.command("add", help="cli.department_add")
@click.argument("key")
@click.option("--name", help="cli.department_name")
@click.option("--parent", help="cli.department_parent")
@click.option("--manager", metavar="LOGIN", help="cli.department_manager")
@click.pass_obj
def add_department(site: Site, key: str, name: str | None, parent: str | None, manager: str | None) -> None:
    """Create a department."""
    with site.open_store().write() as session:
        departments.create_department(
            session,
            key=key,
            name=name or key,
            parent=find_department(session, parent),
            manager=find_user(session, manager) if manager else None,
            actor=None,
        )
    site.say("cli.department_added", key=key)


@department_command.command("edit", help="cli.department_edit")
@click.argument("key")
@click.option("--name", help="cli.department_name")
@click.option("--parent", help="cli.department_parent")
@click.option("--manager", metavar="LOGIN", help="cli.department_manager")
@click.pass_obj
def edit_department(site: Site, /, key: str, **given: str | None) -> None:
    """Change what is given about a department; an empty text takes a value away."""
    with site.open_store().write() as session:
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if "parent" in changes:
            changes["parent"] = find_department(session, changes["parent"] or None)
        if "manager" in changes:
            changes["manager"] = find_user(session, changes["manager"]) if changes["manager"] else None
        found = find_department(session, key)
        if found is not None and changes:
            departments.update_department(session, found, **changes, actor=None)
    site.say("cli.department_edited", key=key)


@department_command.command("delete", help="cli.department_delete")
@click.argument("key")
@click.pass_obj
def delete_department(site: Site, key: str) -> None:
    """Delete a department that nothing belongs to."""
    with site.open_store().write() as session:
        found = find_department(session, key)
        if found is not None:
            departments.delete_department(session, found, actor=None)
    site.say("cli.department_deleted", key=key)


@department_command.command("list", help="cli.department_list")
@click.pass_obj
def list_departments(site: Site) -> None:
    """List departments as a tree: key, name, whoever heads it."""
    with site.open_store().read() as session:
        known = departments.list_departments(session.connection)
        heads = directory.people(session.connection, [one.manager for one in known])
    for one, depth in departments.in_order(known):
        head = heads[one.manager].login if one.manager is not None else "–"
        click.echo("  " * depth + "\t".join((one.key, one.name, head)))
