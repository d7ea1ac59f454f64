"""Values that are to be unique and are not, in groups of the records that share them.

Enters: a unique index that the new tables want and the database does not have. Leaves: a blocked item that names, for
each value that repeats, the records that hold it. Must not choose which record of a group is the right one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Index, Select, and_, func, select

from engine.compiler.app import Entity
from engine.errors import Location
from engine.storage.changes import today_key
from engine.storage.filling import Filling
from engine.storage.plan import Group, PlanItem
from engine.storage.rewriting import to_json
from engine.storage.tables import UniqueIndex

_MOST_GROUPS = 20
_MOST_RECORDS = 10
"""So many values, and so many records of each, are named; how many there are is counted."""


def find_repeats(filling: Filling, index: Index) -> Iterator[PlanItem]:
    """Yield an item when records share values that the index wants once."""
    unique = filling.tables.uniques.get(index.name or "")
    if unique is None or index.table is None:
        return
    columns = [index.table.c[name] for name in unique.columns]
    where = index.dialect_options["sqlite"]["where"]
    wanted = and_(*(column.is_not(None) for column in columns), *([] if where is None else [where]))
    number = func.count()
    repeated: Select[Any] = (
        select(*columns, number.label("rows_of_group")).where(wanted).group_by(*columns).having(number > 1)
    )
    rows = filling.connection.scalar(select(func.coalesce(func.sum(repeated.subquery().c.rows_of_group), 0))) or 0
    if rows:
        largest = repeated.order_by(number.desc(), *columns).limit(_MOST_GROUPS)
        groups = [
            _group(filling, unique, columns, wanted, tuple(row)) for row in filling.connection.execute(largest).all()
        ]
        yield _blocked(filling, unique, int(rows), tuple(groups))


def _group(
    filling: Filling, unique: UniqueIndex, columns: list[Column[Any]], wanted: ColumnElement[bool], row: tuple[Any, ...]
) -> Group:
    values, rows, id_ = row[:-1], row[-1], columns[0].table.c.id
    same = and_(*(column == value for column, value in zip(columns, values, strict=True)))
    found = filling.connection.scalars(select(id_).where(wanted, same).order_by(id_).limit(_MOST_RECORDS))
    fields = filling.new.entities[unique.entity].fields
    return Group(_plain(unique, fields, values), rows, tuple(found))


def _plain(unique: UniqueIndex, fields: Mapping[str, Any], values: tuple[Any, ...]) -> Mapping[str, Any]:
    return {key: to_json(fields.get(key), value) for key, value in zip(unique.fields, values, strict=True)}


def _place(entity: Entity, unique: UniqueIndex) -> Location:
    """Return where it is written: under ``unique:``, else at its field; a number at the entity."""
    written = [one.location for one in entity.unique if one.key == unique.key]
    fields = [entity.fields[key].location for key in unique.fields if key in entity.fields]
    return next((place for place in (*written, *fields) if place is not None), entity.location)


def _blocked(filling: Filling, unique: UniqueIndex, rows: int, groups: tuple[Group, ...]) -> PlanItem:
    entity: Entity = filling.new.entities[unique.entity]
    labels = [entity.fields[key].label for key in unique.fields if key in entity.fields]
    return PlanItem(
        "blocked", "blocked_unique", "unique", (entity.label, *labels), rows=rows, groups=groups,
        records=tuple(id_ for group in groups for id_ in group.records)[:_MOST_GROUPS],
        location=_place(entity, unique), entity=today_key(filling.old, entity),
    )  # fmt: skip
