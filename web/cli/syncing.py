"""``formwork sync``: a folder and the database in step again, whichever of the two was changed.

Enters: a folder. Leaves: its files with what was published from elsewhere, after a person decided what both changed.
Must not publish, nor write a file before it was said what is written.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError, NotPossibleNow
from web.cli.deciding import agrees, decide
from web.cli.plans import show_words
from web.cli.site import Site, find_template
from web.cli.site_folders import find_step, mark_step, remove_files, write_files

if TYPE_CHECKING:
    from engine.definition.documents import Identity
    from engine.storage.releases import Current
    from engine.storage.store import Store


@click.command("sync", help="cli.sync")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--since", type=click.IntRange(1), help="cli.option_since")
@click.option("--ours", multiple=True, metavar="KEY", help="cli.option_ours")
@click.option("--theirs", multiple=True, metavar="KEY", help="cli.option_theirs")
@click.option("--yes", is_flag=True, help="cli.option_yes_write")
@click.pass_obj
def sync_command(
    site: Site, folder: Path, since: int | None, ours: tuple[str, ...], theirs: tuple[str, ...], yes: bool
) -> int:
    """Compare the folder, the database and the release both come from, and bring the folder in step."""
    from engine.definition.syncing import compare_sync, finish_sync

    store, own = site.open_store(), read_folder(find_template(str(folder)))
    current = _current(store)
    published = SourceFolder(current.sources)
    if own.digest == published.digest:
        mark_step(folder, current.release.id, published.digest)
        site.say("cli.in_step", release=current.release.id)
        return 0
    ancestor = find_ancestor(store, folder, own, since)
    if ancestor is None or own.problems:
        raise DefinitionError(own.problems) if own.problems else NotPossibleNow("cli.no_ancestor", folder=folder)
    if ancestor.digest == published.digest:
        site.say("cli.folder_changed_only", folder=folder)
        show_words(site, published, own)
        return 0
    site.say("cli.published_elsewhere", release=current.release.id)
    show_words(site, ancestor, published)
    sync = compare_sync(ancestor, published, own)
    names = {one.about: one.params()["known"] for one in sync.conflicts if one.path == ()}
    decisions = decide(site, sync.conflicts, _names(own) | names, ours=ours, theirs=theirs)
    files = finish_sync(sync, decisions) if decisions is not None else None
    if files is None or not _agreed(site, own, files, yes=yes):
        site.say("cli.not_written")
        return 1
    write_files(folder, files)
    remove_files(folder, set(own.files) - set(files))
    mark_step(folder, current.release.id, published.digest)
    now = read_folder(folder).digest == published.digest
    site.say("cli.in_step" if now else "cli.synced", release=current.release.id, folder=folder)
    return 0


def warn_of_others(site: Site, store: "Store", path: str, own: SourceFolder) -> None:
    """Say when publishing a folder would undo what was published from elsewhere since the two were in step."""
    from engine.definition.syncing import find_missing
    from engine.storage.releases import find_current

    folder = find_template(path)
    with store.read() as session:
        current = find_current(session.connection)
    if current is None or find_step(folder) in (None, current.release.digest):
        return
    ancestor = find_ancestor(store, folder, own, None)
    missing = find_missing(ancestor, SourceFolder(current.sources), own) if ancestor is not None else []
    if missing:
        site.say("cli.would_undo", release=current.release.id, files=", ".join(missing), folder=folder)


def find_ancestor(store: "Store", folder: Path, own: SourceFolder, since: int | None) -> SourceFolder | None:
    """Return the release the folder and the database both come from, None when nobody wrote down which it is."""
    from engine.storage.releases import get_sources, list_digests

    with store.read() as session:
        digests = list_digests(session.connection)
        wanted = {find_step(folder), own.digest}
        found = since or max((id_ for id_, digest in digests.items() if digest in wanted), default=None)
        return None if found is None else SourceFolder(get_sources(session.connection, found))


def _current(store: "Store") -> "Current":
    from engine.storage.releases import find_current

    with store.read() as session:
        current = find_current(session.connection)
    if current is None:
        raise NotPossibleNow("cli.no_releases")
    return current


def _names(own: SourceFolder) -> "dict[Identity, Any]":
    from engine.definition.documents import identify, merge_layers

    return {identify(kind, document): document.data for kind, document in merge_layers(own)}


def _agreed(site: Site, own: SourceFolder, files: dict[str, str], *, yes: bool) -> bool:
    """Say which files are written, and ask; when all is to stay as it is there is nothing to ask."""
    changed = [path for path in sorted({*own.files, *files}) if own.files.get(path) != files.get(path)]
    if not changed:
        return True
    site.say("cli.writes_files", count=len(changed), files=", ".join(changed))
    return yes or agrees(site, "cli.ask_write")
