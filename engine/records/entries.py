"""The entries of fields that lead to several records, by which the database keeps them.

Enters: the values of records before and after they are written. Leaves: a row for each record they lead to, in order,
in the same transaction. Must be called by whatever writes records, and by nothing else.

The list itself stands in the column of the field, so that reading, filtering and the history cost nothing more; the
rows beside it are what foreign keys and the unique pair hold on to.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete

from engine.compiler.app import Entity, Field
from engine.records.sql import insert_into, is_one_of
from engine.storage.store import Session

Values = Mapping[str, Any]


def keep_entries(session: Session, entity: Entity, written: Sequence[tuple[int, Values, Values]]) -> None:
    """Keep the entries of records: their ids, and their values before and after.

    A record that goes into the recycle bin has no values after, and keeps its entries as it keeps its links.
    """
    for field in entity.links_fields:
        changed = [
            (id_, before.get(field.key) or (), after[field.key] or ())
            for id_, before, after in written
            if field.key in after and (before.get(field.key) or ()) != (after[field.key] or ())
        ]
        if changed:
            _write(session, entity, field, changed)


def _write(
    session: Session, entity: Entity, field: Field, changed: Sequence[tuple[int, Sequence[int], Sequence[int]]]
) -> None:
    table = session.tables.entries[entity.key, field.key]
    had = [id_ for id_, before, _ in changed if before]
    if had:
        gone = session.prepared(
            ("delete entries", entity.key, field.key), lambda: delete(table).where(is_one_of(table.c.parent_id, "ids"))
        )
        gone.execute(session.connection, {"ids": had})
    rows = [
        {"parent_id": id_, "leads_to": one, "position": at} for id_, _, after in changed for at, one in enumerate(after)
    ]
    if rows:
        key = ("insert entries", entity.key, field.key)

        def build() -> Any:  # what comes out of the recycle bin still has the entries it went with
            return insert_into(table, session.connection.dialect).on_conflict_do_nothing().inline()

        statement = session.prepared(key, build, tuple(rows[0]))
        statement.execute_many(session.connection, rows)
