"""A plan on the screen, and the question before it is published.

Enters: a plan and the folder it is for. Leaves: its changes in words, and the exit code of the publish that followed.
Must not publish without the plan having been shown.
"""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.storage.plan import Plan, PlanItem
    from engine.storage.releases import Release
    from engine.storage.store import Store

_MARKS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">", "data": "=", "blocked": "!"}


def publish_shown(
    site: Site,
    store: "Store",
    folder: SourceFolder,
    plan: "Plan",
    publish: Callable[[int | None], "Release"],
    *,
    yes: bool,
    login: str | None,
) -> int:
    """Show a plan, ask, and call ``publish`` with the id of whoever publishes; return the exit code."""
    show_plan(site, plan)
    show_unstaffed(site, store, folder)
    if plan.blocked:
        site.say("cli.plan_blocked")
        return 1
    if plan.digest == store.app.digest:
        return 0
    if not yes and not _agreed(site):
        site.say("cli.not_published")
        return 1
    release = publish(_publisher(site, login))
    site.say("cli.published", release=release.id, version=release.version)
    return 0


def show_plan(site: Site, plan: "Plan") -> None:
    """Print what would change, in words."""
    if plan.is_empty:
        site.say("cli.plan_empty")
    show_items(site, plan.items)


def show_items(site: Site, items: "Iterable[PlanItem]") -> None:
    """Print one line for each change."""
    for item in items:
        click.echo(f"{_MARKS.get(item.kind, ' ')} {item.text(site.language)}{_place(item)}")


def show_unstaffed(site: Site, store: "Store", folder: SourceFolder) -> None:
    """Say which approval steps would find nobody among the people there are."""
    from engine.compiler.compile import load_app
    from engine.workflow.staffing import check_staffing

    with store.read() as session:
        for found in check_staffing(session.connection, load_app(folder, checked=True)):
            click.echo(f"? {found.text(site.language)}")


def _place(item: "PlanItem") -> str:
    """Say where it is written and which records stand in the way, for what must be settled first."""
    if item.kind != "blocked":
        return ""
    place = f"  {item.location}" if item.location else ""
    records = f"  id: {', '.join(str(id_) for id_ in item.records)}" if item.records else ""
    return place + records


def _agreed(site: Site) -> bool:
    click.echo(site.text("cli.ask_publish") + " ", nl=False)
    answer = sys.stdin.readline()  # an empty or closed input means no
    return answer.strip().lower() in ("y", "yes", "是", "好")


def _publisher(site: Site, login: str | None) -> int | None:
    if login is None:
        return None
    with site.open_store().read() as session:
        actor = get_actor(session, login)
    if not actor.is_admin:
        raise NotPossibleNow("cli.publisher_no_admin", login=login)
    return actor.id
