"""``formwork new`` and ``formwork format``: folders of definitions that people write.

Enters: a folder. Leaves: a new folder that checks and runs, or files in the one canonical form. Must not overwrite what
somebody wrote, nor change what a file says.
"""

import re
import shutil
from pathlib import Path

import click

from engine.definition.kinds import find_kind
from engine.errors import NotPossibleNow
from web.cli.site import Site, find_template, has_content

STARTER = "starter"
_SCHEMA = re.compile(r"(# yaml-language-server: \$schema=)\S*/(\w+\.json)")


@click.command("new", help="cli.new")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "template", default=STARTER, show_default=True, help="cli.option_from")
@click.pass_obj
def new_command(site: Site, folder: Path, template: str) -> None:
    """Make a folder to edit: a copy of a template, with the schemas that editors complete from."""
    from engine.places import find_data

    source = find_template(template)
    if has_content(folder):
        raise NotPossibleNow("cli.folder_not_empty", folder=folder)
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    shutil.copytree(find_data("schemas"), folder / "schemas", dirs_exist_ok=True)
    for path in sorted(folder.rglob("*.yaml")):
        _adapt(path, path.relative_to(folder), folder, rename=template == STARTER)
    site.say("cli.new_made", folder=folder)


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
