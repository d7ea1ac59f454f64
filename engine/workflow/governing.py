"""Which release governs a record: the one it was last saved by, and those its running approvals were submitted under.

Enters: an entity and an id, asked by whoever may know all records. Leaves: the releases, and sentences that say them.
Must not judge what the rules of any of them would say.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from engine import messages
from engine.compiler.app import Entity, Label
from engine.errors import NotFound
from engine.records.called import name_records
from engine.storage.approval_tables import approvals
from engine.storage.releases import Release, find_release
from engine.storage.store import Session


@dataclass(frozen=True)
class Governing:
    """``saved`` is the release a record was last saved by, ``current`` the one its next edit follows.

    ``running`` holds the running approvals of the record, each with the release it was submitted under.
    """

    name: str
    version: int
    saved: Release | None
    current: Release | None
    running: tuple[tuple[Label, Release | None], ...]


def find_governing(session: Session, key: str, id: int) -> Governing:
    """Return the releases that govern a record; raises ``NotFound``."""
    entity = _get_entity(session, key)
    table = session.tables.entity[key]
    found = select(table.c.version, table.c.release_id).where(table.c.id == id, table.c.deleted_at.is_(None))
    row = session.connection.execute(found).one_or_none()
    if row is None:
        raise NotFound("explain.no_record", name=f"{key}/{id}")
    name = name_records(session, entity, [id])[id]
    saved, current = (find_release(session.connection, one) for one in (row.release_id, session.release_id))
    return Governing(name, row.version, saved, current, tuple(_running(session, key, id)))


def say_governing(found: Governing, language: str) -> Iterator[str]:
    """Yield sentences: what the record was last saved by, what holds next, what its approvals go by."""
    for code, release in (("governed_saved", found.saved), ("governed_next", found.current)):
        if code == "governed_next" and found.current == found.saved:
            yield messages.text("explain.governed_same", language)
        else:
            yield messages.text(
                f"explain.{code}", language, name=found.name, version=found.version, release=_said(release, language)
            )
    for label, release in found.running:
        said = _said(release, language)
        yield messages.text("explain.governed_approval", language, approval=label, release=said)


def _said(release: Release | None, language: str) -> str:
    if release is None:
        return messages.text("explain.governed_unknown", language)
    said = " ".join((release.note or "").split())
    note = messages.text("explain.governed_note", language, note=said) if said else ""
    named = {"id": release.id, "version": release.version, "day": f"{release.created_at:%Y-%m-%d}"}
    return messages.text("explain.governed_release", language, **named, note=note)


def _running(session: Session, entity: str, id: int) -> Iterator[tuple[Label, Release | None]]:
    mine = (approvals.c.entity == entity, approvals.c.record_id == id, approvals.c.state == "running")
    query = select(approvals.c.approval, approvals.c.release_id).where(*mine).order_by(approvals.c.id)
    for key, release in session.connection.execute(query).all():
        approval = session.app.approvals.get(key)
        label = {"zh": key, "en": key} if approval is None else approval.label
        yield label, find_release(session.connection, release)


def _get_entity(session: Session, key: str) -> Entity:
    entity = session.app.entities.get(key)
    if entity is None:
        raise NotFound("explain.no_entity", name=key, known=", ".join(session.app.entities))
    return entity
