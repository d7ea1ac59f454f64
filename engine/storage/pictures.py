"""Pictures among the files: where they were taken is forgotten, and a small one stands for each in lists.

Enters: a file on disk whose content was checked. Leaves: the same picture without its place, a thumbnail beside it.
Must not keep a place that a camera wrote, nor unpack a picture that declares more points than a screen could ever show.

Where a camera keeps the place: tag 34853 of EXIF 2.32 (CIPA DC-008), and the ``exif:GPS`` properties of XMP.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.compiler.readers import Wrong

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif"))
"""The content types of what is treated here."""

SIDE = 320
"""Points of the longer side of a thumbnail."""
SMALL = 20 * 1024
"""Bytes of a thumbnail at most."""
MOST_POINTS = 60_000_000
"""Points of a picture at most: more than any phone takes, and at most 240 MB unpacked."""

_PLACE, _ORIENTATION = 0x8825, 0x0112
_EXIF, _XMP = b"Exif\x00\x00", b"http://ns.adobe.com/xap/1.0/\x00"
_START, _SCAN, _APP1 = b"\xff\xd8", 0xDA, 0xE1
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Warning)


def forget_place(path: Path, content_type: str) -> bool:
    """Take the place out of a picture; True when the file was written anew, its points unchanged.

    A picture that no program can read is left as it is. Raises ``Wrong`` when it declares too many points.
    """
    if content_type not in PICTURES:
        return False
    try:
        with _library().open(path) as picture:
            _require_modest(picture)
            if content_type in ("image/png", "image/webp"):
                return _written_without(picture, path)
    except _BROKEN:
        pass
    if content_type != "image/jpeg":
        return False
    content = path.read_bytes()
    kept = b"".join(_without_place(content))
    if kept == content:
        return False
    path.write_bytes(kept)
    return True


def make_thumbnail(source: Path) -> bytes | None:
    """Return a small WebP of a picture, the right way up; None when it cannot be read."""
    library = _library()
    from PIL import ImageOps

    try:
        with library.open(source) as picture:
            _require_modest(picture)
            picture.draft("RGB", (SIDE * 2, SIDE * 2))  # a JPEG is unpacked no larger than needed
            picture.thumbnail((SIDE, SIDE))
            upright = ImageOps.exif_transpose(picture)
            small = upright if upright.mode in ("RGB", "RGBA") else upright.convert("RGBA")
            return _packed(small)
    except (*_BROKEN, Wrong):
        return None


def _library() -> Any:
    """Return the library, loaded with the first picture: no other request needs it, and it takes memory."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # judged here, before anything is unpacked
    return Image


def _packed(picture: "Image") -> bytes:
    packed = b""
    for quality in (75, 55, 35, 15):
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality)
        packed = out.getvalue()
        if len(packed) <= SMALL:
            break
    return packed


def _require_modest(picture: "Image") -> None:
    if picture.width * picture.height > MOST_POINTS:
        raise Wrong("storage.picture_too_large", most=MOST_POINTS // 1_000_000)


def _written_without(picture: "Image", path: Path) -> bool:
    """Write a PNG or WebP anew when it holds a place; these formats lose nothing by it, or next to nothing."""
    exif = picture.getexif()
    if _PLACE not in exif:
        return False
    del exif[_PLACE]
    out = io.BytesIO()
    picture.save(out, picture.format, exif=exif.tobytes(), **({"quality": 95} if picture.format == "WEBP" else {}))
    path.write_bytes(out.getvalue())
    return True


def _without_place(content: bytes) -> Iterator[bytes]:
    """Yield the parts of a JPEG: those before its points with the place left out, the points as they are.

    A part is a marker of two bytes and a length of two that counts itself (ITU T.81, annex B).
    """
    yield _START
    at = len(_START)
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != _SCAN:
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        part, body = content[at : at + 2 + size], content[at + 4 : at + 2 + size]
        yield _cleaned(part, body) if part[1] == _APP1 else part
        at += 2 + size
    yield content[at:]


def _cleaned(part: bytes, body: bytes) -> bytes:
    if body.startswith(_XMP):
        return b"" if b"GPS" in body else part
    if not body.startswith(_EXIF):
        return part
    library = _library()
    exif = library.Exif()
    try:
        exif.load(body)
        has_place = _PLACE in exif
    except _BROKEN:
        return b""  # nobody can tell what it holds
    if not has_place:
        return part
    upright = exif.get(_ORIENTATION)
    kept = library.Exif()
    if upright is None:
        return b""
    kept[_ORIENTATION] = upright
    said: bytes = kept.tobytes()
    return b"\xff" + bytes([_APP1]) + (len(said) + 2).to_bytes(2, "big") + said
