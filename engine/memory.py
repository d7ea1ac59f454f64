"""What a command worked out earlier, kept on disk, so that it need not wait for it again.

Enters: a file in the user's own cache folder, and the files everything depends on. Leaves: plain JSON values by kind
and key. Must not be trusted by anything that publishes: only who checks while writing opens it, and who loads what was
published. A file that is damaged, of another version or unwritable is the same as none.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
MOST_BYTES = 8 * 1024 * 1024
_open: "_Memory | None" = None


def recall(kind: str, key: str) -> Any:
    """Return what was remembered under ``key``, None when nothing was or no memory is open."""
    return None if _open is None else _open.recall(kind, key)


def is_open() -> bool:
    """Tell whether anything would be kept."""
    return _open is not None


def remember(kind: str, key: str, value: Any) -> None:
    """Keep a JSON value, if a memory is open."""
    if _open is not None:
        _open.new.setdefault(kind, {})[key] = value


@contextlib.contextmanager
def opened(file: Path, sources: Iterable[Path]) -> Iterator[None]:
    """Recall from ``file`` and remember there until the block ends.

    ``sources`` are the files whose change makes everything forgotten: they are compared by size and time of change.
    """
    global _open
    before, memory = _open, _Memory(_mark(sources))
    memory.load(file)
    _open = memory
    try:
        yield
    finally:
        _open = before
        memory.save(file)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for what this user's programs can work out again."""
    given = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    return Path(given) / "formwork" if given else Path("~").expanduser() / ".cache" / "formwork"


class _Memory:
    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.old: dict[str, dict[str, Any]] = {}
        self.new: dict[str, dict[str, Any]] = {}

    def recall(self, kind: str, key: str) -> Any:
        value = self.old.get(kind, {}).get(key)
        if value is not None:
            self.new.setdefault(kind, {})[key] = value
        return value

    def load(self, file: Path) -> None:
        try:
            if file.stat().st_size > MOST_BYTES:
                return
            checksum, _, text = file.read_bytes().partition(b"\n")
            if checksum.decode() == hashlib.sha256(text).hexdigest():
                mark, kept = json.loads(text)
                self.old = kept if mark == self.mark else {}
        except (OSError, ValueError, TypeError, RecursionError):
            self.old = {}

    def save(self, file: Path) -> None:
        """Write what is new beside what was there; when that grows too large, only what was used now."""
        if all(self.new[kind].keys() <= self.old.get(kind, {}).keys() for kind in self.new):
            return
        both = {kind: self.old.get(kind, {}) | self.new.get(kind, {}) for kind in self.old | self.new}
        for kept in (both, self.new):
            text = json.dumps([self.mark, kept], ensure_ascii=True, separators=(",", ":")).encode()
            if len(text) < MOST_BYTES:
                _replace(file, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
                return


def _replace(file: Path, content: bytes) -> None:
    """Whoever reads at the same time sees the old file or the new one; two who write do not mix."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "wb") as written:
            written.write(content)
        os.replace(name, file)


def _mark(sources: Iterable[Path]) -> str:
    total = hashlib.sha256(str(FORMAT).encode())
    for path in sorted(sources):
        stat = path.stat()
        total.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return total.hexdigest()
