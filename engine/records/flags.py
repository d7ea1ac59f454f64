"""Flags: marks on records that people see and filter by, each with its reason and since when.

Enters: a record and the key of a flag. Leaves: rows; one open flag of a kind per record. Must not judge who may end
one: ``workflow/flagging.py`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, select, update

from engine.records.sql import insert_into, is_one_of
from engine.storage.stage_tables import flags
from engine.storage.store import Session

SHARED_EVIDENCE = "shared_evidence"
"""The flag the engine itself sets: a file served as evidence for somebody else before."""


@dataclass(frozen=True)
class RaisedFlag:
    """A flag on a record. ``reason`` says by name what raised it, with what the sentence about it needs."""

    record_id: int
    flag: str
    since: datetime
    reason: Mapping[str, Any]
    stay: int | None


def raise_flag(
    session: Session, entity: str, record_id: int, flag: str, reason: Mapping[str, Any], *, stay: int | None
) -> bool:
    """Raise a flag; False when it is up already. With ``stay`` it ends when the record leaves its stage."""

    def build() -> Any:
        names = ("entity", "record_id", "flag", "stay", "reason", "since")
        row = {name: bindparam(name, type_=flags.c[name].type) for name in names}
        raised = insert_into(flags, session.connection.dialect).values(row)
        open_ = {"index_elements": [flags.c.entity, flags.c.record_id, flags.c.flag]}
        return raised.on_conflict_do_nothing(**open_, index_where=flags.c.ended_at.is_(None))

    row = {"entity": entity, "record_id": record_id, "flag": flag, "stay": stay, "reason": dict(reason)}
    given = row | {"since": session.now()}
    return session.prepared("raise flag", build).execute(session.connection, given).rowcount == 1


def ending_flags_of_stay() -> Update:
    """Return what ends the flags that last as long as a stay of the record ``of_record`` of ``of_entity``, ``now``."""
    own = (flags.c.entity == bindparam("of_entity"), flags.c.record_id == bindparam("of_record"))
    ended = bindparam("now", type_=flags.c.since.type)
    return update(flags).where(*own, flags.c.ended_at.is_(None), flags.c.stay.is_not(None)).values(ended_at=ended)


def some_of_stays(entity: str) -> ColumnElement[bool]:
    """Return the condition that a flag is up that lasts as long as a record of ``entity`` is in its stage."""
    up = (flags.c.entity == entity, flags.c.ended_at.is_(None), flags.c.stay.is_not(None))
    return select(flags.c.id).where(*up).exists()


def read_flags(session: Session, entity: str, ids: Sequence[int]) -> dict[int, list[RaisedFlag]]:
    """Return the flags that are up, by record."""

    def build() -> Any:
        c = flags.c
        own = (c.entity == bindparam("of"), is_one_of(c.record_id, "ids"), c.ended_at.is_(None))
        return select(c.record_id, c.flag, c.since, c.reason, c.stay).where(*own).order_by(c.since, c.id)

    found: dict[int, list[RaisedFlag]] = {}
    rows = session.prepared("flags", build).fetch_all(session.connection, {"of": entity, "ids": list(ids)})
    for record_id, flag, since, reason, stay in rows:
        found.setdefault(record_id, []).append(RaisedFlag(record_id, flag, since, reason or {}, stay))
    return found
