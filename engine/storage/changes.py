"""The steps that give a database the tables of an app.

Enters: the tables wanted, what the database has, and what the release before was. Leaves: steps in the order they must
run, none when nothing is to do. Must not lose a value: tables and columns that are no longer wanted stay, and a column
that changes its type is parked under another name beside its successor.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Dialect, Table

from engine.compiler.app import CompiledApp, Entity, Field
from engine.definition.model import NumberDefinition
from engine.storage.column_types import ScaledDecimal
from engine.storage.physical import Schema, find_scale, wanted_type
from engine.storage.tables import Tables, short_name, table_name


@dataclass(frozen=True)
class RenameTable:
    """A table gets another name, because its entity or line field was renamed."""

    old: str
    new: str


@dataclass(frozen=True)
class RenameColumn:
    """A column gets another name, because its field was renamed or its place is needed."""

    table: str
    old: str
    new: str


@dataclass(frozen=True)
class RenameEntity:
    """Journal, files and approvals follow an entity to its new key."""

    old: str
    new: str


@dataclass(frozen=True)
class RenameFileField:
    """Files follow their field to its new key."""

    entity: str
    old: str
    new: str


@dataclass(frozen=True)
class CreateTables:
    """Tables that are not there yet."""

    tables: tuple[Table, ...]


@dataclass(frozen=True)
class AddColumn:
    """A column that is not there yet."""

    table: str
    column: Column[Any]


@dataclass(frozen=True)
class Widen:
    """Numbers get more room without loss; on SQLite every value is multiplied by ``factor``."""

    table: str
    column: Column[Any]
    factor: int


@dataclass(frozen=True)
class Replace:
    """A column gets a new type: the old one is ``parked`` with its values, the new one is filled by ``migrate``."""

    table: str
    column: Column[Any]
    parked: str
    old_type: str


Rename = RenameTable | RenameColumn | RenameEntity | RenameFileField
Step = Rename | CreateTables | AddColumn | Widen | Replace


@dataclass(frozen=True)
class TableOf:
    """A wanted table with the fields it holds; ``line`` is the line field, None for the entity's own table."""

    entity: Entity
    table: Table
    fields: Mapping[str, Field]
    line: Field | None = None


def entries_of(app: CompiledApp, tables: Tables) -> Iterator[tuple[Entity, Field, Table]]:
    """Walk the tables of all fields that lead to several records."""
    for entity in app.entities.values():
        for item in entity.links_fields:
            yield entity, item, tables.entries[entity.key, item.key]


def tables_of(app: CompiledApp, tables: Tables) -> Iterator[TableOf]:
    """Walk all tables of an app, an entity's own before its line tables."""
    for entity in app.entities.values():
        yield TableOf(entity, tables.entity[entity.key], {item.key: item for item in entity.stored_fields})
        for line in entity.line_fields:
            fields = {item.key: item for item in line.fields.values() if item.stored}
            yield TableOf(entity, tables.lines[entity.key, line.key], fields, line)


Former = Callable[[TableOf, Field], Field | None]
"""Tells of which field the values are that stand in the column of a field."""


def find_steps(
    schema: Schema, former: Former, old: CompiledApp | None, new: CompiledApp, tables: Tables, dialect: Dialect
) -> list[Step]:
    """Return the steps from ``schema`` to ``tables``, in the order they must run."""
    return _Finder(schema, former, old, new, tables, dialect).find()


