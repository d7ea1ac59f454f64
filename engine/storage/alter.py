"""The steps of ``changes.py``, done.

Enters: steps and a connection in a transaction. Leaves: altered tables. Must not decide what is to do. Alembic writes
the SQL; both databases alter tables inside transactions, so a failure leaves nothing behind.
"""

from collections.abc import Iterable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, ForeignKey, Index, func, text, update
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable, sort_tables_and_constraints

from engine.storage import system_tables
from engine.storage.approval_tables import approvals
from engine.storage.automation_tables import assignments, runs
from engine.storage.changes import (
    AddColumn,
    CreateTables,
    RenameColumn,
    RenameEntity,
    RenameFileField,
    RenameTable,
    Replace,
    Step,
    Widen,
)
from engine.storage.comment_tables import comments, followers
from engine.storage.delivery_tables import deliveries
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.export_tables import exports
from engine.storage.form_draft_tables import form_drafts
from engine.storage.import_tables import imports
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.merge_tables import merges
from engine.storage.ownership_tables import owner_spans
from engine.storage.physical import Schema, wanted_fingerprint
from engine.storage.search_tables import search_terms
from engine.storage.share_tables import shares
from engine.storage.stage_tables import evidence, flags, moves, stays, timers
from engine.storage.tables import Tables, table_name
from engine.storage.view_tables import view_defaults, views

if TYPE_CHECKING:
    from alembic.operations import Operations

_FOLLOWING = (
    system_tables.history,
    system_tables.outbox,
    system_tables.files,
    shares,
    owner_spans,
    approvals,
    system_tables.notices,
    timers,
    runs,
    assignments,
    stays,
    moves,
    flags,
    evidence,
    match_keys,
    match_grams,
    search_terms,
    views,
    view_defaults,
    comments,
    followers,
    imports,
    exports,
    form_drafts,
    merges,
    disputes,
    duplicate_hits,
    deliveries,
)


def run_steps(connection: Connection, steps: Iterable[Step]) -> None:
    """Run steps in order."""
    operations = _operations(connection)
    for step in steps:
        _run(step, operations, connection)


def drop_indexes(connection: Connection, names: Iterable[str]) -> None:
    """Drop indexes that are no longer wanted, or stand in the way; they hold no data of their own."""
    for name in names:
        connection.execute(text(f"DROP INDEX {_quote(connection, name)}"))


def create_indexes(connection: Connection, indexes: Iterable[Index]) -> None:
    """Create indexes, with their fingerprint where the database does not keep their text."""
    for index in indexes:
        connection.execute(CreateIndex(index))
        if connection.dialect.name == "postgresql":
            fingerprint = wanted_fingerprint(index, connection.dialect)
            connection.execute(text(f"COMMENT ON INDEX {_quote(connection, index.name or '')} IS '{fingerprint}'"))


def find_outdated(schema: Schema, tables: Tables, connection: Connection, touched: set[str]) -> list[str]:
    """Return the indexes on ``tables`` that are not wanted as they are; on ``touched`` tables all of them."""
    kept = {
        (table.name, index.name, wanted_fingerprint(index, connection.dialect))
        for table in tables.metadata.tables.values()
        for index in table.indexes
        if table.name not in touched
    }
    return [
        name
        for name, (table, fingerprint) in schema.indexes.items()
        if table in tables.metadata.tables and (table, name, fingerprint) not in kept
    ]


def _operations(connection: Connection) -> "Operations":
    # Alembic takes a fifth of a second to import, and only a publish needs it.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    return Operations(MigrationContext.configure(connection))


@singledispatch
def _run(step: Any, operations: "Operations", connection: Connection) -> None:
    raise TypeError(f"no way to run {step!r}")


@_run.register(RenameTable)
def _rename_table(step: RenameTable, operations: "Operations", connection: Connection) -> None:
    operations.rename_table(step.old, step.new)


@_run.register(RenameColumn)
def _rename_column(step: RenameColumn, operations: "Operations", connection: Connection) -> None:
    operations.alter_column(step.table, step.old, new_column_name=step.new)
    # A series counts on under the new key of its field.
    numbers, entity = system_tables.series, step.table.removeprefix(table_name(""))
    renamed = update(numbers).where(numbers.c.key == f"{entity}.{step.old}").values(key=f"{entity}.{step.new}")
    connection.execute(renamed)


@_run.register(RenameEntity)
def _rename_entity(step: RenameEntity, operations: "Operations", connection: Connection) -> None:
    for table in _FOLLOWING:
        connection.execute(update(table).where(table.c.entity == step.old).values(entity=step.new))
    numbers = system_tables.series
    connection.execute(update(numbers).where(numbers.c.key == step.old).values(key=step.new))
    fields = func.replace(numbers.c.key, f"{step.old}.", f"{step.new}.")
    own = numbers.c.key.startswith(f"{step.old}.", autoescape=True)
    connection.execute(update(numbers).where(own).values(key=fields))


@_run.register(RenameFileField)
def _rename_file_field(step: RenameFileField, operations: "Operations", connection: Connection) -> None:
    files = system_tables.files
    mine = (files.c.entity == step.entity, files.c.field == step.old)
    connection.execute(update(files).where(*mine).values(field=step.new))


@_run.register(CreateTables)
def _create_tables(step: CreateTables, operations: "Operations", connection: Connection) -> None:
    if connection.dialect.name == "sqlite":  # a foreign key may name a table that comes later
        for table in step.tables:
            connection.execute(CreateTable(table))
        return
    in_order: Any = sort_tables_and_constraints(step.tables)  # type: ignore[no-untyped-call]
    for table, keys in in_order:
        if table is not None:
            connection.execute(CreateTable(table, include_foreign_key_constraints=list(keys)))
        else:
            for key in sorted(keys, key=lambda one: str(one.name)):  # a plan is the same each time it is made
                connection.execute(AddConstraint(key))


@_run.register(AddColumn)
def _add_column(step: AddColumn, operations: "Operations", connection: Connection) -> None:
    operations.add_column(step.table, _copy(step.column), inline_references=True)


@_run.register(Widen)
def _widen(step: Widen, operations: "Operations", connection: Connection) -> None:
    # SQLite cannot alter a type, and both can do this: the values move to a new column without loss.
    name, waiting = step.column.name, f"{step.column.name}__new"
    operations.add_column(step.table, _copy(step.column, waiting))
    table, old, new = (_quote(connection, part) for part in (step.table, name, waiting))
    value = f"{old} * {step.factor}" if step.factor != 1 else old
    connection.execute(text(f"UPDATE {table} SET {new} = {value} WHERE {old} IS NOT NULL"))  # noqa: S608 - own names
    operations.drop_column(step.table, name)
    operations.alter_column(step.table, waiting, new_column_name=name)


@_run.register(Replace)
def _replace(step: Replace, operations: "Operations", connection: Connection) -> None:
    operations.alter_column(step.table, step.column.name, new_column_name=step.parked)
    operations.add_column(step.table, _copy(step.column), inline_references=True)


def _copy(column: Column[Any], name: str | None = None) -> Column[Any]:
    keys = [ForeignKey(key.target_fullname) for key in column.foreign_keys]
    return Column(name or column.name, column.type, *keys, nullable=True)


def _quote(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
