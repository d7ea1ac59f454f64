"""``formwork new`` and ``formwork format``: folders of definitions that people write.

Enters: a folder. Leaves: a new folder that checks and runs, or files in the one canonical form. Must not overwrite what
somebody wrote, nor change what a file says.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from engine.definition.kinds import BASE, find_kind
from engine.errors import DefinitionError, Location, NotPossibleNow, Problem
from web.cli.site import Site, find_template, has_content
from web.cli.site_folders import complete_site, make_site

STARTER = "starter"
_SCHEMA = re.compile(r"(# yaml-language-server: \$schema=)\S*/(\w+\.json)")


@click.command("new", help="cli.new")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "template", metavar="TEMPLATE", help="cli.option_from")
@click.option("--extends", "extended", metavar="TEMPLATE", help="cli.option_extends")
@click.pass_obj
def new_command(site: Site, folder: Path, template: str | None, extended: str | None) -> None:
    """Make a folder to edit, with the schemas that editors complete from: a copy of a template, or a site."""
    from engine.places import find_data

    if template is not None and extended is not None:
        raise NotPossibleNow("cli.new_either")
    source = find_template(extended or template or STARTER)
    if has_content(folder):
        raise NotPossibleNow("cli.folder_not_empty", folder=folder)
    if extended is not None:
        make_site(folder, source, _key(folder), site.language)
        site.say("cli.new_made", folder=folder)
        return
    if folder.resolve().is_relative_to(source.resolve()):
        raise NotPossibleNow("cli.new_inside", folder=folder, template=source)
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copytree(find_data("schemas"), folder / "schemas", dirs_exist_ok=True)
    for path in sorted(folder.rglob("*.yaml")):
        _adapt(path, path.relative_to(folder), folder, rename=template in (None, STARTER))
    complete_site(folder, source)
    site.say("cli.new_made", folder=folder)


@click.command("schemas", help="cli.schemas")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="cli.option_schemas_into")
@click.pass_obj
def schemas_command(site: Site, into: Path | None) -> None:
    """Print where the schemas of definition files lie, or copy them into a folder."""
    from engine.places import find_data

    source = find_data("schemas")
    if into is None:
        click.echo(str(source))
        return
    if has_content(into) and not (into / "entity.json").is_file():
        raise NotPossibleNow("cli.folder_not_empty", folder=into)
    shutil.copytree(source, into, dirs_exist_ok=True)
    click.echo(str(into))


@click.command("format", help="cli.format")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="cli.option_check")
@click.pass_obj
def format_command(site: Site, path: Path, check: bool) -> int:
    """Lay out a file, or all definition files of a folder; with ``check`` only name those that would change."""
    from engine.definition.formatting import format_text

    changed = 0
    problems: list[Problem] = []
    files = list(_files(path))
    for file, name in files:
        try:
            text = file.read_bytes().decode("utf-8")
            done = format_text(text, name, find_kind(name))
        except DefinitionError as error:
            problems += error.problems
            continue
        except UnicodeDecodeError:
            problems.append(Problem("D001", Location(name)))
            continue
        if done != text:
            changed += 1
            site.say("cli.format_would" if check else "cli.format_did", file=name)
            if not check:
                file.write_bytes(done.encode("utf-8"))
    if problems:
        raise DefinitionError(problems)
    site.say("cli.format_count", total=len(files), changed=changed)
    return 1 if check and changed else 0


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the definition files at ``path``, each with its name below the folder that holds ``app.yaml``."""
    if path.is_file():
        whole = path.resolve()
        root = next((above for above in whole.parents if (above / "app.yaml").is_file()), whole.parent)
        yield path, whole.relative_to(root).as_posix()
        return
    for file in sorted(path.rglob("*.yaml")):
        name = file.relative_to(path).as_posix()
        if find_kind(name) is not None and not file.is_symlink() and not name.startswith(BASE):
            yield file, name


def _adapt(path: Path, name: Path, folder: Path, *, rename: bool) -> None:
    """Let the first line of a file lead to the schemas beside it, and give a first app a key of its own."""
    if find_kind(name.as_posix()) is None:
        return
    up = "../" * (len(name.parts) - 1) or "./"
    text = _SCHEMA.sub(rf"\g<1>{up}schemas/\g<2>", path.read_text(encoding="utf-8"), count=1)
    if rename and name.as_posix() == "app.yaml":
        text = re.sub(rf"^app: {STARTER}$", f"app: {_key(folder)}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8", newline="\n")


def _key(folder: Path) -> str:
    """Return a key made of the folder's name, or the starter's where that has no Latin letters."""
    key = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")[:40].strip("_")
    return key if key[:1].isalpha() else STARTER
