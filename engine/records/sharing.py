"""Sharing one record with a person, a department or a group, to read or to write, until a day or until it is ended.

Enters: a record, a recipient, what they may do and how long, the actor. Leaves: rows of ``fw_shares`` that
``rights.scope_condition`` reads, with history, audit and an event in the same transaction. Must not give more than a
role may have: a share says which record, never what a role may do with it, and no share is passed on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, insert, select, update

from engine import messages
from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people import accounts, departments, directory
from engine.people.actor import Actor
from engine.records.record import Record
from engine.records.rights import ALL, WITH_SHARES, find_rights, get_entity
from engine.records.writing import lock_record
from engine.storage.journal import write_audit, write_event, write_history
from engine.storage.share_tables import shares
from engine.storage.store import Session

Kind = Literal["user", "department", "group"]
Access = Literal["read", "write"]
_COLUMNS: dict[Kind, str] = {"user": "user_id", "department": "department_id", "group": "group_key"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a record is shared with: the id of a person or department as text, or the key of a group."""

    kind: Kind
    key: str

    @property
    def value(self) -> int | str:
        """What stands in the column of this kind."""
        return self.key if self.kind == "group" else int(self.key)


@dataclass(frozen=True, slots=True)
class Share:
    """One share; ``ends_at`` (UTC) is None until somebody ends it, ``enabled`` tells of a person who left."""

    id: int
    recipient: Recipient
    name: str
    access: Access
    ends_at: datetime | None
    by: str
    created_at: datetime
    enabled: bool = True


def share_record(
    session: Session, entity: str, id: int, to: Recipient, access: Access, *, ends_at: datetime | None, actor: Actor
) -> None:
    """Share a record, or change how it is shared with somebody already.

    Raises ``NotFound`` (no such record the actor may see), ``NotAllowed`` (they may not write it by their own scope)
    and ``InvalidValues`` (nobody such, whose role takes no share, or who sees it anyway; an end that is over).
    """
    compiled = get_entity(session.app, entity)
    record = _lock(session, compiled, id, actor)
    name = name_recipient(session, to)
    errors = [FieldError("until", "share.over")] if ends_at is not None and ends_at <= session.now() else []
    errors += (
        [FieldError("to", "share.nobody")] if name is None else find_hindrances(session, compiled, record, to, access)
    )
    if errors or name is None:
        raise InvalidValues(errors)
    same = _of(entity, id, to)
    row = {"access": access, "ends_at": ends_at, "created_by": actor.id, "created_at": session.now()}
    if session.connection.execute(update(shares).where(*same).values(row)).rowcount == 0:
        new = {"entity": entity, "record_id": id, _COLUMNS[to.kind]: to.value} | row
        session.connection.execute(insert(shares).values(new))
    told = {"to": name, "kind": to.kind, "access": access, "until": ends_at.isoformat() if ends_at else None}
    _write(session, record, "share", told, actor)
    if to.kind == "user":
        payload = {"users": [to.value], "by": actor.name, "access": access}
        write_event(session, "sharing.told", entity, id, payload)


def end_share(session: Session, entity: str, id: int, share_id: int, *, actor: Actor) -> None:
    """End a share now. Raises ``NotFound`` (no such share of a record the actor may see) and ``NotAllowed``."""
    record = _lock(session, get_entity(session.app, entity), id, actor)
    found = next((one for one in _read(session, entity, id) if one.id == share_id), None)
    if found is None:
        raise NotFound("share.not_found")
    session.connection.execute(delete(shares).where(shares.c.id == share_id))
    told = {"to": found.name, "kind": found.recipient.kind, "access": found.access}
    _write(session, record, "unshare", told, actor)


def list_shares(session: Session, record: Record) -> list[Share]:
    """Return how a record that was read is shared now, oldest first; whoever may see it may know with whom it is."""
    return _read(session, record.entity, record.id)


def say_recipients(session: Session, words: str, language: str, *, limit: int) -> list[tuple[Recipient, str, str]]:
    """Return whom a record may be shared with whose name has ``words`` in it: recipient, name and what they are."""
    people = directory.find_people(session, words, limit=limit)
    found = [(Recipient("user", str(one.id)), one.name, one.login) for one in people]
    team = messages.text("share.department", language)
    teams = departments.find_departments(session.connection, words, limit=limit)
    found += [(Recipient("department", str(one.id)), one.name, team) for one in teams]
    group, wanted = messages.text("share.group", language), words.strip().casefold()
    for key, one in session.app.groups.items():
        label = messages.say(one.label, language)
        if wanted in label.casefold() or wanted in key.casefold():
            found.append((Recipient("group", key), label, group))
    return found[:limit]


