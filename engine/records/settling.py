"""What a new release changes in records that are there already: by which words they are found.

Enters: the app before, and a session under the new release inside its publish. Leaves: ``search_text`` of every living
record of the entities whose searched fields changed. Must not touch what people typed, nor a record's version: nobody
edited it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from engine.compiler.app import CompiledApp, Entity
from engine.records.columns import record_columns, to_values
from engine.records.evaluation import make_env
from engine.records.writing import search_text
from engine.storage.store import Session

_BATCH = 500


def settle_after(before: CompiledApp) -> Callable[[Session], None]:
    """Return what ``catalog.publish`` calls to settle the records of the app it publishes."""

    def settle(session: Session) -> None:
        for entity in session.app.entities.values():
            old = before.entities.get(entity.key)
            if old is not None and (old.search, old.display) != (entity.search, entity.display):
                _renew_search(session, entity)

    return settle


def _renew_search(session: Session, entity: Entity) -> None:
    table = session.tables.entity[entity.key]
    change = update(table).where(table.c.id == bindparam("record_id")).values(search_text=bindparam("text"))
    statement = session.prepared(("renew search", entity.key), lambda: change)
    for rows in _batches(session, entity):
        env = make_env(session, None)
        renewed = [{"record_id": row["id"], "text": search_text(session, entity, row, env)} for row in rows]
        statement.execute_many(session.connection, renewed)


def _batches(session: Session, entity: Entity) -> Iterator[Sequence[dict[str, Any]]]:
    table, last = session.tables.entity[entity.key], 0
    while True:
        found = select(*record_columns(table, entity)).where(table.c.id > last, table.c.deleted_at.is_(None))
        rows = [to_values(entity, row) for row in session.connection.execute(found.order_by(table.c.id).limit(_BATCH))]
        if not rows:
            return
        yield rows
        last = rows[-1]["id"]
