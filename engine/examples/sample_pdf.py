"""A small document for the file fields of a demo or an example.

Enters: a file name. Leaves: the bytes of a valid PDF. Must not need a font or a library.
"""

import hashlib


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
