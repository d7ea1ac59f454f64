"""Files are wholly there or not at all, and are what their names say."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import messages
from engine.compiler.readers import Wrong
from engine.errors import NotFound
from engine.storage.files import FileStore, clean_name

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


def _office(part: str, *more: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<x/>")
        for name, content in more:
            archive.writestr(name, content)
    return buffer.getvalue()


def _archive(*parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.writestr(part, "<x/>")
    return buffer.getvalue()


DOCX = _office("word/document.xml")
XLSX = _office("xl/workbook.xml")

SOUND = [
    ("合同.pdf", PDF, "application/pdf"),
    ("a.png", PNG, "image/png"),
    ("a.JPG", b"\xff\xd8\xff\xe0" + b"\x00" * 20, "image/jpeg"),
    ("a.gif", b"GIF89a" + b"\x00" * 20, "image/gif"),
    ("a.webp", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    ("a.docx", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("a.xlsx", XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("图纸.dwg", b"AC1032" + b"\x00" * 50, "image/vnd.dwg"),
    ("a.txt", "说明".encode(), "text/plain; charset=utf-8"),
    ("a.csv", "客户,金额\n".encode("gb18030"), "text/csv; charset=utf-8"),
    ("b.csv", "客户,金额\n".encode("utf-16"), "text/csv; charset=utf-8"),
    ("语音.m4a", b"\x00\x00\x00\x20ftypM4A " + b"\x00" * 20, "audio/mp4"),
    ("a.mp3", b"ID3\x04\x00" + b"\x00" * 20, "audio/mpeg"),
    ("b.mp3", b"\xff\xfb\x90\x00" + b"\x00" * 20, "audio/mpeg"),
    ("a.wav", b"RIFF\x10\x00\x00\x00WAVEfmt ", "audio/wav"),
    ("a.amr", b"#!AMR\n" + b"\x00" * 20, "audio/amr"),
    ("询价.eml", "From: a@b.cn\r\nSubject: x\r\n\r\n要三百片\r\n".encode(), "text/plain; charset=utf-8"),
    ("发票.ofd", _archive("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
]

UNSOUND = [
    ("a.pdf", PNG, "storage.file_content"),
    ("a.png", PDF, "storage.file_content"),
    ("a.docx", XLSX, "storage.file_content"),
    ("a.xlsx", b"PK\x03\x04 not really a zip", "storage.file_content"),
    ("a.docx", _office("word/document.xml", ("word/vbaProject.bin", b"x")), "storage.file_content"),
    ("bomb.xlsx", _office("xl/workbook.xml", ("xl/big.xml", b"0" * 60_000_000)), "storage.file_content"),
    ("climb.xlsx", _office("xl/workbook.xml", ("../evil", b"x")), "storage.file_content"),
    ("a.txt", b"MZ\x90\x00\x03\x00", "storage.file_content"),
    ("a.mp3", b"\xff\xd8\xff\xe0" + b"\x00" * 20, "storage.file_content"),
    ("a.wav", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "storage.file_content"),
    ("a.m4a", PDF, "storage.file_content"),
    ("a.eml", b"<html>", "storage.file_content"),
    ("a.ofd", DOCX, "storage.file_content"),
    ("climb.ofd", _archive("OFD.xml", "../evil"), "storage.file_content"),
    ("a.html", b"<script>", "storage.file_kind"),
    ("a.svg", b"<svg/>", "storage.file_kind"),
    ("a.exe", b"MZ", "storage.file_kind"),
    ("noextension", b"x", "storage.file_kind"),
    ("a.pdf", b"", "storage.file_empty"),
]


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def _left(files: FileStore) -> list[Path]:
    return [path for path in files._folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("name", "content", "content_type"), SOUND)
def test_a_sound_file_is_kept_as_it_is(files: FileStore, name: str, content: bytes, content_type: str) -> None:
    stored = files.save(io.BytesIO(content), name)
    assert (stored.name, stored.size, stored.content_type) == (name, len(content), content_type)
    with files.open(stored.sha256) as file:
        assert file.read() == content


@pytest.mark.parametrize(("name", "content", "code"), UNSOUND)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    files: FileStore, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(Wrong) as refused:
        files.save(io.BytesIO(content), name)
    assert refused.value.code == code
    assert name in messages.text(code, "zh", **refused.value.params) or code == "storage.file_kind"
    assert _left(files) == []


def test_a_kind_the_field_does_not_accept_is_refused(files: FileStore) -> None:
    with pytest.raises(Wrong) as refused:
        files.save(io.BytesIO(PNG), "a.png", accept=["pdf", "docx"])
    assert refused.value.code == "storage.file_not_accepted"
    files.save(io.BytesIO(PDF), "A.PDF", accept=["pdf"])


def test_the_same_content_is_stored_once(files: FileStore) -> None:
    first, second = files.save(io.BytesIO(PDF), "a.pdf"), files.save(io.BytesIO(PDF), "b.pdf")
    assert first.sha256 == second.sha256 and len(_left(files)) == 1


def test_too_large_a_file_is_refused_while_it_arrives(files: FileStore) -> None:
    class Endless:
        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return b"\x00" * size

    stream = Endless()
    with pytest.raises(Wrong) as refused:
        files.save(stream, "a.pdf", max_size=1_000_000)
    assert refused.value.code == "storage.file_too_large"
    assert stream.given < 2_000_000 and _left(files) == []


def test_an_upload_that_breaks_off_leaves_nothing(files: FileStore) -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.save(Broken(), "a.pdf")
    assert _left(files) == []


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64])
def test_a_content_that_is_not_there_is_not_found(files: FileStore, sha256: str) -> None:
    with pytest.raises(NotFound):
        files.open(sha256)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("合同 2026.pdf", "合同 2026.pdf"),
        ("C:\\Users\\x\\报价.xlsx", "报价.xlsx"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie_ x=1.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ('a"b;c%d.pdf', "a_b_c_d.pdf"),
        ("   .pdf", "pdf"),
        ("CON.txt", "file_CON.txt"),
        ("...", "file"),
        ("字" * 300 + ".docx", "字" * 115 + ".docx"),
    ],
)
def test_names_are_cleaned(given: str, clean: str) -> None:
    assert clean_name(given) == clean


def test_what_a_killed_upload_left_is_removed_after_a_day(files: FileStore) -> None:
    left = files._temporary()
    left.write_bytes(b"half")
    files.tidy(datetime.now(UTC) - timedelta(days=1))
    assert left.exists()
    files.tidy(datetime.now(UTC) + timedelta(seconds=5))
    assert not left.exists()
