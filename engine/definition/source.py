"""From a folder on disk to the texts of its definition files.

Enters: a folder, or a mapping of texts (that is how releases are stored). Leaves: a ``SourceFolder``. Must not know
what is written in the files; whatever could not be read travels along as a problem, so that all are reported at once.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from engine.definition.patterns import read_used
from engine.definition.problems import problem
from engine.definition.yaml_reader import MAX_FILE_BYTES, Document, parse_yaml
from engine.errors import DefinitionError, Location, Problem
from engine.places import find_data

__all__ = ["MAX_FILES", "Document", "SourceFolder", "parse_yaml", "read_folder"]

MAX_FILES: Final = 2000
MAX_ENTRIES: Final = 20_000
MAX_TOTAL_BYTES: Final = 16 * 1024 * 1024
_YAML: Final = (".yaml", ".yml")
_SKIPPED_FOLDERS: Final = frozenset({"data"})


@dataclass(frozen=True)
class SourceFolder:
    """The definition files of a template or release: text by relative path, ``/`` between folders."""

    files: Mapping[str, str]
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @cached_property
    def digest(self) -> str:
        """sha256 (hexadecimal) over all paths and texts, in the order of the paths."""
        total = hashlib.sha256()
        for path in sorted(self.files):
            for part in (path.encode(), self.files[path].encode("utf-8", "surrogatepass")):
                total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()


def read_folder(path: Path | str) -> SourceFolder:
    """Return all definition files below ``path``, with the reusable patterns they use.

    Files and folders whose name starts with a dot, folders named ``data`` and everything that is not YAML are left
    out. A folder that is not there raises ``DefinitionError``; a file that cannot be read is in ``problems``. A site
    that comes with the product is read together with its template.
    """
    root = Path(path)
    if not root.is_dir():
        raise DefinitionError([problem("D024", Location(root.name or "."), folder=root.name)])
    reader = _Reader(root.resolve())
    reader.read()
    files = reader.files | read_used(reader.files)
    files |= _template_beside(reader.root, files)
    return SourceFolder(dict(sorted(files.items())), tuple(reader.problems))


def _template_beside(root: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return what a site that comes with the product keeps of its template, which stands beside it in the same version.

    Only there: a site of anybody else's carries its own copy, so that a newer product does not change it.
    """
    from engine.definition.documents import LOCK, find_extended
    from engine.definition.pinning import pin  # both read folders themselves

    name = find_extended(SourceFolder(files)) if LOCK not in files and _is_bundled(root) else None
    if name is None or not (root.parent / name / "app.yaml").is_file():
        return {}
    return pin(name, read_folder(root.parent / name))


def _is_bundled(root: Path) -> bool:
    try:
        return root.parent == find_data("templates").resolve()
    except FileNotFoundError:
        return False


@dataclass
class _Reader:
    root: Path
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0

    def read(self) -> None:
        for entry in _walk(self.root):
            if len(self.files) >= MAX_FILES:
                self._refuse("D018", ".", limit=MAX_FILES)
                return
            self._read_entry(entry)
            if self.size > MAX_TOTAL_BYTES:
                self._refuse("D031", ".", limit=MAX_TOTAL_BYTES // 1024 // 1024)
                return

    def _read_entry(self, entry: Path) -> None:
        name = entry.relative_to(self.root).as_posix()
        if entry.is_symlink() and not self._stays_inside(entry):
            self._refuse("D022", name)
        elif entry.suffix in _YAML:
            self._read_file(entry, name)

    def _stays_inside(self, link: Path) -> bool:
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        return target.is_relative_to(self.root) and not target.is_dir()

    def _read_file(self, path: Path, name: str) -> None:
        try:
            raw = _read_bytes(path)
        except OSError:
            self._refuse("D023", name)
            return
        self.size += len(raw)
        if len(raw) > MAX_FILE_BYTES:
            self._refuse("D016", name, limit=MAX_FILE_BYTES // 1024)
            return
        try:
            self.files[name] = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            good = raw[: error.start].decode("utf-8")
            line, column = good.count("\n") + 1, len(good) - good.rfind("\n")
            self.problems.append(problem("D001", Location(name, line, column)))

    def _refuse(self, code: str, name: str, **params: object) -> None:
        self.problems.append(problem(code, Location(name), None, **params))


def _walk(root: Path) -> Iterator[Path]:
    """Yield files, and links to folders, in a fixed order; never follows a link to a folder."""
    seen = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_skipped(name))
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *linked]):
            seen += 1
            if seen > MAX_ENTRIES:
                return
            if not name.startswith("."):
                yield Path(folder) / name


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED_FOLDERS


def _read_bytes(path: Path) -> bytes:
    """Read an ordinary file, at most one byte more than is allowed; a pipe or a device would never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not an ordinary file")
        return file.read(MAX_FILE_BYTES + 1)
