"""The bundled site for automotive parts with the manufacturing template as it is today, as texts and as a folder."""

from collections.abc import Mapping
from pathlib import Path

from engine.definition.pinning import own_files, pin
from engine.definition.source import SourceFolder, read_folder
from engine.places import find_data

OWN = find_data("templates") / "auto_parts"


def manufacturing() -> SourceFolder:
    """Return the bundled template."""
    return read_folder(find_data("templates") / "manufacturing")


def auto_parts(**changed: str) -> SourceFolder:
    """Return the site; ``changed`` are further files, ``__`` standing for a slash and without ``.yaml``."""
    more = {f"{name.replace('__', '/')}.yaml": text for name, text in changed.items()}
    return extending(manufacturing(), {**own_files(read_folder(OWN)), **more})


def auto_parts_without_examples() -> SourceFolder:
    """Return the site on a template without the examples that the site does not change: it publishes at once."""
    own = own_files(read_folder(OWN))
    lean = {path: text for path, text in manufacturing().files.items() if "/examples/" not in path or path in own}
    return extending(SourceFolder(lean), own)


def extending(template: SourceFolder, own: Mapping[str, str], name: str = "manufacturing") -> SourceFolder:
    """Return a site that extends ``template``."""
    return SourceFolder({**own, **pin(name, template)})


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write texts below a folder and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
