"""What somebody typed into the form of a record and has not sent: kept for them alone, under the rights they have now.

Enters: names and values as a form would send them, the token of that form, the actor. Leaves: ``FormDraft``. Must not
judge a value, nor be seen by anybody else: a draft is no data, so it is neither audited, searched, counted nor
exported. What its owner may no longer write is left out, and with the right to write the record the draft is gone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people.actor import Actor
from engine.records.commands import require_create, require_write
from engine.records.queries import get_record
from engine.records.rights import Rights, find_rights, get_entity
from engine.storage.form_draft_tables import form_drafts
from engine.storage.store import Session

KEPT_FOR = timedelta(days=30)
"""How long a draft waits for its owner after the last change."""

MOST = 30
"""Drafts one person has; the oldest make room."""

LARGEST = 200_000
"""Characters of one draft, names included."""

Pairs = Sequence[tuple[str, str]]
_TOKEN = re.compile(r"[A-Za-z0-9-]{8,64}")
_CLOSED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class FormDraft:
    """A draft as its owner may go on with it; ``record_id`` is None and ``version`` 0 for a new record."""

    id: int
    token: str
    entity: str
    record_id: int | None
    version: int
    content: tuple[tuple[str, str], ...]
    at: datetime


def keep_draft(
    session: Session, entity: str, record_id: int | None, token: str, content: Pairs, *, version: int, actor: Actor
) -> datetime:
    """Keep what stands in a form, instead of what the same form held before, and return when.

    Raises ``NotFound`` and ``NotAllowed`` as sending the form would, ``InvalidValues`` for one that is too large.
    A form that was sent or thrown away meanwhile stays so.
    """
    _require(session, get_entity(session.app, entity), record_id, actor)
    if not _TOKEN.fullmatch(token):
        raise InvalidValues([FieldError("", "record.draft_token")])
    if sum(len(name) + len(value) for name, value in content) > LARGEST:
        raise InvalidValues([FieldError("", "record.draft_large", {"max": LARGEST})])
    _put(session, entity, record_id, token, version, content, actor)
    _make_room(session, actor)
    return session.now()


def list_drafts(session: Session, *, actor: Actor) -> Iterator[FormDraft]:
    """Yield the drafts the actor may go on with, the last first."""
    c = form_drafts.c
    rows = session.connection.execute(_open(session, actor).order_by(c.updated_at.desc(), c.id.desc()).limit(MOST))
    return (draft for row in rows.all() if (draft := _fitted(session, row, actor)) is not None)


def list_drafts_of(session: Session, entity: str, record_id: int | None, *, actor: Actor) -> list[FormDraft]:
    """Return the actor's drafts of new records of an entity, or of one record; the last first."""
    c = form_drafts.c
    own = _open(session, actor).where(c.entity == entity, c.record_id.is_not_distinct_from(record_id))
    rows = session.connection.execute(own.order_by(c.updated_at.desc(), c.id.desc())).all()
    return [draft for row in rows if (draft := _fitted(session, row, actor)) is not None]


def find_draft(session: Session, id_: int, *, actor: Actor) -> FormDraft | None:
    """Return a draft to go on with, None alike for none, for one of others and for one that is over."""
    row = session.connection.execute(_open(session, actor).where(form_drafts.c.id == id_)).first()
    return None if row is None else _fitted(session, row, actor)


def discard_draft(session: Session, id_: int, *, actor: Actor) -> FormDraft | None:
    """Throw a draft of the actor away, and return what it was, as far as they may see it."""
    found = find_draft(session, id_, actor=actor)
    _close(session, form_drafts.c.id == id_, actor=actor)
    return found


def close_draft(session: Session, token: str, *, actor: Actor) -> None:
    """End the draft of a form that was sent; whatever of it arrives later is forgotten."""
    if token:
        _close(session, form_drafts.c.token == token, actor=actor)


def forget_old(session: Session) -> int:
    """Forget drafts nobody came back to, and those that are over; return how many."""
    c, now = form_drafts.c, session.now()
    old = (c.updated_at <= now - KEPT_FOR) | (c.closed_at <= now - _CLOSED_FOR)
    return session.connection.execute(delete(form_drafts).where(old)).rowcount


def _open(session: Session, actor: Actor) -> Any:
    c = form_drafts.c
    return select(form_drafts).where(
        c.user_id == actor.id, c.closed_at.is_(None), c.updated_at > session.now() - KEPT_FOR
    )


def _put(
    session: Session, entity: str, record_id: int | None, token: str, version: int, content: Pairs, actor: Actor
) -> None:
    row = {
        "user_id": actor.id, "token": token, "entity": entity, "record_id": record_id, "version": version,
        "content": [list(pair) for pair in content], "updated_at": session.now(),
    }  # fmt: skip
    make: Any = postgresql.insert if session.connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(form_drafts).values(row)
    said = {name: statement.excluded[name] for name in ("version", "content", "updated_at")}
    still = form_drafts.c.closed_at.is_(None) & (form_drafts.c.entity == entity)
    put = statement.on_conflict_do_update(index_elements=["user_id", "token"], set_=said, where=still)
    session.connection.execute(put)


def _make_room(session: Session, actor: Actor) -> None:
    c = form_drafts.c
    kept = select(c.id).where(c.user_id == actor.id, c.closed_at.is_(None))
    kept = kept.order_by(c.updated_at.desc(), c.id.desc()).offset(MOST)
    oldest = session.connection.scalars(kept.limit(MOST)).all()
    if oldest:
        session.connection.execute(delete(form_drafts).where(c.id.in_(oldest)))


def _close(session: Session, which: Any, *, actor: Actor) -> None:
    mine = (which, form_drafts.c.user_id == actor.id)
    closed = {"closed_at": session.now(), "content": []}
    session.connection.execute(update(form_drafts).where(*mine).values(closed))


# ---- what its owner may still write


def _require(session: Session, entity: Entity, record_id: int | None, actor: Actor) -> Rights:
    """Return the rights under which a form is sent."""
    if record_id is None:
        return require_create(session, entity, actor)
    record = get_record(session, entity.key, record_id, actor=actor)
    require_write(record)
    return find_rights(session.app, entity, actor).on(record.hidden)


def _fitted(session: Session, row: Any, actor: Actor) -> FormDraft | None:
    entity = session.app.find_open(row.entity)
    if entity is None:
        return None
    try:
        rights = _require(session, entity, row.record_id, actor)
    except (NotFound, NotAllowed):
        return None
    content = tuple((name, value) for name, value in row.content if _is_writable(entity, rights, name))
    return FormDraft(row.id, row.token, row.entity, row.record_id, row.version, content, row.updated_at)


def _is_writable(entity: Entity, rights: Rights, name: str) -> bool:
    """Tell whether an input of this name is one of a field, or of a cell, that the actor may write now.

    ``_version`` and its like speak of the form itself, ``client._text`` of a field, ``lines.r0.price`` of a cell.
    """
    if name.startswith("_"):
        return True
    key, _, rest = name.partition(".")
    field, closed = entity.fields.get(key), rights.hidden | rights.readonly
    if field is None or field.retired or field.readonly or key in closed:
        return False
    column = rest.split(".")[1] if field.type.has_rows and "." in rest else "_"
    if column.startswith("_"):
        return True
    cell = field.fields.get(column)
    return cell is not None and not (cell.retired or cell.readonly or f"{key}.{column}" in closed)
