"""Uploading a file for a form, and opening one.

Enters: one file. Leaves: its id for the form, or its content. Must not trust a name or a declared type.
"""

from typing import Any

from flask import Response, g, jsonify, request

from engine.compiler.app import Field
from engine.compiler.readers import Wrong
from engine.errors import NotFound
from engine.records import uploads
from engine.workflow.approval.signing import MAX_SIZE
from web.api.requests import read_id
from web.downloads import send_attachment, send_thumbnail
from web.gate import locale, reads, store, takes_files
from web.readers import note_file

SIGNATURE = "signature"
"""What a drawn signature is uploaded for; no field is called so, fields have an entity and a point."""


@takes_files
@reads
def upload() -> Any:
    """Store a file for the field named in ``for`` (``signature``: for an approval); it is its sender's until taken."""
    accept, max_size = _limits(request.args.get("for", ""))
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _refused(locale().say("value.file"))
    try:
        stored = store().files.save(sent.stream, sent.filename, accept=accept, max_size=max_size)
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
    id_ = read_id(file_id)
    found = uploads.get_file(g.session, id_, actor=g.actor)
    note_file(id_)
    return send_attachment(found)


@reads
def small(file_id: str) -> Response:
    """Answer the thumbnail of a picture the reader may see."""
    return send_thumbnail(uploads.get_file(g.session, read_id(file_id), actor=g.actor))


ROUTES = (
    ("/files", ["POST"], upload),
    ("/files/<file_id>/small", ["GET"], small),
    ("/files/<file_id>", ["GET"], download),
)


def _limits(purpose: str) -> tuple[Any, int | None]:
    """Return which files are taken and how large: of a field, or for the signature of an approval."""
    if purpose == SIGNATURE:
        return ["png"], MAX_SIZE
    field = _field(purpose)
    return field.accept, field.max_size


def _field(address: str) -> Field:
    entity, _, key = address.partition(".")
    known = g.session.app.find_open(entity)
    field: Field | None = known.fields.get(key) if known is not None else None
    if field is None or not field.type.has_files:
        raise NotFound()
    return field


def _refused(text: str) -> Any:
    return jsonify({"detail": text}), 422
