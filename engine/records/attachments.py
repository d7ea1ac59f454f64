"""The files of a record: which are attached, attaching, letting go.

Enters: ids of uploaded files. Leaves: rows of ``fw_files`` that point to the record, in the same transaction as its
other values. Must not read the content of a file, nor attach a file somebody else uploaded.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import files

KEYS = ("id", "name", "size", "sha256", "content_type", "uploaded_by", "uploaded_at")
Attachment = dict[str, Any]
"""``id name size sha256 content_type uploaded_by uploaded_at``."""


def read_attachments(session: Session, entity: Entity, record_id: int) -> dict[str, list[Attachment]]:
    """Return the attachments of a record by file field."""

    def build() -> Any:
        columns = [files.c.field, *(files.c[key] for key in KEYS)]
        own = (files.c.entity == entity.key, files.c.record_id == bindparam("record_id"), files.c.deleted_at.is_(None))
        return select(*columns).where(*own).order_by(files.c.position, files.c.id)

    found: dict[str, list[Attachment]] = {field.key: [] for field in entity.file_fields}
    for row in session.prepared(("attachments", entity.key), build).fetch_all(
        session.connection, {"record_id": record_id}
    ):
        if row[0] in found:
            found[row[0]].append(dict(zip(KEYS, row[1:], strict=True)))
    return found


def check_uploads(
    session: Session,
    field: Field,
    ids: Sequence[int],
    present: Iterable[Attachment],
    *,
    actor: Actor,
    errors: list[FieldError],
) -> list[Attachment]:
    """Return the attachments for ``ids``: those present already, and the actor's own fresh uploads."""
    known = {one["id"]: one for one in present}
    wanted = [id_ for id_ in ids if id_ not in known]
    fresh = {one["id"]: one for one in _fresh_uploads(session, wanted, actor)} if wanted else {}
    if len(fresh) < len(wanted):
        errors.append(FieldError(field.key, "value.file_missing"))
    for one in fresh.values():  # what hangs there already was judged when it came
        check_file(field, one["name"], one["size"], errors)
    return [one for one in (known.get(id_) or fresh.get(id_) for id_ in ids) if one is not None]


def check_file(field: Field, name: str, size: int, errors: list[FieldError]) -> None:
    """Add an error when a file of this name and size does not belong in ``field``."""
    ending = name.rpartition(".")[2].lower()
    if field.accept and ending not in field.accept:
        errors.append(FieldError(field.key, "value.file_type", {"accept": "、".join(field.accept)}))
    if field.max_size is not None and size > field.max_size:
        errors.append(FieldError(field.key, "value.file_size", {"max": _in_words(field.max_size)}))


def attach(session: Session, entity: str, record_id: int, field: str, ids: Sequence[int]) -> None:
    """Make ``ids`` the files of a field, in this order; others are let go (their rows stay for the history).

    Raises ``InvalidValues`` when a file was given to another record meanwhile.
    """
    owned = (files.c.entity == entity, files.c.record_id == record_id, files.c.field == field)
    gone = update(files).where(*owned, files.c.deleted_at.is_(None)).values(deleted_at=session.now())
    session.connection.execute(gone)
    for position, id_ in enumerate(ids):
        row = {"entity": entity, "record_id": record_id, "field": field, "position": position, "deleted_at": None}
        free = or_(files.c.record_id.is_(None), and_(*owned))
        if session.connection.execute(update(files).where(files.c.id == id_, free).values(**row)).rowcount != 1:
            raise InvalidValues([FieldError(field, "value.file_missing")])


def _in_words(size: int) -> str:
    """Return bytes as people write them: ``20 MB``, ``500 KB``."""
    if size >= 1_048_576:
        return f"{size / 1_048_576:.1f}".removesuffix(".0") + " MB"
    return f"{max(size // 1024, 1)} KB"


def _fresh_uploads(session: Session, ids: Sequence[int], actor: Actor) -> list[Attachment]:
    def build() -> Any:
        free = (files.c.record_id.is_(None), files.c.uploaded_by == bindparam("actor_id"), files.c.deleted_at.is_(None))
        return select(*(files.c[key] for key in KEYS)).where(is_one_of(files.c.id, "ids"), *free)

    given: Mapping[str, Any] = {"ids": ids, "actor_id": actor.id}
    return [
        dict(zip(KEYS, row, strict=True))
        for row in session.prepared("uploads", build).fetch_all(session.connection, given)
    ]
