"""Changes of fields as rows that figures count: which field, when, until when, by whom, by which way.

Enters: an entity, what is hidden from the reader. Leaves: a statement over the journal, and its rows by id. Must not
give a change of a field the reader may not see, nor of one that nobody types.

The journal keeps one row for each save, with ``{field: [old, new]}``; here each field of it is a row. ``until`` is when
the same field of the record was changed next, and missing while the value stands.
"""

from collections.abc import Sequence, Set
from typing import Any, Final

from sqlalchemy import Select, Text, and_, case, cast, false, func, literal, select, true, type_coerce
from sqlalchemy.dialects.postgresql import JSON

from engine.compiler.app import Entity
from engine.expression.sql_terms import BOOLEAN, Term, never_missing, one_of
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import history

_ROOM: Final = 4096
"""More fields than an entity can have; the id of a row is that of the save, times this, and the number of its field."""


def seen_keys(entity: Entity, hidden: Set[str]) -> tuple[str, ...]:
    """Return the fields whose changes are told; of a line table only those whose every column may be seen."""
    within = {key.partition(".")[0] for key in hidden}
    return tuple(key for key in entity.entered_keys if key not in within)


def select_changes(entity: Entity, hidden: Set[str], dialect: str) -> Select[Any]:
    """Return the changes of all records of an entity, whoever may see those."""
    c = history.c
    at = {key: number for number, key in enumerate(entity.entered_keys)}
    if dialect == "postgresql":
        told = func.json_each(cast(c.changes, JSON)).table_valued("key", "value", joins_implicitly=True).lateral("told")
    else:
        told = func.json_each(c.changes).table_valued("key", "value", joins_implicitly=True).alias("told")
    after = history.alias("after")
    same = (after.c.entity == c.entity, after.c.record_id == c.record_id, after.c.id > c.id)
    there = Term(
        BOOLEAN, "(json_type({0}, '$.' || json_quote({1})) IS NOT NULL)", after.c.changes, told.c.key,
        postgresql="jsonb_exists(CAST({0} AS JSONB), {1})",
    )  # fmt: skip
    until = select(func.min(after.c.at)).where(*same, there).correlate_except(after).scalar_subquery()
    number = case(at, value=told.c.key)
    return (
        select(
            (c.id * _ROOM + number).label("id"),
            c.record_id.label("record"),
            type_coerce(told.c.key, Text).label("field"),
            c.at.label("at"),
            type_coerce(until, c.at.type).label("until"),
            c.actor_id.label("by"),
            c.via.label("via"),
            _holds(told.c.value, 1).label("filled"),
            _holds(told.c.value, 0).label("was_filled"),
            c.note.label("note"),
        )
        .select_from(history.join(told, true()))
        .where(and_(c.entity == literal(entity.key, Text()), _one_of(told.c.key, seen_keys(entity, hidden))))
    )


def read_changes(session: Session, entity: Entity, hidden: Set[str], ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return rows by their ids."""

    def build() -> Any:
        changed = select_changes(entity, hidden, session.connection.dialect.name)
        return changed.where(is_one_of(history.c.id, "saves"))

    statement = session.prepared(("changes behind", entity.key, tuple(sorted(hidden))), build)
    rows = statement.fetch_all(session.connection, {"saves": sorted({one // _ROOM for one in ids})})
    keys = ("id", "record", "field", "at", "until", "by", "via", "filled", "was_filled", "note")
    found = {row[0]: dict(zip(keys, row, strict=True)) for row in rows}
    return {one: found[one] for one in ids if one in found}


def _holds(pair: Any, at: int) -> Term:
    """Return whether the old or the new value is there."""
    postgresql = f"(({{0}} ->> {at}) IS NOT NULL)"
    return Term(BOOLEAN, f"(json_extract({{0}}, '$[{at}]') IS NOT NULL)", pair, postgresql=postgresql)


def _one_of(column: Any, keys: Sequence[str]) -> Any:
    return never_missing(one_of(column, [literal(one, Text()) for one in keys])) if keys else false()
