"""What a select of records brings along: the names of linked records and people.

Enters: an entity and which of its columns are wanted. Leaves: columns and joins, and from each row the values and
labels. Must not decide which rows: that is the condition's business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

from engine.compiler.app import Entity, Field
from engine.records.columns import column
from engine.records.record import USER, Labels, display
from engine.storage.store import Session
from engine.storage.system_tables import users

PEOPLE = ("owner", "created_by", "updated_by")


class Reading:
    """The columns of one kind of select, in order."""

    def __init__(self, session: Session, table: FromClause, fields: Iterable[Field], keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        self.columns: list[ColumnElement[Any]] = [column(table, key) for key in self.keys]  # type: ignore[arg-type]
        self.source: FromClause = table
        self._names: list[_Name] = []
        by_key = {field.key: field for field in fields}
        for key in self.keys:
            field = by_key.get(key)
            if key in PEOPLE or (field is not None and field.type.column == "user"):
                self._join_person(table, key)
            elif field is not None and field.to is not None:
                self._join_record(session, table, field)

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the values of a row."""
        return dict(zip(self.keys, row, strict=False))

    def add_labels(self, row: Sequence[Any], values: dict[str, Any], labels: Labels) -> None:
        """Add what the linked things of a row are called to ``labels``."""
        for name in self._names:
            id_ = values[name.key]
            if id_ is None or (name.target, id_) in labels:
                continue
            if name.entity is None:
                labels[USER, id_] = row[name.start] or ""
            else:
                shown = dict(zip(name.fields, row[name.start : name.start + len(name.fields)], strict=True))
                labels[name.target, id_] = display(name.entity, shown)

    def _join_person(self, table: FromClause, key: str) -> None:
        alias = users.alias(f"{key}_person")
        self.source = self.source.outerjoin(alias, alias.c.id == column(table, key))  # type: ignore[arg-type]
        self._names.append(_Name(key, USER, None, ("name",), len(self.columns)))
        self.columns.append(alias.c.name)

    def _join_record(self, session: Session, table: FromClause, field: Field) -> None:
        target = session.app.entities[field.to or ""]
        other: Table = session.tables.entity[target.key]
        alias = other.alias(f"{field.key}_record")
        fields = tuple(dict.fromkeys(["id", *(key for _, key in target.display if key)]))
        self.source = self.source.outerjoin(alias, alias.c.id == table.c[field.key])
        self._names.append(_Name(field.key, target.key, target, fields, len(self.columns)))
        self.columns += [alias.c[key] for key in fields]


@dataclass(frozen=True)
class _Name:
    """Where the name of one linked thing stands in a row: ``start`` to ``end`` are the columns of its display."""

    key: str
    target: str
    entity: Entity | None
    fields: tuple[str, ...]
    start: int
