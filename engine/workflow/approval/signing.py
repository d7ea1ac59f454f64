"""Handwritten signatures: a drawing kept with the decision it was made for.

Enters: a PNG as a data URL, as a browser's canvas gives it. Leaves: its content in the file store, named by its sha256,
and a row that hangs on the approval. Must not keep what is no PNG, or is blank.
"""

import base64
import binascii
from io import BytesIO
from typing import Any

from sqlalchemy import insert, select, update

from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import Actor
from engine.storage.store import Session
from engine.storage.system_tables import files

PLACE = "fw_approval"
MAX_SIZE = 200_000
_START = "data:image/png;base64,"


def keep_signature(session: Session, approval_id: int, written: str, *, actor: Actor) -> dict[str, Any]:
    """Store a signature and return what its decision keeps: ``{"file": id, "sha256": ...}``.

    ``written`` is a PNG as a data URL, or the id of a file that the actor has just uploaded.
    """
    if written.isascii() and written.isdecimal() and len(written) < 19:
        return _take_upload(session, approval_id, int(written), actor)
    content = _decode(written)
    try:
        stored = session.files.save(BytesIO(content), "signature.png", accept=["png"], max_size=MAX_SIZE)
    except Wrong:
        raise _refused() from None
    row = {
        "name": stored.name,
        "size": stored.size,
        "sha256": stored.sha256,
        "content_type": stored.content_type,
        "uploaded_by": actor.id,
        "uploaded_at": session.now(),
        "entity": PLACE,
        "record_id": approval_id,
        "field": "signature",
    }
    id_: int = session.connection.execute(insert(files).values(row).returning(files.c.id)).scalar_one()
    return {"file": id_, "sha256": stored.sha256}


def read_signature(session: Session, approval_id: int, file_id: int) -> bytes:
    """Return a signature of an approval; whoever calls has checked that the approval may be seen."""
    own = (files.c.id == file_id, files.c.entity == PLACE, files.c.record_id == approval_id)
    sha256 = session.connection.scalar(select(files.c.sha256).where(*own))
    if sha256 is None:
        raise NotFound("storage.no_file")
    with session.files.open(sha256) as stream:
        return stream.read(MAX_SIZE)


def _take_upload(session: Session, approval_id: int, file_id: int, actor: Actor) -> dict[str, Any]:
    c = files.c
    free = (c.id == file_id, c.uploaded_by == actor.id, c.entity.is_(None), c.content_type == "image/png")
    place = {"entity": PLACE, "record_id": approval_id, "field": "signature"}
    sha256 = session.connection.execute(update(files).where(*free).values(place).returning(c.sha256)).scalar()
    if sha256 is None:
        raise _refused()
    return {"file": file_id, "sha256": sha256}


def _decode(written: str) -> bytes:
    if not written.startswith(_START) or len(written) > MAX_SIZE * 2:
        raise _refused()
    try:
        return base64.b64decode(written.removeprefix(_START), validate=True)
    except (binascii.Error, ValueError):
        raise _refused() from None


def _refused() -> InvalidValues:
    return InvalidValues([FieldError("signature", "approval.signature_wrong")])
