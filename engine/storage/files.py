"""Attachments on disk, kept under the sha256 of their content.

Enters: streams from people. Leaves: files that are wholly there or not at all, each once however often it is sent. Must
not decide who may see a file, nor believe its name: names are cleaned, contents are checked.
"""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from engine.compiler.readers import Wrong
from engine.errors import NotFound
from engine.storage.pictures import forget_place, make_thumbnail
from engine.storage.sniff import check_content, find_extension

DEFAULT_MAX_SIZE = 20 * 1024 * 1024
_PIECE = 256 * 1024
_NAME_LIMIT = 120
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORBIDDEN = re.compile(r'[<>:"|?*%;]')
_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)$")


class Stream(Protocol):
    """Anything that gives bytes piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        ...


@dataclass(frozen=True)
class StoredFile:
    """A file that is safely on disk; ``name`` is clean, ``size`` in bytes."""

    sha256: str
    name: str
    size: int
    content_type: str


class FileStore:
    """A folder of contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder).absolute()

    def save(
        self, stream: Stream, name: str, *, accept: Collection[str] = (), max_size: int | None = None
    ) -> StoredFile:
        """Store a stream. ``accept`` lists extensions (none: every known kind), ``max_size`` counts bytes.

        Raises ``Wrong`` when the file is too large, empty, not of an accepted kind, or not what its name says.
        """
        clean = clean_name(name)
        if accept and find_extension(clean) not in {kind.lower().lstrip(".") for kind in accept}:
            raise Wrong("storage.file_not_accepted", name=clean, accepted=", ".join(accept))
        waiting = self._temporary()
        try:
            sha256, size = _write(stream, waiting, DEFAULT_MAX_SIZE if max_size is None else max_size, clean)
            content_type = check_content(waiting, clean)
            if forget_place(waiting, content_type):
                sha256, size = _read_again(waiting)
            self._keep(waiting, sha256)
        finally:
            waiting.unlink(missing_ok=True)
        return StoredFile(sha256, clean, size, content_type)

    def begin(self) -> Path:
        """Return where a file that the program itself makes is written before it is taken in."""
        return self._temporary()

    def take(self, path: Path) -> tuple[str, int]:
        """Take in a file written at ``begin``, wholly or not at all, and return its hash and size in bytes."""
        sha256, size = _read_again(path)
        self._keep(path, sha256)
        return sha256, size

    def open(self, sha256: str) -> BinaryIO:
        """Open a stored content; raises ``NotFound``."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("storage.no_file") from None

    def path(self, sha256: str) -> Path:
        """Return where a content lies (or would lie); raises ``NotFound`` for anything that is no sha256."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound("storage.no_file")
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def thumbnail(self, sha256: str) -> Path | None:
        """Return where the thumbnail of a picture lies, made when it is first asked for; None when there can be none.

        Raises ``NotFound`` when there is no such content.
        """
        source = self.path(sha256)
        small = _thumbnail_of(source)
        if small.exists():
            return small
        if not source.exists():
            raise NotFound("storage.no_file")
        made = make_thumbnail(source)
        if made is None:
            return None
        waiting = self._temporary()
        waiting.write_bytes(made)
        waiting.replace(small)
        return small

    def discard(self, sha256: str, before: datetime) -> None:
        """Remove a content that no row names any more; one that was uploaded since ``before`` may yet get a row."""
        final, waiting = self.path(sha256), self._temporary()
        with suppress(FileNotFoundError):
            final.replace(waiting)  # moved first: an upload of the same content finds it gone and keeps its own
            if waiting.stat().st_mtime >= before.timestamp():
                waiting.replace(final)
            else:
                waiting.unlink()
                _thumbnail_of(final).unlink(missing_ok=True)

    def tidy(self, before: datetime) -> None:
        """Remove what uploads left behind that broke off with their process before a moment."""
        for path in (self._folder / "incoming").glob("*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def _temporary(self) -> Path:
        # On the same disk as its final place, so that the rename cannot tear.
        folder = self._folder / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / secrets.token_hex(16)

    def _keep(self, waiting: Path, sha256: str) -> None:
        final = self.path(sha256)
        with suppress(FileNotFoundError):
            os.utime(final)  # it is there: used again, so nobody may discard it as forgotten
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        waiting.replace(final)
        for folder in (final.parent, final.parent.parent, self._folder):
            _sync_folder(folder)


def clean_name(name: str) -> str:
    """Return a file name that is safe in a header, on any disk and on a screen: one line, no path, its extension kept.

    Control characters go, those that reverse the direction of text included (``exe.gpj`` must not read as ``jpg.exe``).
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C")
    plain = re.sub(r"\s+", " ", _FORBIDDEN.sub("_", visible)).strip(" .")
    stem, dot, extension = plain.rpartition(".")
    if not dot:
        stem, extension = plain, ""
    if not stem or _DEVICES.match(stem):
        stem = f"file_{stem}".rstrip("_")
    tail = dot + extension[:16]
    return stem[: _NAME_LIMIT - len(tail)].rstrip(" .") + tail


def _write(stream: Stream, path: Path, max_size: int, name: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > max_size:
                raise Wrong("storage.file_too_large", name=name, limit=_said_size(max_size))
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _read_again(path: Path) -> tuple[str, int]:
    """Return the hash and size of a file that was written anew, once it is safely on disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, path.stat().st_size


def _thumbnail_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.small")


def _sync_folder(folder: Path) -> None:
    # A rename survives a power cut only once its folder is on disk. Windows cannot open folders and needs no such step.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said_size(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB" if size >= 1024 * 1024 else f"{max(size // 1024, 1)} KB"
