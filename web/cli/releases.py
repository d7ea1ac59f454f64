"""``formwork rollback``, ``diff`` and ``export``: between the releases of a site and folders of files.

Enters: ids of releases, folders. Leaves: a plan in words and a release, a comparison, files. Must not overwrite what
somebody wrote.
"""

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.definition.documents import base_of, find_extended
from engine.definition.source import SourceFolder, read_folder
from engine.errors import NotPossibleNow
from web.cli.plans import publish_shown, show_words
from web.cli.site import Site, find_template, has_content
from web.cli.site_folders import mark_step, write_files, write_schemas

if TYPE_CHECKING:
    from engine.storage.releases import Release
    from engine.storage.rollback import Earlier
    from engine.storage.store import Store


@click.command("rollback", help="cli.rollback")
@click.argument("release", type=click.IntRange(1), required=False)
@click.option("--yes", is_flag=True, help="cli.option_yes")
@click.option("--note", help="cli.option_note")
@click.option("--as", "login", help="cli.option_publisher")
@click.pass_obj
def rollback_command(site: Site, release: int | None, yes: bool, note: str | None, login: str | None) -> int:
    """Publish the sources of an earlier release again; without ``release`` those of the one before."""
    from engine.records.called import Called
    from engine.records.settling import settle_after
    from engine.storage import rollback

    store = site.open_store()
    earlier = rollback.find_earlier(store, release)
    plan = rollback.plan(store, earlier, Called)
    site.say("cli.rollback_to", release=earlier.id)
    _warn_of_dropped(site, store, earlier)
    said = note or site.text("cli.rollback_note", release=earlier.id)

    def publish(actor_id: int | None) -> "Release":
        settle = settle_after(store.app)
        return rollback.publish(store, earlier, Called, actor_id=actor_id, note=said, expected=plan, settle=settle)

    return publish_shown(site, store, earlier.folder, plan, publish, yes=yes, login=login)


def _warn_of_dropped(site: Site, store: "Store", earlier: "Earlier") -> None:
    from engine.storage.compiled import load_stored
    from engine.storage.purging import find_emptied

    with store.read() as session:
        names = find_emptied(session, load_stored(earlier.folder))
    if names:
        click.echo("? " + site.text("cli.purge_emptied", names=", ".join(names)))


@click.command("diff", help="cli.diff")
@click.argument("older")
@click.argument("newer", required=False)
@click.option("--files", is_flag=True, help="cli.option_files")
@click.option("--template", is_flag=True, help="cli.option_template")
@click.pass_obj
def diff_command(site: Site, older: str, newer: str | None, files: bool, template: bool) -> None:
    """Say what differs between two releases or folders.

    One release alone is compared with the current one, one folder alone is what the current release would become.
    ``template`` compares what a site keeps of its template with the site.
    """
    if template:
        after = _read_side(site, older)
        before = _read_template(after, older)
    else:
        given = [older, newer] if newer is not None else [older, None] if older.isdecimal() else [None, older]
        before, after = (_read_side(site, one) for one in given)
    if before.digest == after.digest:
        site.say("cli.diff_same")
    elif files:
        _show_files(before, after)
    else:
        show_words(site, before, after)


@click.command("export", help="cli.export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--release", type=click.IntRange(1), help="cli.option_release")
@click.pass_obj
def export_command(site: Site, folder: Path, release: int | None) -> None:
    """Write the sources of a release, by default the current one, as files."""
    found, sources = _find_release(site, release)
    if has_content(folder):
        if read_folder(folder).digest != sources.digest:
            raise NotPossibleNow("cli.folder_not_empty", folder=folder)
        mark_step(folder, found, sources.digest)
        site.say("cli.export_same", folder=folder)
        return
    write_files(folder, sources.files)
    if find_extended(sources) is not None:
        write_schemas(folder)
    mark_step(folder, found, sources.digest)
    site.say("cli.exported", count=len(sources.files), folder=folder)


def _read_side(site: Site, given: str | None) -> SourceFolder:
    """Return a release by its id, a folder or template by its name, the current release for None."""
    if given is None or given.isdecimal():
        return _find_release(site, None if given is None else int(given))[1]
    return read_folder(find_template(given))


def _read_template(sources: SourceFolder, name: str) -> SourceFolder:
    if find_extended(sources) is None:
        raise NotPossibleNow("cli.extends_nothing", folder=name)
    return base_of(sources)


def _find_release(site: Site, release: int | None) -> tuple[int, SourceFolder]:
    from engine.storage.releases import find_current_id, get_sources

    with site.open_store().read() as session:
        wanted = release or find_current_id(session.connection)
        if wanted is None:
            raise NotPossibleNow("cli.no_releases")
        return wanted, SourceFolder(get_sources(session.connection, wanted))


def _show_files(before: SourceFolder, after: SourceFolder) -> None:
    for name in sorted(before.files.keys() | after.files.keys()):
        old, new = (side.files.get(name, "").splitlines() for side in (before, after))
        for line in unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""):
            click.echo(line)
