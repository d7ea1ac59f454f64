"""The real tables of an app: one for each entity, one for each line table, with keys and indexes a BI tool can read.

Enters: the compiled app. Leaves: SQLAlchemy tables, and which uniqueness each unique index stands for. Must not look at
a database: what is there already is the business of ``migration.py``.

Columns of business fields may all be empty in the database, even where the field is required: what is required is a
rule of a release, it changes over the life of a table, and for a moment after a publish two releases write side by
side. The engine checks it at every gate. Only the system columns are NOT NULL.
"""

import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Time,
    and_,
)
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeEngine

from engine.compiler.app import CompiledApp, Entity, Field, Unique
from engine.expression.sql import compile_where
from engine.expression.sql_source import Find, Linked
from engine.expression.sql_terms import Span
from engine.storage import system_tables
from engine.storage.column_types import JsonText, ScaledDecimal, UtcDateTime
from engine.storage.ordering import missing_first
from engine.storage.system_columns import NAMING, BigId

NAME_LIMIT = 63
"""The longest name PostgreSQL keeps."""

_OF_PEOPLE: Mapping[str, Table] = {"user": system_tables.users, "department": system_tables.departments}
ENTRY_COLUMNS = frozenset({"parent_id", "leads_to", "position"})
"""The columns of a table of entries, and of no other."""
_OF_SCOPES = ("owner_id", "team_id", "deleted_at")
_COLUMN_OF_SYSTEM_FIELD = {"owner": "owner_id", "team": "team_id"}


@dataclass(frozen=True, eq=False)
class UniqueIndex:
    """A unique index: ``key`` names ``Entity.unique``, or the field or ``number`` that is unique by itself."""

    name: str
    entity: str
    key: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    where: ColumnElement[bool] | None = None
    """Which records of the table it compares; None for all."""

    @property
    def reads(self) -> frozenset[str]:
        """The columns whose change may make a repeat."""
        compared = () if self.where is None else visitors.iterate(self.where)
        return frozenset(self.columns).union(part.name for part in compared if isinstance(part, Column))


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of one release. ``lines``, and ``entries`` of fields that lead to several, are keyed by both."""

    metadata: MetaData
    entity: Mapping[str, Table]
    lines: Mapping[tuple[str, str], Table]
    entries: Mapping[tuple[str, str], Table]
    uniques: Mapping[str, UniqueIndex]
    compared: Mapping[str, frozenset[str]]
    """By entity the columns whose change its unique indexes, and its uniquenesses over a period, notice."""


def build_tables(app: CompiledApp) -> Tables:
    """Make the tables of ``app``. Nothing is created in a database."""
    metadata = MetaData(naming_convention=NAMING)
    tables = {entity.key: _entity_table(entity, metadata) for entity in app.entities.values()}
    lines = {
        (entity.key, field.key): _line_table(entity, field, metadata)
        for entity in app.entities.values()
        for field in entity.line_fields
    }
    entries = {
        (entity.key, field.key): _entries_table(entity, field, metadata)
        for entity in app.entities.values()
        for field in entity.links_fields
    }
    uniques = {
        unique.name: unique for entity in app.entities.values() for unique in _add_uniques(entity, tables[entity.key])
    }
    for entity in app.entities.values():
        _add_indexes(entity, tables[entity.key])
    compared = {
        key: frozenset[str]().union(*(unique.reads for unique in uniques.values() if unique.entity == key))
        for key in tables
    }
    for entity in app.entities.values():
        compared[entity.key] |= _compared_over_time(entity)
    return Tables(metadata, tables, lines, entries, uniques, compared)


def table_name(entity: str, field: str | None = None) -> str:
    """Return the name of an entity's table, or of one of its line tables."""
    return short_name(f"e_{entity}" if field is None else f"e_{entity}__{field}")


def entries_name(entity: Entity, field: Field) -> str:
    """Return the name of the table of entries of a field that leads to several records."""
    return table_name(entity.key, f"{field.key}__{field.to}")


def column_name(field: str) -> str:
    """Return the column of a field, written or system."""
    return _COLUMN_OF_SYSTEM_FIELD.get(field, field)


def column_type(field: Field) -> TypeEngine[Any]:
    """Return the type of a stored field's column."""
    kind = field.type.column
    if kind == "decimal":
        scale = field.scale if field.scale is not None else field.type.scale
        return ScaledDecimal(18, 2 if scale is None else scale)
    if kind is None:
        raise ValueError(f"field {field.key} has no column")
    return _TYPES[kind]()


def short_name(name: str) -> str:
    """Return ``name``, shortened with a digest where PostgreSQL would cut it off silently."""
    if len(name.encode()) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: NAME_LIMIT - 11]}_{digest}"


