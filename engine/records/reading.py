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
from engine.records.record import DEPARTMENT, USER, Labels, display
from engine.storage.store import Session
from engine.storage.system_tables import departments, users

PEOPLE = ("owner", "created_by", "updated_by")


class Reading:
    """The columns of one kind of select, in order."""

    def __init__(self, session: Session, table: FromClause, fields: Iterable[Field], keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        self.columns: list[ColumnElement[Any]] = [column(table, key) for key in self.keys]
        self.source: FromClause = table
        self._names: list[_Name] = []
        by_key = {field.key: field for field in fields}
        for key in self.keys:
            field = by_key.get(key)
            if key in PEOPLE or (field is not None and field.type.column == "user"):
                self._join_name(table, key, USER, users)
            elif field is not None and field.type.column == "department":
                self._join_name(table, key, DEPARTMENT, departments)
            elif field is not None and field.to_one is not None:
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
                labels[name.target, id_] = row[name.start] or ""
            else:
                labels[name.target, id_] = name.text(row, labels)

    def _join_name(self, table: FromClause, key: str, target: str, named: Table) -> None:
        alias = named.alias(f"{key}_{target}")
        self.source = self.source.outerjoin(alias, alias.c.id == column(table, key))
        self._names.append(_Name(key, target, None, ("name",), len(self.columns)))
        self.columns.append(alias.c.name)

    def _join_record(self, session: Session, table: FromClause, field: Field) -> None:
        self._names.append(self._name(session, table, field, field.key))

    def _name(self, session: Session, table: FromClause, field: Field, path: str) -> "_Name":
        """Join what a link leads to, and what that is called after, as deep as names go."""
        target = session.app.entities[field.to or ""]
        alias = session.tables.entity[target.key].alias(f"{path}_record")
        fields = tuple(dict.fromkeys(["id", *target.display_keys]))
        self.source = self.source.outerjoin(alias, alias.c.id == table.c[field.key])
        start = len(self.columns)
        self.columns += [alias.c[key] for key in fields]
        inner = tuple(self._name(session, alias, one, f"{path}_{one.key}") for one in target.display_links)
        inner += tuple(self._person(alias, one.key, f"{path}_{one.key}") for one in target.display_people)
        return _Name(field.key, target.key, target, fields, start, inner)

    def _person(self, table: FromClause, key: str, path: str) -> "_Name":
        """Join whom a field of a linked record names, who is part of what that is called."""
        alias = users.alias(f"{path}_{USER}")
        self.source = self.source.outerjoin(alias, alias.c.id == table.c[key])
        self.columns.append(alias.c.name)
        return _Name(key, USER, None, ("name",), len(self.columns) - 1)


@dataclass(frozen=True)
class _Name:
    """Where the name of one linked thing stands in a row: its columns begin at ``start``, ``inner`` are links in it."""

    key: str
    target: str
    entity: Entity | None
    fields: tuple[str, ...]
    start: int
    inner: "tuple[_Name, ...]" = ()

    def text(self, row: Sequence[Any], labels: Labels) -> str:
        """Return what the record or person is called; the names within are added to ``labels``."""
        if self.entity is None:
            return str(row[self.start] or "")
        shown = dict(zip(self.fields, row[self.start : self.start + len(self.fields)], strict=True))
        for name in self.inner:
            id_ = shown[name.key]
            if id_ is not None and (name.target, id_) not in labels:
                labels[name.target, id_] = name.text(row, labels)
        return display(self.entity, shown, labels)
