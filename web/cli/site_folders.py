"""The folder of a site on disk: what its people wrote, and the template it keeps.

Enters: a folder and texts by relative path. Leaves: files. Must not write outside the folder, nor touch what people
wrote unless it is among the texts given.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine import messages
from engine.errors import NotPossibleNow

_APP = """# yaml-language-server: $schema=./schemas/patch/app.json
app: {key}
extends: {extends}
label: {label}
"""

_SCHEMA_LINE = "# yaml-language-server: $schema="

STEP = ".formwork-release.yaml"
"""Beside the definitions and not one of them: a release does not hold its own digest."""
_STEP_TEXT = """# The release this folder was last in step with. Written by formwork; keep it with the folder.
release: {release}
digest: {digest}
"""


def make_site(folder: Path, template: Path, key: str, language: str) -> None:
    """Make a site that extends a template and changes nothing yet."""
    from engine.definition.parser import parse_app
    from engine.definition.pinning import pin
    from engine.definition.source import read_folder

    sources, name = read_folder(template), template.resolve().name
    app = _APP.format(key=key, extends=name, label=json.dumps(parse_app(sources).label, ensure_ascii=False))
    write_files(folder, {"app.yaml": app, **pin(name, sources)})
    write_schemas(folder)
    readme = messages.text("cli.site_readme", language, name=name, folder=folder.name)
    (folder / "README.md").write_text(readme, encoding="utf-8", newline="\n")


def complete_site(folder: Path, template: Path) -> None:
    """Give the copy of a site that comes with the product what its own folder need not have: the template it keeps.

    Its files that change the template then lead to the schemas of changes. Of any other template nothing is missing.
    """
    from engine.definition.kinds import find_kind
    from engine.definition.source import read_folder

    files = read_folder(template).files
    kept = {path: text for path, text in files.items() if not (folder / path).exists()}
    if not kept:
        return
    write_files(folder, kept)
    write_schemas(folder)
    for name, text in files.items():
        if name not in kept and not text.startswith(_SCHEMA_LINE):
            first = f"{_SCHEMA_LINE}{'../' * name.count('/') or './'}schemas/patch/{find_kind(name)}.json"
            (folder / name).write_text(f"{first}\n{text}", encoding="utf-8", newline="\n")


def write_schemas(folder: Path) -> None:
    """Write the schemas that editors complete from, for a site's changes too."""
    from engine.definition.patch_schema import FOLDER, NAMES, derive_schema
    from engine.places import find_data

    shutil.copytree(find_data("schemas"), folder / "schemas", dirs_exist_ok=True)
    (folder / "schemas" / FOLDER).mkdir(exist_ok=True)
    for name in NAMES:
        text = json.dumps(derive_schema(name), ensure_ascii=False, indent=2)
        (folder / "schemas" / FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts below a folder; those that stand there already are left as they are, to the second."""
    for name, text in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise NotPossibleNow("cli.folder_not_empty", folder=path)  # no release of ours holds such a path
        if path.is_file() and path.read_bytes() == text.encode("utf-8"):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def remove_files(folder: Path, names: set[str]) -> None:
    """Remove files, and the folders that hold nothing any more."""
    for name in sorted(names):
        path = folder / name
        path.unlink(missing_ok=True)
        for above in path.parents:
            if above == folder or not above.is_dir() or any(above.iterdir()):
                break
            above.rmdir()


# ---- which release a folder was last in step with


def find_step(folder: Path) -> str | None:
    """Return the digest of the release a folder was last in step with, None when nobody wrote it down."""
    from engine.definition.yaml_reader import parse_yaml
    from engine.errors import DefinitionError

    try:
        data = parse_yaml((folder / STEP).read_text(encoding="utf-8"), STEP).data
        return str(data["digest"])
    except (OSError, UnicodeDecodeError, DefinitionError, KeyError, TypeError):
        return None


def mark_step(folder: Path, release: int, digest: str) -> None:
    """Write down which release a folder is in step with; a template that comes along is nobody's folder."""
    from engine.places import find_data

    if folder.resolve().is_relative_to(find_data("templates").resolve()) or not folder.is_dir():
        return
    try:
        write_files(folder, {STEP: _STEP_TEXT.format(release=release, digest=digest)})
    except OSError:
        return  # a folder that cannot be written can still be published
