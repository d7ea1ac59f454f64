"""What reading a record comes with: it is noted who did, and pages carry the name of their reader.

Enters: records that are being shown. Leaves: an entry of the audit, the text of the mark. Must not blame somebody whom
an administrator sees as: it is the administrator who reads.
"""

from collections.abc import Sequence

from flask import g, request

from engine.people.actor import Actor
from engine.records import noting, uploads
from engine.records.rights import get_entity
from web.gate import locale, now, store


def note_read(entity: str, ids: Sequence[int], how: str) -> None:
    """Note who reads these records, where the entity wants that kept."""
    if ids and get_entity(g.session.app, entity).reading.noted:
        with store().write() as session:
            noting.note_read(session, entity, ids, how, actor=_reader(), ip=request.remote_addr)


def note_file(file_id: int) -> None:
    """Note who takes a file of a record."""
    place = uploads.find_place(g.session, file_id)
    if place is not None:
        note_read(place[0], [place[1]], noting.FILE)


def mark_of(entity: str) -> str | None:
    """Return what the pages of a record are marked with: who reads it and when; None where they are not."""
    if not get_entity(g.session.app, entity).reading.marked:
        return None
    return f"{_reader().name} {locale().datetime(now())}"


def _reader() -> Actor:
    return g.signed_in.seer or g.actor  # type: ignore[no-any-return]
