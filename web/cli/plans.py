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
from web.cli.plan_items import class_lines, lines_of
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.changing.classes import Found
    from engine.storage.plan import Plan, PlanItem
    from engine.storage.releases import Release
    from engine.storage.store import Store


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
    show_plan(site, store, plan)
    show_unstaffed(site, store, folder)
    held = show_classes(site, store, folder)
    if plan.blocked or (held and plan.digest != store.app.digest):
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


def show_plan(site: Site, store: "Store", plan: "Plan") -> None:
    """Print what would change, in words, with the records that stand in the way."""
    if plan.is_empty:
        site.say("cli.plan_empty")
    with store.read() as session:
        for line in lines_of(site, plan.items, session):
            click.echo(line)


def show_items(site: Site, items: "Iterable[PlanItem]") -> None:
    """Print one line for each change."""
    for line in lines_of(site, items):
        click.echo(line)


def show_words(site: Site, before: SourceFolder, after: SourceFolder) -> None:
    """Print what differs between two sets of sources; ``before`` was checked when it was published."""
    from engine.storage.compiled import load_folder, load_stored
    from engine.storage.differences import compare

    items = compare(load_stored(before), load_folder(after))
    if not items:
        site.say("cli.diff_only_files")
    show_items(site, items)


def show_unstaffed(site: Site, store: "Store", folder: SourceFolder) -> None:
    """Say which approval steps would find nobody among the people there are."""
    from engine.compiler.compile import load_app
    from engine.workflow.approval.staffing import check_staffing

    with store.read() as session:
        for found in check_staffing(session.connection, load_app(folder, checked=True)):
            click.echo(f"? {found.text(site.language)}")


def show_classes(site: Site, store: "Store", folder: SourceFolder) -> bool:
    """Say what publishing means for what is under way, and return whether some of it is held up by it."""
    found = find_classes(store, folder)
    if any(one.kind != "unaffected" or one.code.startswith("class.without") for one in found):
        site.say("class.heading")
        with store.read() as session:
            for line in class_lines(site, session, found):
                click.echo(line)
    return any(one.kind == "blocked" for one in found)


def find_classes(store: "Store", folder: SourceFolder) -> "list[Found]":
    """Return the classes of what is under way; nothing is, before the first release."""
    from engine.changing.classes import classify
    from engine.storage.compiled import load_folder

    if store.release_id is None or folder.digest == store.app.digest:
        return []
    with store.read() as session:
        return classify(session, load_folder(folder))


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