def find_recipient(session: Session, said: str) -> Recipient | None:
    """Return whom ``user:7``, ``department:2`` or ``group:board`` means, or a login, or the key of a department."""
    kind, _, key = said.partition(":")
    if key and kind in _COLUMNS and (kind == "group" or (key.isascii() and key.isdecimal() and len(key) < 19)):
        return Recipient(kind, key)
    user = accounts.find_user(session.connection, said) if said else None
    if user is not None:
        return Recipient("user", str(user))
    team = departments.find_department(session.connection, said)
    return Recipient("department", str(team.id)) if team is not None else None


def name_recipient(session: Session, to: Recipient) -> str | None:
    """Return what a recipient is called; None when there is none, or they have left."""
    if to.kind == "group":
        group = session.app.groups.get(to.key)
        return messages.say(group.label, session.app.language) if group is not None else None
    if to.kind == "user":
        person = directory.people(session.connection, [int(to.key)]).get(int(to.key))
        return person.name if person is not None and person.enabled else None
    known = {one.id: one.name for one in departments.list_departments(session.connection)}
    return known.get(int(to.key))


# ---- checks


def _lock(session: Session, entity: Entity, id_: int, actor: Actor) -> Record:
    record = lock_record(session, entity, id_, actor=actor)
    if not record.owns:
        raise NotAllowed("share.not_yours")
    return record


def find_hindrances(
    session: Session, entity: Entity, record: Record, to: Recipient, access: Access
) -> list[FieldError]:
    """Return why a record cannot be shared with somebody.

    A share reaches a role whose scope takes shares; a department or group may hold people of any role.
    """
    if to.kind != "user":
        return []
    if to.value == record.values["owner"]:
        return [FieldError("to", "share.is_owner")]
    rights = find_rights(session.app, entity, accounts.get_actor(session.connection, int(to.value)))
    if ALL in rights.read and (access == "read" or ALL in rights.write):
        return [FieldError("to", "share.sees_already")]
    if not rights.read & (WITH_SHARES | {ALL}):
        return [FieldError("to", "share.role_takes_none")]
    if access == "write" and not rights.write & WITH_SHARES:
        return [FieldError("access", "share.role_only_reads")]
    return []


# ---- reading and writing


def _of(entity: str, id_: int, to: Recipient) -> Sequence[ColumnElement[bool]]:
    c = shares.c
    return c.entity == entity, c.record_id == id_, c[_COLUMNS[to.kind]] == to.value


def _read(session: Session, entity: str, id_: int) -> list[Share]:
    c = shares.c
    lasts = c.ends_at.is_(None) | (c.ends_at > session.now())
    wanted = select(shares).where(c.entity == entity, c.record_id == id_, lasts).order_by(c.id)
    rows = session.connection.execute(wanted).all()
    if not rows:
        return []
    people = directory.people(session.connection, {one for row in rows for one in (row.user_id, row.created_by)})
    teams = {one.id: one.name for one in departments.list_departments(session.connection)}
    return [_share(session, row, people, teams) for row in rows]


def _share(session: Session, row: Any, people: Any, teams: dict[int, str]) -> Share:
    enabled = True
    if row.user_id is not None:
        to, name, enabled = Recipient("user", str(row.user_id)), people[row.user_id].name, people[row.user_id].enabled
    elif row.department_id is not None:
        to, name = Recipient("department", str(row.department_id)), teams[row.department_id]
    else:
        group = session.app.groups.get(row.group_key)
        to = Recipient("group", row.group_key)
        name = messages.say(group.label, session.app.language) if group is not None else row.group_key
    by = people[row.created_by].name
    return Share(row.id, to, name, row.access, row.ends_at, by, row.created_at, enabled)


def _write(session: Session, record: Record, action: str, told: dict[str, Any], actor: Actor) -> None:
    write_history(session, record.entity, record.id, record.version, action, {"": told}, actor=actor)
    write_audit(session, f"sharing.{action}", f"{record.entity}/{record.id}", told, actor=actor)
