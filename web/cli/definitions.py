"""``formwork plan``, ``publish`` and ``releases``: from a folder of YAML to the release that holds.

Enters: a folder, or the name of a template that comes along. Leaves: a plan in words, a release. Must
not publish anything else than the plan that was shown.
"""

import json
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder, read_folder
from web.cli.examples import examples_hold
from web.cli.plan_items import MARKS, as_data
from web.cli.plans import find_classes, publish_shown, show_classes, show_plan, show_unstaffed
from web.cli.site import Site, find_template
from web.cli.site_folders import mark_step
from web.cli.syncing import warn_of_others

if TYPE_CHECKING:
    from engine.storage.releases import Release


@click.command("plan", help="cli.plan")
@click.argument("path")
@click.option("--sql", is_flag=True, help="cli.option_sql")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def plan_command(site: Site, path: str, sql: bool, as_json: bool) -> int:
    """Show what publishing a folder would change; exit with 1 when something stands in the way."""
    from engine.records.called import Called
    from engine.storage import catalog

    store, folder = site.open_store(), _read(path)
    plan = catalog.plan(store, folder, callings=Called)
    if as_json:
        click.echo(
            json.dumps(
                as_data(site, store, plan, sql=sql, classes=find_classes(store, folder)), ensure_ascii=False, indent=2
            )
        )
        return 1 if plan.blocked else 0
    show_plan(site, store, plan)
    show_unstaffed(site, store, folder)
    held = show_classes(site, store, folder)
    if sql:
        for statement in plan.statements:
            click.echo(f"{statement.rstrip(';')};")
    return 1 if plan.blocked or held else 0


@click.command("publish", help="cli.publish")
@click.argument("path")
@click.option("--yes", is_flag=True, help="cli.option_yes")
@click.option("--note", help="cli.option_note")
@click.option("--as", "login", help="cli.option_publisher")
@click.pass_obj
def publish_command(site: Site, path: str, yes: bool, note: str | None, login: str | None) -> int:
    """Play the examples, show the plan, ask, and publish exactly that."""
    from engine.records.called import Called
    from engine.records.settling import settle_after
    from engine.storage import catalog

    store, folder = site.open_store(), _read(path)
    warn_of_others(site, store, path, folder)
    plan = catalog.plan(store, folder, callings=Called)
    changes = not plan.blocked and plan.digest != store.app.digest
    if changes and not examples_hold(site, folder):
        return 1

    def publish(actor_id: int | None) -> "Release":
        settle = settle_after(store.app)
        return catalog.publish(
            store, folder, actor_id=actor_id, note=note, expected=plan, settle=settle, callings=Called
        )

    code = publish_shown(site, store, folder, plan, publish, yes=yes, login=login)
    if store.release_id is not None and store.app.digest == folder.digest:
        mark_step(find_template(path), store.release_id, folder.digest)
    return code


@click.command("releases", help="cli.releases")
@click.argument("release", type=click.IntRange(1), required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="cli.option_limit")
@click.pass_obj
def releases_command(site: Site, release: int | None, limit: int) -> None:
    """List the newest releases, the current one marked; or say what publishing one of them changed."""
    if release is None:
        _list_releases(site, limit)
    else:
        _show_published(site, release)


def _show_published(site: Site, release: int) -> None:
    from engine.storage.releases import get_plan

    with site.open_store().read() as session:
        plan = get_plan(session.connection, release)
    if not plan.get("items"):
        site.say("cli.plan_empty")
    for item in plan.get("items", ()):
        click.echo(f"{MARKS.get(item['kind'], ' ')} {item[site.language]}")


def _list_releases(site: Site, limit: int) -> None:
    from zoneinfo import ZoneInfo

    from engine.people import directory
    from engine.storage import releases
    from engine.storage.index_builds import list_builds

    store = site.open_store()
    with store.read() as session:
        found = releases.list_releases(session.connection, limit)
        builds = list_builds(session.connection)
        people = directory.people(session.connection, [release.created_by for release in found])
    if not found:
        site.say("cli.no_releases")
    for release in found:
        mark = "*" if release.id == store.release_id else " "
        at = release.created_at.astimezone(ZoneInfo(store.app.timezone))
        person = people.get(release.created_by or 0)
        who = person.name if person else "–"
        line = (
            f"{mark} {release.id:>4}  {at:%Y-%m-%d %H:%M}  {release.app} {release.version}  {who}  {release.note or ''}"
        )
        click.echo(line.rstrip())
    for build in builds:
        site.say(f"cli.index_{build.state}", name=build.name, table=build.table, error=build.error or "")


def _read(path: str) -> SourceFolder:
    return read_folder(find_template(path))
