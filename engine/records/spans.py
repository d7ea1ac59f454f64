"""Who had a record from when to when: spans, one after another, the last one open.

Enters: records of an entity with ownership, as whoever writes them leaves them. Leaves: rows of ``fw_owner_spans``, in
the same transaction. Must not decide who may have a record; nothing else writes spans than what is called here by the
primitives that write records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, literal, select, update

from engine.compiler.app import Entity
from engine.compiler.app.ownership import POOL
from engine.people.actor import Actor
from engine.records.sql import is_one_of
from engine.storage.journal import BOOK
from engine.storage.ownership_tables import owner_spans
from engine.storage.store import Session

WHY: Mapping[str, str] = {
    "create": "created", "import": "created", BOOK: "created", "restore": "restored", "take": "claimed",
    "give_back": "released", "give": "assigned", "reclaim": "reclaimed",
}  # fmt: skip
"""How a span began, by the action that began it; any other gave the record to somebody."""
RULE = "protected by"
"""What stands beside the values of a new record until its span begins: the rule that ends it first."""
HANDED_OVER, ASSIGNED, BEGUN = "handed_over", "assigned", "begun"
"""``begun``: the record was there already when its entity got ownership."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span. ``owner`` and ``pool`` are never both; ``by`` None is the engine itself."""

    id: int
    record_id: int
    owner: int | None
    pool: str | None
    since: datetime
    until: datetime | None
    by: int | None
    why: str
    note: str | None
    rule: str | None
    warned_at: datetime | None
    locked_at: datetime | None


def begin_spans(session: Session, entity: Entity, many: Sequence[dict[str, Any]], *, by: int | None, why: str) -> None:
    """Note who has new records from now on: their values, with ids."""
    rows = [_row(session, entity, values["id"], values, by, why, None) | {"rule": values.pop(RULE)} for values in many]
    statement = session.prepared("begin spans", lambda: insert(owner_spans).inline(), tuple(rows[0]))
    statement.execute_many(session.connection, rows)


def change_holder(
    session: Session, entity: Entity, values: Mapping[str, Any], *, by: Actor | None, why: str, note: str | None
) -> None:
    """Note that a record has another owner, or is in a pool, from now on."""
    end_span(session, entity, values["id"])
    row = _row(session, entity, values["id"], values, None if by is None else by.id, why, note)
    session.prepared("begin span", lambda: insert(owner_spans).inline(), tuple(row)).execute(session.connection, row)


def end_span(session: Session, entity: Entity, record_id: int) -> None:
    """End the open span of a record now."""

    def build() -> Any:
        return update(owner_spans).where(*_open_of_record()).values(until=bindparam("now", type_=_MOMENT))

    given = {"of_entity": entity.key, "of_record": record_id, "now": session.now()}
    session.prepared("end span", build).execute(session.connection, given)


def note_span(session: Session, span: Span, **told: Any) -> None:
    """Note at an open span which rule ends it, when its owner was warned, since when it is locked."""

    def build() -> Any:
        new = {name: bindparam(f"new_{name}", type_=owner_spans.c[name].type) for name in told}
        return update(owner_spans).where(owner_spans.c.id == bindparam("span")).values(new)

    given = {f"new_{name}": value for name, value in told.items()} | {"span": span.id}
    session.prepared(("note span", *told), build).execute(session.connection, given)


def find_span(session: Session, entity: str, record_id: int) -> Span | None:
    """Return the open span of a record."""
    return read_spans(session, entity, [record_id]).get(record_id)


def read_spans(session: Session, entity: str, ids: Sequence[int]) -> dict[int, Span]:
    """Return the open spans of records, by their ids."""

    def build() -> Any:
        c = owner_spans.c
        open_ = (c.entity == bindparam("of_entity"), is_one_of(c.record_id, "ids"), c.until.is_(None))
        return select(*_COLUMNS).where(*open_)

    rows = session.prepared("open spans", build).fetch_all(session.connection, {"of_entity": entity, "ids": list(ids)})
    return {row[1]: Span(*row) for row in rows}


def list_spans(session: Session, entity: str, record_id: int, *, limit: int = 200) -> list[Span]:
    """Return the spans of a record, the last one first."""
    c = owner_spans.c
    own = select(*_COLUMNS).where(c.entity == entity, c.record_id == record_id)
    return [Span(*row) for row in session.connection.execute(own.order_by(c.id.desc()).limit(limit))]


def begin_all(session: Session, entity: Entity) -> None:
    """Begin the history of an entity whose records are there already: each is its owner's from now on."""
    table, c = session.tables.entity[entity.key], owner_spans.c
    known = select(c.record_id).where(c.entity == entity.key, c.until.is_(None))
    there = select(
        literal(entity.key),
        table.c.id,
        table.c.owner_id,
        table.c[POOL],
        literal(session.now(), _MOMENT),
        literal(BEGUN),
    ).where(table.c.deleted_at.is_(None), table.c.id.not_in(known))
    columns = ["entity", "record_id", "owner_id", "pool", "since", "why"]
    session.connection.execute(insert(owner_spans).from_select(columns, there))


def _row(
    session: Session, entity: Entity, id_: int, values: Mapping[str, Any], by: int | None, why: str, note: str | None
) -> dict[str, Any]:
    about = {"entity": entity.key, "record_id": id_, "owner_id": values.get("owner"), "pool": values.get(POOL)}
    return {**about, "since": session.now(), "by_id": by, "why": why, "note": note}


_MOMENT = owner_spans.c.since.type
_COLUMNS = tuple(
    owner_spans.c[name]
    for name in (
        "id", "record_id", "owner_id", "pool", "since", "until", "by_id", "why", "note", "rule", "warned_at",
        "locked_at",
    )
)  # fmt: skip


def _open_of_record() -> tuple[Any, ...]:
    c = owner_spans.c
    return c.entity == bindparam("of_entity"), c.record_id == bindparam("of_record"), c.until.is_(None)
