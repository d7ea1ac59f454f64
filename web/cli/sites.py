"""``formwork expand`` and ``upgrade``: a site that extends a template.

Enters: the folder of a site. Leaves: the site laid over its template as plain files; or the site over a newer template,
after a person decided what both changed. Must not write a file before every conflict is decided.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError, NotFound, NotPossibleNow
from web.cli.deciding import agrees, decide
from web.cli.plans import show_items
from web.cli.site import Site, find_template, has_content
from web.cli.site_folders import remove_files, write_files, write_schemas

if TYPE_CHECKING:
    from engine.definition.upgrading import Upgrade


@click.command("expand", help="cli.expand")
@click.argument("folder")
@click.argument("thing", required=False)
@click.option("--origins", is_flag=True, help="cli.option_origins")
@click.option("--defaults", is_flag=True, help="cli.option_defaults")
@click.option("--to", "target", type=click.Path(file_okay=False, path_type=Path), help="cli.option_expand_to")
@click.pass_obj
def expand_command(
    site: Site, folder: str, thing: str | None, origins: bool, defaults: bool, target: Path | None
) -> None:
    """Print what holds, one file or one thing at a time, or write it as a template of its own."""
    from engine.definition.expanding import expand_folder, write_document

    documents = expand_folder(read_folder(find_template(folder)), defaults=defaults)
    texts = {path: write_document(path, document, origins=origins) for path, document in documents.items()}
    if thing is not None:
        texts = {path: text for path, text in texts.items() if thing in _names(path)}
    if not texts:
        raise NotFound("cli.no_thing", name=thing, known=", ".join(documents))
    if target is None:
        for path, text in texts.items():
            click.echo(f"# {path}\n{text}")
        return
    if has_content(target):
        raise NotPossibleNow("cli.folder_not_empty", folder=target)
    write_files(target, texts)
    write_schemas(target)
    site.say("cli.exported", count=len(texts), folder=target)


@click.command("upgrade", help="cli.upgrade")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "target", metavar="TEMPLATE", help="cli.option_upgrade_to")
@click.option("--ours", multiple=True, metavar="KEY", help="cli.option_ours")
@click.option("--theirs", multiple=True, metavar="KEY", help="cli.option_theirs")
@click.option("--yes", is_flag=True, help="cli.option_yes_write")
@click.pass_obj
def upgrade_command(
    site: Site, folder: Path, target: str | None, ours: tuple[str, ...], theirs: tuple[str, ...], yes: bool
) -> int:
    """Show what a newer template changes, ask about what both changed, and write the result into the folder."""
    from engine.definition.documents import base_of, find_extended
    from engine.definition.pinning import find_lock, own_files, pin
    from engine.definition.upgrading import compare_upgrade, finish_upgrade

    sources = read_folder(folder)
    name = find_extended(sources)
    if name is None:
        raise NotPossibleNow("cli.extends_nothing", folder=folder)
    template, lock = read_folder(find_template(target or name)), find_lock(sources.files)
    _require_same(name, base_of(sources), template)
    if not _is_kept(sources, template):
        _write(folder, sources, {**own_files(sources), **pin(name, template)})
        site.say("cli.pinned", name=name, version=_version(template))
        return 0
    if lock is not None and lock.digest == template.digest:
        site.say("cli.upgrade_same", name=name, version=lock.version)
        return 0
    upgrade = compare_upgrade(sources, name, template)
    site.say("cli.upgrade_from", name=name, old=lock.version if lock else "?", new=_version(template))
    _show(site, upgrade)
    decisions = decide(site, upgrade.conflicts, upgrade.ours, ours=ours, theirs=theirs)
    if decisions is None or not (yes or agrees(site, "cli.ask_write")):
        site.say("cli.not_written")
        return 1
    _write(folder, sources, finish_upgrade(upgrade, decisions))
    site.say("cli.upgraded", folder=folder)
    return 0


def _names(path: str) -> tuple[str, ...]:
    """Return the names a file can be asked for by: its path, and the thing with its kind or alone."""
    plain = path.removesuffix(".yaml")
    return path, plain, path.partition("/")[0]


def _require_same(name: str, kept: SourceFolder, template: SourceFolder) -> None:
    """Raise ``NotPossibleNow`` for a template of another app: nearly everything a site says would lead nowhere."""
    now = _app_key(template)
    if now is not None and now not in (name, _app_key(kept)):
        raise NotPossibleNow("cli.upgrade_other", name=name, other=now)


def _app_key(template: SourceFolder) -> str | None:
    """Return the key of a template's app, whatever else is wrong with it."""
    from engine.definition.yaml_reader import parse_yaml

    try:
        return str(parse_yaml(template.files.get("app.yaml", ""), "app.yaml").data["app"])
    except (DefinitionError, KeyError, TypeError):
        return None


def _is_kept(sources: SourceFolder, template: SourceFolder) -> bool:
    """Tell whether the folder keeps the template its lock pins.

    When it keeps none, or one that was edited and can be had again, it is written. Raises ``NotPossibleNow`` when the
    edited one is not the one at hand: nobody could say then what the site changed.
    """
    from engine.definition.documents import base_of
    from engine.definition.pinning import find_lock

    kept, lock = base_of(sources), find_lock(sources.files)
    if not kept.files:
        return False
    if lock is None or lock.digest == kept.digest:
        return lock is not None
    if lock.digest == template.digest:
        return False
    raise NotPossibleNow("cli.base_edited", name=lock.extends, version=lock.version)


def _show(site: Site, upgrade: "Upgrade") -> None:
    """Say what they changed: in the words of a plan where both templates can be built, else address by address."""
    from engine.compiler.compile import load_app
    from engine.definition.documents import base_of
    from engine.definition.three_way import describe
    from engine.storage.differences import compare

    try:
        show_items(site, compare(load_app(base_of(upgrade.site)), load_app(upgrade.template)))
    except DefinitionError:
        for one in upgrade.differences:
            site.say("cli.they_changed", place=describe(one, upgrade.ours), key=one.key)
    for renamed in upgrade.renamed:
        site.say("cli.they_renamed", was=".".join(map(str, renamed.path)), key=renamed.key, thing=renamed.about[1])


def _write(folder: Path, before: SourceFolder, files: Mapping[str, str]) -> None:
    write_files(folder, files)
    remove_files(folder, set(before.files) - set(files))
    write_schemas(folder)


def _version(template: SourceFolder) -> str:
    from engine.definition.parser import parse_app

    return parse_app(template).version
