"""A small file for the file, image and signature fields of a demo or an example.

Enters: a file name. Leaves: bytes that are what the ending of the name says. Must not need a font or a library.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping


def make_file(name: str) -> bytes | None:
    """Return a file that is what its name says, always the same for a name; None for an ending not in ``MAKERS``."""
    make = MAKERS.get(name.rpartition(".")[2].lower())
    return None if make is None else make(name)


def make_pdf(name: str) -> bytes:
    """Return a valid one-page PDF that is always the same for a name and differs between names."""
    mark = hashlib.sha256(name.encode()).hexdigest()[:12]
    text = f"BT /F1 24 Tf 72 720 Td (Formwork demo document) Tj 0 -36 Td /F1 12 Tf (No. {mark}) Tj ET".encode()
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    pdf = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(bodies) + 1, rows)
    return pdf + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, len(pdf))


def make_png(name: str) -> bytes:
    """Return a valid picture of one colour, 160 by 120 pixels, whose colour follows from the name (RFC 2083)."""
    width, height = 160, 120
    row = b"\0" + hashlib.sha256(name.encode()).digest()[:3] * width
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(row * height)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _make_text(name: str) -> bytes:
    return f"{name}\n".encode()


MAKERS: Mapping[str, Callable[[str], bytes]] = {
    "pdf": make_pdf,
    "png": make_png,
    "txt": _make_text,
    "csv": _make_text,
}
"""By ending in lower case."""
