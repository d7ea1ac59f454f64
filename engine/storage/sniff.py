"""Whether a file is what its name says.

Enters: a file on disk and the name it came with. Leaves: its content type, or ``Wrong``. Must not trust what the sender
said about the type, and must not unpack anything: an archive is judged by what it declares.
"""

import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.compiler.readers import Wrong

_HEAD = 4096
_ZIP_ENTRIES = 5_000
_ZIP_BYTES = 200 * 1024 * 1024
_ZIP_RATIO = 250  # office XML compresses up to about 100 times; a bomb 1000 times


@dataclass(frozen=True)
class FileKind:
    """A kind of file: ``check`` tells whether a file's beginning, or its parts, are of this kind."""

    content_type: str
    check: Callable[[bytes, Path], bool]


def check_content(path: Path, name: str) -> str:
    """Return the content type of the file at ``path``; raises ``Wrong`` when it is not what ``name`` says."""
    extension = find_extension(name)
    kind = KINDS.get(extension)
    if kind is None:
        raise Wrong("storage.file_kind", extension=extension or name, known=", ".join(sorted(KINDS)))
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise Wrong("storage.file_empty", name=name)
    if not kind.check(head, path):
        raise Wrong("storage.file_content", name=name, extension=extension)
    return kind.content_type


def find_extension(name: str) -> str:
    """Return the extension in lower case without its point, or an empty text."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def _starts_with(*signatures: bytes) -> Callable[[bytes, Path], bool]:
    return lambda head, path: head.startswith(signatures)


def _is_pdf(head: bytes, path: Path) -> bool:
    return b"%PDF-" in head[:1024]


def _is_webp(head: bytes, path: Path) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_wav(head: bytes, path: Path) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def _is_m4a(head: bytes, path: Path) -> bool:
    return head[4:8] == b"ftyp"


def _is_mp3(head: bytes, path: Path) -> bool:
    """An ID3 tag, or the sync word of a frame of layer III."""
    return head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2)


def _is_mail(head: bytes, path: Path) -> bool:
    """Lines such as ``From: …`` at the beginning, and text throughout."""
    return re.match(rb"(?:\xef\xbb\xbf)?[A-Za-z][A-Za-z0-9-]*:[ \t\r\n]", head) is not None and _is_text(head, path)


def _is_ofd(head: bytes, path: Path) -> bool:
    """The format of Chinese electronic invoices: an archive with OFD.xml at its root."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return any(entry.filename == "OFD.xml" for entry in entries) and is_harmless(entries)


def _is_dwg(head: bytes, path: Path) -> bool:
    return re.match(rb"AC10\d\d", head) is not None


def _is_text(head: bytes, path: Path) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(path, "utf-16")
    return _decodes(path, "utf-8") or _decodes(path, "gb18030")


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            while piece := file.read(65536):
                if "\x00" in piece:
                    return False
    except UnicodeError:
        return False
    return True


def _office(part: str) -> Callable[[bytes, Path], bool]:
    def check(head: bytes, path: Path) -> bool:
        if not head.startswith(b"PK\x03\x04"):
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                return _is_office(archive.infolist(), part)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False

    return check


def _is_office(entries: list[zipfile.ZipInfo], part: str) -> bool:
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names or not any(name.startswith(part) for name in names):
        return False
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return False  # macros belong in .docm and .xlsm, which are not accepted
    return is_harmless(entries)


def is_harmless(entries: list[zipfile.ZipInfo]) -> bool:
    """Tell from declared sizes whether an archive can be unpacked: not encrypted, not too many parts, not too large."""
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    return (
        len(entries) <= _ZIP_ENTRIES
        and unpacked <= _ZIP_BYTES
        and unpacked <= max(packed, 1) * _ZIP_RATIO
        and not any(entry.flag_bits & 1 or _leaves_folder(entry.filename) for entry in entries)
    )


def _leaves_folder(name: str) -> bool:
    return name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name)


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_JPEG = FileKind("image/jpeg", _starts_with(b"\xff\xd8\xff"))

KINDS: Mapping[str, FileKind] = {
    "pdf": FileKind("application/pdf", _is_pdf),
    "png": FileKind("image/png", _starts_with(b"\x89PNG\r\n\x1a\n")),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "gif": FileKind("image/gif", _starts_with(b"GIF87a", b"GIF89a")),
    "webp": FileKind("image/webp", _is_webp),
    "docx": FileKind(_WORD, _office("word/document")),
    "xlsx": FileKind(_EXCEL, _office("xl/workbook")),
    "pptx": FileKind(_SLIDES, _office("ppt/presentation")),
    "dwg": FileKind("image/vnd.dwg", _is_dwg),
    "ofd": FileKind("application/ofd", _is_ofd),
    "m4a": FileKind("audio/mp4", _is_m4a),
    "mp3": FileKind("audio/mpeg", _is_mp3),
    "wav": FileKind("audio/wav", _is_wav),
    "amr": FileKind("audio/amr", _starts_with(b"#!AMR")),
    "eml": FileKind("text/plain; charset=utf-8", _is_mail),
    "txt": FileKind("text/plain; charset=utf-8", _is_text),
    "csv": FileKind("text/csv; charset=utf-8", _is_text),
}
"""By extension. Nothing here is ever run or rendered as a page by a browser: no HTML, no SVG."""
