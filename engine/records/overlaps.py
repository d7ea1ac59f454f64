"""Records that must not hold at the same time (``unique:`` with a ``period``): two prices for one thing on one day.

Enters: the values of records about to be written. Leaves: nothing, or ``InvalidValues`` naming the record in the way.
Must not rely on who looked first: on PostgreSQL everybody who writes the same key waits in line for it, SQLite has one
writer at a time anyway.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, and_, bindparam, func, or_, select

from engine.compiler.app import Entity, Unique
from engine.errors import FieldError, InvalidValues
from engine.expression import Kind
from engine.expression.sql import compile_where
from engine.people.actor import Actor
from engine.records.columns import column
from engine.records.duplicates import show_others
from engine.records.evaluation import make_env
from engine.records.match_keys import Ended
from engine.storage.store import Session
from engine.storage.table_source import TableSource

Values = Mapping[str, Any]
_NAMESPACE = 0x7065  # "pe"
"""Names our keys among the advisory locks of PostgreSQL."""


def keep_apart(session: Session, entity: Entity, written: Sequence[Values], *, actor: Actor | None) -> None:
    """Raise ``InvalidValues`` when one of ``written`` would hold at the same time as another record with its key.

    Missing values of the key are equal to each other; a period without a beginning has always been, one without an end
    goes on for ever. Records that overlapped before the rule was written are not looked at until one of them is saved.
    """
    for unique in entity.apart:
        env = make_env(session, actor)
        meant = [one for one in written if unique.where is None or unique.where.run(one, env) is True]
        _wait_in_line(session, entity, unique, meant)
        for values in meant:
            other = _find_other(session, entity, unique, values)
            if other is not None:
                raise InvalidValues([_refusal(session, entity, unique, other, actor)])


def _wait_in_line(session: Session, entity: Entity, unique: Unique, written: Sequence[Values]) -> None:
    if session.connection.dialect.name != "postgresql":
        return
    for number in sorted({_number(entity, unique, values) for values in written}):
        session.connection.execute(select(func.pg_advisory_xact_lock(_NAMESPACE, number)))


def _number(entity: Entity, unique: Unique, values: Values) -> int:
    said = "\x1f".join([entity.key, unique.key, *(str(values.get(key)) for key in unique.fields)])
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:4], "big", signed=True)


def _find_other(session: Session, entity: Entity, unique: Unique, values: Values) -> int | None:
    table = session.tables.entity[entity.key]

    def build() -> Any:
        return (
            select(table.c.id)
            .where(*_in_the_way(session, entity, unique, table), table.c.deleted_at.is_(None))
            .where(table.c.id != bindparam("own", type_=table.c.id.type))
            .order_by(table.c.id)
            .limit(1)
        )

    given = {f"same_{key}": values.get(key) for key in (*unique.fields, *unique.period)} | {
        "own": values.get("id") or 0
    }
    row = session.prepared(("apart", entity.key, unique.key), build).fetch_one(session.connection, given)
    return None if row is None else int(row[0])


def _in_the_way(session: Session, entity: Entity, unique: Unique, table: Table) -> Iterator[Any]:
    """Yield what another record must meet: the same key, and a period that overlaps."""
    for key in unique.fields:
        one = column(table, key)
        given = bindparam(f"same_{key}", type_=one.type)
        yield or_(one == given, and_(one.is_(None), given.is_(None)))
    begin, end = (column(table, key) for key in unique.period)
    begins, ends = (bindparam(f"same_{key}", type_=column(table, key).type) for key in unique.period)
    days = entity.fields[unique.period[0]].type.kind is Kind.DATE  # the last day belongs to it, a last moment does not
    yield or_(begin.is_(None), ends.is_(None), begin <= ends if days else begin < ends)
    yield or_(begins.is_(None), end.is_(None), begins <= end if days else begins < end)
    if unique.where is not None:
        yield compile_where(unique.where.checked, TableSource(session.tables), table)


def _refusal(session: Session, entity: Entity, unique: Unique, other: int, actor: Actor | None) -> FieldError:
    path = unique.period[0]
    seen = show_others(session, entity, [other], actor) if actor is not None else ()
    others = _Others(tuple(one for one in seen if one.id is not None))
    plain = FieldError(path, "value.overlaps", {"label": entity.fields[unique.fields[0]].label})
    message: Any = unique.message or plain
    said = Ended(message) if unique.message and others.others else message
    return FieldError(path, "value.not_unique", {"message": said, "others": others})


class _Others:
    """The record in the way, where it may be named."""

    def __init__(self, others: Sequence[Any]) -> None:
        self.others = others

    def text(self, language: str) -> str:
        return "".join(other.text(language) for other in self.others)
