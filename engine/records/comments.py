"""What people say to each other about a record, and who wants to hear about it.

Enters: a record, a text, whom it is addressed to. Leaves: rows, and an event that tells them, in the same transaction.
Whoever may see a record may speak about it and follow it. Must not change the record: it keeps its version.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from engine.compiler.readers import REFUSED
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people import directory
from engine.people.actor import Actor
from engine.records.mentions import may_see
from engine.records.queries import get_record
from engine.records.sql import insert_into, is_one_of
from engine.storage.comment_tables import comments, followers
from engine.storage.journal import write_event
from engine.storage.store import Session
from engine.storage.system_tables import users

LONGEST = 2_000
PAGE = 20


@dataclass(frozen=True, slots=True)
class Comment:
    """One remark; ``text`` is empty when its author took it back."""

    id: int
    at: datetime
    author_id: int
    author: str
    text: str
    mentioned: tuple[int, ...]
    removed: bool


def add_comment(
    session: Session,
    entity: str,
    record_id: int,
    text: str,
    *,
    mentioned: Iterable[int] = (),
    action_id: str | None = None,
    actor: Actor,
) -> int:
    """Say something about a record and return the id of the remark; whoever speaks, or is spoken to, follows it.

    The same ``action_id`` a second time is the same remark. Raises ``NotFound`` like reading the record, and
    ``InvalidValues`` for an empty or too long text, or somebody who may not see the record.
    """
    get_record(session, entity, record_id, actor=actor)
    said = _checked(text)
    named = [one for one in dict.fromkeys(mentioned) if one != actor.id]
    _require_sight(session, entity, record_id, named)
    row = {
        "entity": entity,
        "record_id": record_id,
        "author_id": actor.id,
        "at": session.now(),
        "text": said,
        "mentioned": named,
        "action_id": None if action_id is None else f"{actor.id}:{action_id}"[:200],
    }
    made = _insert(session, row)
    if made is None:
        return _find(session, row["action_id"])
    for one in (actor.id, *named):
        _follow(session, entity, record_id, one)
    hear = [one for one in list_followers(session, entity, record_id) if one not in (actor.id, *named)]
    about = {"comment": made, "by": actor.name, "mentioned": named, "followers": hear}
    write_event(session, "remark.made", entity, record_id, about)
    return made


def remove_comment(session: Session, entity: str, record_id: int, id: int, *, actor: Actor) -> None:
    """Take one's own remark back: that there was one stays to be seen.

    Raises ``NotFound`` and, for somebody else's, ``NotAllowed``.
    """
    get_record(session, entity, record_id, actor=actor)
    c = comments.c
    own = (c.id == id, c.entity == entity, c.record_id == record_id, c.removed_at.is_(None))
    author = session.connection.scalar(select(c.author_id).where(*own))
    if author is None:
        raise NotFound("comment.not_found")
    if author != actor.id:
        raise NotAllowed("comment.not_yours")
    session.connection.execute(update(comments).where(*own).values(removed_at=session.now()))


def list_comments(
    session: Session, entity: str, record_id: int, *, actor: Actor, before: int | None = None, limit: int = PAGE
) -> list[Comment]:
    """Return the newest remarks (older than ``before``); raises ``NotFound`` like reading the record."""
    get_record(session, entity, record_id, actor=actor)

    def build() -> Any:
        c = comments.c
        own = (c.entity == bindparam("entity"), c.record_id == bindparam("record_id"), c.id < bindparam("before"))
        columns = (c.id, c.at, c.author_id, users.c.name, c.text, c.mentioned, c.removed_at)
        found = select(*columns).join_from(comments, users, users.c.id == c.author_id)
        return found.where(*own).order_by(c.id.desc()).limit(bindparam("limit"))

    given = {"entity": entity, "record_id": record_id, "before": before or 2**62, "limit": max(1, min(limit, 200))}
    rows = session.prepared("comments", build).fetch_all(session.connection, given)
    return [_comment(row) for row in rows]


def follow(session: Session, entity: str, record_id: int, *, actor: Actor) -> None:
    """Let the actor hear what is said about a record and where it moves; raises ``NotFound`` like reading it."""
    get_record(session, entity, record_id, actor=actor)
    _follow(session, entity, record_id, actor.id)


def unfollow(session: Session, entity: str, record_id: int, *, actor: Actor) -> None:
    """Let the actor hear no more of it."""
    mine = (followers.c.entity == entity, followers.c.record_id == record_id, followers.c.user_id == actor.id)
    session.connection.execute(delete(followers).where(*mine))


def list_followers(session: Session, entity: str, record_id: int) -> list[int]:
    """Return the ids of those who follow a record."""
    return read_followers(session, [(entity, record_id)]).get((entity, record_id), [])


def read_followers(session: Session, records: Collection[tuple[str, int]]) -> dict[tuple[str, int], list[int]]:
    """Return the ids of those who follow each of many records; what nobody follows is left out."""

    def build() -> Any:
        c = followers.c
        own = (is_one_of(c.record_id, "ids"), c.entity == bindparam("entity"))
        return select(c.record_id, c.user_id).where(*own).order_by(c.record_id, c.user_id)

    found: dict[tuple[str, int], list[int]] = {}
    for entity in sorted({entity for entity, _ in records}):
        given = {"entity": entity, "ids": sorted(id_ for of, id_ in records if of == entity)}
        for record_id, user in session.prepared("followers of many", build).fetch_all(session.connection, given):
            found.setdefault((entity, record_id), []).append(user)
    return found


def _follow(session: Session, entity: str, record_id: int, user_id: int) -> None:
    row = {"entity": entity, "record_id": record_id, "user_id": user_id, "since": session.now()}
    once = insert_into(followers, session.connection.dialect).values(row).on_conflict_do_nothing()
    session.connection.execute(once)


def _require_sight(session: Session, entity: str, record_id: int, ids: Sequence[int]) -> None:
    blind = [one for one in ids if not may_see(session, one, entity, record_id)]
    if blind:
        found = directory.people(session.connection, blind[:1])
        name = found[blind[0]].name if blind[0] in found else str(blind[0])
        raise InvalidValues([FieldError("text", "comment.cannot_see", {"name": name})])


def _comment(row: Sequence[Any]) -> Comment:
    removed = row[6] is not None
    return Comment(row[0], row[1], row[2], row[3], "" if removed else row[4], tuple(row[5] or ()), removed)


def _insert(session: Session, row: dict[str, Any]) -> int | None:
    """Write a remark; None when the one with its ``action_id`` is there."""
    told = insert_into(comments, session.connection.dialect).values(row)
    once = told.on_conflict_do_nothing(index_elements=[comments.c.action_id]).returning(comments.c.id)
    made: int | None = session.connection.scalar(once)
    return made


def _find(session: Session, action_id: object) -> int:
    found: int = session.connection.scalars(select(comments.c.id).where(comments.c.action_id == action_id)).one()
    return found


def _checked(text: str) -> str:
    """Return what somebody wrote without blanks around it, when it can be kept."""
    said = text.strip()
    if REFUSED.search(said):
        raise InvalidValues([FieldError("text", "value.control")])
    if not said or len(said) > LONGEST:
        raise InvalidValues([FieldError("text", "comment.empty" if not said else "comment.long", {"most": LONGEST})])
    return said
