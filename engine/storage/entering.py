"""The entries of fields that lead to several records, made anew from their lists.

Enters: a publish whose values are as they shall be. Leaves: entries that say what the lists say, for every field whose
list may have changed; those of fields that are no more are dropped, as they hold nothing of their own. Must not change
a list.
"""

from collections.abc import Collection

from sqlalchemy import text

from engine.compiler.app import Entity, Field
from engine.storage.changes import (
    AddColumn,
    CreateTables,
    RenameColumn,
    Replace,
    Step,
    Widen,
    entries_of,
    find_old_entity,
)
from engine.storage.filling import Filling
from engine.storage.physical import read_schema
from engine.storage.tables import ENTRY_COLUMNS


def enter(filling: Filling, steps: Collection[Step]) -> None:
    """Make the entries anew wherever the lists may say something else than before."""
    connection = filling.connection
    quote = connection.dialect.identifier_preparer.quote
    wanted = {table.name for _, _, table in entries_of(filling.new, filling.tables)}
    for name, columns in read_schema(connection).tables.items():
        if name not in wanted and columns.keys() == ENTRY_COLUMNS:
            connection.execute(text(f"DROP TABLE {quote(name)}"))
    changed = filling.touched | _changed(steps)
    for entity, item, table in entries_of(filling.new, filling.tables):
        own = filling.tables.entity[entity.key]
        if changed.isdisjoint((own.name, table.name)) and _was_kept(filling, entity, item):
            continue
        entries, target = quote(table.name), quote(filling.tables.entity[item.to or ""].name)
        listed = _LISTED[connection.dialect.name].format(records=quote(own.name), column=quote(item.key))
        connection.execute(text(f"DELETE FROM {entries}"))  # noqa: S608 - own names
        into = f"INSERT INTO {entries} (parent_id, leads_to, position)"
        found = f"SELECT parent_id, leads_to, MIN(position) FROM ({listed}) AS listed"  # noqa: S608 - own names
        there = f"WHERE leads_to IN (SELECT id FROM {target}) GROUP BY parent_id, leads_to"  # noqa: S608 - own names
        connection.execute(text(f"{into} {found} {there}"))


_LISTED = {
    "sqlite": "SELECT r.id AS parent_id, CAST(held.value AS INTEGER) AS leads_to, held.key AS position "
    "FROM {records} AS r, json_each(r.{column}) AS held",
    "postgresql": "SELECT r.id AS parent_id, CAST(held.value AS BIGINT) AS leads_to, held.at - 1 AS position "
    "FROM {records} AS r, jsonb_array_elements_text(CAST(r.{column} AS JSONB)) WITH ORDINALITY AS held(value, at)",
}


def _changed(steps: Collection[Step]) -> set[str]:
    """Return the tables that were made, and those of whose columns one was made, renamed or replaced."""
    made = {table.name for one in steps if isinstance(one, CreateTables) for table in one.tables}
    return made | {one.table for one in steps if isinstance(one, RenameColumn | AddColumn | Widen | Replace)}


def _was_kept(filling: Filling, entity: Entity, item: Field) -> bool:
    """Tell whether the release before kept the entries of the field."""
    before = find_old_entity(filling.old, entity)
    field = None if before is None else before.fields.get(item.key)
    return field is not None and field.to is not None and field.type.many