@dataclass
class _Finder:
    schema: Schema
    former: Former
    old: CompiledApp | None
    new: CompiledApp
    tables: Tables
    dialect: Dialect
    steps: list[Step] = field(default_factory=list)

    def find(self) -> list[Step]:
        self.names = {table: dict(columns) for table, columns in self.schema.tables.items()}
        for entity in self.new.entities.values():
            self._rename_entity(entity)
            self._rename_lines(entity)
        wanted = list(tables_of(self.new, self.tables))
        for place in wanted:
            self._rename_columns(place)
        tables = [*(place.table for place in wanted), *(one for _, _, one in entries_of(self.new, self.tables))]
        missing = tuple(table for table in tables if table.name not in self.names)
        if missing:
            self.steps.append(CreateTables(missing))
        for place in wanted:
            if place.table.name in self.names:
                self._compare_columns(place)
        return self.steps

    # ---- renames

    def _rename_entity(self, entity: Entity) -> None:
        if entity.was is None or entity.was in self.new.entities:
            return
        if self._rename_table(table_name(entity.was), table_name(entity.key)):
            self.steps.append(RenameEntity(entity.was, entity.key))

    def _rename_lines(self, entity: Entity) -> None:
        for line in entity.line_fields:
            keys = [key for key in (entity.was, entity.key) if key is not None]
            names = [name for name in (line.key, line.was) if name is not None]
            for old in (table_name(key, name) for name in names for key in keys):
                self._rename_table(old, table_name(entity.key, line.key))
        for file in entity.file_fields:
            if file.was is not None and file.was not in entity.fields and self._knew(entity, file.was):
                self.steps.append(RenameFileField(entity.key, file.was, file.key))

    def _rename_table(self, old: str, new: str) -> bool:
        if old not in self.names or new in self.names or old == new:
            return False
        self.names[new] = self.names.pop(old)
        self.steps.append(RenameTable(old, new))
        return True

    def _rename_columns(self, place: TableOf) -> None:
        have = self.names.get(place.table.name, {})
        for item in place.fields.values():
            if item.was is None or item.was in place.fields or item.was not in have or item.key in have:
                continue
            have[item.key] = have.pop(item.was)
            self.steps.append(RenameColumn(place.table.name, item.was, item.key))

    # ---- columns

    def _compare_columns(self, place: TableOf) -> None:
        have = self.names[place.table.name]
        for column in place.table.columns:
            if column.name not in have:
                self.steps.append(AddColumn(place.table.name, column))
                continue
            item = place.fields.get(column.name)
            if item is not None:
                self._compare_type(place, item, column, have)

    def _compare_type(self, place: TableOf, item: Field, column: Column[Any], have: Mapping[str, str]) -> None:
        actual, wanted = have[column.name], wanted_type(column, self.dialect)
        before = self.former(place, item)
        if before is not None and means_something_else(before, item, self.new):
            self._replace(place, column, actual, have)
        elif actual == wanted:
            return
        elif (factor := _widening(actual, column)) is not None:
            self.steps.append(Widen(place.table.name, column, factor if self.dialect.name == "sqlite" else 1))
        else:
            self._replace(place, column, actual, have)

    def _replace(self, place: TableOf, column: Column[Any], actual: str, have: Mapping[str, str]) -> None:
        count = 1
        while (parked := short_name(f"{column.name}__old{count}")) in have:
            count += 1
        self.steps.append(Replace(place.table.name, column, parked, actual))

    def _knew(self, entity: Entity, field_key: str) -> bool:
        before = find_old_entity(self.old, entity)
        return before is not None and field_key in before.fields


def find_old_entity(old: CompiledApp | None, entity: Entity) -> Entity | None:
    """Return what ``entity`` was in the release before, under its present or its former key."""
    if old is None:
        return None
    return old.entities.get(entity.key) or (old.entities.get(entity.was) if entity.was else None)


def today_key(old: CompiledApp | None, entity: Entity) -> str | None:
    """Return the key under which the records of an entity are found today; None when there are none yet."""
    before = find_old_entity(old, entity)
    return None if before is None else before.key


def find_old_field(old: CompiledApp | None, place: TableOf, item: Field) -> Field | None:
    """Return what a field was in the release before."""
    entity = find_old_entity(old, place.entity)
    if entity is None:
        return None
    fields = entity.fields
    if place.line is not None:
        line = fields.get(place.line.key) or fields.get(place.line.was or "")
        fields = {} if line is None else line.fields
    return fields.get(item.key) or (fields.get(item.was) if item.was else None)


def find_new_series(before: Entity, entity: Entity) -> list[str]:
    """Return the series (``number``, or a field's) that number the records there are, which ``before`` did not have."""
    found = ["number"] if _numbers(entity.number) and not _numbers(before.number) else []
    for item in entity.series_fields:
        was = before.fields.get(item.key) or before.fields.get(item.was or "")
        drew = was is not None and was.type.drawn and not was.retired and _numbers(was.number)
        if _numbers(item.number) and not drew:
            found.append(item.key)
    return found


def _numbers(written: NumberDefinition | None) -> bool:
    """Tell whether a series is there that leaves no record without a number."""
    return written is not None and written.existing is None


def means_something_else(before: Field, item: Field, new: CompiledApp) -> bool:
    """Tell whether stored values, though they would fit the column, do not mean the same any more."""
    if before.to != item.to and not _is_renamed(before.to, item.to, new):
        return True
    return before.type.key != item.type.key and before.type.key not in item.type.takes


def reads_anew(before: Field, item: Field) -> bool:
    """Tell whether stored values mean the same and are read anew all the same: an option is kept by its key."""
    return item.convert and before.type.key != item.type.key and bool(before.options) != bool(item.options)


def _is_renamed(former: str | None, key: str | None, new: CompiledApp) -> bool:
    """Tell whether a link that led to ``former`` leads to the same records, whose entity is called ``key`` now."""
    target = new.entities.get(key or "")
    return target is not None and target.was == former and former not in new.entities


def _widening(actual: str, column: Column[Any]) -> int | None:
    """Return ten to the power of the decimal places gained, or None when values could be lost."""
    if not isinstance(column.type, ScaledDecimal):
        return None
    scale = find_scale(actual)
    return None if scale is None or scale > column.type.scale else 10 ** (column.type.scale - scale)