_TYPES: Mapping[str, type[TypeEngine[Any]]] = {
    "text": Text,
    "long_text": Text,
    "integer": BigInteger,
    "boolean": Boolean,
    "date": Date,
    "time": Time,
    "datetime": UtcDateTime,
    "seconds": Span,
    "link": BigInteger,
    "user": BigInteger,
    "department": BigInteger,
    "json": JsonText,
}


def is_indexed(table: Table, column: str) -> bool:
    """Return whether an index of the table is in the order of a column."""
    return any(_first(index) == column for index in table.indexes)


def _first(index: Index) -> str | None:
    first: Any = next(iter(index.expressions))
    return getattr(getattr(first, "column", first), "name", None)


# ---- columns


def _entity_table(entity: Entity, metadata: MetaData) -> Table:
    name = table_name(entity.key)
    # Who created or changed a record has no foreign key: people are disabled, never deleted, and two more checks on
    # every write would guard nothing.
    return Table(
        name,
        metadata,
        Column("id", BigId, primary_key=True),
        Column("number", Text),
        Column("stage", Text),
        Column("owner_id", BigInteger, _foreign_key(name, "owner_id", system_tables.users)),
        Column("team_id", BigInteger, _foreign_key(name, "team_id", system_tables.departments)),
        Column("created_at", UtcDateTime, nullable=False),
        Column("created_by", BigInteger),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("updated_by", BigInteger),
        Column("version", Integer, nullable=False, default=1),
        Column("release_id", BigInteger),
        Column("deleted_at", UtcDateTime),
        *(_field_column(name, field) for field in entity.stored_fields),
    )


def _line_table(entity: Entity, field: Field, metadata: MetaData) -> Table:
    name = table_name(entity.key, field.key)
    parent = ForeignKey(f"{table_name(entity.key)}.id", ondelete="CASCADE", name=short_name(f"fk_{name}_parent_id"))
    table = Table(
        name,
        metadata,
        Column("id", BigId, primary_key=True),
        Column("parent_id", BigInteger, parent, nullable=False),
        Column("position", Integer, nullable=False),
        *(_field_column(name, item) for item in field.fields.values() if item.stored),
    )
    Index(short_name(f"ix_{name}_parent_id"), table.c.parent_id, table.c.position)
    for item in field.fields.values():
        if item.type.column == "link":
            Index(short_name(f"ix_{name}_{item.key}"), table.c[item.key])
    return table


def _entries_table(entity: Entity, field: Field, metadata: MetaData) -> Table:
    """The records a field leads to: each once, each there; a record that goes for good takes its entries along.

    They hold nothing that the list of the field does not say, so a publish may drop and make them anew.
    """
    name = entries_name(entity, field)
    parent = ForeignKey(f"{table_name(entity.key)}.id", ondelete="CASCADE", name=short_name(f"fk_{name}_parent_id"))
    target = ForeignKey(f"{table_name(field.to or '')}.id", name=short_name(f"fk_{name}_leads_to"))
    table = Table(
        name,
        metadata,
        Column("parent_id", BigInteger, parent, primary_key=True, autoincrement=False),
        Column("leads_to", BigInteger, target, primary_key=True, autoincrement=False),
        Column("position", Integer, nullable=False),
    )
    Index(short_name(f"ix_{name}_leads_to"), table.c.leads_to, table.c.parent_id)
    return table


def _field_column(table: str, field: Field) -> Column[Any]:
    named = _OF_PEOPLE.get(field.type.column or "")
    if named is not None:
        return Column(field.key, BigInteger, _foreign_key(table, field.key, named))
    if field.type.column == "link":
        name = short_name(f"fk_{table}_{field.key}")
        return Column(field.key, BigInteger, ForeignKey(f"{table_name(field.to or '')}.id", name=name))
    return Column(field.key, column_type(field))


def _foreign_key(table: str, column: str, to: Table) -> ForeignKey:
    return ForeignKey(to.c.id, name=short_name(f"fk_{table}_{column}"))


# ---- unique indexes


def _add_uniques(entity: Entity, table: Table) -> Iterator[UniqueIndex]:
    # Deleted records keep their number: it was printed and sent.
    yield _unique_index(entity, table, "number", ("number",), short_name(f"uq_{table.name}_number"))
    alive = table.c.deleted_at.is_(None)
    for field in entity.stored_fields:
        if field.unique:
            name = short_name(f"uq_{table.name}_{field.key}")
            yield _unique_index(entity, table, field.key, (field.key,), name, None if field.type.drawn else alive)
    for unique in entity.unique:
        if unique.period:  # kept by whoever writes
            continue
        name = short_name(unique.name)
        yield _unique_index(entity, table, unique.key, unique.fields, name, _unique_where(unique, table, alive))


