"""Files on their way to a record and back: uploads that belong to nobody yet, downloads through the record's rights.

Enters: a stored content, a file's id. Leaves: a row of ``fw_files``, or the attachment the actor may see. Must
not give a file to anybody who may not see the record and the field it hangs on.
"""

from typing import Any

from sqlalchemy import bindparam, insert, select

from engine.errors import NotFound
from engine.people.actor import Actor
from engine.records.attachments import KEYS, Attachment
from engine.records.queries import get_record
from engine.storage.files import StoredFile
from engine.storage.store import Session
from engine.storage.system_tables import files


def create_upload(session: Session, stored: StoredFile, *, actor: Actor) -> Attachment:
    """Note that ``actor`` uploaded a content; a command attaches it to a record later by its id."""
    row = {
        "name": stored.name,
        "size": stored.size,
        "sha256": stored.sha256,
        "content_type": stored.content_type,
        "uploaded_by": actor.id,
        "uploaded_at": session.now(),
    }
    id_: int = session.connection.execute(insert(files).values(row).returning(files.c.id)).scalar_one()
    return {"id": id_, **row}


def get_file(session: Session, file_id: int, *, actor: Actor) -> Attachment:
    """Return a file the actor may see: through its record and field, or as their own upload. Raises ``NotFound``."""
    if not 0 < file_id < 2**63:
        raise NotFound("storage.no_file")
    row = session.prepared("file", _select_file).fetch_one(session.connection, {"file_id": file_id})
    if row is None:
        raise NotFound("storage.no_file")
    entity, record_id, field = row[: len(_PLACE)]
    found = dict(zip(KEYS, row[len(_PLACE) :], strict=True))
    if not _may_see(session, found, entity, record_id, field, actor):
        raise NotFound("storage.no_file")
    return found


def find_place(session: Session, file_id: int) -> tuple[str, int] | None:
    """Return the record a file hangs on; None for an upload that no record took."""
    row = session.prepared("file", _select_file).fetch_one(session.connection, {"file_id": file_id})
    return None if row is None or row[0] is None or row[1] is None else (row[0], row[1])


def _may_see(
    session: Session, found: Attachment, entity: str | None, record_id: int | None, field: str | None, actor: Actor
) -> bool:
    if entity is None or record_id is None:
        return bool(found["uploaded_by"] == actor.id)
    if session.app.find_open(entity) is None:
        return False
    shown = get_record(session, entity, record_id, actor=actor).values.get(field or "") or ()
    return any(one["id"] == found["id"] for one in shown)


_PLACE = ("entity", "record_id", "field")


def _select_file() -> Any:
    columns = [files.c[key] for key in (*_PLACE, *KEYS)]
    return select(*columns).where(files.c.id == bindparam("file_id"), files.c.deleted_at.is_(None))
