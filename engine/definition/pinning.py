"""The template a site extends, as it is kept with the site and pinned by its lock.

Enters: the sources of a template. Leaves: the files of ``base/`` and ``lock.yaml``. Must not read or write a disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.definition.documents import LOCK
from engine.definition.kinds import BASE
from engine.definition.parser import parse_app
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError

_HEAD = "# Written by formwork upgrade; not to be edited.\n"


@dataclass(frozen=True)
class Lock:
    """What a site pins: the name and version of a template, and the sha256 of its sources."""

    extends: str
    version: str
    digest: str


def pin(name: str, template: SourceFolder) -> dict[str, str]:
    """Return the files by which a site keeps ``template`` under ``name``.

    Raises ``DefinitionError`` when the template itself has problems: nobody should extend it.
    """
    version = parse_app(template).version
    lock = f"{_HEAD}extends: {name}\nversion: {version}\ndigest: {template.digest}\n"
    return {LOCK: lock, **{BASE + path: text for path, text in template.files.items()}}


def find_lock(files: Mapping[str, str]) -> Lock | None:
    """Return what a site pins, None when its lock is not there or cannot be read."""
    try:
        data = parse_yaml(files.get(LOCK, ""), LOCK).data
        return Lock(data["extends"], data["version"], data["digest"])
    except (DefinitionError, KeyError, TypeError):
        return None


def own_files(folder: SourceFolder) -> dict[str, str]:
    """Return what the people of a site wrote: everything but the template kept there and its lock."""
    return {path: text for path, text in folder.files.items() if not path.startswith(BASE) and path != LOCK}
