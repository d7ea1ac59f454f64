"""Uploading a file for a form, and opening one.

Enters: one file. Leaves: its id for the form, or its content. Must not trust a name or a declared type.
"""

from typing import Any

from flask import Response, g, jsonify, request

from engine.compiler.app import Field
from engine.compiler.readers import Wrong
from engine.errors import NotFound
from engine.records import uploads
from web.api.requests import read_id
from web.downloads import send_attachment
from web.gate import locale, reads, store, takes_files


@takes_files
@reads
def upload() -> Any:
    """Store a file for the field named in ``for``; it belongs to whoever sent it until a record takes it."""
    field = _field(request.args.get("for", ""))
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _refused(locale().say("value.file"))
    try:
        stored = store().files.save(sent.stream, sent.filename, accept=field.accept, max_size=field.max_size)
    except Wrong as wrong:
        return _refused(locale().say(wrong.code, **wrong.params))
    finally:
        sent.close()
    with store().write() as session:
        found = uploads.create_upload(session, stored, actor=g.actor)
    return jsonify({"id": found["id"], "name": found["name"], "size": found["size"]}), 201


@reads
def download(file_id: str) -> Response:
    """Answer the content of a file the reader may see."""
    return send_attachment(uploads.get_file(g.session, read_id(file_id), actor=g.actor))


ROUTES = (
    ("/files", ["POST"], upload),
    ("/files/<file_id>", ["GET"], download),
)


def _field(address: str) -> Field:
    entity, _, key = address.partition(".")
    known = g.session.app.entities.get(entity)
    field: Field | None = known.fields.get(key) if known is not None else None
    if field is None or field.type.key != "file":
        raise NotFound()
    return field


def _refused(text: str) -> Any:
    return jsonify({"detail": text}), 422
