"""Files over HTTP: upload first, then name the id in a file field of a record; download through the record's rights.

Enters: multipart forms with one ``file``. Leaves: the file's id, or its content. Must not hold a write transaction
while a body arrives or goes to disk.
"""

from typing import Any

from flask import g, request

from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues
from engine.records import uploads
from web.api.answers import answer, iso
from web.api.requests import read_id
from web.downloads import send_attachment
from web.errors import Malformed
from web.gate import reads, store, takes_files
from web.readers import note_file
from web.repeats import read_repeat


@takes_files
@reads
def upload_file() -> Any:
    """Store a file; it belongs to whoever sent it until a record takes it."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Malformed("people.upload_missing")
    try:
        stored = store().files.save(sent.stream, sent.filename)
    except Wrong as wrong:
        raise InvalidValues([FieldError("file", wrong.code, wrong.params)]) from None
    finally:
        sent.close()
    repeat = read_repeat(content=f"{stored.sha256} {stored.name}")
    with store().write() as session:
        earlier = repeat.find(session) if repeat is not None else None
        if earlier is not None:
            return earlier
        found = uploads.create_upload(session, stored, actor=g.actor)
        said = answer({key: found[key] for key in ("id", "name", "size", "content_type")}, 201)
        if repeat is not None:
            repeat.keep(session, said)
    return said


@reads
def get_file(file_id: str) -> Any:
    """Answer what a file is called and how large it is."""
    found = uploads.get_file(g.session, read_id(file_id), actor=g.actor)
    known = {key: found[key] for key in ("id", "name", "size", "sha256", "content_type", "uploaded_by")}
    return answer(known | {"uploaded_at": iso(found["uploaded_at"])})


@reads
def download_file(file_id: str) -> Any:
    """Answer the content of a file."""
    id_ = read_id(file_id)
    found = uploads.get_file(g.session, id_, actor=g.actor)
    note_file(id_)
    return send_attachment(found)


ROUTES = (
    ("/files", ["POST"], upload_file),
    ("/files/<file_id>", ["GET"], get_file),
    ("/files/<file_id>/content", ["GET"], download_file),
)
