"""``formwork rollback``, ``diff`` and ``export``: between the releases of a site and folders of files.

Enters: ids of releases, folders. Leaves: a plan in words and a release, a comparison, files. Must not overwrite what
somebody wrote.
"""

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder, read_folder
from engine.errors import NotPossibleNow
from web.cli.plans import publish_shown, show_items
from web.cli.site import Site, find_template, has_content

if TYPE_CHECKING:
    from engine.storage.releases import Release


@click.command("rollback", help="cli.rollback")
@click.argument("release", type=click.IntRange(1), required=False)
@click.option("--yes", is_flag=True, help="cli.option_yes")
@click.option("--note", help="cli.option_note")
@click.option("--as", "login", help="cli.option_publisher")
@click.pass_obj
def rollback_command(site: Site, release: int | None, yes: bool, note: str | None, login: str | None) -> int:
    """Publish the sources of an earlier release again; without ``release`` those of the one before."""
    from engine.records.settling import settle_after
    from engine.storage import rollback

    store = site.open_store()
    earlier = rollback.find_earlier(store, release)
    plan = rollback.plan(store, earlier)
    site.say("cli.rollback_to", release=earlier.id)
    said = note or site.text("cli.rollback_note", release=earlier.id)

    def publish(actor_id: int | None) -> "Release":
        settle = settle_after(store.app)
        return rollback.publish(store, earlier, actor_id=actor_id, note=said, expected=plan, settle=settle)

    return publish_shown(site, store, earlier.folder, plan, publish, yes=yes, login=login)


@click.command("diff", help="cli.diff")
@click.argument("older")
@click.argument("newer", required=False)
@click.option("--files", is_flag=True, help="cli.option_files")
@click.pass_obj
def diff_command(site: Site, older: str, newer: str | None, files: bool) -> None:
    """Say what differs between two releases or folders.

    One release alone is compared with the current one, one folder alone is what the current release would become.
    """
    given = [older, newer] if newer is not None else [older, None] if older.isdecimal() else [None, older]
    before, after = (_read_side(site, one) for one in given)
    if before.digest == after.digest:
        site.say("cli.diff_same")
    elif files:
        _show_files(before, after)
    else:
        _show_words(site, before, after)


@click.command("export", help="cli.export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--release", type=click.IntRange(1), help="cli.option_release")
@click.pass_obj
def export_command(site: Site, folder: Path, release: int | None) -> None:
    """Write the sources of a release, by default the current one, as files."""
    sources = _read_release(site, release)
    if has_content(folder):
        if read_folder(folder).digest != sources.digest:
            raise NotPossibleNow("cli.folder_not_empty", folder=folder)
        site.say("cli.export_same", folder=folder)
        return
    for name, text in sources.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise NotPossibleNow("cli.folder_not_empty", folder=path)  # no release of ours holds such a path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    site.say("cli.exported", count=len(sources.files), folder=folder)


def _read_side(site: Site, given: str | None) -> SourceFolder:
    """Return a release by its id, a folder or template by its name, the current release for None."""
    if given is None or given.isdecimal():
        return _read_release(site, None if given is None else int(given))
    return read_folder(find_template(given))


def _read_release(site: Site, release: int | None) -> SourceFolder:
    from engine.storage.releases import find_current_id, get_sources

    with site.open_store().read() as session:
        wanted = release or find_current_id(session.connection)
        if wanted is None:
            raise NotPossibleNow("cli.no_releases")
        return SourceFolder(get_sources(session.connection, wanted))


def _show_words(site: Site, before: SourceFolder, after: SourceFolder) -> None:
    from engine.storage.compiled import load_folder, load_stored
    from engine.storage.differences import compare

    items = compare(load_stored(before), load_folder(after))
    if not items:
        site.say("cli.diff_only_files")
    show_items(site, items)


def _show_files(before: SourceFolder, after: SourceFolder) -> None:
    for name in sorted(before.files.keys() | after.files.keys()):
        old, new = (side.files.get(name, "").splitlines() for side in (before, after))
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""):
            click.echo(line)
