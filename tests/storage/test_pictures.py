"""A picture comes in without the place it was taken at, and a small one stands for it in lists."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.compiler.readers import Wrong
from engine.errors import NotFound
from engine.storage.files import FileStore
from engine.storage.pictures import SIDE, SMALL

PLACE, TURNED, TAKEN, MAKER = 0x8825, 0x0112, 0x0132, 0x010F
XMP = b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta><exif:GPSLatitude>29,52.1N</exif:GPSLatitude></x:xmpmeta>"


def photo(kind: str = "JPEG", size: tuple[int, int] = (900, 600), *, place: bool = True, noise: bool = False) -> bytes:
    """A photograph as a phone writes it: lying on its side, with time, maker and place."""
    raw = os.urandom(size[0] * size[1] * 3) if noise else bytes(range(256)) * (size[0] * size[1] * 3 // 256 + 1)
    picture = Image.frombytes("RGB", size, raw[: size[0] * size[1] * 3])
    exif = Image.Exif()
    exif[TURNED], exif[TAKEN], exif[MAKER] = 6, "2026:03:02 10:00:00", "Phone"
    if place:
        exif.get_ifd(PLACE).update({1: "N", 2: (29.0, 52.0, 6.0), 3: "E", 4: (121.0, 33.0, 1.0)})
    out = io.BytesIO()
    picture.save(out, kind, exif=exif.tobytes(), **({"quality": 90} if kind != "PNG" else {}))
    return out.getvalue()


def keep(store: FileStore, content: bytes, name: str) -> tuple[bytes, Any]:
    stored = store.save(io.BytesIO(content), name)
    kept = store.path(stored.sha256).read_bytes()
    assert (stored.size, len(stored.sha256)) == (len(kept), 64)
    return kept, stored


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "a.jpg"), ("PNG", "a.png"), ("WEBP", "a.webp")])
def test_the_place_is_gone_and_the_picture_is_the_same(tmp_path: Path, kind: str, name: str) -> None:
    sent = photo(kind)
    assert PLACE in Image.open(io.BytesIO(sent)).getexif()
    kept, _ = keep(FileStore(tmp_path), sent, name)
    exif = Image.open(io.BytesIO(kept)).getexif()
    assert PLACE not in exif
    assert exif[TURNED] == 6
    before, after = (Image.open(io.BytesIO(one)).convert("RGB") for one in (sent, kept))
    if kind == "WEBP":
        assert before.size == after.size
    else:
        assert before.tobytes() == after.tobytes()


def test_the_place_in_a_note_of_another_kind_is_gone_too(tmp_path: Path) -> None:
    sent = photo(place=False)
    part = b"\xff\xe1" + (len(XMP) + 2).to_bytes(2, "big") + XMP
    kept, _ = keep(FileStore(tmp_path), sent[:2] + part + sent[2:], "a.jpg")
    assert b"GPS" not in kept
    assert Image.open(io.BytesIO(kept)).size == (900, 600)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_without_a_place_stays_to_the_byte(tmp_path: Path, kind: str) -> None:
    sent = photo(kind, place=False)
    kept, _ = keep(FileStore(tmp_path), sent, f"a.{kind.lower()}")
    assert kept == sent


@pytest.mark.parametrize("cut", [3, 20, 40, 200, 2_000])
def test_a_picture_that_is_cut_off_does_no_harm(tmp_path: Path, cut: int) -> None:
    store = FileStore(tmp_path)
    kept, stored = keep(store, photo()[:cut], "a.jpg")
    assert kept.startswith(b"\xff\xd8")
    small = store.thumbnail(stored.sha256)
    assert small is None or small.stat().st_size <= SMALL


@pytest.mark.parametrize("noise", [False, True])
def test_a_thumbnail_is_small_upright_and_made_once(tmp_path: Path, noise: bool) -> None:
    store = FileStore(tmp_path)
    _, stored = keep(store, photo(noise=noise), "a.jpg")
    small = store.thumbnail(stored.sha256)
    assert small is not None
    assert small.stat().st_size <= SMALL
    with Image.open(small) as picture:
        assert picture.format == "WEBP"
        assert max(picture.size) == SIDE and picture.height > picture.width  # it lay on its side
        assert PLACE not in picture.getexif()
    made = small.stat().st_mtime_ns
    assert store.thumbnail(stored.sha256) == small
    assert small.stat().st_mtime_ns == made


def test_a_thumbnail_goes_with_its_picture(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    store = FileStore(tmp_path)
    _, stored = keep(store, photo(), "a.jpg")
    small = store.thumbnail(stored.sha256)
    store.discard(stored.sha256, datetime.now(UTC) + timedelta(days=1))
    assert small is not None and not small.exists()
    with pytest.raises(NotFound):
        store.thumbnail(stored.sha256)


def test_a_picture_that_declares_far_too_many_points_is_refused_unopened(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 5_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    with pytest.raises(Wrong) as refused:
        FileStore(tmp_path).save(io.BytesIO(out.getvalue()), "bomb.png")
    assert refused.value.code == "storage.picture_too_large"
    assert not list(tmp_path.rglob("*.small"))