def _compared_over_time(entity: Entity) -> frozenset[str]:
    """Return the columns whose change may make two records hold at the same time."""
    conditions = [one.where.checked.uses for one in entity.apart if one.where is not None]
    keys = {key for one in entity.apart for key in (*one.fields, *one.period)} | {
        use[0] for uses in conditions for use in uses
    }
    return frozenset(map(column_name, keys)) | ({"deleted_at"} if keys else frozenset[str]())


def _unique_index(
    entity: Entity,
    table: Table,
    key: str,
    fields: tuple[str, ...],
    name: str,
    where: ColumnElement[bool] | None = None,
) -> UniqueIndex:
    columns = tuple(column_name(field) for field in fields)
    # By number lists are sorted too: its index is in the order of lists.
    parts = [missing_first(table.c.number)] if key == "number" else [table.c[column] for column in columns]
    Index(name, *parts, unique=True, sqlite_where=where, postgresql_where=where)
    return UniqueIndex(name, entity.key, key, fields, columns, where)


def _unique_where(unique: Unique, table: Table, alive: ColumnElement[bool]) -> ColumnElement[bool]:
    if unique.where is None:
        return alive
    return and_(alive, compile_where(unique.where.checked, _OneTable(table), table))


@dataclass(frozen=True)
class _OneTable:
    """The columns a condition of an index may name: those of the row itself."""

    row: Table

    def table(self, shape: str) -> FromClause:
        return self.row

    def column(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        return self.row.c[column_name(field)]

    def parent(self, row: FromClause, shape: str) -> ColumnElement[Any]:
        raise ValueError("the condition of an index cannot look at other records")

    def visible(self, row: FromClause, shape: str) -> ColumnElement[Any] | None:
        return None

    def member(self, row: FromClause, shape: str, field: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
        raise ValueError("the condition of an index cannot look into lists")

    def size(self, row: FromClause, shape: str, field: str) -> ColumnElement[Any]:
        raise ValueError("the condition of an index cannot look into lists")

    def reached(self, row: FromClause, shape: str, stages: Sequence[str]) -> ColumnElement[Any]:
        raise ValueError("the condition of an index cannot look at the past")

    def period(self, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        raise ValueError("the condition of an index is of no period")

    def together(self, row: FromClause, form: Hashable, find: Find) -> Linked | None:
        return None


# ---- indexes for lists


def _add_indexes(entity: Entity, table: Table) -> None:
    """Index what lists filter by and what they show, since their heads sort by it; of living records, which are listed.

    A filter with few values is followed by the list's sort, so that one filter plus the sort is one range of one index.
    Boards count each stage of what a team sees, among the many of all: who has a record stands in that index too, and
    for SQLite that it lives, which it reads from the row otherwise.
    """
    sort = column_name(entity.sort[0])
    few, many = _indexed_columns(entity)
    for column in dict.fromkeys([sort, *many]):
        _list_index(table, column, (column,))
    for column in few:
        if column != sort:
            _list_index(table, column, (column, sort), asked=_OF_SCOPES if column == "stage" else ())
    gone = table.c.deleted_at.is_not(None)  # the recycle bin, the last first
    name = short_name(f"ix_{table.name}_deleted_at")
    Index(name, table.c.deleted_at, table.c.id, sqlite_where=gone, postgresql_where=gone)


def _list_index(table: Table, name: str, columns: tuple[str, ...], asked: tuple[str, ...] = ()) -> None:
    """Make one; ``asked`` stand in it too, so that they are asked without reading the row."""
    ordered = [missing_first(table.c[column]) for column in columns]
    alive = table.c.deleted_at.is_(None)
    full_name = short_name(f"ix_{table.name}_{name}")
    Index(full_name, *ordered, table.c.id, *(table.c[one] for one in asked), sqlite_where=alive, postgresql_where=alive)


def _indexed_columns(entity: Entity) -> tuple[list[str], list[str]]:
    """Return the columns with few values and those with many, without repeats: what lists filter by or can sort by."""
    few = ["owner_id", "team_id"] + (["stage"] if entity.workflow is not None else [])
    many = []
    for field in entity.stored_fields:
        filtered, shown = field.key in entity.filters, field.key in entity.columns
        if (field.target is not None and not field.type.many) or (filtered and _has_few_values(field)):
            few.append(field.key)
        elif (filtered or shown) and field.type.sortable:
            many.append(field.key)
    system = [column_name(key) for key in (*entity.filters, *entity.columns) if key not in entity.fields]
    many += [column for column in system if column not in [*few, "id", "number", "stage"]]
    return list(dict.fromkeys(few)), list(dict.fromkeys(many))


def _has_few_values(field: Field) -> bool:
    return bool(field.options) or field.type.column == "boolean"
