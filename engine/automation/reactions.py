"""What follows an event: by its type, one function that writes effects in the transaction that marks the event done.

Enters: an event of the outbox. Leaves: notices for people. Must be safe to run again: a notice has a key, and the
second of the same key is no notice.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import bindparam, select

from engine.records.columns import record_columns, to_values
from engine.records.record import display
from engine.records.sql import insert_into
from engine.storage.store import Session
from engine.storage.system_tables import notices


class Happened(Protocol):
    """What a reaction reads of an event."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def entity(self) -> str | None: ...
    @property
    def record_id(self) -> int | None: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


Reaction = Callable[[Session, Happened], None]


def tell_asked(session: Session, event: Happened) -> None:
    """Tell whoever was asked to decide."""
    for asked in event.payload.get("tasks") or ():
        _notify(session, event, asked["user"], "approval_asked", f"task-{asked['task']}", {"task": asked["task"]})


def tell_ended(session: Session, event: Happened) -> None:
    """Tell whoever submitted how it ended."""
    status = event.payload.get("status")
    starter = event.payload.get("starter")
    if starter is not None:
        _notify(session, event, starter, f"approval_{status}", f"approval-{event.payload['approval']}-{status}", {})


REACTIONS: Mapping[str, Reaction] = {"approval.asked": tell_asked, "approval.ended": tell_ended}


def _notify(session: Session, event: Happened, user: int, kind: str, key: str, params: Mapping[str, Any]) -> None:
    def build() -> Any:
        names = ("user_id", "key", "kind", "entity", "record_id", "params", "at")
        row = {name: bindparam(name, type_=notices.c[name].type) for name in names}
        told = insert_into(notices, session.connection.dialect).values(row)
        return told.on_conflict_do_nothing(index_elements=[notices.c.key])

    given = {
        "user_id": user,
        "key": f"{key}-{user}",
        "kind": kind,
        "entity": event.entity,
        "record_id": event.record_id,
        "params": {"what": _name(session, event), **params},
        "at": event.at,
    }
    session.prepared("notify", build).execute(session.connection, given)


def _name(session: Session, event: Happened) -> str:
    """Return what the record is called; it may be gone by now."""
    entity = session.app.entities.get(event.entity or "")
    if entity is None or event.record_id is None:
        return ""
    table = session.tables.entity[entity.key]

    def build() -> Any:
        return select(*record_columns(table, entity)).where(table.c.id == bindparam("record_id"))

    statement = session.prepared(("named", entity.key), build)
    row = statement.fetch_one(session.connection, {"record_id": event.record_id})
    return display(entity, to_values(entity, row)) if row is not None else ""
