"""``formwork check``, ``plan``, ``publish`` and ``releases``: from a folder of YAML to the release that holds.

Enters: a folder, or the name of a template that comes along. Leaves: problems with their places, a plan in words, a
release. Must not publish anything else than the plan that was shown.
"""

import json
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError, Problem
from web.cli.examples import examples_hold
from web.cli.plans import publish_shown, show_plan, show_unstaffed
from web.cli.site import Site, find_template

if TYPE_CHECKING:
    from engine.storage.releases import Release


@click.command("check", help="cli.check")
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def check_command(site: Site, path: str, as_json: bool) -> int:
    """Check a folder; exit with 1 when there are problems."""
    from engine.compiler.compile import load_app

    problems: tuple[Problem, ...] = ()
    try:
        app = load_app(_read(path))
    except DefinitionError as error:
        problems = error.problems
    if as_json:
        click.echo(json.dumps(_as_data(problems, site.language), ensure_ascii=False, indent=2))
    elif problems:
        raise DefinitionError(problems)
    else:
        site.say("cli.check_good", name=app.label, entities=len(app.entities), approvals=len(app.approvals))
    return 1 if problems else 0


@click.command("plan", help="cli.plan")
@click.argument("path")
@click.option("--sql", is_flag=True, help="cli.option_sql")
@click.pass_obj
def plan_command(site: Site, path: str, sql: bool) -> int:
    """Show what publishing a folder would change; exit with 1 when something stands in the way."""
    from engine.storage import catalog

    store, folder = site.open_store(), _read(path)
    plan = catalog.plan(store, folder)
    show_plan(site, plan)
    show_unstaffed(site, store, folder)
    if sql:
        for statement in plan.statements:
            click.echo(f"{statement.rstrip(';')};")
    return 1 if plan.blocked else 0


@click.command("publish", help="cli.publish")
@click.argument("path")
@click.option("--yes", is_flag=True, help="cli.option_yes")
@click.option("--note", help="cli.option_note")
@click.option("--as", "login", help="cli.option_publisher")
@click.pass_obj
def publish_command(site: Site, path: str, yes: bool, note: str | None, login: str | None) -> int:
    """Play the examples, show the plan, ask, and publish exactly that."""
    from engine.records.settling import settle_after
    from engine.storage import catalog

    store, folder = site.open_store(), _read(path)
    plan = catalog.plan(store, folder)

    changes = not plan.blocked and plan.digest != store.app.digest
    if changes and not examples_hold(site, folder):
        return 1

    def publish(actor_id: int | None) -> "Release":
        settle = settle_after(store.app)
        return catalog.publish(store, folder, actor_id=actor_id, note=note, expected=plan, settle=settle)

    return publish_shown(site, store, folder, plan, publish, yes=yes, login=login)


@click.command("releases", help="cli.releases")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="cli.option_limit")
@click.pass_obj
def releases_command(site: Site, limit: int) -> None:
    """List the newest releases; the current one is marked."""
    from zoneinfo import ZoneInfo

    from engine.people import directory
    from engine.storage import releases

    store = site.open_store()
    with store.read() as session:
        found = releases.list_releases(session.connection, limit)
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


def _read(path: str) -> SourceFolder:
    return read_folder(find_template(path))


def _as_data(problems: tuple[Problem, ...], language: str) -> dict[str, object]:
    return {
        "ok": not problems,
        "problems": [
            {
                "file": problem.location.file,
                "line": problem.location.line,
                "column": problem.location.column,
                "code": problem.code,
                "text": problem.sentence(language),
                "suggestion": problem.suggestion,
            }
            for problem in problems
        ],
    }
